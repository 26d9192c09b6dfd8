#!/usr/bin/python3
"""New programs are installed under a running system and `posthouse upgrade` is
said, three times in a row: master keeps its pid, every process is a new one, no
connection is refused, what clients have begun they end, and nothing that was
acknowledged is lost or there twice. A version that cannot start changes nothing."""
import os
import shutil
import smtplib
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse

UPGRADES = 3
SENDERS = 4
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


class Talk:
    """A connection that speaks line by line."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        self.file = self.socket.makefile("rb")

    def say(self, text):
        self.socket.sendall(text.encode())

    def line(self):
        return self.file.readline().decode("latin-1").rstrip("\r\n")

    def expect(self, start):
        line = self.line()
        while line[3:4] == "-" and line[:3] == start[:3]:
            line = self.line()
        assert line.startswith(start), (start, line)
        return line

    def ask(self, text, start):
        self.say(text + "\r\n")
        return self.expect(start)


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
    system.send(f"alice@{DOMAIN}", subject="after a broken version")


def main():
    posthouse.own_network()
    installation = Installation()
    try:
        with posthouse.System(smtpd_client_connection_rate_limit=0) as system:
            for name in ("alice", "load"):
                system.add_user(f"{name}@{DOMAIN}")
            system.start()
            stop = threading.Event()
            senders = [Sender(system.port("smtp"), i, stop) for i in range(SENDERS)]
            for sender in senders:
                sender.start()
            for _ in range(UPGRADES):
                talks = open_smtp(system)
                upgrade(system, installation)
                close_smtp(talks)
            stop.set()
            for sender in senders:
                sender.join()
            load_is_complete(system, senders)
            expected = sorted(["of content", "of envelope", "of idle"] * UPGRADES)
            posthouse.wait_until(lambda: subjects(system, f"alice@{DOMAIN}") == expected, 10,
                                 "what was begun before is there once")
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
