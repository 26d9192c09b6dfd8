#!/usr/bin/python3
"""MTA-STS from the submission to the other server: domains with policies of
every kind, their DNS, web and mail servers played by threads; what is not as
its policy says waits, also after a restart and with the domain silent."""
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import certificates
import dns
import posthouse
import sink
import web

DNS_PORT, WEB = 5353, "192.0.2.100"

# domain: (mode or None, host the policy names, host of the certificate or None)
DOMAINS = {
    "good.test": ("enforce", "mx.good.test", "mx.good.test"),
    "wild.test": ("enforce", "*.wild.test", "mx.wild.test"),
    "wrong.test": ("enforce", "mx.wrong.test", "mx.other.test"),
    "unnamed.test": ("enforce", "other.unnamed.test", "mx.unnamed.test"),
    "plain.test": ("enforce", "mx.plain.test", None),
    "testing.test": ("testing", "mx.testing.test", "mx.other.test"),
    "off.test": ("none", "mx.off.test", "mx.other.test"),
    "nothing.test": (None, None, "mx.other.test"),
    "badweb.test": ("enforce", "mx.badweb.test", "mx.other.test"),
}
DELIVERED = {"good.test": "verified", "wild.test": "verified", "testing.test": "trusted",
             "off.test": "trusted", "nothing.test": "trusted", "badweb.test": "trusted"}
WAITING = {"wrong.test": "4.7.5", "unnamed.test": "4.7.5", "plain.test": "4.7.4"}
ADDRESSES = {f"mx.{domain}": f"192.0.2.{i + 1}" for i, domain in enumerate(DOMAINS)}


class World:
    """The other side of the network."""

    def __init__(self, directory):
        self.is_silent = False
        self.fetched = []
        for address in [WEB, *ADDRESSES.values()]:
            subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
        authority = certificates.Authority(directory, "authority")
        self.authority = authority.pem
        names = [f"mta-sts.{domain}" for domain in DOMAINS if domain != "badweb.test"]
        self.serve_web(*authority.issue("web", *names))
        dns.serve(DNS_PORT, self.record)
        self.sinks = {}
        for domain, (_, _, host) in DOMAINS.items():
            context = None
            if host is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*authority.issue(domain, host))
            self.sinks[domain] = sink.Sink(25, address=ADDRESSES[f"mx.{domain}"], context=context)

    def policy(self, domain):
        mode, host, _ = DOMAINS[domain]
        return f"version: STSv1\nmode: {mode}\nmx: {host}\nmax_age: 86400\n".encode()

    def serve_web(self, pem, key):
        def answer(host):
            domain = host.removeprefix("mta-sts.")
            self.fetched.append(domain)
            return self.policy(domain)
        web.serve(WEB, pem, key, answer)

    def record(self, name, kind):
        """The data of the only record there, b"" for none, None for no such name."""
        head, _, domain = name.partition(".")
        if name in ADDRESSES:
            return socket.inet_aton(ADDRESSES[name]) if kind == dns.A else b""
        if name in DOMAINS:
            return struct.pack(">H", 10) + dns.encode_name(f"mx.{name}") if kind == dns.MX else b""
        if domain not in DOMAINS or self.is_silent or DOMAINS[domain][0] is None:
            return None
        if head == "mta-sts":
            return socket.inet_aton(WEB) if kind == dns.A else b""
        if head == "_mta-sts":
            return b"\x10v=STSv1; id=001;" if kind == dns.TXT else b""
        return None


def errors(system):
    """{domain: the last error} of those that wait."""
    return {row["recipient"].split("@")[1]: row["error"]
            for row in system.json("queue", "list") if row["error"]}


def mail_goes_as_policies_say(system, world):
    for domain in DOMAINS:
        system.send(f"somebody@{domain}", subject=domain)
    posthouse.wait_until(lambda: set(errors(system)) == set(WAITING), 30, "some wait")
    posthouse.wait_until(lambda: all(world.sinks[domain].messages for domain in DELIVERED), 30,
                         "the others arrive")
    for domain, status in WAITING.items():
        assert status in errors(system)[domain], errors(system)[domain]
        assert not world.sinks[domain].messages, domain
    assert "is not named by the MTA-STS policy" in errors(system)["unnamed.test"]
    assert "for other names than mx.wrong.test" in errors(system)["wrong.test"]
    log = posthouse.wait_until(lambda: system.log_text() if system.log_text().count(
        " event=relayed ") >= len(DOMAINS) else "", 10, "the log")
    for domain, word in DELIVERED.items():
        message, = world.sinks[domain].messages
        assert message["is_encrypted"], domain
        line, = [line for line in log.splitlines() if f"to=somebody@{domain} " in line and
                 "tls=" in line and " program" not in line]
        assert f"TLSv1.3 {word}" in line, line
    assert "event=mta-sts-not-fetched domain=badweb.test" in log
    assert sorted(world.fetched) == sorted(set(world.fetched)), "each policy once"


def policies_outlive_us_and_their_domain(system, world):
    before = len(world.fetched)
    world.is_silent = True
    system.restart()
    for domain in ("good.test", "wrong.test"):
        system.send(f"another@{domain}", subject="again")
    posthouse.wait_until(lambda: len(world.sinks["good.test"].messages) == 2, 20, "the good one")
    posthouse.wait_until(lambda: len([row for row in system.json("queue", "list")
                         if "@wrong.test" in row["recipient"] and row["error"]]) == 2, 20,
                         "both wait")
    assert not world.sinks["wrong.test"].messages
    assert len(world.fetched) == before


def main():
    posthouse.need_programs("openssl", "ip")
    if os.geteuid() != 0:
        posthouse.skip("addresses and ports of others need root")
    posthouse.own_network()
    with tempfile.TemporaryDirectory(prefix="posthouse-") as directory:
        os.chmod(directory, 0o755)
        world = World(Path(directory))
        with posthouse.System(smtp_tls_CAfile=world.authority, fetch_ca_file=world.authority,
                              dns_forwarders=f"127.0.0.1@{DNS_PORT}",
                              dns_validation="no") as system:
            system.start()
            for test in (mail_goes_as_policies_say, policies_outlive_us_and_their_domain):
                test(system, world)
                print(test.__name__, flush=True)


main()
