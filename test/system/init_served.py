#!/usr/bin/python3
"""What the dialog of `posthouse init` makes is right as it stands: typed at a terminal
in English and in Chinese, once with a certificate of "Let's Encrypt" (pebble, at its
name), once with one that the administrator has; then served, asked for its own records
by the rest of the world, and found right by `posthouse doctor` in both languages."""
import ctypes
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import certificates
import dns
import network
import peers
import posthouse
import terminal
import world

COMMAND = posthouse.build_directory() / "src/ctl/posthouse"
DOMAIN, HOST, ADDRESS = "example.test", "mail.example.test", "198.51.100.20"
OUTSIDE, AUTHORITY = "198.51.100.53", "acme-v02.api.letsencrypt.org"
REVERSE = "20.100.51.198.in-addr.arpa"
TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
ALIASES = Path("/etc/aliases")
LABELS = ("mta-sts", "autoconfig", "autodiscover")


class Made(posthouse.System):
    """What the dialog made; its ports are those that the world expects."""

    def __init__(self, place):
        self.directory, self.config = place, place / "posthouse.conf"
        self.posthouse, self.process, self.environment = COMMAND, None, None
        self.output, self.log = place / "stdout", place / "data/log/posthouse.log"


class Pebble:
    """An authority in the world; its certificates are trusted like any other."""

    def __init__(self, site, directory, authority, trusted):
        pem, key = authority.issue("ca", AUTHORITY)
        self.site, self.trusted, self.process = site, trusted, None
        self.log, self.config = directory / "pebble.log", directory / "pebble.json"
        self.config.write_text(json.dumps({"pebble": {
            "listenAddress": f"{OUTSIDE}:443", "managementListenAddress": f"{OUTSIDE}:15000",
            "certificate": str(pem), "privateKey": str(key), "ocspResponderURL": "",
            "httpPort": 80, "tlsPort": 443, "externalAccountBindingRequired": False,
            "certificateValidityPeriod": 90 * 86400}}))

    def start(self):
        with self.log.open("w") as log:
            self.process = self.site.popen(
                ["pebble", "-config", self.config, "-strict", "-dnsserver", f"{OUTSIDE}:53"],
                stdout=log, stderr=log, env=dict(os.environ, PEBBLE_VA_NOSLEEP="1"))
        root = posthouse.wait_until(self.root, 10, "pebble")
        with self.trusted.open("a") as file:
            file.write(root)

    def root(self):
        done = subprocess.run(["curl", "-sk", f"https://{OUTSIDE}:15000/roots/0"],
                              capture_output=True, text=True)
        return done.stdout if "BEGIN CERTIFICATE" in done.stdout else None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        if kind is not None and self.log.exists():
            print(self.log.read_text()[-3000:], file=sys.stderr)


def answer(screen, question, text):
    screen.wait(question)
    screen.type(text)


def type_in_english(place):
    with terminal.Terminal([COMMAND, "init", "--dir", place], columns=150, lines=60) as screen:
        answer(screen, "Mail domain", DOMAIN)
        answer(screen, f"Host name [{HOST}]", "")
        answer(screen, "Do users of this machine have mail here? [yes]", "no")
        answer(screen, "postmaster, abuse and root?", "alice")
        answer(screen, "Let's Encrypt? [yes]", "yes")
        answer(screen, f"Address for Let's Encrypt [alice@{DOMAIN}]", "")
        answer(screen, "Password for", "one secret")
        answer(screen, "The same again for", "one secret")
        answer(screen, "Is that right? [yes]", "")
        screen.wait_end()


def type_in_chinese(place, pem, key):
    with terminal.Terminal([COMMAND, "init", "--dir", place], columns=150, lines=60,
                           LANG="zh_CN.UTF-8", LC_ALL="zh_CN.UTF-8") as screen:
        answer(screen, "邮件域", DOMAIN)
        answer(screen, f"[{HOST}]", "")
        answer(screen, "[是]", "")
        answer(screen, "谁来阅读", "alice")
        answer(screen, "申请证书吗？ [是]", "否")
        answer(screen, "您的证书文件", "/nowhere.pem")
        answer(screen, "完整路径", str(pem))
        answer(screen, "其私钥文件", str(pem))
        answer(screen, "该证书私钥的路径", str(key))
        answer(screen, "口令，账户", "")
        with socket.create_server(("127.0.0.53", 53)):      # as systemd-resolved
            answer(screen, "以上是否正确？ [是]", "")
            assert "python3 (127.0.0.53:53)" in screen.wait_end()


def doctor(system, language):
    done = subprocess.run(
        [COMMAND, "-c", system.config, "--json", "doctor", "--clock", OUTSIDE],
        capture_output=True, text=True, timeout=60, env={**os.environ, "LC_ALL": language})
    assert done.stderr == "", done.stderr
    return done.returncode, json.loads(done.stdout)


def is_found_right(system):
    for language in ("en_GB.UTF-8", "zh_CN.UTF-8"):
        code, found = doctor(system, language)
        assert (code, found) == (0, []), json.dumps(found, indent=1, ensure_ascii=False)


def certificate(system):
    return system.json("certificate", "list")[0]


def with_a_certificate_of_an_authority(place, pebble):
    """While the authority does not answer, that is what is wrong, and what needs its
    certificate."""
    type_in_english(place)
    with Made(place) as system:
        # pebble's directory has another path than Let's Encrypt's
        system.set(acme_directory=f"https://{AUTHORITY}/dir")
        system.start()
        posthouse.wait_until(lambda: certificate(system)["state"] == "failed", 30, "a failure")
        code, found = doctor(system, "C")
        assert code == 1 and [row["check"] for row in found] == ["sts-no-policy", "acme-none"], found
        pebble.start()
        system.command("reload")        # who is trusted has changed
        system.command("certificate", "renew")
        assert certificate(system)["state"] == "current", certificate(system)
        is_found_right(system)


def with_a_certificate_of_ones_own(place, pem, key):
    type_in_chinese(place, pem, key)
    with Made(place) as system:
        system.start()
        is_found_right(system)


def make_world():
    """(site of the world, what it knows); this machine is at ADDRESS."""
    wire = network.Network(OUTSIDE)
    network.ip("address", "add", f"{ADDRESS}/24", "dev", "wire")
    network.ip("link", "set", "wire", "addrgenmode", "none")
    network.ip("route", "add", "default", "via", OUTSIDE)
    Path("/etc/resolv.conf").write_text(f"nameserver {OUTSIDE}\n")
    site = wire.add("world", 53)
    with site.inside():
        around = world.World(OUTSIDE, OUTSIDE)
    around.delegated[DOMAIN] = ADDRESS
    around.records = {("", dns.NS): [world.name("root.test")],
                      (REVERSE, world.PTR): [world.name(HOST)],
                      (AUTHORITY, dns.A): [world.address(OUTSIDE)]}
    return site


def main():
    posthouse.need_programs("tmux", "openssl", "ip", "curl", "pebble")
    assert ctypes.CDLL(None).unshare(0x00020000) == 0       # CLONE_NEWNS
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    site = make_world()
    with tempfile.TemporaryDirectory(prefix="posthouse-") as path:
        directory = Path(path)
        directory.chmod(0o755)
        authority = certificates.Authority(directory, "authority")
        trusted = directory / "trusted.pem"
        trusted.write_text(authority.pem.read_text())
        # as on a host that had a mail server: the file says nothing of root
        aliases = directory / "aliases"
        aliases.write_text("postmaster: root\n")
        was_there = ALIASES.exists()
        for mine, place in ((trusted, TRUSTED), (aliases, ALIASES)):
            place.touch()
            subprocess.run(["mount", "--bind", mine, place], check=True)
        pem, key = authority.issue("own", HOST, *(f"{label}.{DOMAIN}" for label in LABELS), days=60)
        key.chmod(0o600)
        with Pebble(site, directory, authority, trusted) as pebble:
            with_a_certificate_of_an_authority(directory / "english", pebble)
        with_a_certificate_of_ones_own(directory / "chinese", pem, key)
        subprocess.run(["umount", TRUSTED, ALIASES], check=True)
        if not was_there:
            ALIASES.unlink()


if os.geteuid() == 0:
    peers.enter("pebble", "tmux", "curl")
main()
