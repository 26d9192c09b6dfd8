#!/usr/bin/python3
"""Debian's Postfix, Exim and OpenSMTPD as other sites, in networks of their own with
a signed DNS between them: mail of every kind goes there and comes from there, and
what they and we report about it can be read."""
import base64
import email
import os
import re
import smtplib
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import certificates
import peers
import posthouse
import servers
from network import Network
from zones import SIGNED, UNSIGNED, Zones, tlsa

OURS = "ours.example"
UTF8 = "驿站"
LARGE = b"".join(b".%08d %s\r\n" % (i, b"x" * 60) for i in range(280_000))
MIME = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" \
       "Content-Transfer-Encoding: 8bit\r\n"

# name: (header fields, body, options of MAIL, options of RCPT)
KINDS = {
    "plain": ("", b".\r\n..two dots\r\nFromage\r\n", [], []),
    "8-bit": (MIME, "café 驿站\r\n".encode(), ["BODY=8BITMIME"], []),
    "utf-8": (MIME, "to a UTF-8 address\r\n".encode(), ["SMTPUTF8", "BODY=8BITMIME"], []),
    "large": ("", LARGE, [], []),
    "success": ("", b"tell me\r\n", ["RET=HDRS", "ENVID=id-of-mine"],
                ["NOTIFY=SUCCESS", "ORCPT=rfc822;old@elsewhere.example"]),
    "failure": ("", b"to nobody\r\n", [], []),
}


class Peer:
    def __init__(self, network, kind, number, authority):
        self.name = kind.__name__.lower()
        self.domain = f"{self.name}.example"
        self.site = network.add(self.name, number)
        self.tls = authority.issue(self.name, f"mail.{self.domain}")
        # OpenSMTPD 6.8 has no SMTPUTF8, forgets ENVID and ORCPT, and Debian 12's breaks off every handshake as a
        # server; its zone here has no DNSSEC, so that mail goes there all the same
        self.has_utf8 = self.keeps_envid = self.is_signed = kind is not servers.OpenSmtpd
        users = ["alice", UTF8] if self.has_utf8 else ["alice"]
        self.server = kind(self.domain, users, words=self.site.words, tls=self.tls)

    def zone(self):
        return (SIGNED if self.is_signed else UNSIGNED,
                zone(self.site, certificates.tlsa(self.tls[0], 3, 1, 1)))

    def messages(self):
        return self.server.messages()


def zone(site, record):
    return (f"@ MX 10 mail\nmail A {site.addresses[0]}\nmail AAAA {site.addresses[1]}\n" +
            tlsa("mail", *record))


class Ours:
    """The system under test, seen as the peers are."""
    domain, has_utf8, keeps_envid = OURS, True, True

    def __init__(self, network):
        self.site = network.add("ours", 10)
        posthouse.OFFSET = 0
        self.system = posthouse.System(
            OURS, myhostname=f"mail.{OURS}", dns_resolver_port=53, message_size_limit="50M",
            dns_forwarders=network.nameserver, dns_validation="yes", minimal_backoff_time="1s")
        self.system.set(inet_interfaces="all")
        self.seen = {"alice": {}, UTF8: {}}
        for user in self.seen:
            self.system.add_user(f"{user}@{OURS}")
        self.certificate = self.system.directory / "data/tls/cert.pem"

    def zone(self):
        return SIGNED, zone(self.site, certificates.tlsa(self.certificate, 3, 1, 1))

    def messages(self):
        for user, seen in self.seen.items():
            client = self.system.imap(f"{user}@{OURS}")
            client.select("INBOX", readonly=True)
            for number in client.search(None, "ALL")[1][0].split():
                if number not in seen:
                    text = client.fetch(number, "(BODY.PEEK[])")[1][0][1]
                    seen[number] = text.replace(b"\r\n", b"\n")
            client.logout()
        return [text for seen in self.seen.values() for text in seen.values()]


# ---- sending, from a program at the site ----

def submit(sender, receiver, kind):
    fields, body, mail, rcpt = KINDS[kind]
    user = UTF8 if kind == "utf-8" else "alice"
    to = {"failure": "nobody"}.get(kind, user) + f"@{receiver.domain}"
    # a UTF-8 sender would make a UTF-8 message of each
    source = f"{user if sender.has_utf8 else 'alice'}@{sender.domain}"
    subject = f"{kind} from {sender.domain} to {receiver.domain}"
    head = f"From: <{source}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n{fields}\r\n"
    with sender.site.inside(), smtplib.SMTP("127.0.0.1", 587 if isinstance(sender, Ours) else 25,
                                            timeout=60) as client:
        if isinstance(sender, Ours):
            client.starttls()
            # smtplib's login() knows ASCII only
            words = f"\0{user}@{OURS}\0secret-of-a-test".encode()
            client.ehlo()
            code, _ = client.docmd("AUTH", "PLAIN " + base64.b64encode(words).decode())
            assert code == 235
        client.ehlo()
        client.sendmail(source, [to], head.encode() + body, mail, rcpt)
    return subject, body


def find(receiver, subject):
    """The one message of the subject, when it is there."""
    found = [text for text in receiver.messages() if f"\nSubject: {subject}\n".encode() in text]
    assert len(found) < 2, found
    return found[0] if found else None


def reports(receiver, subject):
    """Reports about the message of the subject: (the message, fields per recipient)."""
    found = []
    for text in receiver.messages():
        message = email.message_from_bytes(text)
        status = [part for part in message.walk()
                  if part.get_content_type().endswith("delivery-status")]
        if not status or subject.encode() not in text:
            continue
        # OpenSMTPD's are multipart/mixed
        assert message.get_content_type() == "multipart/mixed" or \
            status[0].get_content_type() == f"message/{message.get_param('report-type')}"
        fields = status[0].get_payload()
        if len(fields) == 1:    # email does not know message/global-delivery-status (RFC 6533)
            fields += [email.message_from_string(fields[0].get_payload())]
        found.append((message, fields))
    return found


def one_report(receiver, subject, action):
    found = posthouse.wait_until(lambda: reports(receiver, subject), 60, f"a report: {subject}")
    assert len(found) == 1, found
    message, (about, recipient) = found[0]
    assert recipient["Action"] == action, (subject, recipient.as_string())
    assert recipient["Status"][0] == ("5" if action == "failed" else "2"), recipient.as_string()
    assert recipient["Final-Recipient"], recipient.as_string()
    human = message.get_payload(0).get_payload(decode=True)
    assert len(human) > 50, human
    return about, recipient


def arrives(receiver, subject, body):
    expected = body.replace(b"\r\n", b"\n")

    def is_whole():
        text = find(receiver, subject)
        # an mbox file quotes lines that would begin a message
        return text and text.split(b"\n\n", 1)[1].rstrip(b"\n") + b"\n" in (
            expected, expected.replace(b"From", b">From"))
    posthouse.wait_until(is_whole, 60, subject)


# ---- the tests ----

def of_every_kind(sender, receiver):
    sent = {kind: submit(sender, receiver, kind) for kind in KINDS
            if kind != "utf-8" or sender.has_utf8}
    for kind, (subject, body) in sent.items():
        if kind == "failure":
            one_report(sender, subject, "failed")
        elif kind == "utf-8" and not receiver.has_utf8:
            about, recipient = one_report(sender, subject, "failed")
            assert recipient["Status"] == "5.6.7", recipient.as_string()
        else:
            arrives(receiver, subject, body)
    about, recipient = one_report(sender, sent["success"][0], "delivered")
    if not receiver.keeps_envid:
        return
    assert about["Original-Envelope-Id"] == "id-of-mine", about.as_string()
    assert recipient["Original-Recipient"].replace(" ", "") == "rfc822;old@elsewhere.example", \
        recipient.as_string()


def by_the_rules(ours, peer):
    """DANE with those whose zone is signed."""
    line, = [line for line in ours.system.log_text().splitlines()
             if "event=relayed" in line and f"to=alice@{peer.domain}" in line][-1:]
    tls = 'tls="TLSv1.3 dane"' if peer.is_signed else "tls="
    assert tls in line and "verdict=delivered" in line, line


def we_are_verified(ours):
    """By Postfix's own tool, which believes what our resolver validated."""
    Path("/etc/netns/ours/resolv.conf").write_text("nameserver 127.0.0.1\noptions trust-ad\n")
    done = ours.site.run(["posttls-finger", "-c", "-l", "dane", "-L", "summary", OURS],
                         text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert re.search(r"Verified TLS connection established to mail\.ours\.example\[\S+\]:25: TLSv1\.3",
                     done.stdout), done.stdout


def main():
    peers.enter("postfix", "knot", "+exim4-daemon-light", "+opensmtpd")
    with tempfile.TemporaryDirectory(prefix="posthouse-") as directory:
        os.chmod(directory, 0o755)
        network = Network()
        authority = certificates.Authority(Path(directory), "authority")
        ours = Ours(network)
        others = [Peer(network, kind, 20 + number, authority) for number, kind in
                 enumerate((servers.Postfix, servers.Exim, servers.OpenSmtpd))]
        dns = network.add("dns", 53)
        zones = {each.domain: each.zone() for each in (ours, *others)}
        with dns.inside():
            server = Zones(Path(directory), zones, [f"{dns.addresses[0]}@53"], dns.addresses[0])
            server.start()
        ours.site.enter()
        ours.system.set(dns_trust_anchor_file=server.anchor)
        with ours.system as system:
            system.start()
            we_are_verified(ours)
            for peer in others:
                with peer.server:
                    for sender, receiver in ((ours, peer), (peer, ours)):
                        of_every_kind(sender, receiver)
                        print(f"{sender.domain} to {receiver.domain}", flush=True)
                    by_the_rules(ours, peer)
            assert system.json("queue", "list") == []
        server.stop()


main()
