#!/usr/bin/python3
"""Every case of the TLS policy matrix, end to end: what a domain publishes (DANE,
MTA-STS, or the policy table says) crossed with what its server offers, with and
without REQUIRETLS. doc/relay.md has the same tables; --write puts them there."""
import os
import re
import smtplib
import ssl
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import certificates
import peers
import posthouse
import sink
import web
from zones import BOGUS, SIGNED, UNSIGNED, Zones, tlsa

DNS, WEB = "127.0.0.1@5300", "192.0.2.100"
SENDER = "postmaster@example.test"

# What a server has: certificates, a handshake that breaks, no STARTTLS.
COLUMNS = ["right", "other name", "expired", "self-signed", "breaks", "no TLS"]

# Verdicts: the log's word about a connection on which the message was delivered
# (none: in the clear), or the status with which it was not.
CLEAR_AT_WORST = "trusted trusted untrusted untrusted none none"
LOOKED_AT = CLEAR_AT_WORST.replace("trusted", "verified", 1)     # for TLS reports
ENCRYPTED = "trusted trusted untrusted untrusted 4.7.5 4.7.4"
VERIFIED = "verified 4.7.5 4.7.5 4.7.5 4.7.5 4.7.4"
DANE_KEY = "dane dane dane dane 4.7.5 4.7.4"
DANE_AUTHORITY = "dane 4.7.5 4.7.5 4.7.5 4.7.5 4.7.4"
NOBODY = "4.7.5 4.7.5 4.7.5 4.7.5 4.7.5 4.7.4"
NOT_TRIED = " ".join(["4.7.5"] * 6)
IN_THE_CLEAR = " ".join(["none"] * 6)
NEVER = " ".join(["5.7.30"] * 6)
NO_NAMES = " ".join(["4.4.3"] * 6)

# zone, host: where the domain and its mail host are; tlsa: the records of the
# host; sts: mode of the policy, and what is wrong with it; level: of
# smtp_tls_policy_maps; offers: REQUIRETLS; plain, require: the verdicts without
# and with REQUIRETLS.
Case = namedtuple("Case", "name zone host tlsa sts level offers plain require")


def case(name, plain, require, zone=SIGNED, host=None, tlsa="", sts="", level="", offers=True):
    return Case(name, zone, host or zone, tlsa, sts, level, offers, plain, require)


CASES = [
    case("nothing, unsigned zone", CLEAR_AT_WORST, NEVER, zone=UNSIGNED),
    case("nothing, signed zone", CLEAR_AT_WORST, VERIFIED),
    case("nothing, signed zone, no REQUIRETLS offered", CLEAR_AT_WORST,
         VERIFIED.replace("verified", "5.7.30"), offers=False),
    case("DANE, 3 1 1 right", DANE_KEY, DANE_KEY, tlsa="key"),
    case("DANE, 2 0 1 of its authority", DANE_AUTHORITY, DANE_AUTHORITY, tlsa="authority"),
    case("DANE, 3 1 1 wrong", NOBODY, NOBODY, tlsa="wrong"),
    case("DANE, 3 1 1 wrong and right", DANE_KEY, DANE_KEY, tlsa="wrong key"),
    case("DANE, 0 0 1 cannot be used", ENCRYPTED, VERIFIED, tlsa="unusable"),
    case("DANE, 0 0 1 and 3 1 1 right", DANE_KEY, DANE_KEY, tlsa="unusable key"),
    case("DANE, records cannot be looked up", NOT_TRIED, NOT_TRIED, tlsa="bogus"),
    case("DANE, 3 1 1 wrong, unsigned zone", CLEAR_AT_WORST, NEVER, zone=UNSIGNED, tlsa="wrong"),
    case("DANE, 3 1 1 wrong, only the MX signed", CLEAR_AT_WORST, VERIFIED, host=UNSIGNED,
         tlsa="wrong"),
    case("DANE, 3 1 1 wrong, only the host signed", CLEAR_AT_WORST, NEVER, zone=UNSIGNED,
         host=SIGNED, tlsa="wrong"),
    case("bogus zone", NO_NAMES, NO_NAMES, zone=BOGUS),
    case("MTA-STS enforce", VERIFIED, VERIFIED, zone=UNSIGNED, sts="enforce"),
    case("MTA-STS enforce, host not named", NOT_TRIED, NOT_TRIED, zone=UNSIGNED,
         sts="enforce other"),
    case("MTA-STS testing", LOOKED_AT, NEVER, zone=UNSIGNED, sts="testing"),
    case("MTA-STS testing, host not named", LOOKED_AT, NEVER, zone=UNSIGNED,
         sts="testing other"),
    case("MTA-STS none", CLEAR_AT_WORST, NEVER, zone=UNSIGNED, sts="none"),
    case("MTA-STS enforce, policy not to be had", CLEAR_AT_WORST, NEVER, zone=UNSIGNED,
         sts="enforce untrusted"),
    case("MTA-STS enforce, record cannot be looked up", CLEAR_AT_WORST, NEVER, zone=UNSIGNED,
         sts="enforce lost"),
    case("MTA-STS enforce, the same, signed zone", NOT_TRIED, NOT_TRIED, sts="enforce lost"),
    case("MTA-STS enforce, DANE 3 1 1 right", DANE_KEY, DANE_KEY, sts="enforce", tlsa="key"),
    case("MTA-STS enforce, DANE 3 1 1 wrong", NOBODY, NOBODY, sts="enforce", tlsa="wrong"),
    case("MTA-STS enforce, DANE 0 0 1", VERIFIED, VERIFIED, sts="enforce", tlsa="unusable"),
    case("`none`, DANE 3 1 1 right", IN_THE_CLEAR, NEVER, level="none", tlsa="key"),
    case("`may`, DANE 3 1 1 wrong", CLEAR_AT_WORST, VERIFIED, level="may", tlsa="wrong"),
    case("`may`, MTA-STS enforce", CLEAR_AT_WORST, NEVER, zone=UNSIGNED, level="may",
         sts="enforce"),
    case("`encrypt`", ENCRYPTED, VERIFIED, level="encrypt"),
    case("`dane-only`, DANE 3 1 1 right", DANE_KEY, DANE_KEY, level="dane-only", tlsa="key"),
    case("`dane-only`, DANE 0 0 1", NOT_TRIED, NOT_TRIED, level="dane-only", tlsa="unusable"),
    case("`dane-only`, nothing", NOT_TRIED, NOT_TRIED, level="dane-only"),
    case("`verify`", VERIFIED, VERIFIED, level="verify"),
    case("`verify`, unsigned zone", VERIFIED, NEVER, zone=UNSIGNED, level="verify"),
    case("`secure`, host below the domain", VERIFIED, VERIFIED, zone=UNSIGNED, level="secure"),
    case("`secure`, host elsewhere", NOBODY, NOBODY, zone=UNSIGNED, host=SIGNED, level="secure"),
]


# ---- the domains ----

def label(number, column):
    return f"c{number}-{COLUMNS[column].replace(' ', '-').lower()}"


class Domain:
    """One case at one server."""

    def __init__(self, number, column):
        self.case, self.column = CASES[number], column
        own = label(number, column)
        self.name = f"{own}.{self.case.zone}"
        self.host = f"mx.{own}.{self.case.host}"
        self.words = self.case.sts.split()
        self.verdicts = {"mail": self.case.plain.split()[column],
                         "tls": self.case.require.split()[column]}

    def policy(self):
        host = f"other.{self.name}" if "other" in self.words else self.host
        return f"version: STSv1\nmode: {self.words[0]}\nmx: {host}\nmax_age: 86400\n".encode()

    def records(self, world):
        """[(zone, line)]"""
        address = world.address(self.column, self.case.offers)
        lines = [(self.case.zone, f"{self.name}. MX 10 {self.host}.\n"),
                 (self.case.host, f"{self.host}. A {address}\n")]
        lines += [(self.case.host, world.tlsa(word, self)) for word in self.case.tlsa.split()]
        if self.words:
            record = "CNAME txt.bogus." if "lost" in self.words else 'TXT "v=STSv1; id=001;"'
            lines += [(self.case.zone, f"_mta-sts.{self.name}. {record}\n"),
                      (self.case.zone, f"mta-sts.{self.name}. A {WEB}\n")]
        return lines


DOMAINS = [Domain(number, column) for number in range(len(CASES))
           for column in range(len(COLUMNS))]


# ---- the other side of the network ----

class World:
    def __init__(self, directory):
        self.authority = certificates.Authority(directory, "authority")
        self.foreign = certificates.self_signed(directory, "foreign", "foreign.test")
        hosts = [[domain.host for domain in DOMAINS if domain.column == column]
                 for column in range(len(COLUMNS))]
        right = self.authority.issue("right", *hosts[0])
        self.certificates = [
            right, self.authority.issue("name", "mx.elsewhere.test"),
            self.authority.issue("expired", *hosts[2], days=-1),
            certificates.self_signed(directory, "own", *hosts[3]), right, right]
        self.data = {}
        self.sinks = [self.make_sink(column, offers) for column in range(len(COLUMNS))
                      for offers in (True, False)]
        self.serve_web()
        self.zones = self.make_zones(directory)

    @staticmethod
    def address(column, offers):
        return f"192.0.2.{column + (1 if offers else 21)}"

    def make_sink(self, column, offers):
        pem, key = self.certificates[column]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        chain = pem.with_suffix(".chain")
        chain.write_text(pem.read_text() + self.authority.pem.read_text())
        context.load_cert_chain(chain, key)
        address = self.address(column, offers)
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
        return sink.Sink(25, address=address, offers=["REQUIRETLS"] if offers else [],
                         breaks_tls=COLUMNS[column] == "breaks",
                         context=context if column < 4 else None)

    def serve_web(self):
        subprocess.run(["ip", "address", "add", f"{WEB}/32", "dev", "lo"], check=True)
        policies = {f"mta-sts.{domain.name}": domain.policy() for domain in DOMAINS
                    if domain.words}
        trusted = [f"mta-sts.{domain.name}" for domain in DOMAINS
                   if domain.words and "untrusted" not in domain.words]
        web.serve(WEB, *self.authority.issue("web", *trusted), policies.__getitem__)

    def record(self, *words):
        if words not in self.data:
            self.data[words] = certificates.tlsa(*words)
        return self.data[words]

    def tlsa(self, word, domain):
        pem = self.certificates[domain.column][0]
        if word == "bogus":
            return f"_25._tcp.{domain.host}. CNAME tlsa.bogus.\n"
        record = {"key": (pem, 3, 1, 1), "authority": (self.authority.pem, 2, 0, 1),
                  "wrong": (self.foreign[0], 3, 1, 1), "unusable": (pem, 0, 0, 1)}[word]
        return tlsa(domain.host + ".", *self.record(*record))

    def make_zones(self, directory):
        texts = {SIGNED: "", UNSIGNED: "",
                 BOGUS: f"tlsa TLSA 3 1 1 {'ab' * 32}\ntxt TXT \"v=STSv1; id=001;\"\n"}
        for domain in DOMAINS:
            for zone, line in domain.records(self):
                texts[zone] += line
        return Zones(directory, {zone: (zone, text) for zone, text in texts.items()}, listen=[DNS])


# ---- what is seen ----

def submit(system, user, options):
    """One message, to the user of each domain."""
    with smtplib.SMTP("127.0.0.1", system.port("smtp"), timeout=60) as client:
        client.starttls()
        client.ehlo()
        client.sendmail(SENDER, [f"{user}@{domain.name}" for domain in DOMAINS],
                        f"Subject: {user}\r\n\r\nhello\r\n", options)


LINE = re.compile(r'event=relayed to=(\S+) .* tls=(?:none|"TLSv1\.3 (\w+)") verdict=(\w+) status=(\S+)')


def verdicts(system):
    found = {}
    for line in system.log_text().splitlines():
        match = LINE.search(line)
        if match:
            to, tls, verdict, status = match.groups()
            found.setdefault(to, (tls or "none") if verdict == "delivered" else status)
    return found


def check(system, world, user):
    expected = {f"{user}@{domain.name}": domain.verdicts[user] for domain in DOMAINS}
    try:
        posthouse.wait_until(lambda: len(verdicts(system)) == len(expected), 30, "all verdicts")
    finally:
        found = verdicts(system)
        wrong = [f"{domain.case.name}, {COLUMNS[domain.column]}, {user}@{domain.name}: "
                 f"{found.get(f'{user}@{domain.name}')}, expected {domain.verdicts[user]}"
                 for domain in DOMAINS
                 if found.get(f"{user}@{domain.name}") != domain.verdicts[user]]
        print("\n".join(wrong), end="")
    assert not wrong
    arrived = {line.split("<")[1].split(">")[0]: message["is_encrypted"]
               for each in world.sinks for message in each.messages
               for line in message["recipients"]}
    assert {to: word for to, word in arrived.items() if to in expected} == {
        to: verdict != "none" for to, verdict in expected.items() if not verdict[0].isdigit()}


# ---- the document ----

def cell(plain, require):
    return plain if plain == require else f"{plain} / {require}"


def document():
    lines = ["| what is published | " + " | ".join(COLUMNS) + " |", "|---|" + "---|" * len(COLUMNS)]
    lines += [f"| {each.name} | " + " | ".join(map(cell, each.plain.split(), each.require.split())) +
              " |" for each in CASES]
    return "\n".join(lines) + "\n"


def check_document():
    path = posthouse.TOP / "doc/relay.md"
    head, rest = path.read_text().split("<!-- test/system/tls_matrix.py -->\n")
    old, tail = rest.split("<!-- end -->\n")
    if sys.argv[1:] == ["--write"]:
        path.write_text(head + "<!-- test/system/tls_matrix.py -->\n" + document() +
                        "<!-- end -->\n" + tail)
        sys.exit()
    assert old == document(), "doc/relay.md says otherwise: test/system/tls_matrix.py --write"


def main():
    check_document()
    peers.enter("knot")
    os.environ["POSTHOUSE_NETNS"] = "1"
    with tempfile.TemporaryDirectory(prefix="posthouse-") as directory:
        os.chmod(directory, 0o755)
        world = World(Path(directory))
        levels = Path(directory) / "levels"
        levels.write_text("".join(f"{domain.name} {domain.case.level}\n" for domain in DOMAINS
                                  if domain.case.level))
        with world.zones:
            # a system for each: a domain that was refused once rests
            for user, options in (("mail", []), ("tls", ["REQUIRETLS"])):
                with posthouse.System(
                        smtp_tls_CAfile=world.authority.pem, fetch_ca_file=world.authority.pem,
                        smtp_tls_policy_maps=levels, dns_forwarders=DNS, dns_validation="yes",
                        dns_trust_anchor_file=world.zones.anchor) as system:
                    system.start()
                    submit(system, user, options)
                    check(system, world, user)
                    print(f"{len(DOMAINS)} deliveries {' '.join(options)}", flush=True)


main()
