#!/usr/bin/python3
"""relay alone with Debian's Postfix as the other server: what is sent is what is
in the mailbox there, byte for byte, by DATA and by BDAT; 8-bit, UTF-8 addresses,
20 MB, refusals, and what was asked about reports is known there."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import lone
import posthouse

HOP = "[127.0.0.1]:2600"


class Postfix:
    """Takes mail for example.org into one file for each user."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="postfix-", dir="/var/tmp"))
        self.directory.chmod(0o755)
        etc = self.directory / "etc"
        for name in ("etc", "data", "spool", "mail"):
            (self.directory / name).mkdir()
        shutil.chown(self.directory / "data", "postfix")
        shutil.chown(self.directory / "mail", "nobody")
        rows = []
        for line in Path("/usr/share/postfix/master.cf.dist").read_text().splitlines():
            line = re.sub(r"^smtp(\s+)inet(.*)smtpd$", "127.0.0.1:2600 inet n - n - 100 smtpd", line)
            if re.match(r"^[a-z]+\s+unix\s", line):
                field = line.split()
                field[4] = "n"
                line = " ".join(field)
            rows.append(line)
        (etc / "master.cf").write_text("\n".join(rows) + "\n")
        uid = shutil._get_uid("nobody")
        (etc / "main.cf").write_text("\n".join([
            "compatibility_level = 3.6", f"queue_directory = {self.directory}/spool",
            f"data_directory = {self.directory}/data", "command_directory = /usr/sbin",
            "daemon_directory = /usr/lib/postfix/sbin", "mail_owner = postfix",
            "setgid_group = postdrop", "myhostname = mail.example.org",
            "inet_interfaces = 127.0.0.1", "inet_protocols = ipv4", "mydestination =",
            "mynetworks = 192.0.2.0/24",
            "virtual_mailbox_domains = example.org",
            "virtual_mailbox_maps = inline:{alice@example.org=alice}",
            f"virtual_mailbox_base = {self.directory}/mail",
            f"virtual_uid_maps = static:{uid}", f"virtual_gid_maps = static:{uid}",
            "virtual_mailbox_limit = 0", "message_size_limit = 50000000",
            "alias_maps =", "alias_database =", "local_recipient_maps =",
            "smtpd_tls_security_level = none", "smtputf8_enable = yes",
            f"maillog_file = {self.directory}/maillog",
            f"maillog_file_prefixes = {self.directory}", ""]))

    def command(self, word):
        return subprocess.run(["postfix", "-c", self.directory / "etc", word],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        self.command("start")
        posthouse.wait_until(lambda: "daemon started" in self.log(), 20, "Postfix starts")
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print(self.log()[-3000:])
        self.command("stop")
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self):
        file = self.directory / "maillog"
        return file.read_text(errors="replace") if file.exists() else ""

    def mailbox(self):
        file = self.directory / "mail/alice"
        return file.read_bytes() if file.exists() else b""


def arrives(postfix, content):
    """As it stands in an mbox file: LF, and From_ lines quoted."""
    text = content.replace(b"\r\n", b"\n")
    posthouse.wait_until(lambda: text in postfix.mailbox(), 30, f"{content[:40]!r} arrives")


def main():
    if os.environ.get("POSTHOUSE_PEERS") is None:
        os.environ["POSTHOUSE_PEERS"] = "1"
        os.execv(posthouse.TOP / "test/peers",
                 ["peers", "postfix", "--", "/usr/bin/python3", str(Path(__file__).resolve())])
    with Postfix() as postfix, lone.Lone("relay") as relay:
        client = lone.Lmtp(relay.wire("relay-lmtp"))

        def send(content, to="alice@example.org", extra=""):
            answer, = client.deliver(HOP, "bob@b.example", [to], content, extra)
            return answer

        small = b"Subject: small\r\n\r\n.\r\n..two dots\r\nFromage\r\n"
        assert send(small).startswith("250 2.0.0 host 127.0.0.1[127.0.0.1]:2600 said"), send(small)
        arrives(postfix, small[18:])
        assert "(in reply to BDAT)" in send(small)
        eight = "Subject: eight\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" \
                "Content-Transfer-Encoding: 8bit\r\n\r\ncafé 驿站\r\n".encode()
        assert send(eight, extra=" BODY=8BITMIME").startswith("250")
        arrives(postfix, "\r\n\r\ncafé 驿站\r\n".encode())
        utf8 = "Subject: 驿站\r\n\r\nof a UTF-8 header\r\n".encode()
        assert send(utf8, extra=" SMTPUTF8").startswith("250")
        arrives(postfix, "Subject: 驿站\r\n".encode())
        arrives(postfix, b"\r\n\r\nof a UTF-8 header\r\n")
        large = b"Subject: large\r\n\r\n" + b"".join(
            b".%08d %s\r\n" % (i, b"x" * 60) for i in range(280_000))
        assert send(large).startswith("250")
        arrives(postfix, large[18:])
        # bare line ends are refused by newer servers; none is ever sent
        assert send(b"Subject: bare\r\n\r\na\nb\rc\r\n").startswith("250")
        arrives(postfix, b"\r\n\r\na\r\nb c\r\n")
        answer = send(small, to="nobody@example.org")
        assert answer.startswith("550 5.1.1 host") and "User unknown" in answer, answer
        answer = send(small, to="alice@elsewhere.example")
        assert answer.startswith("454 4.7.1") or answer.startswith("554 5.7.1"), answer
        answer = send(b"Subject: x\r\n\r\n" + b"y" * 76 * 700_000)
        assert answer.startswith("552 5.3.4 host"), answer


main()
