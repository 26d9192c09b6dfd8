#!/usr/bin/python3
"""Every process is killed with -9, again and again, while twenty sessions send.
Each message that was acknowledged is there; what is there twice are only
messages whose session was open at a kill. Sessions of other processes go on."""
import collections
import imaplib
import json
import os
import random
import signal
import smtplib
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse

SESSIONS, ROUNDS = 20, int(os.environ.get("POSTHOUSE_KILLS", "4"))
USERS = [f"user{i}@example.test" for i in range(5)]
PROGRAMS = ["smtpd", "auth", "queue", "mailbox", "tls", "key", "login", "names", "relay"]


class Sender(threading.Thread):
    def __init__(self, port, number, stop):
        super().__init__()
        self.port, self.number, self.stop = port, number, stop
        self.acknowledged, self.doubtful = [], []

    def run(self):
        serial = 0
        while not self.stop.is_set():
            serial += 1
            name = f"m{self.number}x{serial}x"
            user = USERS[(self.number + serial) % len(USERS)]
            text = f"Subject: {name}\r\n\r\n" + "x" * 2000 + "\r\n"
            try:
                with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as client:
                    client.sendmail("load@example.net", [user], text)
                    self.acknowledged.append((user, name))
            except (OSError, smtplib.SMTPException):
                self.doubtful.append((user, name))
                time.sleep(0.02)


def login(system, user):
    try:
        return system.imap(user)
    except (OSError, imaplib.IMAP4.error):
        return None


def subjects(system, user):
    client = posthouse.wait_until(lambda: login(system, user), 40, "a login")
    total = int(client.select("INBOX")[1][0])
    found = []
    if total:
        for row in client.fetch(f"1:{total}", "(UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]:
            if isinstance(row, tuple):
                found.append(row[1].decode().split("Subject: ")[1].strip())
    client.logout()
    return found


def main():
    posthouse.own_network()
    with posthouse.System(smtpd_client_connection_rate_limit=0,
                          minimal_backoff_time="1s", maximal_backoff_time="2s") as system:
        system.add_users(USERS, "secret")
        system.start()
        stop = threading.Event()
        senders = [Sender(system.port("smtp"), i, stop) for i in range(SESSIONS)]
        for sender in senders:
            sender.start()
        kills = 0
        for _ in range(ROUNDS):
            for program in PROGRAMS:
                time.sleep(random.uniform(0.05, 0.4))
                pids = [pid for (name, _), pid in system.processes().items()
                        if name == program and pid > 0]
                if pids:
                    os.kill(random.choice(pids), signal.SIGKILL)
                    kills += 1
        stop.set()
        for sender in senders:
            sender.join(60)
        def is_empty():
            """The queue itself may still be about to start again."""
            done = system.command("--json", "queue", "list", check=False)
            return done.returncode == 0 and json.loads(done.stdout) == []
        posthouse.wait_until(is_empty, 120,
                             "the spool is empty after the kills")
        acknowledged = [pair for s in senders for pair in s.acknowledged]
        doubtful = {pair for s in senders for pair in s.doubtful}
        lost, twice = [], 0
        for user in USERS:
            there = collections.Counter(subjects(system, user))
            for owner, name in acknowledged:
                if owner == user and there[name] == 0:
                    lost.append(name)
            for name, number in there.items():
                twice += number - 1
                assert (user, name) in doubtful or (user, name) in acknowledged
        print(f"{kills} kills, {len(acknowledged)} acknowledged, {len(doubtful)} unanswered, "
              f"{len(lost)} lost, {twice} there twice")
        assert len(acknowledged) > 100, "the load did not get through"
        assert not lost, lost[:10]
        assert twice <= kills * SESSIONS


main()
