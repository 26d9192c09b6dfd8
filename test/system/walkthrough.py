#!/usr/bin/python3
"""The chapter from which administrators learn mail, step by step with its own
lines: a host 192.168.10.10 that is the nameserver too, a client 192.168.10.30 that
asks nobody else, system users, an mbox below /var/mail, `mail` in a terminal,
aliases; behind the host a small Internet with a root of its own. Another site's
Postfix finds the host by its MX record, and mail waits while a server is away."""
import base64
import contextlib
import smtplib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import dns
import installed
import network
import peers
import posthouse
import servers
import terminal
from zones import BOOK, SIGNED, UNSIGNED, Zones

HOST = "mail.linuxprobe.com"
SERVER = "192.168.10.10"
BRANCH = "branch.example"
# all of the Internet beyond 192.168.10.10
ELSEWHERE = {
    "signed": (SIGNED, "www A 203.0.113.80\nwww AAAA 2001:db8::80\n"),
    "example": (UNSIGNED, "branch MX 10 mail.branch\nmail.branch A 192.168.10.50\n"),
}
ROOTS = ["198.41.0.4", "170.247.170.2", "192.33.4.12", "199.7.91.13", "192.203.230.10",
         "192.5.5.241", "192.112.36.4", "198.97.190.53", "192.36.148.17", "192.58.128.30",
         "193.0.14.129", "199.7.83.42", "202.12.27.33"]
POSTFIX_LINES = """\
myhostname = mail.linuxprobe.com
mydomain = linuxprobe.com
myorigin = $mydomain
inet_interfaces = all
mydestination = $myhostname , $mydomain
"""
DOVECOT_LINES = """\
protocols = imap pop3 lmtp
disable_plaintext_auth = no
login_trusted_networks = 192.168.10.0/24
mail_location = mbox:~/mail:INBOX=/var/mail/%u
"""
BODY = "你好，这封信是用 GB2312 写的。"
SUBJECT = "中文主题"
ALIASES = "mailer-daemon: postmaster\npostmaster: root\nbin: root\n"


class Machine:
    """A host of the book's network, with /etc/resolv.conf and hosts of its own."""

    def __init__(self, name, address, nameserver=SERVER):
        self.name = name
        network.ip("netns", "add", name)
        network.ip("link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0",
                   "netns", name)
        network.ip("link", "set", f"to-{name}", "master", "wire", "up")
        network.ip("-n", name, "link", "set", "lo", "up")
        network.ip("-n", name, "address", "add", address, "dev", "eth0")
        network.ip("-n", name, "link", "set", "eth0", "up")
        etc = Path("/etc/netns") / name
        etc.mkdir(parents=True)
        (etc / "hosts").write_text("127.0.0.1 localhost\n")
        (etc / "resolv.conf").write_text(f"nameserver {nameserver}\noptions trust-ad\n")

    def run(self, *words, **options):
        return installed.run("ip", "netns", "exec", self.name, *words, **options)

    def words(self, *words):
        return ["ip", "netns", "exec", self.name, *words]

    def enter(self):
        """This process, and what it starts, from now on; resolv.conf is another matter."""
        with open(f"/run/netns/{self.name}") as file:
            assert network.LIBC.setns(file.fileno(), network.CLONE_NEWNET) == 0

    @contextlib.contextmanager
    def inside(self):
        with open("/proc/thread-self/ns/net") as before:
            self.enter()
            try:
                yield
            finally:
                network.LIBC.setns(before.fileno(), network.CLONE_NEWNET)


class Mail(posthouse.System):
    """The system of /etc/posthouse on its real ports, on the machine of the book."""

    def __init__(self, machine):     # nothing of a test's own directory
        self.machine = machine
        self.directory = Path("/run/walkthrough")
        self.directory.mkdir()
        self.config = installed.ETC / "posthouse.conf"
        self.posthouse = Path("/usr/local/bin/posthouse")
        self.environment, self.process = None, None
        self.output = self.directory / "stdout"
        self.log = Path("/var/lib/posthouse/log/posthouse.log")
        installed.ETC.mkdir(exist_ok=True)
        installed.run("posthouse", "init", "--domain", "linuxprobe.com",
                      input="postmaster-secret\n")


def five_lines_and_four(mail):
    text = mail.config.read_text()
    mine = POSTFIX_LINES + DOVECOT_LINES
    names = {line.split("=")[0].strip() for line in mine.splitlines()}
    kept = [line for line in text.splitlines() if line.split("=")[0].strip() not in names]
    mail.config.write_text("\n".join(kept) + "\n" + mine + "minimal_backoff_time = 1s\n")
    Path("/etc/aliases").write_text(ALIASES)


def zone_file(mail, anchor):
    """The zone file as BIND has it, and whom to believe about the rest of the world."""
    zone = installed.ETC / "linuxprobe.com.zone"
    zone.write_text(BOOK)
    mail.set(dns_zones=zone, dns_trust_anchor_file=anchor)
    # as the book sets its host up: it is its own nameserver
    Path("/etc/resolv.conf").write_text(f"nameserver {SERVER}\n")


class Internet:
    """Behind the host: a root, and all zones below it, on one machine."""

    def __init__(self):
        self.machine = Machine("internet", "203.0.113.1/24")
        for address in ROOTS:
            network.ip("-n", "internet", "address", "add", f"{address}/32", "dev", "lo")
        self.directory = Path("/run/internet")
        self.directory.mkdir()
        self.zones = Zones(self.directory, ELSEWHERE,
                           [f"{address}@53" for address in ["203.0.113.1", *ROOTS]])

    def __enter__(self):
        with self.machine.inside():
            self.zones.start()
        return self

    def __exit__(self, *_):
        self.zones.stop()


def users():
    installed.add_user("boss", "linuxprobe")
    installed.add_user("homeless", "linuxprobe", home=False)
    installed.as_user("boss", "mkdir -p mail/.imap/INBOX")
    assert Path("/home/boss/mail/.imap/INBOX").is_dir()
    assert not Path("/home/homeless").exists()


def the_zone_is_served(client):
    """What the book asks with nslookup, and what a client's libc finds."""
    with client.inside():
        for ask in (dns.ask, dns.ask_udp):
            answer = ask((SERVER, 53), "linuxprobe.com", dns.MX)
            assert answer.data(dns.MX) == [f"10 {HOST}"], vars(answer)
            assert ask((SERVER, 53), HOST, dns.A).data(dns.A) == [SERVER]
            assert ask((SERVER, 53), "linuxprobe.com", dns.NS).data(dns.NS) == ["ns.linuxprobe.com"]
            assert ask((SERVER, 53), "no.linuxprobe.com", dns.A).rcode == dns.NO_SUCH_NAME
    assert client.run("getent", "ahostsv4", HOST).split()[0] == SERVER


def everything_else_is_resolved(client):
    with client.inside():
        answer = dns.ask_udp((SERVER, 53), "www.signed", dns.A)
        assert answer.data(dns.A) == ["203.0.113.80"] and answer.is_secure, vars(answer)
        assert answer.offers_recursion
        answer = dns.ask((SERVER, 53), BRANCH, dns.MX)
        assert answer.data(dns.MX) == [f"10 mail.{BRANCH}"] and not answer.is_secure, vars(answer)
        assert dns.ask_udp((SERVER, 53), "nothing.signed", dns.A).rcode == dns.NO_SUCH_NAME
    assert client.run("getent", "ahostsv4", "www.signed").split()[0] == "203.0.113.80"


def strangers_get_no_resolver(stranger):
    """Our zone is for all the world, the rest is not (RFC 5358)."""
    with stranger.inside():
        there = ("203.0.113.10", 53)
        for ask in (dns.ask, dns.ask_udp):
            answer = ask(there, "linuxprobe.com", dns.MX)
            assert answer.data(dns.MX) == [f"10 {HOST}"] and not answer.offers_recursion
            for name in ("www.signed", "www.new.signed", BRANCH):
                answer = ask(there, name, dns.A)
                assert answer.rcode == dns.REFUSED and not answer.records, (name, vars(answer))
        # nor when they write to the other address of the same machine
        answer = dns.ask_udp((SERVER, 53), "www.signed", dns.A)
        assert answer.rcode == dns.REFUSED, vars(answer)


def gb2312(to, subject, body):
    return (f"From: <boss@linuxprobe.com>\r\nTo: <{to}>\r\nSubject: {subject}\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=\"gb2312\"\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\n" +
            base64.b64encode(body.encode("gb2312")).decode() + "\r\n")


def encoded(text):
    return "=?gb2312?B?" + base64.b64encode(text.encode("gb2312")).decode() + "?="


def curl_sends(client, to, message):
    path = Path("/run/message")
    path.write_text(message)
    # tries encryption first, as the book's client does
    client.run("curl", "-sSk", "--ssl", "--mail-from", "boss@linuxprobe.com",
               "--mail-rcpt", to, "-T", path, f"smtp://{HOST}")


def msmtp_sends(client, to, message):
    client.run("msmtp", "--host", HOST, "--port", "587", "--auth=plain", "--user=boss",
               "--passwordeval=echo linuxprobe", "--tls=off", "--from=boss@linuxprobe.com", to,
               input=message)


def arrived(user, count):
    file = installed.MAIL / user
    posthouse.wait_until(lambda: file.exists() and
                         file.read_bytes().count(b"\nReturn-Path: ") +
                         file.read_bytes().startswith(b"Return-Path: ") == count,
                         20, f"{count} messages in {file}")
    return file


def boss_sends_to_root(client):
    curl_sends(client, "root@linuxprobe.com", gb2312("root@linuxprobe.com", "Hello~", BODY))
    file = arrived("root", 1)
    text = file.read_text(errors="surrogateescape")
    lines = text.splitlines()
    assert lines[0].startswith("From boss@linuxprobe.com "), lines[0]
    assert lines[1] == "Return-Path: <boss@linuxprobe.com>", lines[1]
    assert "X-Original-To: root@linuxprobe.com" in lines[:5], lines[:6]
    assert "Delivered-To: root@linuxprobe.com" in lines[:5], lines[:6]
    assert file.stat().st_mode & 0o077 in (0, 0o060), oct(file.stat().st_mode)


def client_receives(client):
    """POP3 and IMAP without and with encryption; msmtp and mutt and mbsync."""
    msmtp_sends(client, "boss@linuxprobe.com",
                "From: boss@linuxprobe.com\nTo: boss@linuxprobe.com\nSubject: to myself\n\nhi\n")
    msmtp_sends(client, "homeless@linuxprobe.com",
                "From: boss@linuxprobe.com\nSubject: no home\n\nhi\n")
    arrived("boss", 1)
    arrived("homeless", 1)
    for url in (f"pop3://{HOST}/1", f"imap://{HOST}/INBOX;MAILINDEX=1",
                f"pop3s://{HOST}/1", f"imaps://{HOST}/INBOX;MAILINDEX=1"):
        text = client.run("curl", "-sSk", "--user", "boss:linuxprobe", url)
        assert "Subject: to myself" in text, (url, text)
    text = client.run("curl", "-sSk", "--user", "homeless:linuxprobe", f"pop3://{HOST}/1")
    assert "Subject: no home" in text, text
    Path("/run/mbsyncrc").write_text(f"""IMAPAccount far
Host {HOST}
User boss
Pass linuxprobe
SSLType None
AuthMechs PLAIN

IMAPStore far
Account far

MaildirStore near
Path /run/near/
Inbox /run/near/INBOX

Channel all
Far :far:
Near :near:
Patterns *
Create Both
SyncState *
""")
    Path("/run/near").mkdir()
    client.run("mbsync", "-c", "/run/mbsyncrc", "all")
    got = [file.read_text() for file in Path("/run/near/INBOX").glob("*/*") if file.is_file()]
    assert sum("Subject: to myself" in text for text in got) == 1, got
    with terminal.Terminal(client.words(
            "mutt", "-F", "/dev/null", "-e", "set imap_pass=linuxprobe ssl_starttls=no "
            "ssl_force_tls=no mail_check=1 timeout=1 folder=/run", "-f", f"imap://boss@{HOST}/INBOX"),
            TERM="xterm") as screen:
        screen.wait("to myself")
        screen.type("q", enter=False)


def root_reads(mail, count):
    """`mail` in a terminal: the list, a message by its number, quit."""
    with terminal.Terminal(mail.machine.words("mail")) as screen:
        screen.wait("& ")
        text = screen.text()
        assert f'"/var/mail/root": {count} message' in text, text
        assert ">N  1 boss@linuxprobe" in text or "> N  1 boss" in text or ">N   1" in text, text
        assert "Hello~" in text, text
        screen.type("1")
        text = screen.wait(BODY)
        for line in ("Return-Path: <boss@linuxprobe.com>", "X-Original-To: root@linuxprobe.com",
                     "Delivered-To: root@linuxprobe.com", "Subject: Hello~"):
            assert line in text, (line, text)
        screen.type("quit")
        text = screen.wait_end()
        assert f"Held {count} message" in text and "/var/mail/root" in text, text


def others_read_the_same_file(mail):
    """What Debian's own programs see in the file that `mail` has left."""
    for program in ("s-nail", "bsd-mailx"):
        text = installed.run(program, "-n", "-f", "/var/mail/root", input="headers\nexit\n")
        assert "Hello~" in text and "boss" in text, (program, text)


def bin_is_an_alias(client, mail):
    curl_sends(client, "bin@linuxprobe.com", gb2312("bin@linuxprobe.com", "for bin", "a"))
    text = arrived("root", 2).read_text(errors="surrogateescape")
    assert "X-Original-To: bin@linuxprobe.com\nDelivered-To: root@linuxprobe.com" in text or \
        "Delivered-To: root@linuxprobe.com\nX-Original-To: bin@linuxprobe.com" in text, text
    assert not (installed.MAIL / "bin").exists()


def an_alias_takes_effect_at_once(client, mail):
    path = Path("/run/message")
    path.write_text("Subject: x\r\n\r\nx\r\n")
    refused = client.run("sh", "-c", "! curl -sSk --mail-from boss@linuxprobe.com --mail-rcpt "
                         f"xxoo@linuxprobe.com -T {path} smtp://{HOST} 2>&1")
    assert "550" in refused, refused
    with open("/etc/aliases", "a") as file:
        file.write("xxoo: root\n")
    mail.machine.run("newaliases")
    curl_sends(client, "xxoo@linuxprobe.com",
               gb2312("xxoo@linuxprobe.com", encoded(SUBJECT), "b"))
    arrived("root", 3)
    with terminal.Terminal(mail.machine.words("mail")) as screen:
        screen.wait("& ")
        text = screen.text()
        assert '"/var/mail/root": 3 messages' in text and SUBJECT in text, text
        screen.type("x")
        screen.wait_end()


def roots_file_may_be_removed(client):
    """As mail programs of root do with an empty one: the next message makes it."""
    (installed.MAIL / "root").unlink()
    curl_sends(client, "root@linuxprobe.com", gb2312("root@linuxprobe.com", "again", "c"))
    assert "Subject: again" in arrived("root", 1).read_text(errors="surrogateescape")


def a_stranger_is_turned_away(stranger):
    done = stranger.run("sh", "-c", "curl -sSk -v --user boss:linuxprobe "
                        f"imap://{HOST}/INBOX 2>&1; curl -sSk -v --user boss:linuxprobe "
                        f"pop3://{HOST}/1 2>&1; true")
    assert done.count("Logging in is not allowed from your network") == 2, done
    assert "Subject:" not in done, done


def hand_to(branch, subject, to):
    """What a user of the other site gives to his own server."""
    with branch.inside(), smtplib.SMTP("127.0.0.1", 25, timeout=30) as client:
        client.sendmail(f"carol@{BRANCH}", [to], f"Subject: {subject}\r\n\r\nx\r\n")


def mail_waits_for_those_who_are_away(mail, client, branch, postfix):
    """Another site finds us by MX; each server keeps what the other cannot take yet."""
    count = arrived("root", 1).read_text(errors="replace").count("\nSubject: ")
    hand_to(branch, "from another site", "root@linuxprobe.com")
    text = arrived("root", count + 1).read_text(errors="replace")
    assert f"Return-Path: <carol@{BRANCH}>" in text and "Subject: from another site" in text, text
    mail.stop()
    hand_to(branch, "while you were away", "root@linuxprobe.com")
    posthouse.wait_until(lambda: "status=deferred" in postfix.log(), 30, "Postfix keeps it")
    mail.start()
    text = arrived("root", count + 2).read_text(errors="replace")
    assert "Subject: while you were away" in text, text
    postfix.stop()
    posthouse.wait_until(lambda: not postfix.is_there(), 20, "Postfix has stopped")
    msmtp_sends(client, f"carol@{BRANCH}",
                gb2312(f"carol@{BRANCH}", "to the other site", BODY).replace("\r\n", "\n"))
    posthouse.wait_until(lambda: mail.json("queue", "list"), 20, "the queue keeps it")
    postfix.command("start")
    posthouse.wait_until(lambda: any(b"Subject: to the other site" in text
                                     for text in postfix.messages()), 60, "it is there")
    posthouse.wait_until(lambda: not mail.json("queue", "list"), 20, "an empty queue")


def main():
    peers.enter("mutt", "s-nail", "bsd-mailx", "tmux", "msmtp", "isync", "curl", "knot",
                "postfix", hostname=HOST)
    posthouse.need_programs("tmux", "mutt", "s-nail", "bsd-mailx", "msmtp", "mbsync", "curl")
    installed.install()
    network.Network()
    server = Machine("server", f"{SERVER}/24")
    network.ip("-n", "server", "address", "add", "203.0.113.10/24", "dev", "eth0")
    network.ip("-n", "server", "route", "add", "default", "via", "203.0.113.1")
    client = Machine("client", "192.168.10.30/24")
    branch = Machine("branch", "192.168.10.50/24")
    stranger = Machine("stranger", "203.0.113.40/24", nameserver="203.0.113.10")
    network.ip("-n", "stranger", "route", "add", f"{SERVER}/32", "via", "203.0.113.10")
    (Path("/etc/netns/stranger/hosts")).write_text(f"203.0.113.10 {HOST}\n")
    internet = Internet()
    server.enter()
    mail = Mail(server)
    five_lines_and_four(mail)
    zone_file(mail, internet.zones.anchor)
    users()
    postfix = servers.Postfix(BRANCH, ["carol"], words=lambda words: branch.words(*words),
                              parameters=["minimal_backoff_time = 1s", "queue_run_delay = 1s"])
    with internet, mail, postfix:
        mail.start()
        the_zone_is_served(client)
        everything_else_is_resolved(client)
        strangers_get_no_resolver(stranger)
        boss_sends_to_root(client)
        root_reads(mail, 1)
        client_receives(client)
        others_read_the_same_file(mail)
        bin_is_an_alias(client, mail)
        an_alias_takes_effect_at_once(client, mail)
        roots_file_may_be_removed(client)
        mail_waits_for_those_who_are_away(mail, client, branch, postfix)
        a_stranger_is_turned_away(stranger)


main()
