#!/usr/bin/python3
"""New programs are installed under a running system and `posthouse upgrade` is
said, three times in a row: master keeps its pid, every process is a new one, no
connection is refused, what clients have begun they end, and nothing that was
acknowledged is lost or there twice. Fifty IMAP clients and some of POP3 stay
logged in and hear what others did meanwhile. A version that cannot start changes
nothing."""
import os
import re
import shutil
import smtplib
import socket
import ssl
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse

UPGRADES = 3
SENDERS = 4
IDLERS, SELECTED = 25, 25
FIRST = 30                      # messages that are there at first
BIG, LAZY = 1 << 20, 16         # the first of them, and how often it is asked for
DOMAIN = "example.test"


class Installation:
    """A copy of the build whose programs can be exchanged as dpkg does it."""

    def __init__(self):
        self.source = posthouse.build_directory() / "src"
        self.top = Path(tempfile.mkdtemp(prefix="posthouse-programs-"))
        self.top.chmod(0o755)
        self.programs = [Path(d.name) / d.name for d in self.source.iterdir()
                         if (d / d.name).is_file()]
        self.programs.append(Path("ctl/posthouse"))
        self.install()
        os.environ["POSTHOUSE_BUILD"] = str(self.top)

    def install(self):
        for program in self.programs:
            place = self.top / "src" / program
            place.parent.mkdir(parents=True, exist_ok=True)
            new = place.with_suffix(".dpkg-new")
            shutil.copy2(self.source / program, new)
            new.rename(place)

    def break_program(self, name):
        """One that ends at once."""
        new = self.top / "src" / name / "new"
        new.write_text("#!/bin/sh\necho it is broken >&2\nexit 1\n")
        new.chmod(0o755)
        new.rename(self.top / "src" / name / name)

    def is_current(self, name, pid):
        running = os.stat(f"/proc/{pid}/exe")
        return running.st_ino == (self.top / "src" / name / name).stat().st_ino


class Sender(threading.Thread):
    """Sends messages one after the other, a connection each, all the time."""

    def __init__(self, port, number, stop):
        super().__init__(daemon=True)
        self.port, self.number, self.stop = port, number, stop
        self.sent, self.trouble, self.slowest = [], [], 0

    def run(self):
        while not self.stop.is_set():
            subject = f"load {self.number}-{len(self.sent)}"
            began = time.monotonic()
            try:
                with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as client:
                    client.sendmail("bob@example.net", [f"load@{DOMAIN}"],
                                    f"Subject: {subject}\r\n\r\nx\r\n".encode())
                self.sent.append(subject)
            except (OSError, smtplib.SMTPException) as trouble:
                self.trouble.append((subject, repr(trouble)))
            self.slowest = max(self.slowest, time.monotonic() - began)
            time.sleep(0.01)


class User(threading.Thread):
    """Logs in and submits a message, and logs in and looks at it, all the time."""

    def __init__(self, system, stop):
        super().__init__(daemon=True)
        self.system, self.stop = system, stop
        self.address = f"user@{DOMAIN}"
        self.sent, self.trouble = 0, []

    def submit(self):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with smtplib.SMTP_SSL("127.0.0.1", self.system.port("submissions"), timeout=30,
                              context=context) as client:
            client.login(self.address, self.system.passwords[self.address])
            client.sendmail(self.address, [self.address], b"Subject: x\r\n\r\nx\r\n")
        self.sent += 1

    def look(self):
        client = self.system.imap(self.address, ssl=self.sent % 2 == 0)
        assert int(client.select("INBOX")[1][0]) == self.sent
        client.logout()

    def run(self):
        while not self.stop.is_set():
            try:
                self.submit()
                self.look()
            except Exception as trouble:
                self.trouble.append((self.sent, repr(trouble)))


class Talk:
    """A connection that speaks line by line."""

    def __init__(self, port, tls=False):
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        self.file = self.socket.makefile("rb")

    def say(self, text):
        self.socket.sendall(text.encode())

    def line(self):
        line = self.file.readline().decode("latin-1")
        assert line.endswith("\n"), "the connection has ended"
        return line.rstrip("\r\n")

    def expect(self, start):
        line = self.line()
        while line[3:4] == "-" and line[:3] == start[:3]:
            line = self.line()
        assert line.startswith(start), (start, line)
        return line

    def ask(self, text, start):
        self.say(text + "\r\n")
        return self.expect(start)


class Reader(Talk):
    """An IMAP client that believes what it is told: which UIDs there are."""

    def __init__(self, system, tls):
        super().__init__(system.port("imaps" if tls else "imap"), tls)
        self.uids, self.tags, self.exists = [], 0, 0
        self.line()
        self.command(f"LOGIN reader@{DOMAIN} {system.passwords['reader@' + DOMAIN]}")
        self.command("SELECT INBOX")
        self.look()

    def hear(self, line):
        match = re.match(r"\* (\d+) (EXPUNGE|EXISTS)$", line)
        if match and match[2] == "EXPUNGE":
            if int(match[1]) <= len(self.uids):
                del self.uids[int(match[1]) - 1]
            self.exists -= 1
        elif match:
            self.exists = int(match[1])

    def until(self, start):
        lines = []
        while True:
            lines.append(self.line())
            if lines[-1].startswith(start):
                return lines
            self.hear(lines[-1])

    def begin(self, text):
        self.tags += 1
        self.say(f"t{self.tags} {text}\r\n")

    def command(self, text):
        self.begin(text)
        lines = self.until(f"t{self.tags} ")
        assert lines[-1].startswith(f"t{self.tags} OK"), lines[-1]
        return lines

    def look(self):
        """What it was told must be what is there; new ones are at the end."""
        found = self.command("UID SEARCH ALL")
        row = [line for line in found if line.startswith("* SEARCH")][0]
        uids = [int(word) for word in row.split()[2:]]
        assert uids[:len(self.uids)] == self.uids, (uids, self.uids)
        assert len(uids) == self.exists, (len(uids), self.exists)
        self.uids = uids

    def idle(self):
        self.begin("IDLE")
        self.until("+ idling")

    def done(self):
        self.say("DONE\r\n")
        assert self.until(f"t{self.tags} ")[-1].startswith(f"t{self.tags} OK")


class Readers:
    """Clients of one mailbox in every state that a session can be in."""

    def __init__(self, system):
        self.system = system
        self.writer = Reader(system, False)
        for i in range(FIRST):
            self.append(f"first {i}", BIG if i == 0 else 200)
        self.writer.command("NOOP")
        self.idlers = [Reader(system, True) for _ in range(IDLERS)]
        self.selected = [Reader(system, i % 2 == 0) for i in range(SELECTED)]
        for reader in self.idlers:
            reader.idle()
        self.saver, self.half, self.uploader, self.lazy = self.selected[:4]
        self.saver.command("FETCH 1 (MODSEQ)")
        self.saver.command("SEARCH RETURN (SAVE) 2:4")

    def append(self, subject, size=200):
        text = f"Subject: {subject}\r\n\r\n{('x' * 70 + chr(13) + chr(10)) * (size // 72)}\r\n"
        self.writer.begin(f"APPEND INBOX {{{len(text)}+}}\r\n{text}")
        assert self.writer.until(f"t{self.writer.tags} ")[-1].split()[1] == "OK"

    def change(self, subject):
        """The last but one goes, another comes."""
        self.writer.command("NOOP")
        self.writer.command(f"STORE {self.writer.exists - 1} +FLAGS.SILENT (\\Deleted)")
        self.writer.command("EXPUNGE")
        self.append(subject)

    def begin(self, i):
        """What is under way when the upgrade comes."""
        self.half.say(f"half{i} FETCH 1 (UID FL")
        text = f"Subject: upload {i}\r\n\r\n"
        self.uploader.say(f"up{i} APPEND INBOX {{{len(text) + 7}+}}\r\n{text}")
        for j in range(LAZY):
            self.lazy.say(f"lazy{i}-{j} UID FETCH 1 (FLAGS BODY.PEEK[])\r\n")
        self.change(f"before {i}")

    def end(self, i):
        # bytes after the upgrade has begun: the message ends where it began
        self.uploader.say("the end\r\n")
        assert self.uploader.until(f"up{i} ")[-1].split()[1] == "OK"
        self.half.say("AGS)\r\n")
        lines = self.half.until(f"half{i} ")
        assert lines[-1].split()[1] == "OK" and any("FETCH (UID" in line for line in lines), lines
        for j in range(LAZY):
            assert self.lazy.until(f"lazy{i}-{j} ")[-1].split()[1] == "OK"
        found = self.saver.command("FETCH $ (UID MODSEQ)")
        assert len([line for line in found if "MODSEQ" in line]) == 3, found
        self.change(f"after {i}")
        for reader in self.selected:
            reader.command("NOOP")
            reader.look()
        for reader in self.idlers:
            reader.done()
            reader.look()
            reader.idle()


class Dropper(Talk):
    """A POP3 client with messages marked, which go when it says QUIT."""

    def __init__(self, system, marked):
        super().__init__(system.port("pop3"))
        self.marked = marked
        self.expect("+OK")
        self.ask(f"USER pop@{DOMAIN}", "+OK")
        self.ask(f"PASS {system.passwords['pop@' + DOMAIN]}", "+OK")
        for number in marked:
            self.ask(f"DELE {number}", "+OK")

    def end(self):
        for number in self.marked:
            self.ask(f"RETR {number}", "-ERR")
        self.ask("QUIT", "+OK")


def open_smtp(system):
    """One between commands, one after RCPT, one in the middle of its content."""
    talks = {}
    for name in ("idle", "envelope", "content"):
        talk = talks[name] = Talk(system.port("smtp"))
        talk.expect("220")
        talk.ask("EHLO client.example", "250")
        if name == "idle":
            continue
        talk.ask(f"MAIL FROM:<{name}@example.net>", "250")
        talk.ask(f"RCPT TO:<alice@{DOMAIN}>", "250")
        if name == "content":
            talk.ask("DATA", "354")
            talk.say("Subject: of content\r\n\r\nthe first half\r\n")
    return talks


def close_smtp(talks):
    talks["idle"].ask("NOOP", "250")
    talks["idle"].ask("MAIL FROM:<idle@example.net>", "250")
    talks["idle"].ask(f"RCPT TO:<alice@{DOMAIN}>", "250")
    for name in ("idle", "envelope"):
        talks[name].ask("DATA", "354")
        talks[name].say(f"Subject: of {name}\r\n\r\n")
    for talk in talks.values():
        talk.ask("the end\r\n.", "250")
        talk.ask("QUIT", "221")


def subjects(system, address):
    client = system.imap(address)
    client.select("INBOX", readonly=True)
    _, rows = client.fetch("1:*", "(BODY[HEADER.FIELDS (SUBJECT)])")
    client.logout()
    return sorted(row[1].decode().split(":", 1)[1].strip() for row in rows
                  if isinstance(row, tuple))


def upgrade(system, installation):
    installation.install()
    before, master = system.processes(), system.process.pid
    system.command("upgrade")
    after = system.processes()
    for (name, instance), pid in after.items():
        if name.endswith("(old)"):
            continue
        program = "tls" if name == "tls-out" else name
        assert pid != before[name, instance], f"{name} is the old process"
        posthouse.wait_until(lambda: installation.is_current(program, pid), 10,
                             f"{name} runs the new program")
    assert system.process.poll() is None and system.process.pid == master
    assert installation.is_current("master", master), "master is the old program"


def load_is_complete(system, senders):
    sent = sorted(subject for sender in senders for subject in sender.sent)
    trouble = [row for sender in senders for row in sender.trouble]
    assert not trouble, trouble
    assert len(sent) > 10 * UPGRADES, len(sent)
    posthouse.wait_until(lambda: subjects(system, f"load@{DOMAIN}") == sent, 20,
                         "each message of the load is there once")
    print(f"{len(sent)} messages, the slowest took "
          f"{max(sender.slowest for sender in senders):.2f} s")


def a_broken_version_changes_nothing(system, installation):
    before = system.processes()
    for name in ("queue", "master"):
        installation.break_program(name)
        done = system.command("upgrade", check=False)
        assert done.returncode == 1 and done.stderr.strip(), done
        print(f"  {name}: {done.stderr.strip()}")
        installation.install()
        assert system.processes() == before, "a process is another one"
    text = system.config.read_text()
    for change, says in ((f"smtp_port = {80}\ninet_interfaces = 192.0.2.1\n", "listening on"),
                         (f"data_directory = {system.directory}/elsewhere\n", "")):
        system.config.write_text(text + change)
        done = system.command("upgrade", check=False)
        assert done.returncode == 1 and says in done.stderr, done
        print(f"  configuration: {done.stderr.strip()}")
        assert "posthouse: posthouse:" not in done.stderr
    system.config.write_text(text)
    assert system.processes() == before, "a process is another one"
    system.send(f"alice@{DOMAIN}", subject="after a broken version")


def main():
    posthouse.own_network()
    installation = Installation()
    try:
        with posthouse.System(smtpd_client_connection_rate_limit=0,
                              imap_user_connection_limit=100) as system:
            for name in ("alice", "load", "pop", "reader", "user"):
                system.add_user(f"{name}@{DOMAIN}")
            system.start()
            for i in range(10):
                system.send(f"pop@{DOMAIN}", subject=f"number {i}")
            readers = Readers(system)
            stop = threading.Event()
            senders = [Sender(system.port("smtp"), i, stop) for i in range(SENDERS)]
            user = User(system, stop)
            for thread in (*senders, user):
                thread.start()
            for i in range(UPGRADES):
                talks = open_smtp(system)
                droppers = [Dropper(system, (1,)), Dropper(system, (2, 3))]
                readers.begin(i)
                upgrade(system, installation)
                readers.end(i)
                close_smtp(talks)
                for dropper in droppers:
                    dropper.end()
            stop.set()
            for thread in (*senders, user):
                thread.join()
            assert user.sent > 2 * UPGRADES and not user.trouble, (user.sent, user.trouble)
            load_is_complete(system, senders)
            expected = sorted(["of content", "of envelope", "of idle"] * UPGRADES)
            posthouse.wait_until(lambda: [s for s in subjects(system, f"alice@{DOMAIN}")
                                          if s.startswith("of ")] == expected, 10,
                                 "what was begun before is there once")
            assert subjects(system, f"pop@{DOMAIN}") == [f"number {9}"]
            print(f"{IDLERS + SELECTED} IMAP clients stayed")
            del readers
            posthouse.wait_until(lambda: not [name for name, _ in system.processes()
                                              if name.endswith("(old)")], 20,
                                 "the old processes have ended")
            a_broken_version_changes_nothing(system, installation)
            system.stop()
            assert system.process.returncode == 0
    finally:
        shutil.rmtree(installation.top)


if __name__ == "__main__":
    main()
