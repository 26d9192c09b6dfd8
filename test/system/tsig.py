#!/usr/bin/python3
"""Signed transfers and NOTIFY (TSIG, RFC 8945), both ways, with nsd and knot; dig and
kdig verify our answers; questions and answers that are not signed as they must be
are of no use, of primaries too; a key file with a mistake leaves the keys alone."""
import base64
import os
import shutil
import socket
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
import tsig

OURS, NSD, KNOT, FAKE, HEARER, ASKER = (("127.0.0.1", 20053), ("127.0.0.2", 5300), ("127.0.0.3", 5300),
                                        ("127.0.0.4", 5300), ("127.0.0.5", 5300), ("127.0.0.6", 0))
SOA, NS, A = 6, 2, 1
KEYS = {name: tsig.Key(name, algorithm, os.urandom(size)) for name, algorithm, size in (
    ("nsd.key", "hmac-sha256", 32), ("knot.key", "hmac-sha512", 64), ("fake.key", "hmac-sha384", 48),
    ("asker.key", "hmac-sha256", 20), ("next.key", "hmac-sha256", 32))}
PEERS = {"n.test": (NSD, "nsd.key"), "k.test": (KNOT, "knot.key")}


def secret(name):
    return base64.b64encode(KEYS[name].secret).decode()


def write_zone(path, number):
    path.write_text(f"$TTL 60\n@ SOA ns root {number} 10000 10000 100000 60\n@ NS ns\nns A 192.0.2.1\n"
                    f"www A 192.0.2.{number}\n" + "".join(f"n{i} A 10.0.{i // 250}.{i % 250}\n" for i in range(3000)))


def write_keys(path, names, more=""):
    path.write_text("# shared with others\n" + "".join(
        f"{name} {KEYS[name].algorithm} {secret(name)}\n" for name in names) + more)
    path.chmod(0o600)


# ---- the others ----

def start_nsd(directory):
    (directory / "nsd").mkdir()
    key = f"{NSD[0]}@{NSD[1]}"
    (directory / "nsd.conf").write_text(
        f"server:\n  ip-address: {key}\n  username: \"\"\n  chroot: \"\"\n  zonesdir: {directory}\n"
        f"  database: \"\"\n  pidfile: {directory}/nsd/pid\n  xfrdfile: {directory}/nsd/xfrd\n"
        f"  zonelistfile: {directory}/nsd/list\n  xfrdir: {directory}/nsd\n  server-count: 1\n"
        "remote-control:\n  control-enable: no\n"
        f"key:\n  name: nsd.key\n  algorithm: hmac-sha256\n  secret: \"{secret('nsd.key')}\"\n"
        "zone:\n  name: n.test\n  zonefile: n.test.zone\n  provide-xfr: 127.0.0.0/8 nsd.key\n"
        f"  notify: 127.0.0.1@20053 nsd.key\n  outgoing-interface: {NSD[0]}\n"
        "zone:\n  name: o.test\n  zonefile: nsd/o.zone\n  request-xfr: 127.0.0.1@20053 nsd.key\n"
        f"  allow-notify: 127.0.0.1 nsd.key\n  outgoing-interface: {NSD[0]}\n")
    return subprocess.Popen(["nsd", "-d", "-c", str(directory / "nsd.conf")], stderr=subprocess.DEVNULL)


def start_knot(directory):
    (directory / "knot").mkdir()
    (directory / "knot.conf").write_text(
        f"server:\n  listen: {KNOT[0]}@{KNOT[1]}\n  rundir: {directory}/knot\ndatabase:\n"
        f"  storage: {directory}/knot\n"
        f"key:\n  - id: knot.key\n    algorithm: hmac-sha512\n    secret: {secret('knot.key')}\n"
        f"remote:\n  - id: us\n    address: 127.0.0.1@20053\n    via: {KNOT[0]}\n    key: knot.key\n"
        "acl:\n  - id: us\n    address: 127.0.0.0/8\n    key: knot.key\n    action: [transfer, notify]\n"
        f"zone:\n  - domain: k.test\n    storage: {directory}\n    file: k.test.zone\n    zonefile-sync: -1\n"
        "    zonefile-load: difference\n    journal-content: all\n    notify: us\n    acl: us\n"
        f"  - domain: o.test\n    storage: {directory}/knot\n    file: o.zone\n    master: us\n    acl: us\n")
    return subprocess.Popen(["knotd", "-c", str(directory / "knot.conf")], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def record(owner, kind, data, ttl=60):
    return dns.encode_name(owner) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def soa(number):
    return record("f.test", SOA, b"\0\0" + struct.pack(">5I", number, 10000, 10000, 100000, 60))


class Fake:
    """A primary of f.test that signs as the test says: `sign` gets the number of the
    message, of how many, and the code before, and says what becomes of it."""

    def __init__(self):
        self.number, self.messages, self.style, self.wrong = 1, 3, "all", []
        self.listener = socket.create_server(FAKE, backlog=20)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client):
        try:
            self.serve(client)
        except ConnectionError:
            pass  # what was wrong was not read to its end

    def answers(self, kind):
        """The records of each message."""
        address = [[record(f"a{i}.f.test", A, bytes([192, 0, 2, self.number]))] for i in range(self.messages - 2)]
        return [[soa(self.number)]] if kind == SOA else [
            [soa(self.number), record("f.test", NS, dns.encode_name("ns.f.test")),
             record("ns.f.test", A, b"\xc0\0\2\1")], *address, [soa(self.number)]]

    def serve(self, client):
        with client, client.makefile("rb") as file:
            while len(head := file.read(2)) == 2:
                query = file.read(struct.unpack(">H", head)[0])
                try:
                    code = tsig.check(query, KEYS["fake.key"]).code
                except AssertionError as wrong:
                    self.wrong.append(wrong)
                    return
                _, at = dns.decode_name(query, 12)
                kind = struct.unpack(">H", query[at:at + 2])[0]
                answers, unsigned = self.answers(kind), b""
                for i, records in enumerate(answers):
                    message = query[:2] + struct.pack(">HHHHH", 0x8400, 1, len(records), 0, 0)
                    message += query[12:at + 4] + b"".join(records)
                    if self.signs(kind, i, len(answers)):
                        now = int(time.time()) - (3600 if self.style == "late" and kind != SOA else 0)
                        message, code = tsig.sign(message, KEYS["fake.key"], now, prior=code, unsigned=unsigned,
                                                  is_later=i > 0)
                        unsigned = b""
                        if self.style == "changed" and i == 1:
                            message = message.replace(bytes([192, 0, 2, self.number]), b"\xc0\0\2\0")
                    else:
                        unsigned += message
                    client.sendall(struct.pack(">H", len(message)) + message)

    def signs(self, kind, i, count):
        if kind == SOA or self.style in ("all", "late", "changed"):
            return True
        if self.style == "first":
            return i == 0
        if self.style == "none":
            return False
        return i in (0, count - 1)

    def gives(self, style, messages=3):
        """Another version, told of by a NOTIFY that is signed."""
        self.number, self.style, self.messages = self.number + 1, style, messages
        answer, _ = exchange(FAKE[0], notify("f.test"), "fake.key")
        assert answer.rcode == 0, answer.rcode


class Hearer:
    """Who is told: its first answer to each NOTIFY is not signed."""

    def __init__(self):
        self.heard, self.wrong = {}, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(HEARER)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            message, client = self.socket.recvfrom(4096)
            try:
                found = tsig.check(message, KEYS["fake.key"])
            except AssertionError as wrong:
                self.wrong.append(wrong)
                continue
            answer = message[:2] + b"\xa4\0" + message[4:10] + b"\0\0" + message[12:found.at]
            count = self.heard[message[:2]] = self.heard.get(message[:2], 0) + 1
            if count > 1:
                answer, _ = tsig.sign(answer, KEYS["fake.key"], int(time.time()), prior=found.code)
            self.socket.sendto(answer, client)


def notify(origin):
    return struct.pack(">HHHHHH", 7, 0x2400, 1, 0, 0, 0) + dns.encode_name(origin) + struct.pack(">HH", SOA, 1)


def ask(source, message):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(60)
        client.bind((source, 0))
        client.sendto(message, OURS)
        return client.recv(4096)


def exchange(source, message, name, **options):
    """Signs, asks, and verifies the answer; the answer and its record."""
    key = KEYS[name]
    asked, code = tsig.sign(message, key, options.pop("time", int(time.time())), **options)
    got = ask(source, asked)
    return dns.Answer(got), tsig.check(got, key, prior=code)


# ---- what dig and its kin see ----

def run(program, where, name, *words):
    key = [] if name is None else ["-y", f"{KEYS[name].algorithm}:{name}:{secret(name)}"]
    return subprocess.run([program, f"@{where[0]}", "-p", str(where[1]), "+time=30", *key, *words], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout


def dig(*words, where=OURS, name=None, source=ASKER[0]):
    return run("dig", where, name, "+tries=1", "-b", source, *words)


def serial(where, origin):
    words = dig("+short", origin, "SOA", where=where).split()
    return int(words[2]) if len(words) == 7 else None


# ---- steps ----

def fetches(world):
    """From nsd and knot, first and when they say that there is more."""
    for origin, (where, _) in PEERS.items():
        posthouse.wait_until(lambda: serial(OURS, origin) == 1, 20, f"{origin} comes")
        write_zone(world["directory"] / f"{origin}.zone", 2)
    world["nsd"].send_signal(1)
    world["knot"].send_signal(1)
    for origin in PEERS:
        posthouse.wait_until(lambda: serial(OURS, origin) == 2, 20, f"{origin} follows")
        assert dig("+short", f"www.{origin}") == "192.0.2.2\n"
    # neither has it for who does not sign
    for origin, (where, _) in PEERS.items():
        assert "SOA" not in dig("+noall", "+answer", "AXFR", origin, where=where), origin


def provides(world):
    """nsd and knot have ours, and the next version as soon as they are told."""
    for where in (NSD, KNOT):
        posthouse.wait_until(lambda: serial(where, "o.test") == 1, 20, f"{where} has it")
    write_zone(world["directory"] / "o.test.zone", 2)
    world["system"].command("reload")
    for where in (NSD, KNOT):
        posthouse.wait_until(lambda: serial(where, "o.test") == 2, 20, f"{where} is told")
    posthouse.wait_until(lambda: dig("+short", "www.o.test", where=KNOT) == "192.0.2.2\n", 5, "all of it")
    # an answer that anybody can write is none
    hearer = world["hearer"]
    posthouse.wait_until(lambda: any(count > 1 for count in hearer.heard.values()), 20, "they are told again")
    assert hearer.wrong == [], hearer.wrong


def is_asked(world):
    """What others' clients make of our answers."""
    for program in ("dig", "kdig"):
        whole = run(program, OURS, "asker.key", "-b", ASKER[0], "AXFR", "o.test")
        assert whole.count("\tA\t") + whole.count(" A ") >= 3000 and "verify" not in whole.lower(), whole[-2000:]
        small = run(program, OURS, "asker.key", "-b", ASKER[0], "www.o.test", "A")
        assert "192.0.2.2" in small and "TSIG" in small and "verify" not in small.lower(), small
    assert "Transfer failed" in dig("AXFR", "o.test")
    # a good key, but of another
    assert "Transfer failed" in dig("AXFR", "o.test", name="nsd.key")
    # and of nobody: no zone goes out, nor do they say more than that
    KEYS["strange.key"] = tsig.Key("strange.key", "hmac-sha256", b"0" * 32)
    said = dig("AXFR", "o.test", name="strange.key")
    assert "BADKEY" in said and "192.0.2" not in said, said
    KEYS["asker.key"], good = tsig.Key("asker.key", "hmac-sha256", b"0" * 32), KEYS["asker.key"]
    said = dig("AXFR", "o.test", name="asker.key")
    assert "BADSIG" in said and "192.0.2" not in said, said
    KEYS["asker.key"] = good
    question = dns.question("www.o.test", A)
    answer, found = exchange(ASKER[0], question, "asker.key")
    assert (answer.rcode, found.error, len(answer.records)) == (0, 0, 1)
    # RFC 8945 5.2.3: our time is in it, and the whole is signed
    answer, found = exchange(ASKER[0], question, "asker.key", time=int(time.time()) - 3600)
    assert (answer.rcode, found.error, answer.records) == (9, tsig.BADTIME, [])
    high, low = struct.unpack(">HI", found.other)
    assert abs((high << 32 | low) - time.time()) < 60
    asked, _ = tsig.sign(question, KEYS["asker.key"], int(time.time()))
    twice = tsig.append(asked, asked[tsig.Found(asked).at:])
    got = ask(ASKER[0], twice)
    assert dns.Answer(got).rcode == dns.FORMAT_ERROR and not tsig.Found(got).is_there
    assert "error=BADKEY" in world["system"].log_text()


def is_told(world):
    """A NOTIFY counts when it is signed by the primary's key."""
    for message, rcode in ((notify("f.test"), 5), (tsig.sign(notify("f.test"), KEYS["fake.key"], 0)[0], 9)):
        assert dns.Answer(ask(FAKE[0], message)).rcode == rcode, rcode
    answer, _ = exchange(FAKE[0], notify("f.test"), "asker.key")
    assert answer.rcode == 5
    answer, _ = exchange(FAKE[0], notify("f.test"), "fake.key")
    assert answer.rcode == 0


def believes(world):
    """Of a primary's stream what is signed to its end."""
    fake, system = world["fake"], world["system"]
    posthouse.wait_until(lambda: serial(OURS, "f.test") == 1, 20, "the first version")
    fake.gives("some", messages=101)
    posthouse.wait_until(lambda: serial(OURS, "f.test") == fake.number, 20, "99 that are not signed")
    assert dig("+short", "a98.f.test") == f"192.0.2.{fake.number}\n"
    last = fake.number
    for style, messages, said in (("some", 102, "no signature"), ("first", 3, "no signature at the end"),
                                  ("none", 3, "no signature"), ("changed", 3, "BADSIG"),
                                  ("late", 3, "BADTIME, its clock is -36")):
        began = len(system.log_text())
        fake.gives(style, messages)
        posthouse.wait_until(lambda: f"127.0.0.4 and we differ about the key fake.key: {said}" in
                             system.log_text()[began:], 20, style)
        assert serial(OURS, "f.test") == last, style
    fake.gives("all")
    posthouse.wait_until(lambda: serial(OURS, "f.test") == fake.number, 20, "one that is signed")
    assert fake.wrong == [], fake.wrong


def reloads(world):
    """A mistake changes nothing, and is said; another key is good at once."""
    system, keys = world["system"], world["directory"] / "tsig.keys"
    names = ["nsd.key", "knot.key", "fake.key", "asker.key"]
    write_keys(keys, names, f"next.key hmac-md5 {secret('next.key')}\n")
    said = system.command("reload", check=False)
    assert said.returncode != 0 and f"{keys}:6: found no algorithm" in said.stderr, said
    answer, _ = exchange(ASKER[0], dns.question("www.o.test", A), "asker.key")
    assert answer.rcode == 0
    write_keys(keys, [*names, "next.key"])
    system.command("reload")
    answer, _ = exchange(ASKER[0], dns.question("www.o.test", A), "next.key")
    assert answer.rcode == 0
    write_keys(keys, names[1:])
    said = system.command("serve", "--check", check=False)
    assert said.returncode != 0 and 'found the key "nsd.key", expected one of dns_tsig_keys' in said.stderr, said
    write_keys(keys, names)


def inside():
    directory = Path(tempfile.mkdtemp(prefix="posthouse-tsig-"))
    directory.chmod(0o755)
    world = {"directory": directory, "fake": Fake(), "hearer": Hearer()}
    for origin in (*PEERS, "o.test"):
        write_zone(directory / f"{origin}.zone", 1)
    write_keys(directory / "tsig.keys", ["nsd.key", "knot.key", "fake.key", "asker.key"])
    world["nsd"], world["knot"] = start_nsd(directory), start_knot(directory)
    secondary = [f"{origin}:{where[0]}@{where[1]}={key}" for origin, (where, key) in
                 [*PEERS.items(), ("f.test", (FAKE, "fake.key"))]]
    try:
        with posthouse.System(
                dns_secondary_zones=" ".join(secondary), dns_zones=str(directory / "o.test.zone"),
                dns_forwarders="127.0.0.9", dns_rate_limit=0, dns_tsig_keys=str(directory / "tsig.keys"),
                dns_allow_transfer=f"{NSD[0]}=nsd.key {KNOT[0]}=knot.key {ASKER[0]}=asker.key",
                dns_also_notify=f"{NSD[0]}@{NSD[1]}=nsd.key [{KNOT[0]}]:{KNOT[1]}=knot.key "
                                f"{HEARER[0]}@{HEARER[1]}=fake.key") as system:
            system.start()
            world["system"] = system
            for step in (fetches, provides, is_asked, is_told, believes, reloads):
                began = time.monotonic()
                step(world)
                print(step.__name__, f"{time.monotonic() - began:.1f} s", flush=True)
    finally:
        for name in ("nsd", "knot"):
            world[name].kill()
            world[name].wait()
        shutil.rmtree(directory, ignore_errors=True)


def main():
    peers.enter("nsd", "knot", "knot-dnsutils", "bind9-dnsutils")
    os.environ["POSTHOUSE_NETNS"] = "1"
    inside()


main()
