#!/usr/bin/python3
"""Certificates from pebble, strict and refusing nonces now and then, by each of
the three challenges, for several names, with its questions answered by our own
names; renewed by itself; opened again with a pebble that has forgotten everything."""
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import certificates
import peers
import posthouse

HOST, PORT, DNS = "ca.example.test", 14000, 20053
NAMES = ["mail.example.test", "mta-sts.example.test", "autoconfig.example.test"]
ZONE = """$TTL 60
@ SOA ns root 1 1d 1h 1w 60
@ NS ns
ns A 127.0.0.1
mail A 127.0.0.1
mta-sts A 127.0.0.1
autoconfig A 127.0.0.1
ca A 127.0.0.1
"""


class Pebble:
    def __init__(self, directory, life):
        authority = certificates.Authority(directory, "web")
        pem, key = authority.issue("ca", HOST)
        self.trusted, self.config = authority.pem, directory / "pebble.json"
        self.log = (directory / "pebble.log").open("a")
        self.config.write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{PORT}", "managementListenAddress": "127.0.0.1:15000",
            "certificate": str(pem), "privateKey": str(key), "ocspResponderURL": "",
            "httpPort": posthouse.OFFSET + 80, "tlsPort": posthouse.OFFSET + 443,
            "externalAccountBindingRequired": False, "certificateValidityPeriod": life}}))
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            ["pebble", "-config", str(self.config), "-strict", "-dnsserver", f"127.0.0.1:{DNS}"],
            stdout=self.log, stderr=self.log,
            env=dict(os.environ, PEBBLE_VA_NOSLEEP="1", PEBBLE_WFE_NONCEREJECT="30",
                     PEBBLE_AUTHZREUSE="0"))

        def answers():
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", PORT)) == 0
        posthouse.wait_until(answers, 10, "pebble")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def seen(system, name=None):
    """(serial, names, issuer) of what imaps shows."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", system.port("imaps")), 60) as plain, \
            context.wrap_socket(plain, server_hostname=name) as secure:
        der = secure.getpeercert(True)
    text = certificates.openssl("x509", "-inform", "DER", "-noout", "-issuer", "-serial",
                                "-ext", "subjectAltName", input=der).decode()
    names = {word.strip().removeprefix("DNS:") for word in text.splitlines()[-1].split(",")}
    return text.split("serial=")[1].split("\n")[0], names, text.split("issuer=")[1].split("\n")[0]


def reload(system, **parameters):
    reloads = lambda: sum("hostmaster" in line and "event=reload" in line
                          for line in system.log_text().splitlines())
    before = reloads()
    system.set(**parameters)
    system.command("reload")
    posthouse.wait_until(lambda: reloads() > before, 20, "a reload")


def issued_by(system, challenge):
    """The first by itself, the others when asked for, with a new order each."""
    before = seen(system)[0]
    reload(system, acme_challenges=challenge, acme_directory=f"https://{HOST}:{PORT}/dir")
    system.command("certificate", "renew")
    serial, names, issuer = seen(system, NAMES[1])
    assert serial != before and names == set(NAMES) and "Pebble" in issuer, (names, issuer)


def challenge_certificates_serve_nothing_else(system):
    """Who speaks acme-tls/1 when no name is validated is sent away, and so is who asks
    for it beside another protocol."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["acme-tls/1"])
    with socket.create_connection(("127.0.0.1", system.port("imaps")), 60) as plain:
        try:
            context.wrap_socket(plain, server_hostname=NAMES[0])
            raise AssertionError("a handshake for a name that is not validated")
        except ssl.SSLError as error:
            assert "UNRECOGNIZED_NAME" in str(error).upper(), error
    context.set_alpn_protocols(["imap", "acme-tls/1"])
    with socket.create_connection(("127.0.0.1", system.port("imaps")), 60) as plain, \
            context.wrap_socket(plain, server_hostname=NAMES[0]) as secure:
        assert secure.selected_alpn_protocol() is None
        assert secure.recv(4) == b"* OK"


def forgotten_accounts_are_opened_again(system, pebble):
    before = seen(system)[0]
    pebble.stop()
    pebble.start()
    system.command("certificate", "renew")
    assert seen(system)[0] != before
    assert "event=acme-account-lost" in system.log_text()


def killed_in_the_middle(system):
    """At any moment: the next process goes on, and the certificate is there."""
    for delay in (0.1, 0.4):
        before = seen(system)[0]
        renewing = subprocess.Popen([str(system.posthouse), "-c", str(system.config),
                                     "certificate", "renew"], stderr=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL)
        time.sleep(delay)       # this is what is varied, nothing is waited for
        pid = system.processes().get(("hostmaster", 0))
        if pid:
            os.kill(pid, signal.SIGKILL)
        renewing.wait(60)
        posthouse.wait_until(lambda: system.processes().get(("hostmaster", 0)) not in (None, pid),
                             20, "another hostmaster")
        posthouse.wait_until(lambda: system.command("certificate", "renew", check=False)
                             .returncode == 0, 30, "a certificate after a kill")
        assert seen(system)[0] != before


def a_name_that_fails_is_left_out(system):
    """The others have their certificate; it follows when it leads here."""
    zone = system.directory / "example.test.zone"
    reload(system, acme_names=" ".join(["late.example.test"] + NAMES), acme_retry_time="4s")
    system.command("certificate", "renew")
    assert seen(system)[1] == set(NAMES), seen(system)
    said = system.command("certificate", "list").stdout
    assert re.search(r"^left out late\.example\.test was not validated", said, re.M), said
    assert "event=name-left-out" in system.log_text()
    before, zone_text = seen(system)[0], zone.read_text()
    zone.write_text(zone_text.replace(" 1 1d", " 2 1d") + "late A 127.0.0.1\n")
    system.command("reload")
    posthouse.wait_until(lambda: "late.example.test" in seen(system)[1], 40, "the name that was late")
    assert "left out" not in system.command("certificate", "list").stdout
    assert seen(system)[0] != before
    reload(system, acme_names=" ".join(NAMES), acme_retry_time="1s")


def renewed_by_itself(system, pebble):
    """Certificates of twelve seconds: at two thirds there is another."""
    pebble.stop()
    config = json.loads(pebble.config.read_text())
    config["pebble"]["certificateValidityPeriod"] = 12
    pebble.config.write_text(json.dumps(config))
    pebble.start()
    system.command("certificate", "renew")
    before, pids = seen(system)[0], system.processes()
    posthouse.wait_until(lambda: "Pebble" in seen(system)[2] and seen(system)[0] != before, 20,
                         "a renewal by itself")
    assert system.processes() == pids
    pebble.stop()
    posthouse.wait_until(lambda: "Pebble" not in seen(system)[2], 30,
                         "tls_cert_file, when the other has ended")


def first_certificate_has_all_names(system):
    """Of a new system, whose names are in the DNS a moment before."""
    system.stop()
    for folder in ("acme", "dns", "hostmaster", "keys"):
        shutil.rmtree(system.directory / "data" / folder)
    zone = system.directory / "example.test.zone"
    zone.write_text("".join(line + "\n" for line in ZONE.splitlines()
                            if not line.startswith(("mta-sts", "autoconfig"))))
    system.set(acme_names="", acme_challenges="dns-01")
    before = len(system.log_text())
    issued = lambda: [line for line in system.log_text()[before:].splitlines()
                      if "event=certificate-issued" in line]
    system.start()
    posthouse.wait_until(issued, 20, "a certificate")
    time.sleep(4)
    line, = issued()
    assert all(name in line for name in (*NAMES, "autodiscover.example.test")), line


def main():
    posthouse.need_programs("openssl", "pebble")
    posthouse.own_network()
    with posthouse.System() as system:
        (system.directory / "example.test.zone").write_text(ZONE)
        pebble = Pebble(system.directory, 90 * 86400)
        pebble.start()
        try:
            system.set(myhostname="mail.example.test", dns_validation="no",
                       dns_zones=system.directory / "example.test.zone",
                       dns_forwarders="127.0.0.1@5399", fetch_ca_file=pebble.trusted,
                       acme_names=" ".join(NAMES), acme_retry_time="1s")
            system.start()
            assert system.command("certificate", "list").stdout == \
                "No certificate was got by ACME: acme_directory is not set.\n"
            for challenge in ("dns-01", "tls-alpn-01", "http-01"):
                begin = time.monotonic()
                issued_by(system, challenge)
                print(f"{challenge} {time.monotonic() - begin:.1f}", flush=True)
            challenge_certificates_serve_nothing_else(system)
            killed_in_the_middle(system)
            print("killed_in_the_middle", flush=True)
            forgotten_accounts_are_opened_again(system, pebble)
            print("forgotten_accounts", flush=True)
            a_name_that_fails_is_left_out(system)
            print("a_name_that_fails", flush=True)
            first_certificate_has_all_names(system)
            renewed_by_itself(system, pebble)
        except BaseException:
            print((system.directory / "pebble.log").read_text()[-4000:], file=sys.stderr)
            raise
        finally:
            pebble.process.kill()


if os.geteuid() == 0:
    peers.enter("pebble")
main()
