#!/usr/bin/python3
"""SMTP in to mailbox, durable: messages a second until the last is readable,
beside Postfix + Dovecot (LMTP, sdbox, mail_fsync=always) and smtp-sink.

ten accounts: ten smtp-source of two sessions and one recipient each, 8 KB, a
new connection for each message. ten thousand: twenty sessions, a recipient at
random. slow: ten accounts, every sync on both sides 5 ms longer."""
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import (BUILD, OURS, DOVECOT, POSTFIX, Peer, cpu_of, kernel_and_machine,
                   median, posthouse, sync_time, table)

SIZE, LOADERS, ROUNDS = 8192, 10, 3
LOAD = BUILD / "test/bench/load"
PRELOAD = BUILD / "test/bench/slow_sync.so"
WORK = posthouse.TOP / "build/bench/work"


def smtp_source(port, each, domain):
    begin = time.monotonic()
    loaders = [subprocess.Popen(
        ["smtp-source", "-s", "2", "-m", str(each), "-l", str(SIZE), "-f", "load@example.net",
         "-t", f"user{i}@{domain}", f"inet:127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL) for i in range(LOADERS)]
    for loader in loaders:
        if loader.wait() != 0:
            raise AssertionError("smtp-source failed")
    return begin


def random_load(port, count, accounts, domain):
    begin = time.monotonic()
    subprocess.run([str(LOAD), "127.0.0.1", str(port), "20", str(count), str(accounts),
                    domain, str(SIZE)], check=True, stdout=subprocess.DEVNULL)
    return begin


class Ours:
    def __init__(self, accounts, environment=None):
        self.system = posthouse.System(
            domain="example.org", environment=environment,
            smtpd_client_connection_rate_limit=0)
        self.system.add_users([f"user{i}@example.org" for i in range(accounts)], "pw")
        self.accounts = accounts
        self.seen = 0

    def __enter__(self):
        self.system.start()
        return self

    def __exit__(self, *rest):
        self.system.__exit__(*rest)

    def wait_until_readable(self, count):
        """Until that many more messages are in the mailboxes."""
        self.seen += count

        def all_there():
            total = 0
            for i in range(self.accounts):
                client = self.system.imap(f"user{i}@example.org", ssl=False)
                text = client.status("INBOX", "(MESSAGES)")[1][0].decode()
                total += int(text.split("MESSAGES ")[1].rstrip(")"))
                client.logout()
            return total >= self.seen
        if self.accounts <= LOADERS:
            posthouse.wait_until(all_there, 60, f"{self.seen} messages readable")
        return time.monotonic()


def ours(mode, count):
    accounts = 10000 if mode == "random" else LOADERS
    environment = {"POSTHOUSE_SYNC_DELAY": "5"} if mode == "slow" else None
    results = []
    with Ours(accounts, environment) as system:
        port = system.system.port("smtp")
        for _ in range(ROUNDS):
            cpu = cpu_of(OURS)
            begin = (random_load(port, count, accounts, "example.org") if mode == "random"
                     else smtp_source(port, count // LOADERS, "example.org"))
            end = system.wait_until_readable(count)
            results.append((count / (end - begin), (cpu_of(OURS) - cpu) / count * 1000))
    return results


def theirs(mode, count):
    results = []
    with Peer(WORK / "peer", PRELOAD if mode == "slow" else None) as peer:
        for _ in range(ROUNDS):
            cpu = cpu_of(POSTFIX | DOVECOT)
            begin = (random_load(peer.SMTP, count, 10000, "example.org") if mode == "random"
                     else smtp_source(peer.SMTP, count // LOADERS, "example.org"))
            end = peer.wait_for_empty_queue()
            results.append((count / (end - begin),
                            (cpu_of(POSTFIX | DOVECOT) - cpu) / count * 1000))
    return results


def sink(count):
    server = subprocess.Popen(["smtp-sink", "-u", "nobody", "-c", "127.0.0.1:2526", "200"],
                              stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    results = []
    for _ in range(ROUNDS):
        begin = smtp_source(2526, count // LOADERS, "example.org")
        results.append((count / (time.monotonic() - begin), 0))
    server.terminate()
    server.wait()
    return results


def main():
    modes = sys.argv[1:] or ["ten", "random", "slow"]
    WORK.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(WORK)     # ours and theirs on the same file system
    p50, p99 = sync_time(WORK)
    print(f"{kernel_and_machine()}; 8 KB append + fdatasync: {p50:.2f} ms median, "
          f"{p99:.2f} ms 99 %")
    rows = []
    sink_rate = median([r for r, _ in sink(20000)])
    rows.append(["smtp-sink, stores nothing", f"{sink_rate:.0f}", "", "", ""])
    for mode in modes:
        mine = ours(mode, 6000 if mode == "slow" else 20000)
        other = theirs(mode, 600 if mode == "slow" else 2000)
        rate, peer_rate = median([r for r, _ in mine]), median([r for r, _ in other])
        rows.append([f"Posthouse, {mode}", f"{rate:.0f}", f"{median([c for _, c in mine]):.2f}",
                     f"{rate / peer_rate:.1f} x", f"{100 * rate / sink_rate:.0f} %"])
        rows.append([f"Postfix + Dovecot, {mode}", f"{peer_rate:.0f}",
                     f"{median([c for _, c in other]):.2f}", "", ""])
    table("smtp-in", ["who", "messages/s", "CPU ms/message", "against Postfix + Dovecot",
                      "of smtp-sink"], rows)


main()
