#!/usr/bin/python3
"""posttls-finger of Postfix, which goes by DANE over a validating resolver,
verifies our host before, while and after its certificate gets another key."""
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import certificates
import peers
import posthouse

ADDRESS, TTL = "192.0.2.7", 1


def start_validator(directory, ds):
    """unbound on port 53, which has the key of our zone as its only trust."""
    conf = directory / "unbound.conf"
    conf.write_text(
        "server:\n  interface: 127.0.0.1@53\n  do-daemonize: no\n  username: \"\"\n  chroot: \"\"\n"
        f"  directory: {directory}\n  pidfile: \"\"\n  use-syslog: no\n  logfile: {directory}/unbound.log\n"
        "  do-not-query-localhost: no\n  module-config: \"validator iterator\"\n  local-zone: \"test.\" nodefault\n"
        f"  trust-anchor: \"{ds}\"\n  access-control: 127.0.0.0/8 allow\n  num-threads: 1\n"
        "  val-bogus-ttl: 0\n  cache-max-negative-ttl: 1\n  infra-host-ttl: 1\n  so-rcvbuf: 0\n"
        "stub-zone:\n  name: \"example.test\"\n  stub-addr: 127.0.0.1@20053\n"
        "remote-control:\n  control-enable: no\n")
    return subprocess.Popen(["unbound", "-d", "-c", str(conf)], stderr=subprocess.DEVNULL)


def finger():
    done = subprocess.run(["posttls-finger", "-c", "-l", "dane", "-L", "summary",
                           "[mail.example.test]:20025"], text=True, capture_output=True)
    return done.stdout + done.stderr


class Watcher(threading.Thread):
    """Looks all the time; keeps what was not verified."""

    def __init__(self):
        super().__init__(daemon=True)
        self.goes_on, self.count, self.wrong = True, 0, []

    def run(self):
        while self.goes_on:
            said = finger()
            self.count += 1
            if "Verified TLS connection established" not in said:
                self.wrong.append(said)

    def finish(self):
        self.goes_on = False
        self.join()
        assert not self.wrong, (self.count, self.wrong[:2])
        print(f"verified {self.count} times", flush=True)


def put(system, pem, key):
    for source, name in ((key, "key.pem"), (pem, "cert.pem")):
        fresh = system.directory / f"data/tls/{name}.fresh"
        fresh.write_bytes(source.read_bytes())
        fresh.chmod(0o600)
        fresh.rename(system.directory / f"data/tls/{name}")
    system.command("reload")


def served(system):
    text = subprocess.run(["openssl", "s_client", "-connect", f"{ADDRESS}:{system.port('imaps')}"],
                          input="", text=True, capture_output=True).stdout
    return text[text.find("-----BEGIN"):text.find("-----END")]


def check(system, directory):
    ds = posthouse.wait_until(
        lambda: [row for row in system.json("dns", "keys", "example.test") if row.get("digest")], 20, "the key")[0]
    validator = start_validator(directory, f"example.test. DS {ds['tag']} {ds['algorithm']} "
                                f"{ds['digest-type']} {ds['digest']}")
    try:
        posthouse.wait_until(lambda: "Verified TLS connection established" in finger(), 30, "verified at all")
        watcher = Watcher()
        watcher.start()
        pem, key = certificates.self_signed(directory, "next", "mail.example.test")
        before = served(system)
        system.command("dns", "announce", str(pem))
        time.sleep(2 * TTL + 1)
        put(system, pem, key)
        posthouse.wait_until(lambda: served(system) not in ("", before), 10, "the next certificate")
        time.sleep(2 * TTL)
        watcher.finish()
        assert "warning" not in system.command("dns").stderr
    finally:
        validator.kill()
        validator.wait()


def inside():
    directory = Path(tempfile.mkdtemp(prefix="posthouse-dane-"))
    subprocess.run(["ip", "addr", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
    Path("/etc/resolv.conf").write_text("nameserver 127.0.0.1\noptions trust-ad edns0\n")
    try:
        with posthouse.System(dns_signed_zones="example.test", dns_records_ttl=f"{TTL}s",
                              dns_forwarders="127.0.0.1", dns_validation="no") as system:
            system.set(inet_interfaces="all")
            system.start()
            check(system, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def main():
    peers.enter("postfix", "unbound")
    os.environ["POSTHOUSE_NETNS"] = "1"
    inside()


main()
