#!/usr/bin/python3
"""Whether dead and slow hosts delay the mail of others, beside Postfix. 1,000
domains, each with a host of its own; in the second run half of them do not
answer a connection, say nothing after it, or take ten seconds for each reply.
Mail comes at a steady rate for domains at random; how long it takes from the
250 to the arrival is measured for hosts that are well in both runs."""
import asyncio
import random
import subprocess
import sys
import tempfile
import threading
import time

from bench import Peer, kernel_and_machine, posthouse, put, table

DOMAINS, RATE, SECONDS, WARM = 1000, 50, 60, 20
GOOD, FULL, MUTE, SLOW = 2526, 2527, 2528, 2529
REPLY_TIME = 10
WORK = posthouse.TOP / "build/bench/work"


class Hosts:
    """All hosts, on all addresses of the loopback."""

    def __init__(self):
        self.arrived = {}           # number of a message: when
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.call(self.listen())

    def call(self, what):
        return asyncio.run_coroutine_threadsafe(what, self.loop).result()

    async def listen(self):
        import socket
        self.full = socket.socket()
        self.full.bind(("0.0.0.0", FULL))
        self.full.listen(0)
        # Its queue is full for ever: others wait for their connection.
        self.filler = [socket.socket() for _ in range(2)]
        for one in self.filler:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", FULL))
        for port, wait in ((GOOD, 0), (SLOW, REPLY_TIME)):
            await asyncio.start_server(lambda r, w, wait=wait: self.serve(r, w, wait),
                                       "0.0.0.0", port, backlog=1000)
        await asyncio.start_server(self.hold, "0.0.0.0", MUTE, backlog=1000)

    async def hold(self, reader, writer):
        await reader.read()
        writer.close()

    async def serve(self, reader, writer, wait):
        async def say(text):
            await asyncio.sleep(wait)
            writer.write(text)
        try:
            await say(b"220 host ESMTP\r\n")
            number = None
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"EHLO":
                    await say(b"250-host\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
                elif verb == b"DATA":
                    await say(b"354 go on\r\n")
                    while (line := await reader.readline()) not in (b".\r\n", b""):
                        if line.startswith(b"X-Number: "):
                            number = int(line[10:])
                    self.arrived.setdefault(number, time.monotonic())
                    await say(b"250 taken\r\n")
                elif verb == b"QUIT":
                    await say(b"221 bye\r\n")
                    break
                else:
                    await say(b"250 well\r\n")
        except OSError:
            pass
        writer.close()


def is_bad(domain):
    return domain % 2 == 1


def transports(with_bad):
    lines = []
    for i in range(DOMAINS):
        port = (FULL, MUTE, SLOW)[i // 2 % 3] if with_bad and is_bad(i) else GOOD
        lines.append(f"d{i}.example smtp:[127.{20 + i // 250}.{i % 250}.1]:{port}")
    return "\n".join(lines) + "\n"


def send_all(port, hosts, first):
    """{number: when it was accepted} of mail for hosts that are well in both runs,
    after the time to warm up."""
    import smtplib
    accepted, lock = {}, threading.Lock()
    choose = random.Random(1)
    begin = time.monotonic()
    domains = [choose.randrange(DOMAINS) for _ in range(RATE * (WARM + SECONDS))]

    def work(part):
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
            for n in range(part, len(domains), 10):
                time.sleep(max(0, begin + n / RATE - time.monotonic()))
                client.sendmail("load@example.net", [f"user@d{domains[n]}.example"],
                                f"X-Number: {first + n}\r\n\r\n{'x' * 1000}\r\n")
                if n >= WARM * RATE and not is_bad(domains[n]):
                    with lock:
                        accepted[first + n] = time.monotonic()
    threads = [threading.Thread(target=work, args=(i,)) for i in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    end = time.monotonic() + 60
    while time.monotonic() < end and any(n not in hosts.arrived for n in accepted):
        time.sleep(0.1)
    return accepted


def measure(port, hosts, first):
    accepted = send_all(port, hosts, first)
    missing = time.monotonic()
    times = sorted(hosts.arrived.get(n, missing) - when for n, when in accepted.items())
    return (times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000,
            sum(n not in hosts.arrived for n in accepted), len(times))


def ours(hosts, with_bad, first):
    with posthouse.System(domain="example.org", transport_maps=str(WORK / "transport"),
                          smtpd_client_connection_rate_limit=0,
                          smtpd_client_message_rate_limit=0) as system:
        system.start()
        return measure(system.port("smtp"), hosts, first)


def theirs(hosts, with_bad, first):
    with Peer(WORK / "peer", parameters=[
            f"transport_maps = texthash:{WORK}/transport"]) as peer:
        return measure(peer.SMTP, hosts, first)


def main():
    who = sys.argv[1:] or ["ours", "theirs"]
    WORK.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(WORK)
    print(kernel_and_machine())
    hosts = Hosts()
    rows, first = [], 0
    for name, run in (("Posthouse", ours), ("Postfix", theirs)):
        if run.__name__ not in who:
            continue
        p99_before = None
        for with_bad in (False, True):
            put(WORK / "transport", transports(with_bad))
            p50, p99, missing, count = run(hosts, with_bad, first)
            first += 1000000
            rows.append([name, "half" if with_bad else "none", count, f"{p50:.1f}",
                         f"{p99:.1f}", f"{p99 / p99_before:.2f} x" if with_bad else "",
                         missing])
            p99_before = p99
    table("relay-slow", ["who", "dead or slow hosts", "messages", "median ms", "99 % ms",
                         "against none", "not there after a minute"], rows)


main()
