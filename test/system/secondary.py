#!/usr/bin/python3
"""We as a secondary: zones of nsd and knot, signed and not, that change many times
come as differences (IXFR) and are the primary's record by record; a primary
that has none, or wrong ones, gives the whole zone; one that says nothing holds
up nobody; after a start the zones are there without any."""
import os
import random
import re
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import dns
import peers
import posthouse

SEED, CHANGES, RECORDS = 20261123, 6, 300
OURS, NSD, KNOT, FAKE, SILENT = (("127.0.0.1", 20053), ("127.0.0.2", 5300), ("127.0.0.3", 5300),
                                 ("127.0.0.4", 5300), ("127.0.0.5", 5300))
SOA, NS, A, AXFR, IXFR = 6, 2, 1, 252, 251
ZONES = {"n.test": NSD, "k.test": KNOT, "signed.test": KNOT}


class Zone:
    """A zone file with another content each time."""

    def __init__(self, path, rng):
        self.path, self.rng, self.serial = path, rng, 4294967293  # it passes 2^32 (RFC 1982)
        self.records = {f"n{i} A 10.0.{i // 256}.{i % 256}" for i in range(RECORDS)}
        self.records |= {f"many A 10.9.0.{i}" for i in range(20)} | {
            "mail MX 10 Mail.Elsewhere.example.", 'big TXT "' + "x" * 200 + '"', "*.wild A 192.0.2.1",
            "cut NS ns.cut", "ns.cut A 192.0.2.2", "deep.er.name SRV 0 1 143 Host.Other."}
        self.write()

    def change(self):
        rng = self.rng
        for record in rng.sample(sorted(self.records), 5):
            self.records.discard(record)
        for _ in range(5):
            self.records.add(f"{rng.choice(['new', 'many', 'x.y', '*.wild'])}{rng.choice(['', '2'])} "
                             f"A 10.8.{rng.randrange(256)}.{rng.randrange(256)}")
        self.records.add(f'big TXT "{rng.random()}"')
        self.serial = (self.serial + 1) % 2**32 or 1
        self.write()

    def write(self):
        text = (f"$TTL 300\n@ SOA ns root {self.serial} 1000 1000 100000 60\n@ NS ns\nns A 192.0.2.9\n" +
                "".join(f"{record}\n" for record in sorted(self.records)))
        self.path.write_text(text)


def dig(where, *words):
    return subprocess.run(["dig", f"@{where[0]}", "-p", str(where[1]), "+tries=3", "+time=20", *words],
                          text=True, stdout=subprocess.PIPE).stdout


def whole(where, origin):
    """All its records, names of the data small too (nsd and knot differ there)."""
    lines = dig(where, "+noall", "+answer", "+onesoa", "AXFR", origin).splitlines()
    return sorted(" ".join(line.split()).lower() for line in lines)


def serial(where, origin):
    words = dig(where, "+short", origin, "SOA").split()
    return int(words[2]) if len(words) == 7 else None


def fetched(system, origin, how):
    """Octets of each time."""
    return [int(octets) for octets in re.findall(
        rf"event=zone-fetched zone={origin} .*as={how} octets=(\d+)", system.log_text())]


# ---- the primaries ----

def start_nsd(directory):
    (directory / "nsd").mkdir(exist_ok=True)
    (directory / "nsd.conf").write_text(
        f"server:\n  ip-address: {NSD[0]}@{NSD[1]}\n  username: \"\"\n  chroot: \"\"\n  zonesdir: {directory}\n"
        f"  database: \"\"\n  pidfile: {directory}/nsd/pid\n  xfrdfile: {directory}/nsd/xfrd\n"
        f"  zonelistfile: {directory}/nsd/list\n  xfrdir: {directory}/nsd\n  server-count: 1\n"
        "remote-control:\n  control-enable: no\nzone:\n  name: n.test\n  zonefile: n.test.zone\n"
        "  store-ixfr: yes\n  create-ixfr: yes\n  provide-xfr: 127.0.0.0/8 NOKEY\n"
        "  notify: 127.0.0.1@20053 NOKEY\n"
        f"  outgoing-interface: {NSD[0]}\n")
    return subprocess.Popen(["nsd", "-d", "-c", str(directory / "nsd.conf")], stderr=subprocess.DEVNULL)


def start_knot(directory):
    (directory / "knot").mkdir(exist_ok=True)
    zone = (f"    storage: {directory}\n    zonefile-sync: -1\n    zonefile-load: difference-no-serial\n"
            "    journal-content: all\n    notify: us\n    acl: us\n")
    plain = zone.replace("difference-no-serial", "difference")
    (directory / "knot.conf").write_text(
        f"server:\n  listen: {KNOT[0]}@{KNOT[1]}\n  rundir: {directory}/knot\ndatabase:\n"
        f"  storage: {directory}/knot\nremote:\n  - id: us\n    address: 127.0.0.1@20053\n    via: {KNOT[0]}\n"
        "acl:\n  - id: us\n    address: 127.0.0.0/8\n    action: transfer\n"
        "policy:\n  - id: own\n    nsec3: on\n    nsec3-iterations: 0\n    nsec3-salt-length: 0\n"
        f"zone:\n  - domain: k.test\n    file: k.test.zone\n{plain}"
        f"  - domain: signed.test\n    file: signed.test.zone\n    dnssec-signing: on\n    dnssec-policy: own\n{zone}")
    return subprocess.Popen(["knotd", "-c", str(directory / "knot.conf")], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


class Fake:
    """A primary whose answers the test chooses: {type: [messages as lists of
    records]}; a number in the place of a list is an rcode."""

    def __init__(self):
        self.answers, self.asked = {}, []
        self.listener = socket.create_server(FAKE, backlog=20)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, client.makefile("rb") as file:
            while len(head := file.read(2)) == 2:
                query = file.read(struct.unpack(">H", head)[0])
                _, at = dns.decode_name(query, 12)
                kind = struct.unpack(">H", query[at:at + 2])[0]
                self.asked.append(kind)
                for records in self.answers.get(kind, [5]):
                    rcode, records = (records, []) if isinstance(records, int) else (0, records)
                    message = query[:2] + struct.pack(">HHHHH", 0x8400 | rcode, 1, len(records), 0, 0)
                    message += query[12:at + 4] + b"".join(records)
                    client.sendall(struct.pack(">H", len(message)) + message)

    @staticmethod
    def notify(number):
        """RFC 1996, with the SOA as its answer."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind((FAKE[0], 0))
            client.sendto(struct.pack(">HHHHHH", number, 0x2400, 1, 1, 0, 0) + dns.encode_name("f.test") +
                          struct.pack(">HH", SOA, 1) + soa(number), OURS)


def record(owner, kind, data, ttl=60):
    return dns.encode_name(owner) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def soa(number, times=(3, 2, 1000)):
    return record("f.test", SOA, b"\0\0" + struct.pack(">5I", number, *times, 60))


def address(owner, last):
    return record(f"{owner}.f.test", A, bytes([192, 0, 2, last]))


F_NS = record("f.test", NS, dns.encode_name("ns.f.test"))


# ---- steps ----

def follows(world):
    """Six changes; all but the first come as differences, much smaller than the zone."""
    system = world["system"]
    for origin, where in ZONES.items():
        posthouse.wait_until(lambda: serial(OURS, origin) == serial(where, origin) is not None, 20, origin)
        assert len(whole(OURS, origin)) > RECORDS and whole(OURS, origin) == whole(where, origin), origin
    waited = []
    for _ in range(CHANGES):
        before = {origin: serial(OURS, origin) for origin in ZONES}
        for zone in world["zones"].values():
            zone.change()
        world["nsd"].send_signal(1)
        world["knot"].send_signal(1)
        began = time.monotonic()
        for origin, where in ZONES.items():
            posthouse.wait_until(lambda: before[origin] != serial(OURS, origin) == serial(where, origin), 9,
                                 f"{origin} follows")
            waited.append(time.monotonic() - began)
            ours, theirs = whole(OURS, origin), whole(where, origin)
            assert ours == theirs, (origin, set(ours) ^ set(theirs))
    # mostly sooner than a primary that says nothing is given up (10 s)
    assert statistics.median(waited) < 4, waited
    for origin in ZONES:
        all_, changes = fetched(system, origin, "whole"), fetched(system, origin, "changes")
        print(origin, all_, changes, flush=True)
        assert len(all_) == 1 and len(changes) >= CHANGES, (origin, all_, changes)
        assert max(changes) < all_[0] / 3, (origin, all_, changes)
    assert "zone-changes-not-taken" not in system.log_text()
    # what came as differences goes on as differences
    lines = dig(OURS, "+noall", "+answer", f"IXFR={before['k.test']}", "k.test").splitlines()
    assert 8 < len(lines) < 40, len(lines)


def others(world):
    """Refused, wrong, with an end that is no end: the whole zone, or what was there."""
    fake, system = world["fake"], world["system"]

    def gives(number, last, wrong):
        fake.answers = {SOA: [[soa(number)]], IXFR: wrong,
                        AXFR: [[soa(number), F_NS, address("ns", 9)], [address("a", last), soa(number)]]}
    posthouse.wait_until(lambda: dig(OURS, "+short", "a.f.test") == "192.0.2.1\n", 20, "the first version")
    # eight zones have a primary that says nothing: they get threads again and again
    posthouse.wait_until(lambda: system.log_text().count("zone-not-fetched zone=s") >= 2, 20, "they fail")
    waited = []
    for i, (name, wrong) in enumerate({
            "not implemented": [4],
            "removes what is not there": [[soa(2), soa(1), address("b", 7), soa(2), soa(2)]],
            "of another serial": [[soa(9), soa(8), address("a", 1), soa(9), soa(9)]],
            "cut": [[soa(2)], b""]}.items(), 2):
        wrong = [[r.replace(struct.pack(">5I", 2, 3, 2, 1000, 60), struct.pack(">5I", i, 3, 2, 1000, 60))
                  .replace(struct.pack(">5I", 1, 3, 2, 1000, 60), struct.pack(">5I", i - 1, 3, 2, 1000, 60))
                  for r in m] if isinstance(m, list) else m for m in wrong]
        began = time.monotonic()
        fake.asked.clear()
        gives(i, i, wrong)
        fake.notify(i)
        posthouse.wait_until(lambda: dig(OURS, "+short", "a.f.test") == f"192.0.2.{i}\n", 20, name)
        assert IXFR in fake.asked and AXFR in fake.asked, (name, fake.asked)
        waited.append(time.monotonic() - began)
    print(f"{max(waited):.1f} s at most", flush=True)
    assert statistics.median(waited) < 5, waited
    # an older serial changes nothing, nor does a zone without a NS
    latest = serial(OURS, "f.test")
    gives(3, 77, [5])
    fake.notify(latest + 1)
    posthouse.wait_until(lambda: "127.0.0.4 says a serial older than ours" in system.log_text(), 10, "it is seen")
    fake.answers = {SOA: [[soa(50)]], IXFR: [5], AXFR: [[soa(50), address("a", 78), soa(50)]]}
    posthouse.wait_until(lambda: "found no NS" in system.log_text(), 10, "it is looked at")
    assert dig(OURS, "+short", "a.f.test") == f"192.0.2.{latest}\n"
    # the whole zone as an answer to IXFR
    fake.answers = {SOA: [[soa(60)]], IXFR: [[soa(60), F_NS, address("a", 60), soa(60)]]}
    posthouse.wait_until(lambda: dig(OURS, "+short", "a.f.test") == "192.0.2.60\n", 10, "the whole")


def starts_alone(world):
    """After a restart without its primaries it answers from the first moment; with
    them again it goes on where it was."""
    system = world["system"]
    before = {origin: whole(OURS, origin) for origin in ZONES}
    for name in ("nsd", "knot"):
        world[name].kill()
        world[name].wait()
    began = len(system.log_text())
    system.restart()
    for origin in ZONES:
        assert whole(OURS, origin) == before[origin], origin
    # it was never there
    assert "status: SERVFAIL" in dig(OURS, "s1.test", "SOA")
    assert not re.search("zone-fetched zone=[nks]", system.log_text()[began:])
    for zone in world["zones"].values():
        zone.change()
    world["nsd"], world["knot"] = start_nsd(world["directory"]), start_knot(world["directory"])
    for origin, where in list(ZONES.items())[1:]:
        posthouse.wait_until(lambda: serial(where, origin) is not None and whole(where, origin) != before[origin],
                             20, "knot has it")
        system.command("reload")
        posthouse.wait_until(lambda: whole(OURS, origin) == whole(where, origin), 20, f"{origin} follows")
        assert re.search(rf"zone-fetched zone={origin} .* as=changes", system.log_text()[began:]), origin


def inside():
    directory = Path(tempfile.mkdtemp(prefix="posthouse-secondary-"))
    directory.chmod(0o755)
    rng, world = random.Random(SEED), {"directory": directory, "fake": Fake()}
    world["fake"].answers = {SOA: [[soa(1)]], AXFR: [[soa(1), F_NS, address("ns", 9), address("a", 1), soa(1)]]}
    world["zones"] = {origin: Zone(directory / f"{origin}.zone", rng) for origin in ZONES}
    # it takes connections and says nothing
    world["silent"] = socket.create_server(SILENT)
    world["nsd"], world["knot"] = start_nsd(directory), start_knot(directory)
    lists = [f"{origin}:{where[0]}@{where[1]}" for origin, where in
             [*ZONES.items(), ("f.test", FAKE), *((f"s{i}.test", SILENT) for i in range(8))]]
    try:
        with posthouse.System(dns_secondary_zones=" ".join(lists), dns_forwarders="127.0.0.9",
                              dns_rate_limit=0, dns_allow_transfer="127.0.0.0/8") as system:
            system.start()
            world["system"] = system
            for step in (follows, others, starts_alone):
                began = time.monotonic()
                step(world)
                print(step.__name__, f"{time.monotonic() - began:.1f} s", flush=True)
    finally:
        for name in ("nsd", "knot"):
            world[name].kill()
            world[name].wait()
        shutil.rmtree(directory, ignore_errors=True)


def main():
    peers.enter("nsd", "knot", "bind9-dnsutils")
    os.environ["POSTHOUSE_NETNS"] = "1"
    inside()


main()
