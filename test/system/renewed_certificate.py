#!/usr/bin/python3
"""A certificate is renewed while mail is going in and out over TLS: who is
connected stays, who comes sees the new one, nothing fails; a wrong one is
refused with a sentence and the old one goes on."""
import imaplib
import smtplib
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse

ALICE = "alice@example.test"


def tls_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def make(directory, name, key="ec -pkeyopt ec_paramgen_curve:prime256v1"):
    subprocess.run(f"openssl req -x509 -newkey {key} -nodes -days 30 -subj /CN={name} "
                   f"-keyout {directory}/new-key.pem -out {directory}/new-cert.pem",
                   shell=True, check=True, capture_output=True)


def put(system, cert, key):
    """As renewing programs do: both files replaced by rename."""
    for source, target in ((cert, "cert.pem"), (key, "key.pem")):
        place = system.directory / "data/tls" / target
        fresh = place.with_suffix(".fresh")
        fresh.write_bytes(Path(source).read_bytes())
        fresh.chmod(0o600)
        fresh.rename(place)


def fingerprint(system):
    return ssl.get_server_certificate(("127.0.0.1", system.port("imaps")))


class Load:
    """Sends and reads over TLS without a pause until it is told to stop."""

    def __init__(self, system):
        self.system, self.sent, self.troubles, self.goes_on = system, 0, [], True
        self.threads = [threading.Thread(target=self.run, args=(act,))
                        for act in (self.send, self.send, self.read)]

    def send(self):
        with smtplib.SMTP("127.0.0.1", self.system.port("smtp"), timeout=30) as client:
            client.starttls(context=tls_context())
            client.sendmail("bob@example.net", [ALICE], b"Subject: x\r\n\r\nx\r\n")
        self.sent += 1

    def read(self):
        client = self.system.imap(ALICE)
        client.select("INBOX")
        client.logout()

    def run(self, act):
        while self.goes_on:
            try:
                act()
            except Exception as trouble:        # pylint: disable=broad-except
                self.troubles.append(repr(trouble))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.goes_on = False
        for thread in self.threads:
            thread.join()


def main():
    posthouse.own_network()
    with posthouse.System() as system:
        system.add_user(ALICE)
        system.start()
        old = fingerprint(system)
        there = system.imap(ALICE)
        there.select("INBOX")
        with Load(system) as load:
            for i, key in enumerate(("ec -pkeyopt ec_paramgen_curve:prime256v1", "rsa:2048")):
                make(system.directory, f"mail{i}.example.test", key)
                put(system, system.directory / "new-cert.pem", system.directory / "new-key.pem")
                system.command("reload")
                new = posthouse.wait_until(
                    lambda: fingerprint(system) != old and fingerprint(system), 10, "the new one")
                assert new == (system.directory / "new-cert.pem").read_text()
                old = new
                time.sleep(1)
            assert there.noop()[0] == "OK"      # who was there is still there
            # a certificate that does not belong to the key changes nothing
            make(system.directory, "other.example.test")
            put(system, system.directory / "new-cert.pem", system.directory / "data/tls/key.pem")
            done = system.command("reload", check=False)
            assert done.returncode == 1 and "tls_" in done.stderr, (done.returncode, done.stderr)
            assert fingerprint(system) == old
            sent_before = load.sent
            posthouse.wait_until(lambda: load.sent > sent_before + 20, 20, "more mail")
        assert not load.troubles, load.troubles[:5]
        there.noop()
        there.select("INBOX")
        assert int(there.select("INBOX")[1][0]) == load.sent
        there.logout()
        print(f"{load.sent} messages while the certificate changed twice")


main()
