#!/usr/bin/python3
"""posthouse doctor: on a right deployment it finds nothing; then faults are put in
one after another, in the DNS, the certificate, the settings, the machine and the
running system, and it names each, in English and in Chinese."""
import contextlib
import ctypes
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import certificates
import dns
import posthouse
import web
from world import CAA, DNSKEY, DS, PTR, SRV, World, address, caa, mx, name, srv, text

DOMAIN, HOST = "doctor.test", "mail.doctor.test"
ADDRESS, RESOLVER, CLOCK = "198.51.100.20", "127.0.0.53", "127.0.0.123"
REVERSE = "20.100.51.198.in-addr.arpa"
LIST = "bl.test"
LABELS = ("mta-sts", "autoconfig", "autodiscover")


def client_records(system):
    """By which mail programs find the system, and its parent's DS."""
    services = {name: system.port(name) for name in
                ("submissions", "submission", "imaps", "imap", "pop3s", "pop3")}
    records = {(f"_{name}._tcp.{DOMAIN}", SRV): [srv(port, HOST)]
               for name, port in {**services, "autodiscover": system.port("https")}.items()}
    policy = next(row["data"] for row in system.json("dns") if row["name"] == f"_mta-sts.{DOMAIN}")
    records[f"_mta-sts.{DOMAIN}", dns.TXT] = [text(policy.strip('"'))]
    key = system.json("dns", "keys")[0]
    records[DOMAIN, DS] = [ds(key)]
    records[DOMAIN, DNSKEY] = [bytes(4)]
    return records


def ds(key):
    return struct.pack(">HBB", int(key["tag"]), int(key["algorithm"]),
                       int(key["digest-type"])) + bytes.fromhex(key["digest"])


def right_records(pem):
    usage, selector, matching, data = certificates.tlsa(pem, 3, 1, 1)
    return {
        ("", dns.NS): [name("root.test")],
        (DOMAIN, dns.MX): [mx(HOST)],
        (DOMAIN, dns.TXT): [text("v=spf1 mx include:spf.test -all"), text("something else")],
        ("spf.test", dns.TXT): [text("v=spf1 ip4:203.0.113.0/24 ~all")],
        (HOST, dns.A): [address(ADDRESS)],
        (REVERSE, PTR): [name(HOST)],
        (f"_dmarc.{DOMAIN}", dns.TXT): [text("v=DMARC1; p=quarantine; rua=mailto:dmarc@doctor.test")],
        (f"_25._tcp.{HOST}", dns.TLSA): [bytes([usage, selector, matching]) + data],
        (f"mta-sts.{DOMAIN}", dns.A): [address(ADDRESS)],
        (f"autoconfig.{DOMAIN}", dns.A): [address(ADDRESS)],
        (f"autodiscover.{DOMAIN}", dns.A): [address(ADDRESS)],
        (f"_smtp._tls.{DOMAIN}", dns.TXT): [text("v=TLSRPTv1; rua=mailto:tls@doctor.test")],
        ("2.0.0.127." + LIST, dns.A): [address("127.0.0.2")],
        (f"far.{DOMAIN}", dns.A): [address("203.0.113.9")],
    }


class Patient:
    """The deployment, and the doctor's words about it."""

    def __init__(self, system, world):
        self.system, self.world = system, world

    def ask(self, *options, language="en_GB.UTF-8", clock=True, is_json=True):
        words = [str(self.system.posthouse), "-c", str(self.system.config)]
        words += [word for option in options for word in ("-o", option)]
        words += ["doctor", "--resolver", RESOLVER] + (["--clock", CLOCK] if clock else [])
        begin = time.monotonic()
        done = subprocess.run(words + (["--json"] if is_json else []), capture_output=True,
                              text=True, timeout=120, env={**os.environ, "LC_ALL": language})
        assert time.monotonic() - begin < 60, "it takes too long"
        assert done.stderr == "", done.stderr
        return done.returncode, json.loads(done.stdout) if is_json else done.stdout

    def names(self, check, *options, is_note=False, **how):
        """The finding, also in Chinese; nothing that is not the same fault's."""
        code, found = self.ask(*options, **how)
        assert check in {row["check"] for row in found}, (check, found)
        assert code == (0 if is_note else 1), found
        row = next(row for row in found if row["check"] == check)
        _, chinese = self.ask(*options, language="zh_CN.UTF-8", **how)
        other = next(other for other in chinese if other["check"] == check)
        assert re.search("[\u4e00-\u9fff]", other["finding"]), other
        # what the configuration's reader says of a file has a place in it
        assert check in ("tables", "parameter", "certificate-unreadable", "log-errors") or \
            not re.search("[a-z]+ [a-z]+ [a-z]+", other["finding"]), other
        assert "{" not in row["finding"] + row["advice"] + other["finding"], row
        return row["finding"], {row["check"] for row in found}


def is_found_right(patient):
    for language in ("C", "zh_CN.UTF-8"):
        code, found = patient.ask(language=language)
        assert (code, found) == (0, []), json.dumps(found, indent=1, ensure_ascii=False)
    code, shown = patient.ask(is_json=False, language="zh_CN.UTF-8")
    assert code == 0 and "一切正常" in shown and "端口" in shown, shown


def faults_of_the_dns(patient):
    records = patient.world.records
    spf = (DOMAIN, dns.TXT)
    lookups = "v=spf1 " + "include:spf.test " * 11 + "mx -all"
    faults = [
        ("mx-missing", {(DOMAIN, dns.MX): None}, "has no MX record"),
        ("mx-elsewhere", {(DOMAIN, dns.MX): [mx(f"far.{DOMAIN}")]}, "none of them to this host"),
        ("mx-no-address", {(DOMAIN, dns.MX): [mx(HOST), mx(f"gone.{DOMAIN}")]}, f"gone.{DOMAIN}"),
        ("mx-alias", {(DOMAIN, dns.MX): [mx(f"alias.{DOMAIN}")],
                      (f"alias.{DOMAIN}", dns.CNAME): [name(HOST)]}, "alias"),
        ("host-elsewhere", {(HOST, dns.A): [address("203.0.113.7")]}, "203.0.113.7"),
        ("host-no-address", {(HOST, dns.A): None}, "no address"),
        ("ptr-missing", {(REVERSE, PTR): None}, ADDRESS),
        ("ptr-unconfirmed", {(REVERSE, PTR): [name(f"far.{DOMAIN}")]}, f"far.{DOMAIN}"),
        ("spf-missing", {spf: [text("something else")]}, "no SPF record"),
        ("spf-many", {spf: [text("v=spf1 mx -all"), text("v=spf1 a -all")]}, "2 SPF records"),
        ("spf-fails", {spf: [text("v=spf1 include:spf.test -all")]}, ADDRESS),
        ("spf-broken", {spf: [text("v=spf1 mx ipv4:192.0.2.1 -all")]}, "ipv4:192.0.2.1"),
        ("spf-lookups", {spf: [text(lookups)]}, "needs 12 questions"),
        ("dmarc-broken", {(f"_dmarc.{DOMAIN}", dns.TXT): [text("v=DMARC1; p=all")]}, "p=all"),
        ("dmarc-missing", {(f"_dmarc.{DOMAIN}", dns.TXT): None}, "no DMARC"),
        ("tlsa-mismatch", {(f"_25._tcp.{HOST}", dns.TLSA): [b"\3\1\1" + bytes(32)]}, HOST),
        ("sts-record", {(f"_mta-sts.{DOMAIN}", dns.TXT): [text("v=STSv1")]}, "v=STSv1"),
        ("tlsrpt-broken", {(f"_smtp._tls.{DOMAIN}", dns.TXT): [text("v=TLSRPTv1")]}, "TLSRPTv1"),
        ("dns-differs", {(HOST, dns.A): [address("203.0.113.7"), address(ADDRESS)]}, "here"),
        ("blocklisted", {("20.100.51.198." + LIST, dns.A): [address("127.0.0.4")]}, LIST),
    ]
    assert spf in records
    for check, change, words in faults:
        with patient.world.with_records(change):
            finding, _ = patient.names(check)
        assert words in finding, (check, finding)
    # a list that is tired of us says so of everybody
    with patient.world.with_records({("20.100.51.198." + LIST, dns.A): [address("127.255.255.254")]}):
        assert patient.ask() == (0, [])


def faults_of_documents(patient):
    pages = patient.world.pages
    policy, settings, discovery = (f"{label}.{DOMAIN}"
                                   for label in ("mta-sts", "autoconfig", "autodiscover"))
    for host, page, check in (
            (policy, pages[policy].replace(HOST.encode(), b"mx.elsewhere.test"), "sts-mx"),
            (policy, pages[policy].replace(b"enforce", b"testing"), "sts-mode"),
            (policy, b"nothing of the kind\n", "sts-policy"), (policy, None, "sts-no-policy"),
            (settings, None, "page-missing"), (settings, b"<clientConfig/>", "page-other"),
            (discovery, None, "page-missing"), (discovery, b"<html/>", "page-other")):
        patient.world.pages = {**pages, host: page}
        finding, checks = patient.names(check)
        assert (host if check.startswith("page") else DOMAIN) in finding and len(checks) == 1, \
            (finding, checks)
    patient.world.pages = pages


def faults_of_what_mail_programs_find(patient):
    imaps, pop3 = (f"_imaps._tcp.{DOMAIN}", SRV), (f"_pop3._tcp.{DOMAIN}", SRV)
    settings = (f"autoconfig.{DOMAIN}", dns.A)
    for check, change, words in (
            ("srv-other", {imaps: [srv(994, HOST)]}, f"0 1 {patient.system.port('imaps')} {HOST}"),
            ("srv-other", {pop3: [srv(0, "")]}, pop3[0]),
            ("name-elsewhere", {settings: [address("203.0.113.9")]}, "203.0.113.9"),
            ("sts-id", {(f"_mta-sts.{DOMAIN}", dns.TXT): [text("v=STSv1; id=old")]}, '"old"'),
            ("zone-no-ds", {(DOMAIN, DS): None}, "its parent"),
            ("zone-other-ds", {(DOMAIN, DS): [bytes(36)]}, DOMAIN)):
        with patient.world.with_records(change):
            finding, checks = patient.names(check)
        assert words in finding and len(checks) == 1, (finding, checks)
    with patient.world.with_records({imaps: None, settings: None}):
        finding, _ = patient.names("client-records", is_note=True)
    assert imaps[0] in finding and settings[0] in finding and pop3[0] not in finding, finding
    acme = "acme_directory=letsencrypt"
    with patient.world.with_records({(DOMAIN, CAA): [caa("issue", "ca.elsewhere.test")]}):
        finding, _ = patient.names("caa-forbids", acme)
        assert "ca.elsewhere.test" in finding and "letsencrypt.org" in finding, finding
        assert patient.ask() == (0, [])
    with patient.world.with_records({(DOMAIN, CAA): [caa("issue", "letsencrypt.org")]}):
        assert patient.ask(acme) == (0, [])


def faults_of_settings(patient):
    for option, check in (("mynetworks=0.0.0.0/0", "networks-open"),
                          ("mynetworks=127.0.0.0/8 64.0.0.0/3", "networks-wide"),
                          ("disable_plaintext_auth=no", "plaintext"),
                          ("myhostname=mail", "host-short"),
                          ("myhostname=localhost", "host-localhost"),
                          ("mydomain=test", "domain-suffix"),
                          ("imap_port=144", "port-closed"),
                          ("login_trusted_networks=10.0.0.0/8", "shut-out"),
                          ("virtual_alias_maps=/nowhere", "tables")):
        patient.names(check, option)


def faults_of_the_machine(patient, directory):
    system = patient.system
    key = system.directory / "data/tls/key.pem"
    for path, mode, check in ((key, 0o644, "file-readable"),
                              (system.directory / "data", 0o777, "file-writable"),
                              (system.directory / "data/queue/drop", 0o755, "drop-mode")):
        before = path.stat().st_mode & 0o7777
        path.chmod(mode)
        finding, _ = patient.names(check)
        assert str(path) in finding, finding
        path.chmod(before)
    small = directory / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "small", small], check=True)
    patient.names("disk-full", f"queue_directory={small}")
    subprocess.run(["umount", small], check=True)
    patient.world.seconds_off = 300
    finding, _ = patient.names("clock-wrong")       # in whole seconds, after a walk through the network
    assert 270 <= int(re.search(r"(\d+) s\b", finding)[1]) <= 301, finding
    patient.world.seconds_off = 0
    if ctypes.CDLL(None).adjtimex(bytes(512)) == 5:     # TIME_ERROR
        patient.names("clock-free", clock=False)
    with socket.create_server(("127.0.0.1", 25)):
        patient.names("other-server")
    aliases = directory / "aliases"
    os.utime(aliases, (time.time() + 60,) * 2)
    patient.names("aliases-stale")
    os.utime(aliases, (0, 0))


def reload(system, **parameters):
    """With these lines; the file as it was before is what is returned."""
    before = system.config.read_text()
    system.set(**parameters)
    system.command("reload")
    return before


def faults_of_certificates(patient, authority, directory):
    system = patient.system
    for check, (pem, key) in {
            "certificate-expired": authority.issue("old", HOST, f"mta-sts.{DOMAIN}", days=-1),
            "certificate-ends": authority.issue("soon", HOST, f"mta-sts.{DOMAIN}", days=3),
            "certificate-name": authority.issue("other", "mail.elsewhere.test", days=60),
            "certificate-self-signed": certificates.self_signed(directory, "self", HOST),
            "certificate-chain": certificates.Authority(directory, "unknown").issue(
                "stranger", HOST, days=60)}.items():
        key.chmod(0o600)
        before = reload(system, tls_cert_file=pem, tls_key_file=key)
        posthouse.wait_until(lambda: check in patient.names(check)[1], 5, check)
        system.config.write_text(before)
        system.command("reload")
    # a file that is newer than what is served
    newer, _ = authority.issue("newer", HOST, days=60)
    patient.names("certificate-unreadable", f"tls_cert_file={newer}")


def port_of_another(system):
    """The system starts without it (https is played by a thread of this test)."""
    system.stop()
    with socket.create_server(("0.0.0.0", system.port("https"))):
        system.start()
        patient = Patient(system, None)
        finding, checks = patient.names("port-taken", is_note=True)
        assert "https_port" in finding and f"0.0.0.0:{system.port('https')}" in finding and \
            "python3" in finding and len(checks) == 1, (finding, checks)
        assert "event=port-taken" in system.log_text()
    system.restart()


def another_relay(system, last):
    """Its pid, when it runs and is not that one."""
    pid = system.processes().get(("relay", 0), 0)
    return pid if pid > 0 and pid != last else None


def faults_of_the_system(patient):
    system = patient.system
    port_of_another(system)
    before = reload(system, relay_domains="posthouse-doctor.example.com")
    patient.names("open-relay")
    system.config.write_text(before)
    system.command("reload")
    # each time master waits longer before it starts it again
    last = None
    for _ in range(4):
        last = posthouse.wait_until(lambda: another_relay(system, last), 10, "relay runs again")
        os.kill(last, signal.SIGKILL)

    def is_found_down():
        """It runs again after some seconds, the next time after more."""
        pid = system.processes().get(("relay", 0), 0)
        if pid > 0:
            with contextlib.suppress(ProcessLookupError):   # not seen as ended yet
                os.kill(pid, signal.SIGKILL)
        code, found = patient.ask()
        return code == 1 and "process-down" in {row["check"] for row in found}
    posthouse.wait_until(is_found_down, 20, "doctor finds that relay is down")
    system.stop()
    patient.names("stopped")


def main():
    posthouse.need_programs("openssl", "ip", "mount")
    if os.geteuid() != 0:
        posthouse.skip("addresses and ports of others need root")
    posthouse.own_network()
    assert ctypes.CDLL(None).unshare(0x00020000) == 0       # CLONE_NEWNS
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["ip", "link", "add", "wire", "type", "bridge"], check=True)
    subprocess.run(["ip", "address", "add", f"{ADDRESS}/24", "dev", "wire"], check=True)
    subprocess.run(["ip", "link", "set", "wire", "addrgenmode", "none", "up"], check=True)
    with tempfile.TemporaryDirectory(prefix="posthouse-") as path:
        directory = Path(path)
        directory.chmod(0o755)
        authority = certificates.Authority(directory, "authority")
        pem, key = authority.issue("mail", HOST, *(f"{label}.{DOMAIN}" for label in LABELS), days=60)
        world = World(RESOLVER, CLOCK)
        world.records = right_records(pem)
        world.pages = dict(zip((f"{label}.{DOMAIN}" for label in LABELS), (
            f"version: STSv1\nmode: enforce\nmx: {HOST}\nmax_age: 86400\n".encode(),
            f"<clientConfig><hostname>{HOST}</hostname></clientConfig>".encode(),
            b'{"Protocol": "AutodiscoverV1", "Url": "https://autodiscover"}')))
        web.serve(ADDRESS, pem, key, lambda host: world.pages[host])
        aliases = directory / "aliases"
        aliases.write_text("root: postmaster\nabuse: postmaster\n")
        os.utime(aliases, (0, 0))
        zone = directory / f"{DOMAIN}.zone"
        zone.write_text("$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\n@ MX 10 mail\n" +
                        "".join(f"{label} A {ADDRESS}\n"
                                for label in ("ns", "mail", *LABELS)))
        with posthouse.System(
                DOMAIN, fetch_ca_file=authority.pem, dns_forwarders=RESOLVER, dns_validation="no",
                dns_zones=zone, dns_signed_zones="all", mta_sts_mode="enforce", alias_maps=aliases,
                doctor_blocklists=LIST) as system:
            system.set(inet_interfaces=f"127.0.0.1, {ADDRESS}")
            tls = system.directory / "data/tls"
            (tls / "cert.pem").write_bytes(pem.read_bytes())
            (tls / "key.pem").write_bytes(key.read_bytes())
            system.command("newaliases")
            system.start()
            world.records.update(client_records(system))
            patient = Patient(system, world)
            login_from_outside(system)
            for test, *arguments in (
                    (is_found_right,), (faults_of_the_dns,), (faults_of_documents,),
                    (faults_of_what_mail_programs_find,),
                    (faults_of_settings,), (faults_of_the_machine, directory),
                    (faults_of_certificates, authority, directory), (is_found_right,),
                    (faults_of_the_system,)):
                test(patient, *arguments)
                print(test.__name__, flush=True)


def login_from_outside(system):
    import imaplib
    import ssl
    context = ssl._create_unverified_context()
    with imaplib.IMAP4_SSL(ADDRESS, system.port("imaps"), ssl_context=context) as client:
        client.login(f"postmaster@{DOMAIN}", system.passwords[f"postmaster@{DOMAIN}"])
    posthouse.wait_until(lambda: "event=login" in system.log_text(), 10, "the login in the log")


main()
