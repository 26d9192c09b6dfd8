#!/usr/bin/python3
"""The zones we serve, against nsd with the same files: ten thousand generated
questions answered record by record alike; the book's zone asked with dig and
kdig; a reload that leaves no gap; no resolver for strangers; hostile packets."""
import os
import random
import re
import shutil
import signal
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
from zones import BOOK

SEED, QUESTIONS = 20261122, 10000
OURS, NSD, SECONDARY = ("127.0.0.1", 20053), ("127.0.0.2", 5300), ("127.0.0.3", 5300)
PTR, SRV, DNAME, DS, ANY, CAA, NAPTR = 12, 33, 39, 43, 255, 257, 35
TYPES = [dns.A, dns.NS, dns.CNAME, dns.SOA, PTR, dns.MX, dns.TXT, dns.AAAA, SRV, NAPTR, DNAME,
         DS, dns.TLSA, CAA, 13, 65280, 99]
# types whose data ends with a name: the octets before it
NAMES = {dns.NS: 0, dns.CNAME: 0, PTR: 0, dns.MX: 2, SRV: 6, DNAME: 0}

LARGE = """$TTL 1h
@ SOA ns root 7 1d 1h 1w 5m
@ NS ns
@ NS ns.b.test.
@ NS ns.elsewhere.example.
@ MX 10 mail
@ MX 20 mx.b.test.
@ TXT "v=spf1 mx -all" "second string"
@ CAA 0 issue "ca.example"
ns A 192.0.2.1
ns AAAA 2001:db8::1
mail 300 A 192.0.2.2
mail AAAA 2001:db8::2
_25._tcp.mail TLSA 3 1 1 0123456789012345678901234567890123456789012345678901234567890123
_imap._tcp SRV 0 1 143 Mail
_sip._udp SRV 10 20 5060 ns.b.test.
@ NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:a@b.test!" .
alias CNAME mail
alias2 CNAME ALIAS
alias3 CNAME alias2
out CNAME www.example.org.
nowhere CNAME missing
into CNAME x.cut
over CNAME foo.wild
dalias CNAME x.old
deep.er.name A 192.0.2.3
*.wild A 192.0.2.4
*.wild MX 5 mail
there.wild TXT "here"
sub.is.wild TXT "x"
*.wildc CNAME mail
old DNAME new
x.new A 192.0.2.5
old TXT "beside the DNAME"
cut NS ns.cut
cut NS ns.other
cut NS far.example.org.
cut DS 1 13 2 0123456789012345678901234567890123456789012345678901234567890123
ns.cut A 192.0.2.7
ns.cut AAAA 2001:db8::7
ns.other A 192.0.2.8
deep.cut2 NS ns.far.example.
child NS ns.child
ns.child A 192.0.2.9
Case.Kept A 192.0.2.10
many A 192.0.2.11
many A 192.0.2.12
null MX 0 .
u TYPE65280 \\# 4 01020304
h HINFO "cpu" "os"
ptr PTR Host.Example.
odd\\.dot A 192.0.2.13
"""
CHILD = """$TTL 1h
@ SOA ns root 1 1 1 1 60
@ NS ns
ns A 192.0.2.9
www CNAME mail.a.test.
*.any TXT "x"
"""
OTHER = """$TTL 2h
@ SOA ns root 1 1 1 1 1d
@ NS ns
ns A 192.0.2.20
mx A 192.0.2.21
www A 192.0.2.22
"""


def large_zone(rng):
    """Beside the lines above, some hundred that nobody thought of."""
    # nsd leaves a set several times to live (RFC 2181 5.2: it has one)
    lines, ttl = [LARGE], {}
    for i in range(300):
        name = ".".join(rng.choice(["p", "q", "r", "s", f"n{i}"]) for _ in range(rng.randint(1, 4)))
        ttl.setdefault(name, rng.choice(["", "60", "7200"]))
        lines.append(f"{name}.g {ttl[name]} A 10.0.{i // 256}.{i % 256}\n")
    lines += [f"big TXT \"{i} {'x' * 100}\"\n" for i in range(30)]
    lines += [f"medium TXT \"{i} {'y' * 60}\"\n" for i in range(10)]
    return "".join(lines)


def names_of(text, origin):
    names = set()
    for line in text.splitlines():
        word = line.split(" ")[0]
        if word and not line.startswith("$") and "\\" not in word:
            names.add(origin if word == "@" else f"{word}.{origin}")
    return names


def mix_case(rng, name):
    return "".join(rng.choice([c.lower(), c.upper()]) for c in name)


def questions(rng, zones):
    """(name, type) without end."""
    known = sorted(set().union(*(names_of(text, origin) for origin, text in zones.items())))
    words = ["x", "www", "*", "wild", "mail", "old", "new", "cut", "_tcp", "a", "zz" * 20]
    while True:
        name, kind = rng.choice(known), rng.choice(TYPES)
        turn = rng.random()
        if turn < 0.01:
            name, kind = rng.choice(["big.a.test", "medium.a.test"]), dns.TXT
        elif turn < 0.45:
            pass
        elif turn < 0.65:
            name = f"{rng.choice(words)}.{name}"
        elif turn < 0.75:
            name = ".".join(rng.choice(words) for _ in range(rng.randint(1, 5))) + "." + name
        elif turn < 0.85:
            name = name.split(".", 1)[1]
        else:
            name = f"{rng.getrandbits(40):x}.{name}"
        if name.endswith("test") and name != "test" and len(name) < 250:
            yield mix_case(rng, name) if rng.random() < 0.2 else name, kind


# ---- answers, record by record ----

def canonical(message, kind, at, size):
    if kind == dns.SOA:
        first, end = dns.decode_name(message, at)
        second, end = dns.decode_name(message, end)
        return (first, second, message[end:at + size])
    if kind in NAMES:
        skip = NAMES[kind]
        return (message[at:at + skip], dns.decode_name(message, at + skip)[0])
    return message[at:at + size]


class Message:
    def __init__(self, bytes_):
        self.number, self.flags, *counts = struct.unpack(">HHHHHH", bytes_[:12])
        self.rcode, self.is_cut = self.flags & 15, bool(self.flags & 0x0200)
        self.is_ours, self.sections, at = bool(self.flags & 0x0400), [[], [], []], 12
        self.opt = None
        for _ in range(counts[0]):
            self.asked, at = dns.decode_name(bytes_, at)
            self.question = bytes_[12:at]
            at += 4
        for section in range(3):
            for _ in range(counts[section + 1]):
                name, at = dns.decode_name(bytes_, at)
                kind, _, ttl, size = struct.unpack(">HHIH", bytes_[at:at + 10])
                if kind == dns.OPT:
                    self.opt = (ttl, bytes_[at + 10:at + 10 + size])
                else:
                    self.sections[section].append(
                        (name, kind, ttl, canonical(bytes_, kind, at + 10, size)))
                at += 10 + size
        assert at == len(bytes_), "octets behind the end"

    def said(self):
        answer, authority, additional = (sorted(map(repr, s)) for s in self.sections)
        if self.is_cut:
            return (self.rcode, self.is_ours, True)
        # with short answers, nsd adds addresses to referrals only
        is_referral = any(record[1] == dns.NS for record in self.sections[1])
        return (self.rcode, self.is_ours, answer, authority, is_referral and additional)


def exchange(client, where, query):
    client.sendto(query, where)
    while True:
        answer = client.recv(65535)
        if answer[:2] == query[:2]:
            return answer


def exchange_stream(where, query):
    with dns.Stream(where) as stream:
        stream.send(query)
        size = struct.unpack(">H", stream.file.read(2))[0]
        return stream.file.read(size)


def compares(zones):
    rng = random.Random(SEED)
    asked, cut = questions(rng, zones), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(60)
        for i in range(QUESTIONS):
            name, kind = next(asked)
            query = dns.question(name, kind, edns=rng.choice([None, 1232, 512, 4096]),
                                 flags=rng.choice([0, 0x0100]), number=i)
            ours, theirs = (Message(exchange(client, where, query)) for where in (OURS, NSD))
            if ours.is_cut and theirs.is_cut:
                cut += 1
                ours, theirs = (Message(exchange_stream(where, query)) for where in (OURS, NSD))
            assert ours.question == dns.encode_name(name), (name, ours.question)
            assert ours.said() == theirs.said(), \
                f"{name} {kind}\n ours   {ours.said()}\n theirs {theirs.said()}"
    assert cut > 10, cut


def inside():
    directory = Path(tempfile.mkdtemp(prefix="posthouse-zones-"))
    directory.chmod(0o755)
    zones = {"a.test": large_zone(random.Random(SEED)), "child.a.test": CHILD, "b.test": OTHER}
    for origin, text in {**zones, "linuxprobe.com": BOOK}.items():
        (directory / f"{origin}.zone").write_text(text)
    nsd = start_nsd(directory, NSD, {
        origin: f"  zonefile: {origin}.zone\n  provide-xfr: 127.0.0.0/8 NOKEY\n" for origin in zones})
    try:
        with Server(directory, zones) as system:
            system.start()
            for step in (book, compares_all, cookies, transfers, secondary, primary, reloads, comes_and_goes, mistakes,
                         hostile, strangers):
                print(step.__name__, flush=True)
                step(system)
    finally:
        nsd.terminate()
        nsd.wait()
        shutil.rmtree(directory, ignore_errors=True)


def start_nsd(directory, where, zones):
    """zones: {origin: lines of its configuration}"""
    state = directory / f"nsd-{where[0]}"
    state.mkdir(exist_ok=True)
    conf = state / "nsd.conf"
    conf.write_text(
        f"server:\n  ip-address: {where[0]}@{where[1]}\n  username: \"\"\n  chroot: \"\"\n"
        f"  zonesdir: {directory}\n  database: \"\"\n  pidfile: {state}/nsd.pid\n"
        f"  xfrdfile: {state}/xfrd\n  zonelistfile: {state}/zones\n  xfrdir: {state}\n"
        "  server-count: 1\n  rrl-ratelimit: 0\n  minimal-responses: yes\n  refuse-any: no\n"
        "remote-control:\n  control-enable: no\n" +
        "".join(f"zone:\n  name: {origin}\n{lines}" for origin, lines in zones.items()))
    process = subprocess.Popen(["nsd", "-d", "-c", str(conf)], stdout=subprocess.DEVNULL)

    def is_up():
        assert process.poll() is None, "nsd ended"
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(0.2)
                return exchange(client, where, dns.question("b.test", dns.SOA))
        except OSError:
            return False
    posthouse.wait_until(is_up, 20, "nsd answers")
    return process


class Server(posthouse.System):
    def __init__(self, directory, zones, **parameters):
        self.zones, self.files = zones, directory
        super().__init__(dns_zones=" ".join(f"{directory}/{origin}.zone" for origin in
                                            [*zones, "linuxprobe.com"]),
                         dns_forwarders="127.0.0.9", dns_rate_limit=0,
                         dns_recursion_networks="192.0.2.1/32", dns_allow_transfer="127.0.0.0/8",
                         dns_also_notify=f"{SECONDARY[0]}@{SECONDARY[1]}", **parameters)


def compares_all(system):
    compares(system.zones)


def dig(*words):
    return subprocess.run([*words], check=True, text=True, stdout=subprocess.PIPE).stdout


def book(_):
    """What the book's reader would look at (walkthrough, step 2)."""
    at = ["@127.0.0.1", "-p", "20053"]
    assert dig("dig", *at, "+short", "linuxprobe.com", "MX") == "10 mail.linuxprobe.com.\n"
    for program in ("dig", "kdig"):
        for options in ([], ["+tcp"]):
            text = dig(program, *at, *options, "mail.linuxprobe.com")
            assert "NOERROR" in text and "192.168.10.10" in text, text
            flags = [line for line in text.splitlines() if "lags:" in line][0]
            assert " aa " in flags.replace(";", " "), text
    text = dig("dig", *at, "+noall", "+answer", "linuxprobe.com", "SOA")
    assert text.split() == ["linuxprobe.com.", "86400", "IN", "SOA", "linuxprobe.com.",
                            "root.linuxprobe.com.", "0", "86400", "3600", "604800", "10800"], text


def cookies(_):
    """RFC 7873: dig shows a good one after the first answer; a bad one does no harm."""
    text = dig("dig", "@127.0.0.1", "-p", "20053", "+cookie=0123456789abcdef", "b.test", "SOA")
    assert "; COOKIE: 0123456789abcdef01000000" in text and "(good)" in text, text
    query = dns.question("b.test", dns.SOA)
    for size, code in ((8, 0), (24, 0), (7, 1), (9, 1), (41, 1)):
        with_cookie = query[:-2] + struct.pack(">HHH", size + 4, 10, size) + b"c" * size
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(60)
            answer = Message(exchange(client, OURS, with_cookie))
        assert answer.rcode == code, (size, answer.rcode)
        assert (code == 1) == (answer.opt[1] == b""), (size, answer.opt)


def whole_zone(where, origin):
    """Its records as AXFR gives them, one a line."""
    text = dig("dig", f"@{where[0]}", "-p", str(where[1]), "+noall", "+answer", "+onesoa", "AXFR", origin)
    return sorted(" ".join(line.split()).lower() for line in text.splitlines())


def transfers(system):
    """Whole zones are the same as nsd's; IXFR is one SOA for who is up to date, the
    whole zone for others."""
    for origin in system.zones:
        ours, theirs = (whole_zone(where, origin) for where in (OURS, NSD))
        assert ours == theirs and len(ours) > 3, (origin, set(ours) ^ set(theirs))
    at = ["dig", "@127.0.0.1", "-p", "20053", "+noall", "+answer", "+tcp"]
    for serial, count in ((7, 1), (8, 1), (6, len(whole_zone(OURS, "a.test")) + 1)):
        lines = dig(*at, f"IXFR={serial}", "a.test").splitlines()
        assert len(lines) == count, (serial, len(lines), count)
        assert lines[0].split()[3] == lines[-1].split()[3] == "SOA", lines
    # not by UDP, not what is no zone
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(60)
        assert Message(exchange(client, OURS, dns.question("a.test", 252))).rcode == dns.REFUSED
        answer = Message(exchange(client, OURS, dns.question("a.test", 251)))
        assert [record[1] for record in answer.sections[0]] == [dns.SOA], answer.sections
    assert "Transfer failed" in dig("dig", "@127.0.0.1", "-p", "20053", "AXFR", "www.b.test")


def secondary(system):
    """nsd as a secondary of ours: it gets the zones, and hears of new ones."""
    lines = "".join(f"  {word}\n" for word in (
        "request-xfr: 127.0.0.1@20053 NOKEY", "allow-notify: 127.0.0.0/8 NOKEY"))
    nsd = start_nsd(system.files, SECONDARY, {origin: lines for origin in system.zones})
    path = system.files / "b.test.zone"

    def knows(name, address):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(60)
            answer = Message(exchange(client, SECONDARY, dns.question(name, dns.A)))
        return [record[3] for record in answer.sections[0]] == [socket.inet_aton(address)]
    try:
        posthouse.wait_until(lambda: knows("www.b.test", "192.0.2.22"), 20, "nsd has b.test")
        posthouse.wait_until(lambda: knows("foo.wild.a.test", "192.0.2.4"), 20, "nsd has a.test")
        for serial, address in ((2, "192.0.2.77"), (3, "192.0.2.78")):
            path.write_text(OTHER.replace("root 1 ", f"root {serial} ").replace("192.0.2.22", address))
            system.command("reload")
            posthouse.wait_until(lambda: knows("www.b.test", address), 10, "nsd was notified")
        assert "notify-not-answered" not in system.log_text()
    finally:
        nsd.terminate()
        nsd.wait()
        path.write_text(OTHER)
        system.command("reload")


SECOND_HAND = """$TTL 60
@ SOA ns root {serial} {times} 60
@ NS ns
ns A 192.0.2.1
www A {address}
*.w MX 10 www
cut NS ns.cut
ns.cut A 192.0.2.3
"""


def status_of(name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(60)
        answer = Message(exchange(client, OURS, dns.question(name, dns.A)))
    return answer.rcode, [socket.inet_ntoa(record[3]) for record in answer.sections[0]]


def primary(system):
    """We as a secondary of nsd: the zone comes, follows NOTIFY and refresh, lasts
    without the primary until it expires, and comes back with him."""
    where, path = ("127.0.0.4", 5300), system.files / "sec.test.zone"
    lines = ("  zonefile: sec.test.zone\n  provide-xfr: 127.0.0.0/8 NOKEY\n"
             "  notify: 127.0.0.1@20053 NOKEY\n  outgoing-interface: 127.0.0.4\n")

    def put(serial, address):
        # refresh, retry, expire: at first only NOTIFY can bring anything new
        path.write_text(SECOND_HAND.format(serial=serial, address=address,
                                           times="1000 1000 1000" if serial < 3 else "2 2 4"))

    def follows(address, seconds=10):
        posthouse.wait_until(lambda: status_of("www.sec.test") == (0, [address]), seconds, address)
    put(1, "192.0.2.101")
    nsd = start_nsd(system.files, where, {"sec.test": lines})
    before = system.config.read_text()
    system.set(dns_secondary_zones="sec.test:127.0.0.5 sec.test:127.0.0.4@5300")
    system.command("reload")
    try:
        follows("192.0.2.101")
        assert whole_zone(OURS, "sec.test") == whole_zone(where, "sec.test")
        for serial in (2, 3):
            put(serial, f"192.0.2.10{serial}")
            nsd.send_signal(signal.SIGHUP)
            follows(f"192.0.2.10{serial}")
        # a reload of ours does not lose it
        system.command("reload")
        assert status_of("www.sec.test") == (0, ["192.0.2.103"])
        nsd.terminate()
        nsd.wait()
        time.sleep(1)
        assert status_of("www.sec.test") == (0, ["192.0.2.103"])
        posthouse.wait_until(lambda: status_of("www.sec.test")[0] == dns.SERVER_FAILURE, 15, "it expires")
        assert "event=zone-expired zone=sec.test" in system.log_text()
        put(4, "192.0.2.104")
        nsd = start_nsd(system.files, where, {"sec.test": lines})
        follows("192.0.2.104", 20)
    finally:
        nsd.terminate()
        nsd.wait()
        system.config.write_text(before)
        system.command("reload")
    posthouse.wait_until(lambda: status_of("www.sec.test")[0] == dns.REFUSED, 10, "it is no zone of ours")


def reloads(system):
    """Forty reloads while somebody asks: each answer is one of the two zones'."""
    path, wrong, count, is_over = system.files / "b.test.zone", [], [0], threading.Event()

    def ask():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(60)
            while not is_over.is_set():
                try:
                    answer = Message(exchange(client, OURS, dns.question("www.b.test", dns.A)))
                    data = [record[3] for record in answer.sections[0]]
                except OSError as error:
                    data = str(error)
                count[0] += 1
                if data not in ([bytes([192, 0, 2, 22])], [bytes([192, 0, 2, 23])]):
                    wrong.append(data)
    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for i in range(40):
        text = OTHER if i % 2 else OTHER.replace("192.0.2.22", "192.0.2.23")
        path.write_text(text)
        system.command("reload")
    is_over.set()
    for asker in askers:
        asker.join()
    assert not wrong and count[0] > 200, (wrong[:3], count)


def comes_and_goes(system):
    """With dns_port 0 it is closed, by both transports, and else open, without a zone too."""
    before = system.config.read_text()
    system.set(dns_zones="")
    system.command("reload")
    posthouse.wait_until(lambda: rcode_of_b_test() == "REFUSED", 10, "the zone is gone")
    assert is_bound(socket.SOCK_DGRAM) and is_bound(socket.SOCK_STREAM)
    for _ in range(3):
        system.set(dns_port="0")
        system.command("reload")
        posthouse.wait_until(lambda: not is_bound(socket.SOCK_DGRAM), 10, "UDP is closed")
        posthouse.wait_until(lambda: not is_bound(socket.SOCK_STREAM), 10, "TCP is closed")
        system.config.write_text(before)
        system.command("reload")
        posthouse.wait_until(lambda: address_of("www.b.test") == "192.0.2.22", 10, "UDP answers")
        assert dig("dig", "@127.0.0.1", "-p", "20053", "+short", "+tcp", "www.b.test").strip() == "192.0.2.22"


def rcode_of_b_test():
    """Without RD nobody is asked."""
    found = re.search(r"status: (\w+)", dig("dig", "+norecurse", "@127.0.0.1", "-p", "20053", "www.b.test"))
    return found and found[1]


def is_bound(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
        try:
            probe.bind(OURS)
        except OSError:
            return True
    return False


def address_of(name):
    return dig("dig", "@127.0.0.1", "-p", "20053", "+short", name, "A").strip()


def mistakes(system):
    """A mistake is one sentence, and the zone stays as it was."""
    path = system.files / "b.test.zone"
    path.write_text(OTHER.replace("192.0.2.22", "192.0.2.24"))
    system.command("reload")
    posthouse.wait_until(lambda: address_of("www.b.test") == "192.0.2.24", 10, "the new zone")
    path.write_text(OTHER + "broken A 192.0.2\n")
    sentence = f"{path}:7: found \"broken A 192.0.2\", expected data of the type A"
    for words in (("reload",), ("serve", "--check")):
        done = system.command(*words, check=False)
        assert done.returncode == 1 and done.stderr.strip().endswith(sentence), done
        assert len(done.stderr.splitlines()) == 1, done.stderr
    assert address_of("www.b.test") == "192.0.2.24"
    path.write_text(OTHER)
    system.command("reload")
    posthouse.wait_until(lambda: address_of("www.b.test") == "192.0.2.22", 10, "the zone is back")


def is_alive():
    return address_of("www.b.test") == "192.0.2.22"


def is_closed(client):
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def hostile(system):
    """Packets of all kinds of nonsense, by both transports; streams that stop,
    dawdle, or ask and do not read."""
    rng = random.Random(SEED)
    good = dns.question("mail.a.test", dns.A)
    pid = system.processes()["names", 0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for i in range(3000):
            bytes_ = bytearray(good)
            for _ in range(rng.randint(1, 8)):
                bytes_[rng.randrange(len(bytes_))] = rng.randrange(256)
            if i % 3 == 0:
                bytes_ = bytes_[:rng.randrange(len(bytes_))]
            client.sendto(bytes_ + rng.randbytes(rng.choice([0, 0, 5, 500, 5000])), OURS)
    for bytes_ in (b"\0", b"\0\0", b"\xff\xff", b"\0\x0c" + bytes(12), b"\0\5hello", rng.randbytes(300)):
        with socket.create_connection(OURS) as client:
            client.sendall(bytes_)
    # a hundred thousand questions whose answers are not read
    with socket.create_connection(OURS) as client:
        client.settimeout(1)
        large = dns.question("big.a.test", dns.TXT)
        try:
            for _ in range(2000):
                client.sendall((struct.pack(">H", len(large)) + large) * 50)
            raise AssertionError("all was taken")
        except TimeoutError:
            pass
        resident = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines()
                    if line.startswith("VmRSS")][0]
        assert int(resident.split()[1]) < 200000, resident
    many = []
    try:
        for _ in range(100):
            many.append(socket.create_connection(OURS, timeout=60))
        assert is_alive()
        # of one network only so many are kept
        for client in many:
            client.setblocking(False)
        posthouse.wait_until(lambda: sum(map(is_closed, many)) >= 100 - 32, 10, "many are closed")
    finally:
        for client in many:
            client.close()
    posthouse.wait_until(is_alive, 10, "names answers")
    assert system.processes()["names", 0] == pid, "names has ended"


def strangers(system):
    """Those who are not of ours get our zones and nothing else; and not without
    limit. The foreign network is a namespace behind a pair of interfaces."""
    run = lambda words: subprocess.run(words.split(), check=True)
    run("ip netns add foreign")
    run("ip link add inner type veth peer name outer netns foreign")
    run("ip address add 203.0.113.1/24 dev inner")
    run("ip address add 10.9.0.1/24 dev inner")
    run("ip link set inner up")
    run("ip -n foreign address add 203.0.113.2/24 dev outer")
    run("ip -n foreign address add 10.9.0.2/24 dev outer")
    run("ip -n foreign link set outer up")
    system.set(inet_interfaces="all", dns_recursion_networks="", dns_rate_limit=200)
    dns.serve(53, lambda name, kind: bytes([198, 51, 100, 7]) if kind == dns.A else b"")
    system.set(dns_forwarders="127.0.0.1@53", dns_validation="no")
    system.command("reload")

    def ask(source, address, name, *options):
        return dig("ip", "netns", "exec", "foreign", "dig", "-b", source, f"@{address}", "-p", "20053",
                   "+timeout=20", "+tries=1", *options, name, "A")
    for options in ([], ["+tcp"], ["+norecurse"]):
        text = ask("203.0.113.2", "203.0.113.1", "www.example.org", *options)
        assert "status: REFUSED" in text and "flags: qr" in text and " ra" not in text.split(
            "flags:")[1].split(";")[0], text
        assert "Transfer failed" in dig("ip", "netns", "exec", "foreign", "dig", "@203.0.113.1", "-p",
                                        "20053", "AXFR", "a.test")
        text = ask("203.0.113.2", "203.0.113.1", "mail.a.test", *options)
        assert "192.0.2.2" in text and "status: NOERROR" in text, text
        # an alias that leads out of our zones is not followed for them
        text = ask("203.0.113.2", "203.0.113.1", "out.a.test", *options)
        assert "www.example.org." in text and "198.51.100.7" not in text, text
    # an answer leaves from the address that was asked, with several to choose from
    run("ip address add 2001:db8:9::1/64 dev inner nodad")
    run("ip address add 2001:db8:9::2/64 dev inner nodad")
    run("ip -n foreign address add 2001:db8:9::9/64 dev outer nodad")
    for address in ("10.9.0.1", "203.0.113.1", "2001:db8:9::1", "2001:db8:9::2"):
        for options in ([], ["+tcp"]):
            text = dig("ip", "netns", "exec", "foreign", "dig", f"@{address}", "-p", "20053", "+short",
                       *options, "mail.a.test", "A")
            assert text == "192.0.2.2\n", (address, text)
    # whoever is in a private network of ours is a client of the resolver (the book)
    posthouse.wait_until(lambda: "198.51.100.7" in ask("10.9.0.2", "10.9.0.1", "www.example.org"),
                         15, "the resolver answers")
    text = ask("10.9.0.2", "10.9.0.1", "out.a.test")
    assert "www.example.org." in text and "198.51.100.7" in text, text
    flood(system)


FLOOD = """
import socket, sys, time
sys.path.insert(0, sys.argv[1])
import dns
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.bind(("203.0.113.2", 0))
client.setsockopt(socket.SOL_SOCKET, 33, 1 << 22)  # SO_RCVBUFFORCE
client.settimeout(60)
whole = cut = 0
began = time.monotonic()
for i in range(2000):
    client.sendto(dns.question("mail.a.test", 1, number=i), ("203.0.113.1", 20053))
    if i % 50 < 49:
        continue
    # no faster than they are read: these are few enough for an answer each
    client.sendto(dns.question("www.b.test", 1, number=50000 + i), ("203.0.113.1", 20053))
    while True:
        answer = client.recv(4096)
        if int.from_bytes(answer[:2], "big") >= 50000:
            break
        whole, cut = whole + (answer[7] > 0), cut + bool(answer[2] & 2)
print(whole, cut, time.monotonic() - began)
"""


def flood(_):
    """RRL: of two thousand questions at once two hundred in a second are answered; of
    the others half are told to come by TCP."""
    done = subprocess.run(["ip", "netns", "exec", "foreign", "/usr/bin/python3", "-c", FLOOD,
                           str(posthouse.TOP / "test/lib")], check=True, text=True,
                          stdout=subprocess.PIPE)
    whole, cut, seconds = map(float, done.stdout.split())
    assert 150 <= whole <= 200 * (seconds + 1) + 10 and cut > (2000 - whole) * 0.4, done.stdout


def main():
    peers.enter("nsd", "bind9-dnsutils", "knot-dnsutils")
    os.environ["POSTHOUSE_NETNS"] = "1"
    inside()


main()
