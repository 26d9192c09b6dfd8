#!/usr/bin/python3
"""TLS reports (RFC 8460): what TLS with other domains came to is counted, also
over a restart, and when the period is over those who publish an address have a
report, by mail and by HTTPS; nobody else has one, and reports about reports
there are none. Days are seconds here."""
import collections
import email
import gzip
import json
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
MAIL, POST = "mailto:tls%40collect.test", "https://reports.collect.test/tls"

PERIOD = 6      # s

# domain: (mode of its policy, host of its certificate, rua)
DOMAINS = {
    "good.test": ("enforce", "mx.good.test", MAIL),
    "wrong.test": ("enforce", "mx.other.test", POST),
    "testing.test": ("testing", "mx.other.test", MAIL),
    "plain.test": (None, None, f"{POST},{MAIL}"),
    "unfetched.test": ("enforce", "mx.unfetched.test", MAIL),
    "quiet.test": (None, "mx.quiet.test", None),
    "collect.test": (None, "mx.collect.test", MAIL),
}
ADDRESSES = {f"mx.{domain}": f"192.0.2.{i + 1}" for i, domain in enumerate(DOMAINS)}


class World:
    """The other side of the network."""

    def __init__(self, directory):
        self.posted = []
        self.posts_refused = 1      # the first is to be tried again
        for address in [WEB, *ADDRESSES.values()]:
            subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
        authority = certificates.Authority(directory, "authority")
        self.authority = authority.pem
        names = [f"mta-sts.{domain}" for domain in DOMAINS if domain != "unfetched.test"]
        web.serve(WEB, *authority.issue("web", "reports.collect.test", *names), self.policy,
                  self.take_post)
        dns.serve(DNS_PORT, self.record)
        self.sinks = {}
        for domain, (_, host, _) in DOMAINS.items():
            context = None
            if host is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*authority.issue(domain, host))
            self.sinks[domain] = sink.Sink(25, address=ADDRESSES[f"mx.{domain}"], context=context)

    def policy(self, host):
        mode, _, _ = DOMAINS[domain := host.removeprefix("mta-sts.")]
        return f"version: STSv1\nmode: {mode}\nmx: mx.{domain}\nmax_age: 86400\n".encode()

    def take_post(self, kind, body):
        assert kind == "application/tlsrpt+gzip", kind
        if self.posts_refused > 0:
            self.posts_refused -= 1
            return 503
        self.posted.append(json.loads(gzip.decompress(body)))
        return 201

    def record(self, name, kind):
        """The data of the only record there, b"" for none, None for no such name."""
        if name in ADDRESSES:
            return socket.inet_aton(ADDRESSES[name]) if kind == dns.A else b""
        if name in DOMAINS:
            return struct.pack(">H", 10) + dns.encode_name(f"mx.{name}") if kind == dns.MX else b""
        if name == "reports.collect.test":
            return socket.inet_aton(WEB) if kind == dns.A else b""
        for prefix in ("_smtp._tls.", "_mta-sts.", "mta-sts."):
            domain = name.removeprefix(prefix)
            if domain in DOMAINS and name != domain:
                return self.text_or_web(prefix, DOMAINS[domain], kind)
        return None

    @staticmethod
    def text_or_web(prefix, row, kind):
        mode, _, rua = row
        if prefix == "mta-sts.":
            return (socket.inet_aton(WEB) if kind == dns.A else b"") if mode else None
        text = rua and f"v=TLSRPTv1; rua={rua}" if prefix == "_smtp._tls." else \
            mode and "v=STSv1; id=001;"
        if not text:
            return None
        return bytes([len(text)]) + text.encode() if kind == dns.TXT else b""


def read_mail(message):
    """The report in a message, whose form is looked at."""
    mail = email.message_from_string(message["data"])
    assert "MAIL FROM:<>" in message["mail"], message["mail"]
    assert message["recipients"][0].split()[1] == "TO:<tls@collect.test>"
    assert mail["TLS-Report-Submitter"] == "example.test" and mail["TLS-Required"] == "No"
    assert mail.get_content_type() == "multipart/report"
    assert mail.get_param("report-type") == "tlsrpt"
    domain = mail["TLS-Report-Domain"]
    text, report = mail.get_payload()
    assert domain in text.get_payload()
    assert report.get_content_type() == "application/tlsrpt+gzip"
    data = json.loads(gzip.decompress(report.get_payload(decode=True)))
    subject = " ".join(mail["Subject"].split())
    assert subject.startswith(f"Report Domain: {domain} Submitter: example.test Report-ID: "
                              f"<{data['report-id']}@"), subject
    name = report.get_filename()
    assert name.startswith(f"example.test!{domain}!") and name.endswith(".json.gz"), name
    return domain, data


def summary(reports):
    """{(policy domain, type): [successes, failures, {result: sessions}]}"""
    found = {}
    for report in reports:
        assert report["organization-name"] == "example.test"
        assert report["contact-info"] == "postmaster@example.test"
        assert report["date-range"]["start-datetime"] < report["date-range"]["end-datetime"]
        for row in report["policies"]:
            policy, sums = row["policy"], row["summary"]
            entry = found.setdefault((policy["policy-domain"], policy["policy-type"]),
                                     [0, 0, collections.Counter()])
            entry[0] += sums["total-successful-session-count"]
            entry[1] += sums["total-failure-session-count"]
            for failure in row.get("failure-details", []):
                entry[2][failure["result-type"]] += failure["failed-session-count"]
            if policy["policy-type"] == "sts" and "policy-string" in policy:
                assert "version: STSv1" in policy["policy-string"]
                assert policy["mx-host"] == [f"mx.{policy['policy-domain']}"]
    return found


def mailed(world):
    return [read_mail(m) for m in world.sinks["collect.test"].messages
            if "TLS-Report-Domain" in m["data"]]


def reports_arrive(system, world):
    for domain in DOMAINS:
        system.send(f"somebody@{domain}", subject=domain)
    posthouse.wait_until(lambda: system.log_text().count(" event=relayed ") >= len(DOMAINS), 30,
                         "each has been tried")
    system.restart()
    posthouse.wait_until(lambda: {d for d, _ in mailed(world)} >= {
        "good.test", "testing.test", "plain.test", "unfetched.test", "collect.test"}, 40,
        "reports by mail")
    posthouse.wait_until(lambda: len(world.posted) >= 2, 40, "reports by HTTPS")
    by_mail, posted = summary(r for _, r in mailed(world)), summary(world.posted)
    assert by_mail[("good.test", "sts")] == [1, 0, {}], by_mail
    assert by_mail[("testing.test", "sts")] == [0, 1, {"certificate-host-mismatch": 1}], by_mail
    plain = [0, 1, {"starttls-not-supported": 1}]
    assert by_mail[("plain.test", "no-policy-found")] == plain, by_mail
    assert posted[("plain.test", "no-policy-found")] == plain, posted
    assert by_mail[("unfetched.test", "sts")] == [0, 1, {"sts-policy-fetch-error": 1}], by_mail
    assert by_mail[("unfetched.test", "no-policy-found")] == [1, 0, {}], by_mail
    wrong = posted[("wrong.test", "sts")]
    assert wrong == [0, 1, {"certificate-host-mismatch": 1}], wrong
    failure, = [f for r in world.posted for p in r["policies"] if p["policy"]["policy-domain"] ==
                "wrong.test" for f in p["failure-details"]]
    assert failure["receiving-mx-hostname"] == "mx.wrong.test", failure
    assert failure["receiving-ip"] == ADDRESSES["mx.wrong.test"], failure
    assert "quiet.test" not in str(by_mail) + str(posted)


def reports_are_not_reported(system, world):
    """Two periods later: of collect.test there is the session of the first
    message, and no other."""
    count = len(mailed(world))
    for number in (1, 2):
        system.send("somebody@good.test", subject="another")
        posthouse.wait_until(lambda: len(mailed(world)) >= count + number, 30, "its report")
    assert summary(r for _, r in mailed(world))[("collect.test", "no-policy-found")] == [1, 0, {}]
    assert len(mailed(world)) == count + 2 and len(world.posted) == 2, (mailed(world), world.posted)
    assert system.json("queue", "list", "--sender", "") == []


def main():
    posthouse.need_programs("openssl", "ip")
    if os.geteuid() != 0:
        posthouse.skip("addresses and ports of others need root")
    posthouse.own_network()
    with tempfile.TemporaryDirectory(prefix="posthouse-") as directory:
        os.chmod(directory, 0o755)
        world = World(Path(directory))
        with posthouse.System(smtp_tls_CAfile=world.authority, fetch_ca_file=world.authority,
                              smtp_tlsrpt_interval=f"{PERIOD}s",
                              dns_forwarders=f"127.0.0.1@{DNS_PORT}",
                              dns_validation="no") as system:
            system.start()
            for test in (reports_arrive, reports_are_not_reported):
                test(system, world)
                print(test.__name__, flush=True)


main()
