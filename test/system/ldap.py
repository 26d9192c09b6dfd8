#!/usr/bin/python3
"""Accounts in an LDAP directory, Debian's slapd: with hashes that it hands out, and
with its own check of passwords over TLS. A wrong password, an unknown user, filters in
a name, a server that is stopped, started again, hangs, or answers nonsense, each do
what they must and disturb nobody else."""
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import certificates
import peers
import posthouse
from directories import Fake, login, rcpt

SEEDS = Path(__file__).resolve().parent.parent / "fuzz/seeds/hash"
PORT, TLS_PORT, FAKE_PORT = 3389, 3636, 3390
CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
pidfile {directory}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
TLSVerifyClient never
database mdb
suffix dc=example,dc=test
rootdn cn=admin,dc=example,dc=test
rootpw of-admin
directory {directory}/data
access to attrs=userPassword by dn=cn=posthouse,dc=example,dc=test read by anonymous auth by * none
access to * by dn=cn=posthouse,dc=example,dc=test read by * none
"""
# user: userPassword values
USERS = {
    "carol": [(SEEDS / "dovecot-ssha").read_text().strip()],
    "dave": ["{CRYPT}" + (SEEDS / "crypt-sha512crypt").read_text().strip()],
    "star*(x)": ["{CRYPT}" + (SEEDS / "crypt-sha512crypt").read_text().strip()],
    "two": ["{SSHA}98iIdaQUiLiPzezWx5UImm1m2NQcqIdY", "{PLAIN}secret"],
    "long": ["{PLAIN}" + "x" * 2000],
    "none": [],
}
FILE = """\
uris = ldap://127.0.0.1:{port}
dn = cn=posthouse,dc=example,dc=test
dnpass = of-posthouse
base = ou=people,dc=example,dc=test
pass_filter = (&(objectClass=posixAccount)(uid=%n))
pass_attrs = uid=user,userPassword=password,homeDirectory=home
"""
BIND = """\
uris = ldaps://localhost:{port}
dn = cn=posthouse,dc=example,dc=test
dnpass = of-posthouse
base = ou=people,dc=example,dc=test
scope = onelevel
auth_bind = yes
pass_filter = (&(objectClass=posixAccount)(uid=%n))
tls_ca_cert_file = {authority}
"""


def entry(kind, number, user, passwords):
    return (f"dn: cn={kind}{number},ou=people,dc=example,dc=test\nobjectClass: account\n"
            f"objectClass: posixAccount\ncn: {kind}{number}\nuid: {user}\nuidNumber: 5000\n"
            "gidNumber: 5000\nhomeDirectory: /nonexistent\n" +
            "".join(f"userPassword: {p}\n" for p in passwords) + "\n")


class Slapd:
    def __init__(self, certificate):
        self.directory = Path(tempfile.mkdtemp(prefix="slapd-", dir="/var/tmp"))
        (self.directory / "data").mkdir()
        pair = [shutil.copy(file, self.directory) for file in certificate]
        (self.directory / "slapd.conf").write_text(CONFIG.format(
            directory=self.directory, certificate=pair[0], key=pair[1]))
        text = ("dn: dc=example,dc=test\nobjectClass: dcObject\nobjectClass: organization\n"
                "o: x\ndc: example\n\ndn: ou=people,dc=example,dc=test\n"
                "objectClass: organizationalUnit\nou: people\n\n"
                "dn: cn=posthouse,dc=example,dc=test\nobjectClass: applicationProcess\n"
                "objectClass: simpleSecurityObject\ncn: posthouse\nuserPassword: of-posthouse\n\n")
        for number, (user, passwords) in enumerate(USERS.items()):
            text += entry("person", number, user, passwords)
        text += entry("twin", 1, "twins", USERS["carol"]) + entry("twin", 2, "twins",
                                                                 USERS["carol"])
        (self.directory / "ldif").write_text(text)
        subprocess.run(["chown", "-R", "openldap:openldap", self.directory], check=True)
        self.run("/usr/sbin/slapadd", "-f", f"{self.directory}/slapd.conf", "-l",
                 f"{self.directory}/ldif")
        self.start()

    def run(self, *words):
        return subprocess.run(["setpriv", "--reuid", "openldap", "--regid", "openldap",
                               "--clear-groups", *words], check=True, cwd="/", timeout=60)

    def start(self):
        self.process = subprocess.Popen(
            ["setpriv", "--reuid", "openldap", "--regid", "openldap", "--clear-groups",
             "/usr/sbin/slapd", "-d", "0", "-f", f"{self.directory}/slapd.conf", "-h",
             f"ldap://127.0.0.1:{PORT} ldaps://127.0.0.1:{TLS_PORT}"], cwd="/",
            stderr=subprocess.DEVNULL)
        posthouse.wait_until(lambda: subprocess.run(
            ["bash", "-c", f"< /dev/tcp/127.0.0.1/{PORT}"], stderr=subprocess.DEVNULL)
            .returncode == 0, 10, "slapd listens")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def use(system, text):
    (system.directory / "ldap.conf").write_text(text)
    system.command("reload")


def everybody_is_there(system):
    for user in "carol", "dave":
        assert rcpt(system, user) == 250, user
        system.send(f"{user}@example.test", subject=f"for {user}")
        assert login(system, f"{user}@example.test") == "OK", user
        assert login(system, f"{user}@example.test", "wrong") == "NO", user
    assert rcpt(system, "nobody") == 550 and login(system, "nobody") == "NO"
    assert rcpt(system, "none") == 250 and login(system, "none") == "NO"


def names_are_never_filters(system):
    assert rcpt(system, '"star*(x)"') == 250 and login(system, '"star*(x)"@example.test') == "OK"
    for name in ("*", "c*", "carol)(uid=*", "carol))(|(uid=*", "\\2a", "carol\\00", "%u", "%n",
                 "*)(objectClass=*", "star\\2a(x)", "star*(y)"):
        quoted = '"' + name.replace("\\", "\\\\") + '"'
        assert rcpt(system, quoted) == 550, name
        assert login(system, quoted + "@example.test") == "NO", name
        assert login(system, name) == "NO", name


def odd_answers_are_later(system):
    for name in "twins", "long", "two":
        assert rcpt(system, name) == 451, name
        assert login(system, name) == "LATER", name
    assert rcpt(system, "dave") == 250
    assert "several entries" in system.log_text() and "several values" in system.log_text()


def restarts(system, slapd):
    slapd.stop()
    posthouse.wait_until(lambda: rcpt(system, "nobody-at-all") == 451, 10, "451 for the unknown")
    posthouse.wait_until(lambda: login(system, "carol") == "LATER", 20, "later for a login")
    assert rcpt(system, "carol") == 250, "known for an hour"
    assert login(system, "builtin") == "OK"
    slapd.start()
    posthouse.wait_until(lambda: login(system, "carol") == "OK", 10, "carol logs in again")
    posthouse.wait_until(lambda: rcpt(system, "nobody-at-all") == 550, 10, "550 again")


def a_hanging_directory_holds_up_nobody_else(system):
    fake = Fake(FAKE_PORT)
    use(system, FILE.format(port=FAKE_PORT))
    others = [threading.Thread(target=login, args=(system, f"user{i}")) for i in range(30)]
    for each in others:
        each.start()
    time.sleep(0.2)
    waited = []
    while not waited or any(each.is_alive() for each in others):
        begin = time.monotonic()
        assert login(system, "builtin") == "OK" and rcpt(system, "builtin") == 250
        waited.append(time.monotonic() - begin)
    # who waited for it would do so for 5 s (serve/source_server.h), each time
    assert min(waited) < 3, f"builtin users wait for the directory: {waited}"
    for each in others:
        each.join()
    assert fake.taken, "nobody asked it"
    assert rcpt(system, "frank") == 451 and login(system, "frank") == "LATER"
    fake.close()


def tlv(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([0x84]) + size.to_bytes(4, "big")
    return bytes([tag]) + length + body


def nonsense_is_later(system):
    """Binds are answered well; what comes for a search is in `answer`."""
    success = tlv(10, b"\0") + tlv(4) + tlv(4)
    person = tlv(4, b"cn=x,dc=example,dc=test")

    def found(*attributes):
        return tlv(0x64, person, tlv(0x30, *attributes))

    def password(*values):
        return tlv(0x30, tlv(4, b"userPassword"), tlv(0x31, *(tlv(4, v) for v in values)))
    answers = {
        "no BER at all": lambda n: b"HTTP/1.1 200 OK\r\n\r\n",
        "a length without an end": lambda n: b"\x30\x84\xff\xff\xff\xff\x02\x01",
        "an answer to another question": lambda n: tlv(0x30, tlv(2, bytes([n + 40])),
                                                       tlv(0x65, success)),
        "an entry cut short": lambda n: tlv(0x30, tlv(2, bytes([n])), b"\x64\x7f\x04\x01x"),
        "bytes where a result is": lambda n: tlv(0x30, tlv(2, bytes([n])), tlv(0x65, b"\xff" * 9)),
        "ten megabytes": lambda n: tlv(0x30, tlv(2, bytes([n])), found(password(
            b"{PLAIN}" + b"x" * 10_000_000))),
        "the end": lambda n: b"",
    }
    later = {
        "a NUL in the password": found(password(b"{PLAIN}sec\0ret")),
        "two passwords": found(password(b"{PLAIN}secret", b"{PLAIN}other")),
    }
    for name, entry_bytes in later.items():
        answers[name] = lambda n, e=entry_bytes: tlv(0x30, tlv(2, bytes([n])), e) + tlv(
            0x30, tlv(2, bytes([n])), tlv(0x65, success))
    # The tools of this test work: with this one she logs in.
    answers["sense"] = lambda n: tlv(0x30, tlv(2, bytes([n])), found(password(
        b"{PLAIN}secret"))) + tlv(0x30, tlv(2, bytes([n])), tlv(0x65, success))
    current = None

    def serve(connection):
        while data := connection.recv(65536):
            number = data[data.index(b"\x02\x01") + 2]
            if b"\x60" in data[:12]:
                connection.sendall(tlv(0x30, tlv(2, bytes([number])), tlv(0x61, success)))
            elif b"\x63" in data[:12]:
                answer = answers[current](number)
                if not answer:
                    return
                connection.sendall(answer)
    fake = Fake(FAKE_PORT, serve)
    for place, current in enumerate(answers):
        use(system, FILE.format(port=FAKE_PORT))
        expected = ("OK", 250) if current == "sense" else ("LATER", 451)
        user = f"user{place}"
        assert rcpt(system, user) == expected[1], current
        assert login(system, user) == expected[0], current
        assert login(system, "builtin") == "OK", current
    fake.close()
    assert system.json("status"), "still there"
    restarts_of = [row["restarts"] for row in system.json("status") if row["process"] == "ldap"]
    assert restarts_of in ([0], [1]), "nonsense ended the process"


def passwords_are_checked_there(system, slapd, authority):
    use(system, BIND.format(port=TLS_PORT, authority=authority))
    posthouse.wait_until(lambda: login(system, "carol") == "OK", 10, "carol binds")
    assert login(system, "carol", "wrong") == "NO"
    assert login(system, "dave") == "OK" and login(system, "nobody") == "NO"
    assert login(system, '"star*(x)"@example.test') == "OK"
    assert rcpt(system, "dave") == 250 and rcpt(system, "nobody") == 550
    slapd.stop()
    posthouse.wait_until(lambda: login(system, "carol") == "LATER", 20, "later for a login")
    slapd.start()
    posthouse.wait_until(lambda: login(system, "carol") == "OK", 10, "carol binds again")


def certificates_are_looked_at(system, authority, other):
    """The name in the certificate is localhost."""
    good = BIND.format(port=TLS_PORT, authority=authority)
    use(system, good.replace("ldaps://localhost", "ldaps://127.0.0.1"))
    assert login(system, "carol") == "LATER", "an address that is not in the certificate"
    use(system, good.replace(str(authority), str(other)))
    assert login(system, "carol") == "LATER", "another authority"
    use(system, good.replace("ldaps", "ldap").replace(str(TLS_PORT), str(PORT)) + "tls = yes\n")
    posthouse.wait_until(lambda: login(system, "carol") == "OK", 10, "carol by StartTLS")


def mistakes_are_one_sentence(system):
    file = system.directory / "ldap.conf"
    good = file.read_text()
    for old, new, expected in (
            ("pass_attrs", "pass_atrs", "expected one of uris, dn"),
            ("(uid=%n))", "(uid=%n)", "one filter in parentheses"),
            ("(uid=%n)", "(%n=x)", "in the value of a filter"),
            ("(uid=%n)", "(uid=%x)", "in the value of a filter"),
            ("ldap://", "http://", "expected ldap://HOST"),
            ("base =", "# base =", "expected dc=example,dc=com")):
        assert old in good
        file.write_text(good.replace(old, new))
        done = system.command("serve", "--check", check=False)
        assert done.returncode == 1 and expected in done.stderr and str(file) in done.stderr, \
            (new, done.stderr)
        assert "of-posthouse" not in done.stderr
    file.write_text(good)
    assert system.command("serve", "--check").returncode == 0


def main():
    peers.enter("slapd")
    with tempfile.TemporaryDirectory() as folder, \
            posthouse.System(smtpd_client_auth_rate_limit=0, auth_failure_delay="0s") as system:
        Path(folder).chmod(0o755)
        authority, other = [certificates.Authority(Path(folder), name) for name in ("a", "b")]
        slapd = Slapd(authority.issue("slapd", "localhost"))
        try:
            file = system.directory / "ldap.conf"
            file.write_text(FILE.format(port=PORT))
            file.chmod(0o600)
            system.set(accounts=f"builtin ldap:{file}")
            system.add_user("builtin@example.test", "secret")
            mistakes_are_one_sentence(system)
            system.start()
            everybody_is_there(system)
            names_are_never_filters(system)
            odd_answers_are_later(system)
            restarts(system, slapd)
            a_hanging_directory_holds_up_nobody_else(system)
            nonsense_is_later(system)
            # CA files are read before the jail
            file.write_text(BIND.format(port=TLS_PORT, authority=authority.pem))
            (system.directory / "other.conf").write_text(
                BIND.format(port=TLS_PORT, authority=other.pem))
            system.set(accounts=f"builtin ldap:{file} ldap:{system.directory}/other.conf")
            system.restart()
            system.set(accounts=f"builtin ldap:{file}")
            passwords_are_checked_there(system, slapd, authority.pem)
            certificates_are_looked_at(system, authority.pem, other.pem)
        finally:
            slapd.stop()
            shutil.rmtree(slapd.directory, ignore_errors=True)


main()
