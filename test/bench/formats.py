#!/usr/bin/python3
"""mbox and maildir of system users beside Postfix + Dovecot on such files:
delivery (SMTP in until the last message is in the file, synced) and IMAP FETCH
on copies of the same files.

ten users: ten smtp-source of two sessions and one recipient each, 8 KB."""
import imaplib
import os
import pwd
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import (DOVECOT, OURS, POSTFIX, Peer, cpu_of, kernel_and_machine, median, posthouse,
                   sync_time, table)
import installed

SIZE, USERS, ROUNDS, MESSAGES = 8192, 10, 3, 2000
COUNT = int(os.environ.get("COUNT", "10000"))    # messages a round; Postfix gets a tenth
WORK = posthouse.TOP / "build/bench/work"
FORMATS = ("mbox", "maildir")
OUR_LOCATION = {"mbox": "mbox:~/mail:INBOX=/var/mail/%u", "maildir": "maildir:~/Maildir"}
THEIR_LOCATION = {"mbox": "mbox:{mail}/%n/mbox:INBOX={mail}/%n/inbox",
                  "maildir": "maildir:{mail}/%n/Maildir"}


def smtp_source(port, each):
    begin = time.monotonic()
    loaders = [subprocess.Popen(
        ["smtp-source", "-s", "2", "-m", str(each), "-l", str(SIZE), "-f", "load@example.net",
         "-t", f"user{i}@example.org", f"inet:127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL) for i in range(USERS)]
    for loader in loaders:
        if loader.wait() != 0:
            raise AssertionError("smtp-source failed")
    return begin


class Ours:
    def __init__(self, kind):
        self.kind = kind
        self.system = posthouse.System(
            domain="example.org", accounts="system", mail_location=OUR_LOCATION[kind],
            disable_plaintext_auth="no", smtpd_client_connection_rate_limit=0)
        self.smtp, self.port = self.system.port("smtp"), self.system.port("imap")

    def __enter__(self):
        self.system.start()
        return self

    def __exit__(self, *rest):
        self.system.__exit__(*rest)

    def inbox(self, i):
        return (Path(f"/var/mail/user{i}") if self.kind == "mbox"
                else Path(f"/home/user{i}/Maildir"))

    def wait_empty(self):
        posthouse.wait_until(lambda: not self.system.json("queue", "list"), 60, "an empty queue")
        return time.monotonic()

    def owner(self, i):
        user = pwd.getpwnam(f"user{i}")
        return user.pw_uid, user.pw_gid

    names = OURS


class Theirs:
    def __init__(self, kind):
        self.kind = kind
        self.peer = Peer(WORK / "peer", location=THEIR_LOCATION[kind])
        self.smtp, self.port = self.peer.SMTP, self.peer.IMAP

    def __enter__(self):
        self.peer.__enter__()
        return self

    def __exit__(self, *rest):
        self.peer.__exit__(*rest)

    def inbox(self, i):
        return self.peer.directory / "mail" / f"user{i}" / (
            "inbox" if self.kind == "mbox" else "Maildir")

    def wait_empty(self):
        return self.peer.wait_for_empty_queue()

    def owner(self, _):
        user = pwd.getpwnam("vmail")
        return user.pw_uid, user.pw_gid

    names = POSTFIX | DOVECOT


def in_files(side):
    total = 0
    for i in range(USERS):
        path = side.inbox(i)
        if side.kind == "mbox":
            total += path.read_bytes().count(b"\nDelivered-To:") if path.exists() else 0
        else:
            total += sum(len(os.listdir(path / part)) for part in ("new", "cur")
                         if (path / part).exists())
    return total


def deliver(side, count):
    """Messages a second and CPU milliseconds a message, of each round."""
    results, seen = [], in_files(side)
    for _ in range(ROUNDS):
        cpu = cpu_of(side.names)
        begin = smtp_source(side.smtp, count // USERS)
        end = side.wait_empty()
        results.append((count / (end - begin), (cpu_of(side.names) - cpu) / count * 1000))
        seen += count // USERS * USERS
        found = in_files(side)
        if found != seen:
            raise AssertionError(f"{found} messages in the files, sent {seen}")
    return results


def lay_mail(kind, place):
    """An inbox of MESSAGES messages, the same for both sides."""
    draw = random.Random(1)
    for i in range(MESSAGES):
        lines = "".join(f"{draw.getrandbits(240):060x}\n" for _ in range(draw.randrange(20, 200)))
        text = (f"Return-Path: <a@example.net>\nDate: Sun, 22 Nov 2026 12:00:{i % 60:02d} +0000\n"
                f"From: Load <a@example.net>\nTo: user0@example.org\nSubject: message {i}\n"
                f"Message-ID: <{i}@example.net>\n\n{lines}")
        if kind == "mbox":
            with open(place, "a") as file:
                file.write(f"From a@example.net Sun Nov 22 12:00:{i % 60:02d} 2026\n{text}\n")
        else:
            for part in ("cur", "new", "tmp"):
                (place / part).mkdir(parents=True, exist_ok=True)
            (place / "cur" / f"{1763812800 + i}.M{i}P1.example.net:2,S").write_text(text)


def give(path, owner):
    for directory, _, files in os.walk(path):
        for name in [directory, *(os.path.join(directory, name) for name in files)]:
            os.chown(name, *owner)
    os.chown(path, *owner)


def fetch(side, user):
    """Seconds and CPU of first SELECT, all sizes, envelopes and bodies, bodies at random."""
    client = imaplib.IMAP4("127.0.0.1", side.port, timeout=120)
    client.login(user if side.names is OURS else f"{user}@example.org", "pw")
    results = {}

    def measure(name, work):
        cpu, begin = cpu_of(side.names), time.monotonic()
        work()
        results[name] = (time.monotonic() - begin, cpu_of(side.names) - cpu)

    def select():
        found = int(client.select()[1][0])
        if found != MESSAGES:
            raise AssertionError(f"{found} messages of {MESSAGES} are there")

    def at_random():
        draw = random.Random(2)
        for _ in range(MESSAGES):
            client.fetch(str(draw.randrange(MESSAGES) + 1), "(BODY.PEEK[])")
    measure("first SELECT", select)
    measure("FETCH 1:* (RFC822.SIZE INTERNALDATE), first",
            lambda: client.fetch("1:*", "(RFC822.SIZE INTERNALDATE)"))
    measure("FETCH 1:* (FLAGS ENVELOPE), first", lambda: client.fetch("1:*", "(FLAGS ENVELOPE)"))
    measure("the same again", lambda: client.fetch("1:*", "(FLAGS ENVELOPE)"))
    measure("FETCH 1:* BODY.PEEK[]", lambda: client.fetch("1:*", "(BODY.PEEK[])"))
    measure("FETCH n BODY.PEEK[] at random", at_random)
    client.logout()
    return results


def fetch_on_copies(kind, side, mail, i):
    inbox = side.inbox(i)
    inbox.parent.mkdir(parents=True, exist_ok=True)
    if kind == "maildir":
        for part in ("cur", "new"):
            for file in (inbox / part).glob("*"):
                file.unlink()
        shutil.copytree(mail, inbox, dirs_exist_ok=True)
    else:
        inbox.unlink(True)
        shutil.copy2(mail, inbox)
    give(inbox.parent if side.names is not OURS else inbox, side.owner(i))
    return fetch(side, f"user{i}")


def fetch_of_several(kind, side, mail):
    """Medians, of as many users as there are rounds: each has a copy, and never looked."""
    results = [fetch_on_copies(kind, side, mail, i) for i in range(ROUNDS)]
    return {name: tuple(median([result[name][k] for result in results]) for k in range(2))
            for name in results[0]}


def measure(kind, count, mail):
    rows, both = [], []
    for side in (Ours(kind), Theirs(kind)):
        with side:
            rounds = deliver(side, count if side.names is OURS else count // 10)
            both.append((median([rate for rate, _ in rounds]), median([cpu for _, cpu in rounds]),
                         fetch_of_several(kind, side, mail)))
    mine, other = both
    rows.append([f"{kind}: delivery, messages/s", f"{mine[0]:.0f}", f"{other[0]:.0f}",
                 f"{mine[0] / other[0]:.1f} x", f"{other[1] / mine[1]:.1f} x"])
    for name, (seconds, cpu) in mine[2].items():
        peer_seconds, peer_cpu = other[2][name]
        rows.append([f"{kind}: {name}, ms", f"{seconds * 1000:.0f}", f"{peer_seconds * 1000:.0f}",
                     f"{peer_seconds / seconds:.1f} x",
                     f"{peer_cpu / cpu:.1f} x" if cpu and peer_cpu else ""])
    return rows


def main():
    installed.private_etc()
    WORK.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(WORK)     # ours and theirs on the same file system
    for place in ("/var/mail", "/home"):
        own = Path(tempfile.mkdtemp(dir=WORK))
        own.chmod(0o2775 if place == "/var/mail" else 0o755)
        shutil.chown(own, "root", "mail")
        installed.run("mount", "--bind", own, place)
    for i in range(USERS):
        installed.add_user(f"user{i}", "pw")
    p50, p99 = sync_time(WORK)
    print(f"{kernel_and_machine()}; 8 KB append + fdatasync: {p50:.2f} ms median, "
          f"{p99:.2f} ms 99 %")
    rows = []
    for kind in sys.argv[1:] or FORMATS:
        mail = Path(tempfile.mkdtemp(dir=WORK)) / kind
        lay_mail(kind, mail)
        rows += measure(kind, COUNT, mail)
    table("formats", ["what", "Posthouse", "Postfix + Dovecot", "as fast", "CPU"], rows)


main()
