#!/usr/bin/python3
"""Mail relayed from SMTP to SMTP through a durable queue, beside Postfix: 20
sessions of smtp-source, 8 KB, a new connection for each message, smtp-sink as
the next hop; messages a second until nothing waits any more, and the CPU of all
processes that handle mail."""
import subprocess
import tempfile
import time

from bench import (OURS, POSTFIX, Peer, cpu_of, kernel_and_machine, median, posthouse,
                   sync_time, table)

SIZE, SESSIONS, ROUNDS, SINK = 8192, 20, 3, 2526
WORK = posthouse.TOP / "build/bench/work"


def load(port, count):
    begin = time.monotonic()
    subprocess.run(["smtp-source", "-s", str(SESSIONS), "-m", str(count), "-l", str(SIZE),
                    "-f", "load@example.net", "-t", "user@elsewhere.example",
                    f"inet:127.0.0.1:{port}"], check=True, stdout=subprocess.DEVNULL)
    return begin


class Sink:
    def __enter__(self):
        self.process = subprocess.Popen(
            ["smtp-sink", "-u", "nobody", "-c", f"127.0.0.1:{SINK}", "500"],
            stdout=subprocess.DEVNULL)
        time.sleep(0.5)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def direct(count):
    """smtp-source to smtp-sink with nothing between."""
    with Sink():
        begin = load(SINK, count)
        return count / (time.monotonic() - begin)


def rounds(names, count, port, wait):
    results = []
    with Sink():
        for size in [count // 10] + [count] * ROUNDS:
            cpu = cpu_of(names)
            begin = load(port, size)
            end = wait()
            results.append((size / (end - begin), (cpu_of(names) - cpu) / size * 1000))
    return results[1:]


def ours(count):
    with posthouse.System(domain="example.org", relayhost=f"[127.0.0.1]:{SINK}",
                          smtpd_client_connection_rate_limit=0) as system:
        system.start()

        def wait():
            posthouse.wait_until(lambda: not system.json("queue", "list"), 60, "an empty queue")
            return time.monotonic()
        return rounds(OURS, count, system.port("smtp"), wait)


def theirs(count):
    with Peer(WORK / "peer", parameters=[f"relayhost = [127.0.0.1]:{SINK}"]) as peer:
        return rounds(POSTFIX, count, peer.SMTP, peer.wait_for_empty_queue)


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(WORK)     # ours and theirs on the same file system
    p50, p99 = sync_time(WORK)
    print(f"{kernel_and_machine()}; 8 KB append + fdatasync: {p50:.2f} ms median, "
          f"{p99:.2f} ms 99 %")
    plain = direct(20000)
    mine, other = ours(20000), theirs(4000)
    rate, cpu = (median([row[i] for row in mine]) for i in (0, 1))
    peer_rate, peer_cpu = (median([row[i] for row in other]) for i in (0, 1))
    table("relay", ["who", "messages/s", "CPU ms/message", "messages/s against Postfix",
                    "CPU against Postfix", "of smtp-source to smtp-sink"], [
        ["smtp-source to smtp-sink", f"{plain:.0f}", "", "", "", ""],
        ["Posthouse", f"{rate:.0f}", f"{cpu:.3f}", f"{rate / peer_rate:.1f} x",
         f"1/{peer_cpu / cpu:.1f}", f"{100 * rate / plain:.0f} %"],
        ["Postfix", f"{peer_rate:.0f}", f"{peer_cpu:.3f}", "", "", ""]])


main()
