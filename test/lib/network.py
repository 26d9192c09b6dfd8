"""A small Internet for tests: sites in network namespaces of their own, joined by
veth pairs and a bridge in the namespace of the test. Needs root.

    network = Network()
    site = network.add("far", 20)       # 198.51.100.20, 2001:db8::20
    site.popen(["program"])             # a program there
    with site.inside():                 # this thread is there
        smtplib.SMTP("127.0.0.1")
"""
import contextlib
import ctypes
import os
import subprocess
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def ip(*words):
    subprocess.run(["ip", *map(str, words)], check=True)


class Site:
    def __init__(self, name, number, nameserver):
        self.name, self.nameserver = name, nameserver
        self.addresses = [f"198.51.100.{number}", f"2001:db8::{number}"]
        ip("netns", "add", name)
        ip("link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", f"to-{name}", "master", "wire", "up")
        ip("-n", name, "link", "set", "lo", "up")
        for address, size in zip(self.addresses, (24, 64)):
            ip("-n", name, "address", "add", f"{address}/{size}", "dev", "eth0",
               *(["nodad"] if ":" in address else []))
        ip("-n", name, "link", "set", "eth0", "up")
        etc = Path("/etc/netns") / name
        etc.mkdir(parents=True, exist_ok=True)
        (etc / "resolv.conf").write_text(f"nameserver {nameserver}\noptions trust-ad\n")

    def words(self, command):
        """The command, to be run there, with the nameserver in its resolv.conf."""
        return ["ip", "netns", "exec", self.name, *map(str, command)]

    def run(self, command, **options):
        return subprocess.run(self.words(command), **options)

    def popen(self, command, **options):
        return subprocess.Popen(self.words(command), **options)

    def enter(self):
        """This thread, and what it starts, from now on."""
        with open(f"/run/netns/{self.name}") as file:
            if LIBC.setns(file.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    @contextlib.contextmanager
    def inside(self):
        with open("/proc/thread-self/ns/net") as before:
            self.enter()
            try:
                yield
            finally:
                LIBC.setns(before.fileno(), CLONE_NEWNET)


class Network:
    """The namespace that the process is in becomes the wire between the sites."""

    def __init__(self, nameserver="198.51.100.53"):
        self.nameserver = nameserver
        ip("link", "add", "wire", "type", "bridge")
        ip("link", "set", "wire", "up")
        for table in ("iptables", "ip6tables"):
            path = Path(f"/proc/sys/net/bridge/bridge-nf-call-{table}")
            if path.exists() and os.access(path, os.W_OK):
                path.write_text("0")

    def add(self, name, number):
        return Site(name, number, self.nameserver)
