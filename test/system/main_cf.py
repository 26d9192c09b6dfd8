#!/usr/bin/python3
"""Seven parameters mean here what they mean to Debian's Postfix: each piece of a
main.cf below is given to both; values after $name, what is local, relayed and refused
at RCPT, and where is listened, must be the same."""
import socket
import smtplib
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import peers
import posthouse
import servers
from posthouse import wait_until

# Domains and clients of its own ({n}: the number of the case) show that an answer is of
# the case. MISTAKE: one refuses to begin, the other each recipient.
MISTAKE = "mistake"
FILES = {
    "names": "# of a file\nc{n}.example\n\nB{n}.example, a{n}.example\n",
    "nested": "{folder}/names\nd{n}.example\n",
    "table": "c{n}.example  OK\n# not\nb{n}.example x\n  continued{n}.example\n",
    "networks": "127.{n}.0.0/24\n# not 127.{n}.9.9\n127.{n}.2.1\n",
    "mailname": "c{n}.example\nsecond.example\n",
}
HOST = "myhostname = mail.c{n}.example\n"
VALUES = [
    ("as the chapter writes it", "myhostname = mail.linuxprobe.com\nmydomain = linuxprobe.com\n"
     "myorigin = $mydomain\ninet_interfaces = all\nmydestination = $myhostname , $mydomain\n"),
    ("$name in brackets", HOST + "mydestination = ${{myhostname}} $(mydomain),x.$mydomain.$(mydomain)\n"),
    ("a name that has a value", HOST + "mydestination = ${{myhostname?yes.example}} ${{relay_domains?no.example}}\n"
     "relay_domains =\n"),
    ("a name that has none", HOST + "mydestination = ${{myhostname:no.example}} ${{relay_domains:yes.example}}\n"
     "relay_domains =\n"),
    ("text in braces", HOST + "mydestination = ${{relay_domains?{{a}}:{{b.example}}}} $(myhostname?{{c.example}}:{{d}})\n"
     "relay_domains =\n"),
    ("a name in text", HOST + "mydestination = ${{myhostname?${{mydomain}} x.$mydomain}}\n"),
    ("of another before it is set", "mydestination = $relay_domains\n" + HOST + "relay_domains = a.example\n"),
    ("mydomain of myhostname", "myhostname = a.b.c.example\nmydestination = $mydomain\n"),
    ("the last counts", "mydestination = a.example\nmydestination = b.example\n" + HOST),
    ("continued", HOST + "mydestination = $myhostname,\n\tb.example\n   c.example\n"),
    ("comments within", HOST + "mydestination = $myhostname,\n# one\n  # two\n\tb.example\n#three\n c.example\n"),
    ("empty lines within", HOST + "mydestination = a.example\n\n   \n  b.example\n\nrelay_domains = x.example\n"),
    ("white space and commas", HOST + "mydestination=a.example,,b.example\tc.example , \n\n"
     "   mynetworks   =   127.0.0.0/8\n".replace("   mynetworks", "mynetworks")),
    ("# behind a value is of it", HOST + "mydestination = a.example #b.example\n"),
    ("a value of nothing", HOST + "mydestination =\nrelay_domains =\n"),
]
# (name, piece, domains or None (a name alone) as recipients)
DOMAINS = [
    ("names", "mydestination = c{n}.example, localhost", ["c{n}.example", "x.c{n}.example", "b.example"]),
    ("upper case", "mydestination = C{n}.Example", ["c{n}.example", "C{n}.EXAMPLE"]),
    ("no names below", "mydestination = .c{n}.example, b{n}.example",
     ["c{n}.example", "x.c{n}.example", "b{n}.example"]),
    ("as the chapter writes it", HOST + "mydestination = $myhostname , $mydomain",
     ["c{n}.example", "mail.c{n}.example", "x.c{n}.example"]),
    ("its own names by default", HOST.strip(), ["mail.c{n}.example", "localhost.c{n}.example", "c{n}.example"]),
    ("! before", "mydestination = !b{n}.example c{n}.example b{n}.example", ["c{n}.example", "b{n}.example"]),
    ("! behind", "mydestination = b{n}.example c{n}.example !b{n}.example", ["c{n}.example", "b{n}.example"]),
    ("! twice", "mydestination = !!c{n}.example", ["c{n}.example"]),
    ("a file", "mydestination = {folder}/names", ["a{n}.example", "b{n}.example", "c{n}.example", "d.example"]),
    ("a file in a file", "mydestination = {folder}/nested", ["a{n}.example", "d{n}.example"]),
    ("all of a file not", "mydestination = !{folder}/names c{n}.example d{n}.example",
     ["c{n}.example", "d{n}.example"]),
    ("a table", "mydestination = texthash:{folder}/table",
     ["c{n}.example", "b{n}.example", "continued{n}.example", "OK"]),
    ("relayed", "relay_domains = c{n}.example", ["c{n}.example", "x.c{n}.example", "y.x.C{n}.example",
                                               "xc{n}.example", "example"]),
    ("relayed, with a dot", "relay_domains = .c{n}.example b{n}.example",
     ["c{n}.example", "x.c{n}.example", "b{n}.example"]),
    ("relayed but one", "relay_domains = !x.c{n}.example, c{n}.example",
     ["c{n}.example", "x.c{n}.example", "y.x.c{n}.example", "y.c{n}.example"]),
    ("relayed but one, too late", "relay_domains = c{n}.example, !x.c{n}.example", ["c{n}.example", "x.c{n}.example"]),
    ("relayed of a file", "relay_domains = {folder}/names, !d{n}.example",
     ["a{n}.example", "x.b{n}.example", "c{n}.example", "d{n}.example"]),
    ("relayed of a table", "relay_domains = texthash:{folder}/table", ["c{n}.example", "x.b{n}.example", "OK"]),
    ("relayed and local", "mydestination = x.c{n}.example\nrelay_domains = c{n}.example",
     ["c{n}.example", "x.c{n}.example", "y.x.c{n}.example"]),
    ("what is local is relayed", "mydestination = c{n}.example\nrelay_domains = $mydestination",
     ["c{n}.example", "x.c{n}.example"]),
]
# (name, piece, clients)
CLIENTS = [
    ("a network", "mynetworks = 127.{n}.0.0/16", ["127.{n}.3.4", "127.250.0.1", "::1"]),
    ("an address", "mynetworks = 127.{n}.0.1, 127.{n}.0.2/32", ["127.{n}.0.1", "127.{n}.0.2", "127.{n}.0.3"]),
    ("both families", "mynetworks = 127.{n}.0.0/16 [::1]/128", ["127.{n}.0.1", "::1"]),
    ("brackets", "mynetworks = 127.{n}.0.0/16, [::1]", ["127.{n}.0.1", "::1"]),
    ("of IPv4 in IPv6", "mynetworks = 127.{n}.0.0/16 [::ffff:127.250.0.0]/112 [::1]/128",
     ["127.{n}.0.1", "127.250.0.1", "::1"]),
    ("! before", "mynetworks = !127.{n}.1.0/24, 127.{n}.0.0/16", ["127.{n}.1.1", "127.{n}.0.1"]),
    ("! behind", "mynetworks = 127.{n}.0.0/16, !127.{n}.1.0/24", ["127.{n}.1.1", "127.{n}.0.1"]),
    ("a file", "mynetworks = {folder}/networks", ["127.{n}.0.1", "127.{n}.2.1", "127.{n}.2.2", "127.{n}.9.9"]),
    ("all of a file not", "mynetworks = !{folder}/networks 127.{n}.0.0/16", ["127.{n}.0.1", "127.{n}.7.1"]),
    ("bits of a host", "mynetworks = 127.{n}.0.1/8", ["127.{n}.0.1"]),
    ("no address", "mynetworks = 127.{n}.0.0.1/8", ["127.{n}.0.1"]),
    ("too long", "mynetworks = 127.{n}.0.0/33", ["127.{n}.0.1"]),
    ("no such file", "mynetworks = {folder}/none", ["127.{n}.0.1"]),
]
ORIGINS = [
    ("a name", "myorigin = c{n}.example\nmydestination = c{n}.example"),
    ("$mydomain", HOST + "myorigin = $mydomain\nmydestination = $mydomain"),
    ("the first line of a file", "myorigin = {folder}/mailname\nmydestination = c{n}.example"),
]
NOBODY = "mynetworks = 192.0.2.1\n"
HOSTS = "127.0.0.1 localhost\n127.0.3.1 mail.linuxprobe.com mail\n::1 localhost ip6-localhost\n"
INTERFACES = ["all", "loopback-only", "127.0.0.2, [::1]", "$myhostname, localhost", "localhost, 127.0.0.1"]


class Case:
    """A piece for both, and what each of them answers to its probes."""
    count = 1

    def __init__(self, top, name, piece, probes):
        self.number = Case.count
        Case.count += 1
        self.name, self.folder = name, top / str(self.number)
        self.folder.mkdir()
        for file, text in FILES.items():
            (self.folder / file).write_text(self.fill(text))
        self.piece = self.fill(piece) + "\n"
        self.probes = [(self.fill(client), self.fill(domain)) for client, domain in probes]
        (self.folder / "main.cf").write_text("compatibility_level = 3.6\n" + self.piece)

    def fill(self, text):
        return text.format(n=self.number, folder=self.folder)

    def value(self, name):
        """As Postfix reads it."""
        return subprocess.run(["postconf", "-c", self.folder, "-x", "-h", name], check=True,
                              text=True, capture_output=True).stdout.strip()

    def answers(self, port):
        return [ask(port, client, domain) for client, domain in self.probes]


def ask(port, client, domain):
    """local, relayed, refused or a mistake: what this server thinks of a recipient."""
    host = "::1" if ":" in client else "127.0.0.1"
    try:
        with smtplib.SMTP(host, port, timeout=20, source_address=(client, 0)) as smtp:
            smtp.ehlo("client.example")
            smtp.mail("bob@sender.example")
            code, text = smtp.rcpt("nobody" + ("@" + domain if domain else ""))
    except (smtplib.SMTPException, ConnectionError):
        return MISTAKE
    if code == 250:
        return "relayed"
    if text.startswith(b"5.1.1"):
        return "local"
    if text.startswith(b"5.7.1"):
        return "refused"
    return MISTAKE if b"lookup failure" in text else f"{code} {text}"


def services(cases):
    """master.cf of a Postfix that has an smtpd and a resolver for each."""
    rows = []
    for case in cases:
        values = [f"rewrite_service_name=rewrite{case.number}", "local_recipient_maps=inline:{{x=x}}"]
        values += [f"{name}={case.value(name)}" for name in ("myhostname", "mydomain", "myorigin",
                   "mydestination", "relay_domains", "mynetworks")]
        words = " ".join(f"-o {{ {value} }}" for value in values)
        rows.append(f"rewrite{case.number} unix - - n - - trivial-rewrite {words}")
        for host in ("127.0.0.1", "[::1]"):
            rows.append(f"{host}:{3000 + case.number} inet n - n - - smtpd {words}")
    return "\n".join(rows) + "\n"


def decisions(system, cases):
    server = servers.Postfix("postfix.example", ["x"], listen="127.0.0.1:2600", parameters=[
        "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination",
        "smtpd_recipient_restrictions =", "smtpd_error_sleep_time = 0", "soft_bounce = no",
        "smtpd_peername_lookup = no", "virtual_mailbox_domains ="])
    with (server.directory / "etc/master.cf").open("a") as file:
        file.write(services(cases))
    with server:
        expected = {case: case.answers(3000 + case.number) for case in cases}
    base = "".join(line for line in system.config.read_text().splitlines(True)
                   if not line.startswith(("myhostname", "mydomain", "mydestination")))
    differ = []
    for case, theirs in expected.items():
        assert set(theirs) - {"refused"}, f"{case.name}: shows nothing"
        system.config.write_text(base + case.piece)
        done = system.command("reload", check=False)
        if done.returncode != 0 or set(theirs) == {MISTAKE}:
            ours = [MISTAKE if done.returncode != 0 else "accepted"] * len(theirs)
        else:
            try:
                wait_until(lambda: case.answers(system.port("smtp")) == theirs, 4)
            except AssertionError:
                pass
            ours = case.answers(system.port("smtp"))
        if ours != theirs:
            differ.append(f"{case.name}: {case.piece}{case.probes}\n  Postfix {theirs}\n  here    {ours}"
                          f"\n  {done.stderr}")
    assert not differ, "\n".join(differ)


def values(system, top):
    file = top / "values.conf"
    for name, piece in VALUES:
        case = Case(top, name, piece, [])
        file.write_text(case.piece)
        for parameter in ("myhostname", "mydomain", "mydestination", "relay_domains"):
            if parameter not in case.piece:
                continue
            done = subprocess.run([str(system.posthouse), "-c", str(file), "config", parameter],
                                  text=True, capture_output=True)
            assert done.returncode == 0, (name, done.stderr)
            ours = done.stdout.partition("=")[2].replace(",", " ").split()
            theirs = case.value(parameter).replace(",", " ").split()
            assert ours == theirs, f"{name}: {parameter}: Postfix {theirs}, here {ours}"


def listening(port):
    """The addresses of this network namespace on which somebody listens there."""
    found = set()
    for family, path in ((socket.AF_INET, "/proc/net/tcp"), (socket.AF_INET6, "/proc/net/tcp6")):
        for line in Path(path).read_text().splitlines()[1:]:
            local, _, state = line.split()[1:4]
            host, number = local.split(":")
            if state == "0A" and int(number, 16) == port:
                words = bytes.fromhex(host)
                found.add(socket.inet_ntop(family, b"".join(
                    words[i:i + 4][::-1] for i in range(0, len(words), 4))))
    return found


def interfaces(system, top):
    hosts = top / "hosts"
    hosts.write_text(HOSTS)
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
    base = system.config.read_text() + "myhostname = mail.linuxprobe.com\n"
    for value in INTERFACES:
        # Postfix wants them on an interface, and has all such in loopback-only
        for address in ("127.0.0.2", "127.0.3.1"):
            word = "del" if value == "loopback-only" else "replace"
            subprocess.run(["ip", "address", word, f"{address}/32", "dev", "lo"], check=word != "del",
                           stderr=subprocess.DEVNULL)
        server = servers.Postfix("linuxprobe.com", ["x"], listen="2600", parameters=[
            "myhostname = mail.linuxprobe.com", f"inet_interfaces = {value}"])
        with server:
            theirs = wait_until(lambda: listening(2600), 10, f"Postfix listens on {value}")
        system.config.write_text(f"{base}inet_interfaces = {value}\n")
        system.restart()
        ours = listening(system.port("smtp"))
        assert ours == theirs, f"inet_interfaces = {value}: Postfix {theirs}, here {ours}"


def main():
    peers.enter("postfix")
    with posthouse.System("main-cf.example", smtpd_hard_error_limit=100) as system:
        system.set(inet_interfaces="127.0.0.1, ::1", mynetworks="", mydestination="",
                   smtpd_client_connection_rate_limit=0, smtpd_client_recipient_rate_limit=0,
                   smtpd_client_message_rate_limit=0, smtpd_client_connection_count_limit=0)
        top = system.directory / "cases"
        top.mkdir()
        values(system, top)
        cases = [Case(top, name, piece if "mynetworks" in piece else NOBODY + piece,
                      [("127.0.0.1", domain) for domain in domains]) for name, piece, domains in DOMAINS]
        cases += [Case(top, name, "mydestination =\n" + piece, [(client, "elsewhere.example") for client in clients])
                  for name, piece, clients in CLIENTS]
        cases += [Case(top, name, "mynetworks = 127.0.0.0/8\n" + piece, [("127.0.0.1", "")])
                  for name, piece in ORIGINS]
        system.start()
        decisions(system, cases)
        interfaces(system, top)


main()
