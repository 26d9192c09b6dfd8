#!/usr/bin/python3
"""Debian's Thunderbird, headless, sets itself up from an address and a password
alone: its own autoconfig asks our nameserver and our pages, by https with a
certificate of an authority that it trusts; the account that it makes reads INBOX
and sends.

Not among the timed tests: Thunderbird is large. By hand:
    POSTHOUSE_BUILD=BUILD /usr/bin/python3 test/system/thunderbird.py
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import certificates
import installed
import peers
import posthouse
import thunderbird

DOMAIN, HOST, ADDRESS = "example.test", "mail.example.test", "192.0.2.7"
USER, PASSWORD = f"alice@{DOMAIN}", "secret-of-a-test"
SUBJECTS = ["first of three", "second of three", "third of three"]


def make_system():
    posthouse.OFFSET = 0
    system = posthouse.System(DOMAIN, dns_validation="no")
    system.set(port_offset=0, inet_interfaces="all")
    authority = certificates.Authority(system.directory, "authority")
    pem, key = authority.issue(HOST, HOST, DOMAIN, f"autoconfig.{DOMAIN}")
    for source, name in ((pem, "cert.pem"), (key, "key.pem")):
        (system.directory / "data/tls" / name).write_bytes(source.read_bytes())
    system.add_user(USER, PASSWORD)
    return system, authority


def set_up_and_read(client):
    found = client.set_up(USER, PASSWORD)
    assert (found["incoming"]["type"], found["incoming"]["hostname"], int(found["incoming"]["port"])) == \
        ("imap", HOST, 993), found
    assert (found["outgoing"]["hostname"], int(found["outgoing"]["port"])) == (HOST, 465), found
    client.reads(SUBJECTS)
    client.send(USER, "by itself")
    client.reads([*SUBJECTS, "by itself"])


def main():
    peers.enter("thunderbird", "libnss3-tools")
    posthouse.need_programs("thunderbird", "certutil")
    installed.private_etc()
    installed.mount_memory("/root")
    installed.run("ip", "addr", "add", f"{ADDRESS}/32", "dev", "lo")
    Path("/etc/resolv.conf").write_text(f"nameserver {ADDRESS}\n")
    Path("/etc/hosts").write_text("127.0.0.1 localhost\n")
    system, authority = make_system()
    with system:
        system.start()
        for subject in SUBJECTS:
            system.send(USER, subject=subject)
        print(installed.run("getent", "ahosts", f"autoconfig.{DOMAIN}"), flush=True)
        with thunderbird.Thunderbird(system.directory, authority.pem) as client:
            set_up_and_read(client)


main()
