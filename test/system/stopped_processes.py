#!/usr/bin/python3
"""Each process is stopped (SIGSTOP) under load for some seconds, in turn: the
others answer within their deadlines, with "later" where they must, nothing
waits in a ring, and everything goes on afterwards."""
import os
import signal
import smtplib
import socket
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse

ALICE = "alice@example.test"
STOPPED = float(os.environ.get("POSTHOUSE_STOPPED", "10"))
PROGRAMS = ["auth", "queue", "mailbox", "tls", "key", "login", "smtpd", "relay"]


class Load(threading.Thread):
    """Sends all the time; notes the longest wait for any answer."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.ends, self.longest = port, False, 0
        self.accepted = self.later = 0

    def run(self):
        while not self.ends:
            begin = time.monotonic()
            try:
                with smtplib.SMTP("127.0.0.1", self.port, timeout=40) as client:
                    client.sendmail("load@example.net", [ALICE], "Subject: x\r\n\r\nx\r\n")
                    self.accepted += 1
            except smtplib.SMTPResponseException as answer:
                assert 400 <= answer.smtp_code < 500, answer
                self.later += 1
            except smtplib.SMTPRecipientsRefused as answer:
                assert all(400 <= code < 500 for code, _ in answer.recipients.values()), answer
                self.later += 1
            except OSError:
                self.later += 1
            self.longest = max(self.longest, time.monotonic() - begin)
            time.sleep(0.01)


def greeted(port, seconds):
    """A greeting within so many seconds."""
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), seconds) as stream:
        stream.settimeout(seconds)
        stream.recv(100)
    return time.monotonic() - begin


def main():
    posthouse.own_network()
    with posthouse.System(smtpd_client_connection_rate_limit=0,
                          minimal_backoff_time="1s", maximal_backoff_time="2s") as system:
        system.add_user(ALICE)
        system.start()
        for program in PROGRAMS:
            loads = [Load(system.port("smtp")) for _ in range(8)]
            for load in loads:
                load.start()
            time.sleep(0.5)
            pids = [pid for (name, _), pid in system.processes().items() if name == program]
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            begin = time.monotonic()
            try:
                while time.monotonic() - begin < STOPPED:
                    if program != "smtpd":
                        waited = greeted(system.port("smtp"), STOPPED)
                        assert waited < STOPPED / 2, f"{program} stopped: greeted after {waited:.2f} s"
                    if program not in ("login", "tls"):
                        greeted(system.port("imap"), STOPPED / 2)
                    time.sleep(0.25)
            finally:
                for pid in pids:
                    os.kill(pid, signal.SIGCONT)
            for load in loads:
                load.ends = True
            for load in loads:
                load.join(60)
                assert not load.is_alive(), f"{program}: a session waits for ever"
            # Everything goes on: a message in, and read, at once.
            system.send(ALICE, subject=f"after {program}")
            client = system.imap(ALICE)
            client.logout()
            print(f"{program}: {sum(l.accepted for l in loads)} accepted, "
                  f"{sum(l.later for l in loads)} told later, longest answer "
                  f"{max(l.longest for l in loads):.1f} s", flush=True)
        posthouse.wait_until(lambda: system.json("queue", "list") == [], 60,
                             "the spool is empty again")


main()
