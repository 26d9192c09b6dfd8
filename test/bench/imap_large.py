#!/usr/bin/python3
"""What one command costs a client in a mailbox of 1,000,000 messages beside one
of 1,000: SELECT, FETCH of one whole message drawn at random, APPEND. Medians of
what a client on loopback measures, without TLS. usage: imap_large.py [COUNT]"""
import random
import socket
import statistics
import sys
import time

from bench import kernel_and_machine, posthouse, table

SMALL, LARGE, TRIES, TOGETHER = 1000, 1000000, 1000, 1000
MESSAGE = (b"From: <bob@example.net>\r\nSubject: one of many\r\n\r\n" +
           b"a line of text of some length\r\n" * 5)


class Client:
    def __init__(self, port, user, password):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 16)
        self.file.readline()
        self.run(b"LOGIN %s %s" % (user.encode(), password.encode()))

    def run(self, command):
        """Seconds until the tagged OK."""
        begin = time.perf_counter()
        self.socket.sendall(b"x " + command + b"\r\n")
        while not (line := self.file.readline()).startswith(b"x "):
            if not line:
                raise AssertionError("connection closed")
            if line.rstrip().endswith(b"}"):
                self.file.read(int(line[line.rindex(b"{") + 1:line.rindex(b"}")]))
        end = time.perf_counter()
        if not line.startswith(b"x OK"):
            raise AssertionError(line)
        return end - begin

    def append(self, count):
        one = b" () {%d+}\r\n%s" % (len(MESSAGE), MESSAGE)
        return self.run(b"APPEND INBOX" + one * count)


def measure(system, user, count):
    client = Client(system.port("imap"), user, "pw")
    for at in range(0, count, TOGETHER):
        client.append(min(TOGETHER, count - at))
        if sys.stderr.isatty():
            print(f"\r{user}: {at + TOGETHER} of {count}", end="", file=sys.stderr)
    client.run(b"SELECT INBOX")
    choose = random.Random(1)
    return [statistics.median(one() for _ in range(TRIES)) * 1e6 for one in (
        lambda: client.run(b"SELECT INBOX"),
        lambda: client.run(b"FETCH %d (UID FLAGS BODY.PEEK[])" % choose.randint(1, count)),
        lambda: client.append(1))]


def main():
    large = int(sys.argv[1]) if len(sys.argv) > 1 else LARGE
    print(kernel_and_machine())
    with posthouse.System(domain="example.org") as system:
        system.add_users(["small@example.org", "large@example.org"], "pw")
        system.start()
        few = measure(system, "small@example.org", SMALL)
        many = measure(system, "large@example.org", large)
    table("imap-large", ["microseconds, median of 1,000", f"{SMALL:,} messages",
                         f"{large:,}", "ratio"],
          [[name, f"{a:.0f}", f"{b:.0f}", f"{b / a:.2f}"] for name, a, b in zip(
              ("SELECT", "FETCH of one message at random", "APPEND, durable"), few, many)])


main()
