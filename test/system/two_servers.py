#!/usr/bin/python3
"""As a new user would: script/server on two machines (network namespaces), each
for a domain of its own, write to each other knowing nothing but the DNS, which has
an MX record and addresses for each of them."""
import email
import imaplib
import os
import smtplib
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import peers
import posthouse
from network import Network
from zones import SIGNED, UNSIGNED, Zones


class Machine:
    def __init__(self, network, name, number, directory):
        self.domain = f"{name}.example"
        self.site = network.add(name, number)
        self.directory = directory / name
        self.output = directory / f"{name}.out"
        self.errors = directory / f"{name}.err"
        self.log = self.directory / "data/log/posthouse.log"

    def zone(self):
        return (f"@ MX 10 mail\nmail A {self.site.addresses[0]}\n"
                f"mail AAAA {self.site.addresses[1]}\n"
                f"unknown MX 10 www\nwww A {self.site.addresses[0]}\n")

    def start(self, anchor):
        """What is printed is all that is known of it."""
        with self.output.open("w") as out, self.errors.open("w") as errors:
            self.process = self.site.popen(
                [posthouse.TOP / "script/server", "--dir", self.directory,
                 "--domain", self.domain, "port_offset=0", "inet_interfaces=all",
                 f"dns_trust_anchor_file={anchor}"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=errors)

        def is_ready():
            assert self.process.poll() is None, self.output.read_text()
            return "ready" in self.output.read_text().splitlines()
        posthouse.wait_until(is_ready, 120, f"script/server for {self.domain}")
        lines = [line.split() for line in self.output.read_text().splitlines()]
        self.passwords = {words[1]: words[2] for words in lines if words[0] == "account"}
        assert f"alice@{self.domain}" in self.passwords, self.passwords

    def stop(self):
        self.process.terminate()
        assert self.process.wait(10) == 0

    def submit(self, sender, to, subject, **options):
        with self.site.inside(), smtplib.SMTP("127.0.0.1", 587, timeout=30) as client:
            client.starttls()
            client.login(sender, self.passwords[sender])
            client.sendmail(sender, to, f"From: {sender}\r\nSubject: {subject}\r\n\r\n"
                                        f"body of {subject}\r\n", **options)

    def inbox(self, address):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with self.site.inside(), imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=context,
                                                   timeout=30) as client:
            client.login(address, self.passwords[address])
            count = int(client.select("INBOX", readonly=True)[1][0])
            parts = client.fetch("1:*", "(BODY.PEEK[])")[1] if count else []
            return [email.message_from_bytes(part[1]) for part in parts
                    if isinstance(part, tuple)]

    def wait_for(self, address, subject):
        return posthouse.wait_until(lambda: [
            each for each in self.inbox(address) if subject in each["Subject"]], 60, subject)[0]


def they_write_to_each_other(near, far):
    near.submit("alice@near.example", ["bob@far.example"], "a question")
    message = far.wait_for("bob@far.example", "a question")
    assert message.get_payload() == "body of a question\r\n", message.as_string()
    assert message["Return-Path"] == "<alice@near.example>", message.as_string()
    hops = message.get_all("Received")
    assert "from mail.near.example" in hops[0] and "with ESMTPS" in hops[0], hops
    far.submit("bob@far.example", ["alice@near.example"], "Re: a question")
    near.wait_for("alice@near.example", "Re: a question")


def what_cannot_be_delivered_is_told(near, far):
    near.submit("bob@near.example", ["nobody@far.example"], "to nobody")
    report = near.wait_for("bob@near.example", "could not be delivered")
    assert "no such user" in report.as_string(), report.as_string()
    # a domain that leads back to us, under a name that we do not know
    near.submit("alice@near.example", ["bob@unknown.near.example"], "to ourselves")
    report = near.wait_for("alice@near.example", "could not be delivered")
    assert "goes in a circle" in report.as_string(), report.as_string()
    near.submit("bob@near.example", ["alice@far.example"], "with thanks",
                rcpt_options=["NOTIFY=SUCCESS"])
    far.wait_for("alice@far.example", "with thanks")
    posthouse.wait_until(lambda: any("Action: delivered" in each.as_string()
                                     for each in near.inbox("bob@near.example")), 30, "a report")


def mail_waits_for_who_is_away(near, far, anchor):
    far.stop()
    near.submit("alice@near.example", ["alice@far.example"], "while you were away")
    posthouse.wait_until(lambda: "status=4.4.1" in near.log.read_text(), 30, "an attempt")
    far.start(anchor)
    command = [posthouse.build_directory() / "src/ctl/posthouse", "-c",
               near.directory / "posthouse.conf", "queue", "retry", "--domain", far.domain]
    near.site.run(command, check=True, stdout=subprocess.DEVNULL)
    far.wait_for("alice@far.example", "while you were away")


def main():
    release = posthouse.TOP / "build/release"
    if not release.exists() or not release.samefile(posthouse.build_directory()):
        posthouse.skip("script/server runs the release build, not this one")
    peers.enter("knot")
    with tempfile.TemporaryDirectory(prefix="posthouse-") as name:
        directory = Path(name)
        os.chmod(directory, 0o755)
        network = Network()
        near = Machine(network, "near", 10, directory)
        far = Machine(network, "far", 20, directory)
        dns = network.add("dns", 53)
        zones = {near.domain: (SIGNED, near.zone()), far.domain: (UNSIGNED, far.zone())}
        with dns.inside():
            server = Zones(directory, zones, [f"{dns.addresses[0]}@53"], dns.addresses[0])
            server.start()
        try:
            for machine in (near, far):
                machine.start(server.anchor)
            they_write_to_each_other(near, far)
            what_cannot_be_delivered_is_told(near, far)
            mail_waits_for_who_is_away(near, far, server.anchor)
        except BaseException:
            for machine in (near, far):
                for file in (machine.output, machine.errors, machine.log):
                    print(file.read_text()[-5000:] if file.exists() else "")
            raise
        for machine in (near, far):
            machine.stop()
        server.stop()


main()
