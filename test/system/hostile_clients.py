#!/usr/bin/python3
"""Hostile input over real connections: each gets the right reply, memory stays
bounded, nobody else waits. (What one conversation shows is in the wire scripts;
here is what needs a whole system.)"""
import os
import re
import resource
import socket
import ssl
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse

ALICE = "alice@example.test"


class Line:
    """A connection that speaks in lines."""

    def __init__(self, port, greet=True):
        self.stream = socket.create_connection(("127.0.0.1", port), 30)
        self.stream.settimeout(30)
        self.buffer = b""
        if greet:
            self.greeting = self.read()

    def read(self):
        while b"\r\n" not in self.buffer:
            piece = self.stream.recv(65536)
            if not piece:
                raise EOFError
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode(errors="replace")

    def reply(self):
        while True:
            line = self.read()
            if len(line) < 4 or line[3] != "-":
                return line

    def say(self, text):
        self.stream.sendall(text if isinstance(text, bytes) else text.encode() + b"\r\n")
        return self.reply()

    def close(self):
        self.stream.close()


def status(pid, key):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{key}:\s+(\d+)", text, re.M).group(1))


def most_threads(system):
    return max(status(pid, "Threads") for pid in system.processes().values() if pid)


def cpu_seconds(pid):
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def greeting_seconds(port):
    """How long the quickest of some waits; who holds a thread holds up all of them."""
    waited = []
    for _ in range(5):
        begin = time.monotonic()
        Line(port).close()
        waited.append(time.monotonic() - begin)
    return min(waited)


def memory(system):
    """KB of all processes."""
    return sum(status(pid, "VmRSS") for pid in system.processes().values() if pid)


def starttls_injection_is_discarded(system):
    line = Line(system.port("smtp"))
    line.say("EHLO x")
    line.stream.sendall(b"STARTTLS\r\nMAIL FROM:<evil@example.net>\r\n")
    assert line.reply().startswith("220")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    secure = context.wrap_socket(line.stream)
    secure.sendall(b"EHLO x\r\nRCPT TO:<alice@example.test>\r\n")
    text = b""
    while b"503" not in text and b"RCPT" not in text:
        piece = secure.recv(4096)
        assert piece, text
        text += piece
    assert b"503" in text, text      # no MAIL was taken from before TLS
    for port, tag, go in (("imap", b"a STARTTLS\r\nb NOOP\r\n", b"a OK"),
                          ("pop3", b"STLS\r\nNOOP\r\n", b"+OK")):
        line = Line(system.port(port))
        line.stream.sendall(tag)
        assert line.read().encode().startswith(go)
        secure = context.wrap_socket(line.stream)
        # who answered the injected command would do so before this one
        secure.sendall(b"c CAPABILITY\r\n" if tag.startswith(b"a") else b"CAPA\r\n")
        text = secure.recv(100)
        assert text.startswith(b"* CAPABILITY" if tag.startswith(b"a") else b"+OK Cap"), text


def lines_of_a_megabyte(system):
    line = Line(system.port("smtp"))
    assert line.say(b"EHLO " + b"x" * 1000000 + b"\r\n").startswith("5")
    assert line.say("NOOP").startswith("250")
    line.close()
    imap = Line(system.port("imap"))
    imap.stream.sendall(b"a LOGIN " + b"x" * 1000000 + b"\r\n")
    text = imap.read()
    assert " BAD" in text or "BYE" in text, text
    pop = Line(system.port("pop3"))
    pop.stream.sendall(b"USER " + b"x" * 1000000 + b"\r\n")
    assert pop.read().startswith("-ERR")


def ten_thousand_recipients(system):
    line = Line(system.port("smtp"))
    line.say("EHLO x")
    assert line.say("MAIL FROM:<a@example.net>").startswith("250")
    codes = {}
    for start in range(0, 10000, 500):
        line.stream.sendall(b"".join(b"RCPT TO:<alice+%d@example.test>\r\n" % i
                                     for i in range(start, start + 500)))
        for _ in range(500):
            answer = line.reply()
            codes[answer[:9]] = codes.get(answer[:9], 0) + 1
    assert codes.get("250 2.1.5", 0) == 1000, codes
    assert codes.get("452 4.5.3", 0) == 9000, codes
    assert line.say("DATA").startswith("354")
    assert line.say(b"Subject: many\r\n\r\nx\r\n.\r\n").startswith("250")
    line.close()


def headers_of_ten_megabytes_and_deep_mime(system):
    system.send(ALICE, "Subject: big head\r\n" + "X-Long: " + "y" * 900 + "\r\n" +
                ("X-More: " + "z" * 990 + "\r\n") * 10000 + "\r\nbody\r\n")
    parts = "".join(f"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n"
                    for i in range(10000))
    system.send(ALICE, "Subject: deep\r\n" + parts + "\r\nend\r\n")
    client = system.imap(ALICE)
    client.select("INBOX")
    reader = [pid for (name, _), pid in system.processes().items() if name == "mailbox"]
    begin = sum(map(cpu_seconds, reader))
    for name in ("big head", "deep"):
        number = client.search(None, "SUBJECT", f'"{name}"')[1][0].split()[-1]
        ok, _ = client.fetch(number, "(ENVELOPE BODYSTRUCTURE RFC822.SIZE)")
        assert ok == "OK"
    assert sum(map(cpu_seconds, reader)) - begin < 10
    client.logout()


def huge_literals_are_refused(system):
    for text in (b"a LOGIN {99999999999}\r\n", b"a LOGIN {4294967296}\r\n",
                 b"a LOGIN {2000000000}\r\n"):
        line = Line(system.port("imap"))
        line.stream.sendall(text)
        answer = line.read()
        assert " BAD" in answer or " NO" in answer or "BYE" in answer, answer
        line.close()
    client = system.imap(ALICE)
    tag = client._new_tag()
    client.send(tag + b" APPEND INBOX {4000000000}\r\n")
    answer = client.readline()
    assert answer.startswith(tag + b" NO") or answer.startswith(tag + b" BAD"), answer
    client.shutdown()


def mailbox_names(system):
    client = system.imap(ALICE)
    for name in (b'"../../etc/passwd"', b'"/etc/passwd"', b'"a//b"', b'"&Jjo!"', b'"&"',
                 b'"&AGE-"', b'"a\x01b"', b'"' + b"x" * 2000 + b'"', b'""'):
        ok, text = client._simple_command("CREATE", name)
        assert ok in ("NO", "BAD"), (name, ok, text)
    ok, text = client._simple_command("CREATE", b'"' + b"/".join([b"d"] * 600) + b'"')
    assert ok in ("NO", "BAD"), text
    names = [row.decode().split('"/" ')[-1].strip('"') for row in client.list()[1]]
    assert set(names) == {"INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"}, names
    client.logout()


def five_thousand_half_literals(system):
    """5,000 connections that stop in the middle of something hold no thread."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before, held = memory(system), []
    for i in range(5000):
        stream = socket.create_connection(("127.0.0.1", system.port("imap")), 30)
        held.append(stream)
        stream.sendall(b"a LOGIN {20}\r\nhalf")
    waited = greeting_seconds(system.port("imap"))
    assert waited < 1, f"greeted after {waited:.3f} s"
    assert most_threads(system) <= 64, most_threads(system)
    grown = (memory(system) - before) / 5000
    print(f"  {grown:.1f} KB a half literal")
    assert grown < 40, grown
    for stream in held:
        stream.close()


def two_hundred_slow_bodies(system):
    held = []
    for i in range(40):
        line = Line(system.port("smtp"))
        line.say("EHLO x")
        line.say("MAIL FROM:<a@example.net>")
        line.say(f"RCPT TO:<{ALICE}>")
        assert line.say("DATA").startswith("354")
        line.stream.sendall(b"Subject: slow\r\n\r\nhalf a li")
        held.append(line)
    waited = greeting_seconds(system.port("smtp"))
    assert waited < 1, f"greeted after {waited:.3f} s"
    for line in held:
        line.stream.sendall(b"ne\r\n.\r\n")
    for line in held:
        assert line.reply().startswith("250")
        line.close()


def main():
    posthouse.own_network()
    with posthouse.System(smtpd_client_connection_count_limit=0,
                          imap_client_connection_limit=0) as system:
        system.add_user(ALICE)
        system.start()
        for step in (starttls_injection_is_discarded, lines_of_a_megabyte,
                     ten_thousand_recipients, headers_of_ten_megabytes_and_deep_mime,
                     huge_literals_are_refused, mailbox_names, five_thousand_half_literals,
                     two_hundred_slow_bodies):
            begin = time.monotonic()
            step(system)
            print(f"{step.__name__}: ok, {time.monotonic() - begin:.1f} s", flush=True)


main()
