#!/usr/bin/python3
"""Answers a second over UDP: our zones beside nsd with the same file, a zone that we
sign beside nsd as its secondary, and what the resolver knows already beside
unbound. dnsperf asks each in turn. Runs inside test/peers. With names of rows only
those: zone, signed, cached."""
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import dns
import posthouse

ROUNDS, SECONDS, NAMES = 5, 4, 10000
NSD, UNBOUND, OURS = 5300, 5301, 20053


def zone():
    lines = ["$TTL 1h", "@ SOA ns root 1 1d 1h 1w 5m", "@ NS ns", "ns A 192.0.2.1", "*.w A 192.0.2.2"]
    lines += [f"h{i} A 10.0.{i // 256}.{i % 256}\nm{i} MX 10 h{i}" for i in range(NAMES)]
    return "\n".join(lines) + "\n"


def questions(origin, missing):
    """What is there; of the zone's also what is not."""
    rng = random.Random(1)
    for _ in range(50000):
        i, turn = rng.randrange(NAMES), rng.random()
        if turn < 0.6 or not missing:
            yield f"h{i % (NAMES if missing else 2000)}.{origin} A"
        elif turn < 0.8:
            yield f"m{i}.{origin} MX"
        elif turn < 0.9:
            yield f"x{i}.{origin} A"
        else:
            yield f"x{i}.w.{origin} A"


def answers(port, name="h1.c.test"):
    def is_up():
        try:
            return dns.ask_udp(("127.0.0.1", port), name, dns.A, timeout=0.5).data(dns.A)
        except (OSError, AssertionError):
            return False
    return is_up


def rate(port, file, *options):
    text = subprocess.run(["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(file), "-l",
                           str(SECONDS), "-c", "16", "-q", "256", *options], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    lost = float(re.search(r"Queries lost: +\d+ \(([\d.]+)%\)", text).group(1))
    assert lost < 1, text
    return float(re.search(r"Queries per second: +([\d.]+)", text).group(1))


def compare(title, ours, theirs, file, *options):
    found = {name: [] for name, _ in (ours, theirs)}
    for _ in range(ROUNDS):
        for name, port in (ours, theirs):
            found[name].append(rate(port, file, *options))
    medians = [statistics.median(found[name]) for name, _ in (ours, theirs)]
    print(f"| {title} | {medians[0]:.0f} | {medians[1]:.0f} ({theirs[0]}) | "
          f"{medians[0] / medians[1]:.2f} |", flush=True)


def main():
    directory = Path(tempfile.mkdtemp(prefix="posthouse-dns-"))
    directory.chmod(0o755)
    for origin in ("a.test", "c.test", "s.test"):
        (directory / f"{origin}.zone").write_text(zone())
    nsd_conf, unbound_conf = directory / "nsd.conf", directory / "unbound.conf"
    nsd_conf.write_text(
        f"server:\n  ip-address: 127.0.0.1@{NSD}\n  username: \"\"\n  chroot: \"\"\n  database: \"\"\n"
        f"  zonesdir: {directory}\n  pidfile: {directory}/nsd.pid\n  xfrdfile: {directory}/xfrd\n"
        f"  zonelistfile: {directory}/zones\n  xfrdir: {directory}\n  server-count: 1\n"
        "  rrl-ratelimit: 0\n  minimal-responses: yes\nremote-control:\n  control-enable: no\n" +
        "".join(f"zone:\n  name: {o}\n  zonefile: {o}.zone\n" for o in ("a.test", "c.test")) +
        f"zone:\n  name: s.test\n  request-xfr: AXFR 127.0.0.1@{OURS} NOKEY\n"
        "  allow-notify: 127.0.0.0/8 NOKEY\n")
    unbound_conf.write_text(
        f"server:\n  interface: 127.0.0.1@{UNBOUND}\n  username: \"\"\n  chroot: \"\"\n  num-threads: 1\n"
        f"  directory: {directory}\n  pidfile: {directory}/unbound.pid\n  do-not-query-localhost: no\n"
        "  use-syslog: no\n  module-config: iterator\n  local-zone: test. nodefault\n"
        f"forward-zone:\n  name: .\n  forward-addr: 127.0.0.1@{NSD}\nremote-control:\n  control-enable: no\n")
    servers = [subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
               for words in (["nsd", "-d", "-c", str(nsd_conf)], ["unbound", "-d", "-c", str(unbound_conf)])]
    for name, origin in (("zone", "a.test"), ("signed", "s.test"), ("cached", "c.test")):
        (directory / name).write_text("\n".join(questions(origin, name != "cached")) + "\n")
    rows = sys.argv[1:] or ["zone", "signed", "cached"]
    try:
        with posthouse.System(dns_zones=f"{directory}/a.test.zone {directory}/s.test.zone",
                              dns_rate_limit=0, dns_signed_zones="s.test", dns_allow_transfer="127.0.0.0/8",
                              dns_also_notify=f"127.0.0.1@{NSD}",
                              dns_forwarders=f"127.0.0.1@{NSD}", dns_validation="no") as system:
            system.start()
            for port in (UNBOUND, OURS):
                posthouse.wait_until(answers(port), 20, f"port {port} answers")
                rate(port, directory / "cached")
            posthouse.wait_until(answers(NSD, "h1.s.test"), 20, "nsd has the signed zone")
            print(f"Questions a second over UDP, one core each, median of {ROUNDS}\n\n"
                  "| | Posthouse | beside it | ratio |\n|---|---|---|---|")
            for row, title, theirs, options in (
                    ("zone", "our zone, a tenth missing", ("nsd", NSD), []),
                    ("signed", "a signed one, with signatures (DO)", ("nsd", NSD), ["-D"]),
                    ("cached", "in the resolver's cache", ("unbound", UNBOUND), [])):
                if row in rows:
                    compare(title, ("ours", OURS), theirs, directory / row, *options)
    finally:
        for server in servers:
            server.terminate()
            server.wait()
        shutil.rmtree(directory, ignore_errors=True)


main()
