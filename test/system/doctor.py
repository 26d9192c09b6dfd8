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
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import certificates
import dns
import posthouse
import web

DOMAIN, HOST = "doctor.test", "mail.doctor.test"
ADDRESS, RESOLVER, CLOCK = "198.51.100.20", "127.0.0.53", "127.0.0.123"
REVERSE = "20.100.51.198.in-addr.arpa"
LIST = "bl.test"
PTR = 12
EPOCH = 2208988800      # s from 1900 to 1970


def name(text):
    return dns.encode_name(text)


def address(text):
    return socket.inet_aton(text)


def text(*strings):
    data = b""
    for string in strings:
        pieces = [string[i:i + 255] for i in range(0, len(string), 255)]
        data += b"".join(bytes([len(piece)]) + piece.encode() for piece in pieces)
    return data


def mx(host):
    return struct.pack(">H", 10) + name(host)


class World:
    """A resolver that knows everything, a clock, and a web server."""

    def __init__(self):
        self.records, self.seconds_off, self.policy = {}, 0, b""
        for target, port, answer in ((RESOLVER, 53, self.answer), (CLOCK, 123, self.time)):
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            server.bind((target, port))
            threading.Thread(target=self.serve, args=(server, answer), daemon=True).start()

    @staticmethod
    def serve(server, answer):
        while True:
            query, client = server.recvfrom(4096)
            server.sendto(answer(query), client)

    def answer(self, query):
        asked, at = dns.decode_name(query, 12)
        kind = struct.unpack(">H", query[at:at + 2])[0]
        found = [(kind, data) for data in self.records.get((asked, kind), [])] or \
            [(dns.CNAME, data) for data in self.records.get((asked, dns.CNAME), [])]
        exists = asked == "" or any(owner == asked or owner.endswith(f".{asked}")
                                    for owner, _ in self.records)
        body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", found_kind, 1, 0, len(data)) + data
                        for found_kind, data in found)
        soa = b"" if found else b"\0" + struct.pack(">HHIH", dns.SOA, 1, 0, 22) + bytes(22)
        return query[:2] + struct.pack(">HHHHH", 0x8180 | (0 if exists else 3), 1, len(found),
                                       bool(soa), 0) + query[12:at + 4] + body + soa

    def time(self, query):
        now = time.time() + self.seconds_off
        return b"\x24\x02" + bytes(38) + struct.pack(">II", int(now) + EPOCH,
                                                     int(now % 1 * 2 ** 32))

    @contextlib.contextmanager
    def with_records(self, changes):
        """{(name, type): [data]} in place of what is there; None: no such name."""
        before = dict(self.records)
        for key, data in changes.items():
            self.records.pop(key, None)
            if data is not None:
                self.records[key] = data
        try:
            yield
        finally:
            self.records = before


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
        (f"_mta-sts.{DOMAIN}", dns.TXT): [text("v=STSv1; id=1;")],
        (f"mta-sts.{DOMAIN}", dns.A): [address(ADDRESS)],
        (f"autoconfig.{DOMAIN}", dns.A): [address(ADDRESS)],
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
                              text=True, timeout=60, env={**os.environ, "LC_ALL": language})
        assert time.monotonic() - begin < 20, "it takes too long"
        assert done.stderr == "", done.stderr
        return done.returncode, json.loads(done.stdout) if is_json else done.stdout

    def names(self, check, *options, **how):
        """The finding, also in Chinese; nothing that is not the same fault's."""
        code, found = self.ask(*options, **how)
        assert check in {row["check"] for row in found}, (check, found)
        assert code == 1, found
        row = next(row for row in found if row["check"] == check)
        _, chinese = self.ask(*options, language="zh_CN.UTF-8", **how)
        other = next(other for other in chinese if other["check"] == check)
        assert re.search("[\u4e00-\u9fff]", other["finding"]), other
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


def faults_of_a_policy(patient):
    right = patient.world.policy
    for policy, check in ((right.replace(HOST.encode(), b"mx.elsewhere.test"), "sts-mx"),
                          (b"nothing of the kind\n", "sts-policy")):
        patient.world.policy = policy
        patient.names(check)
    patient.world.policy = right


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
    assert "300 s" in patient.names("clock-wrong")[0] or "299 s" in patient.names("clock-wrong")[0]
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


def another_relay(system, last):
    """Its pid, when it runs and is not that one."""
    pid = system.processes().get(("relay", 0), 0)
    return pid if pid > 0 and pid != last else None


def faults_of_the_system(patient):
    system = patient.system
    before = reload(system, relay_domains="posthouse-doctor.example.com")
    patient.names("open-relay")
    system.config.write_text(before)
    system.command("reload")
    # each time master waits longer before it starts it again
    last = None
    for _ in range(4):
        last = posthouse.wait_until(lambda: another_relay(system, last), 10, "relay runs again")
        os.kill(last, signal.SIGKILL)
    posthouse.wait_until(lambda: not system.processes()[("relay", 0)], 3, "relay is down")
    code, found = patient.ask()
    assert code == 1 and "process-down" in {row["check"] for row in found}, found
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
        pem, key = authority.issue("mail", HOST, f"mta-sts.{DOMAIN}", f"autoconfig.{DOMAIN}", days=60)
        world = World()
        world.records = right_records(pem)
        world.policy = f"version: STSv1\nmode: enforce\nmx: {HOST}\nmax_age: 86400\n".encode()
        web.serve(ADDRESS, pem, key, lambda host: world.policy)
        aliases = directory / "aliases"
        aliases.write_text("root: postmaster\nabuse: postmaster\n")
        os.utime(aliases, (0, 0))
        zone = directory / f"{DOMAIN}.zone"
        zone.write_text("$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\n@ MX 10 mail\n" +
                        "".join(f"{label} A {ADDRESS}\n"
                                for label in ("ns", "mail", "mta-sts", "autoconfig")))
        with posthouse.System(
                DOMAIN, fetch_ca_file=authority.pem, dns_forwarders=RESOLVER, dns_validation="no",
                dns_zones=zone, alias_maps=aliases, doctor_blocklists=LIST) as system:
            system.set(inet_interfaces=f"127.0.0.1, {ADDRESS}")
            tls = system.directory / "data/tls"
            (tls / "cert.pem").write_bytes(pem.read_bytes())
            (tls / "key.pem").write_bytes(key.read_bytes())
            system.command("newaliases")
            system.start()
            patient = Patient(system, world)
            login_from_outside(system)
            for test, *arguments in (
                    (is_found_right,), (faults_of_the_dns,), (faults_of_a_policy,),
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
