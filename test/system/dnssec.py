#!/usr/bin/python3
"""Zones that we sign: whole and right for ldns-verify-zone, every answer valid
for unbound, delv and drill, from us and from nsd and knot as secondaries; a key
that follows another while a validator with a cache looks on; signed again and
again after restarts; a zone that is taken off the list stays signed while its
parent has a DS."""
import os
import random
import shutil
import socket
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
from zones import Zones

SEED, QUESTIONS = 20261122, 1500
ROOT, VALIDATOR, NSD, KNOT = "127.0.0.2", "127.0.0.5", "127.0.0.3", "127.0.0.4"
OURS, PORT = ("127.0.0.1", 20053), 5300
TYPES = ["A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "SRV", "DS", "DNSKEY", "NSEC3PARAM", "CDS", "DNAME"]

ZONE = """$TTL 2
@ SOA ns root {serial} 1 1 1000 2
@ NS ns
@ NS ns2
@ MX 10 Mail
@ TXT "v=spf1 mx -all"
ns A 127.0.0.1
ns2 A 127.0.0.3
Mail A 192.0.2.{last}
mail AAAA 2001:db8::2
_25._tcp.mail TLSA 3 1 1 0123456789012345678901234567890123456789012345678901234567890123
_imap._tcp SRV 0 1 143 Mail
@ NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:a@b.test!" Host.B.test.
alias CNAME mail
alias2 CNAME alias
deep.er.name A 192.0.2.3
*.wild A 192.0.2.4
there.wild TXT "here"
*.wildc CNAME mail
old DNAME new
x.new A 192.0.2.5
cut NS ns.cut
ns.cut A 192.0.2.7
signedcut NS ns.signedcut
signedcut DS 1 13 2 0123456789012345678901234567890123456789012345678901234567890123
ns.signedcut A 192.0.2.8
deep.cut2 NS ns.far.example.
odd\\.dot A 192.0.2.13
many A 192.0.2.11
many A 192.0.2.12
u TYPE65280 \\# 4 01020304
""" + "".join(f"n{i} A 10.0.0.{i}\n" for i in range(100))


def run(*words, check=True):
    return subprocess.run([*map(str, words)], check=check, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT).stdout


class Parent(Zones):
    """The root: knot signs it, and we write what stands in it."""

    def __init__(self, directory):
        super().__init__(directory, {}, listen=(f"{ROOT}@{PORT}",))
        self.serial = 1

    def put(self, ds):
        self.serial += 1
        (self.directory / "root.zone").write_text(
            f"$TTL 2\n@ SOA ns.root-servers. root {self.serial} 3600 600 86400 2\n"
            "@ NS ns.root-servers.\nns.root-servers. A 198.41.0.4\n"
            "signed. NS ns.signed.\nns.signed. A 127.0.0.1\n" + "".join(f"{line}\n" for line in ds))
        if self.process is not None:
            self.process.send_signal(1)

    def serves(self, ds):
        text = run("dig", f"@{ROOT}", "-p", PORT, "+short", "signed", "DS", check=False).upper()
        return sorted(line.split()[0] for line in text.splitlines()) == sorted(line.split()[3] for line in ds)


class Validator:
    """unbound, with the root's key as its only trust."""

    def __init__(self, directory, anchor):
        conf = directory / "unbound.conf"
        conf.write_text(
            f"server:\n  interface: {VALIDATOR}@{PORT}\n  do-daemonize: no\n  username: \"\"\n  chroot: \"\"\n"
            f"  directory: {directory}\n  pidfile: \"\"\n  use-syslog: no\n  logfile: {directory}/unbound.log\n"
            "  do-not-query-localhost: no\n  module-config: \"validator iterator\"\n  val-log-level: 2\n"
            f"  trust-anchor-file: {anchor}\n  access-control: 127.0.0.0/8 allow\n  num-threads: 1\n"
            "  val-bogus-ttl: 0\n  cache-max-negative-ttl: 2\n  infra-host-ttl: 1\n  so-rcvbuf: 0\n"
            "  aggressive-nsec: no\n  val-sig-skew-min: 0\n  qname-minimisation: no\n"
            f"stub-zone:\n  name: \".\"\n  stub-addr: {ROOT}@{PORT}\n"
            f"stub-zone:\n  name: \"signed\"\n  stub-addr: {OURS[0]}@{OURS[1]}\n"
            "remote-control:\n  control-enable: no\n")
        self.log = directory / "unbound.log"
        self.process = subprocess.Popen(["unbound", "-d", "-c", str(conf)], stderr=subprocess.DEVNULL)
        posthouse.wait_until(lambda: "NOERROR" in run(
            "dig", f"@{VALIDATOR}", "-p", PORT, ".", "SOA", check=False), 20, "unbound answers")

    def stop(self):
        self.process.kill()
        self.process.wait()


def ask(name, kind, where=(VALIDATOR, PORT)):
    """(rcode, AD)"""
    number = dict(A=1, NS=2, CNAME=5, SOA=6, MX=15, TXT=16, AAAA=28, SRV=33, DS=43, DNSKEY=48,
                  NSEC3PARAM=51, CDS=59, DNAME=39)[kind]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        for _ in range(3):
            client.sendto(dns.question(name, number, edns=1232, flags=0x0120), where)
            try:
                answer = client.recv(65535)
                return answer[3] & 15, bool(answer[3] & 0x20)
            except TimeoutError:
                pass
    raise AssertionError(f"no answer to {name} {kind}")


def questions(rng):
    known = ["signed"] + [f"{line.split(' ')[0]}.signed" for line in ZONE.splitlines()
                          if line[0] not in "$@" and "\\" not in line.split(" ")[0]]
    words = ["x", "www", "*", "wild", "mail", "old", "new", "cut", "_tcp", "a", "wildc", "signedcut"]
    while True:
        name, turn = rng.choice(known), rng.random()
        if turn < 0.3:
            name = f"{rng.choice(words)}.{name}"
        elif turn < 0.4:
            name = f"{rng.choice(words)}.{rng.choice(words)}.{name}"
        elif turn < 0.5:
            name = name.split(".", 1)[1] if "." in name else name
        elif turn < 0.7:
            name = f"{rng.getrandbits(40):x}.{name}"
        kind = rng.choice(TYPES)
        # to these unbound says SERVFAIL whoever it asks, knot and nsd too
        if not (name.endswith(".old.signed") and kind in ("CNAME", "DNAME")):
            yield name, kind


def is_expected_secure(name):
    """Below unsigned delegations nothing is secure; below the signed one, whose DS
    is made up, nothing answers."""
    return not any(name == f"{cut}.signed" or name.endswith(f".{cut}.signed")
                   for cut in ("cut", "deep.cut2", "signedcut"))


def validates(count):
    rng = random.Random(SEED)
    asked = questions(rng)
    for _ in range(count):
        name, kind = next(asked)
        if not is_expected_secure(name):
            continue
        rcode, is_secure = ask(name, kind)
        assert rcode in (0, 3) and is_secure, (name, kind, rcode, is_secure)


def verify_zone(where):
    text = run("dig", f"@{where[0]}", "-p", where[1], "+noall", "+answer", "+onesoa", "AXFR", "signed")
    with tempfile.NamedTemporaryFile("w", suffix=".zone") as file:
        file.write(text)
        file.flush()
        said = run("ldns-verify-zone", file.name, check=False)
    assert "Zone is verified and complete" in said, said
    return text


def serial(where=OURS):
    text = run("dig", f"@{where[0]}", "-p", where[1], "+short", "signed", "SOA", check=False).split()
    return int(text[2]) if len(text) == 7 else 0


def keys(system):
    return system.json("dns", "keys", "signed")


def ds_lines(system, states):
    return [f"{k['origin']}. 2 DS {k['tag']} {k['algorithm']} {k['digest-type']} {k['digest']}"
            for k in keys(system) if k["state"] in states]


def sees(system, **wanted):
    return any(all(k[word] == value for word, value in wanted.items()) for k in keys(system))


# ---- steps ----

def is_signed(world):
    system = world["system"]
    posthouse.wait_until(lambda: serial() > 7, 20, "the zone is signed")
    text = verify_zone(OURS)
    assert " NSEC3 " in text.replace("\t", " ") and "CDNSKEY" in text and "CDS" in text
    # no salt, no iterations (RFC 9276)
    assert run("dig", "@127.0.0.1", "-p", OURS[1], "+short", "signed", "NSEC3PARAM").strip() == "1 0 0 -"
    # unsigned answers are as ever
    plain = run("dig", "@127.0.0.1", "-p", OURS[1], "+noall", "+answer", "+authority", "nothing.signed", "A")
    assert plain.count("\n") == 1 and "SOA" in plain, plain
    said = system.command("dns", "keys").stdout
    assert "signed. IN DS" in said and "this key is active" in said, said


def is_trusted(world):
    """Insecure while the parent has no DS, secure with it."""
    assert ask("mail.signed", "A") == (0, False)
    publish(world, ds_lines(world["system"], {"active"}))
    posthouse.wait_until(lambda: ask("mail.signed", "A") == (0, True), 20, "the zone is secure")
    posthouse.wait_until(lambda: sees(world["system"], ds="seen"), 20, "we see the DS")


def publish(world, ds):
    world["parent"].put(ds)
    posthouse.wait_until(lambda: world["parent"].serves(ds), 20, "the parent has the DS")


def answers_are_valid(world):
    validates(QUESTIONS)
    # the same with other programs
    anchor = world["directory"] / "zone.key"
    key = [line for line in run("dig", "@127.0.0.1", "-p", OURS[1], "+noall", "+answer", "signed", "DNSKEY")
           .splitlines() if "DNSKEY" in line][0]
    anchor.write_text(key + "\n")
    words = key.split()
    delv_keys = world["directory"] / "delv.keys"
    delv_keys.write_text(f'trust-anchors {{ signed. static-key {" ".join(words[4:7])} "{"".join(words[7:])}"; }};\n')
    for name, kind in (("mail.signed", "A"), ("no.signed", "A"), ("mail.signed", "TXT"), ("q.wild.signed", "A"),
                       ("q.wild.signed", "MX"), ("x.old.signed", "A"), ("cut.signed", "DS"), ("er.name.signed", "A"),
                       ("alias2.signed", "AAAA"), ("q.wildc.signed", "A")):
        said = run("delv", "@127.0.0.1", "-p", OURS[1], "-a", delv_keys, "+root=signed", name, kind, check=False)
        assert "fully validated" in said, (name, kind, said)
        said = run("kdig", "@127.0.0.1", "-p", OURS[1], "+dnssec", name, kind)
        assert "RRSIG" in said, said
    said = run("drill", "-k", anchor, "-p", OURS[1], "-D", "@127.0.0.1", "-S", "mail.signed", "A", check=False)
    assert "trusted" in said, said


def secondaries(world):
    """nsd and knot have it from us; what they say is valid too."""
    directory, system = world["directory"], world["system"]
    (directory / "nsd").mkdir()
    (directory / "nsd.conf").write_text(
        f"server:\n  ip-address: {NSD}@{PORT}\n  username: \"\"\n  chroot: \"\"\n  zonesdir: {directory}/nsd\n"
        f"  database: \"\"\n  pidfile: {directory}/nsd/pid\n  xfrdfile: {directory}/nsd/xfrd\n"
        f"  zonelistfile: {directory}/nsd/list\n  xfrdir: {directory}/nsd\n  server-count: 1\n"
        "remote-control:\n  control-enable: no\nzone:\n  name: signed\n"
        "  request-xfr: 127.0.0.1@20053 NOKEY\n  allow-notify: 127.0.0.0/8 NOKEY\n")
    (directory / "knot2").mkdir()
    (directory / "knot2.conf").write_text(
        f"server:\n  listen: {KNOT}@{PORT}\n  rundir: {directory}/knot2\ndatabase:\n  storage: {directory}/knot2\n"
        "remote:\n  - id: us\n    address: 127.0.0.1@20053\nacl:\n  - id: us\n    address: 127.0.0.0/8\n"
        "    action: [notify, transfer]\nzone:\n  - domain: signed\n"
        f"    storage: {directory}/knot2\n    master: us\n    acl: us\n")
    world["more"] += [subprocess.Popen(["nsd", "-d", "-c", str(directory / "nsd.conf")], stderr=subprocess.DEVNULL),
                      subprocess.Popen(["knotd", "-c", str(directory / "knot2.conf")], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)]
    for where in ((NSD, PORT), (KNOT, PORT)):
        posthouse.wait_until(lambda: serial(where) == serial(), 20, f"{where} has the zone")
    verify_zone((KNOT, PORT))
    before = serial()
    for last in (21, 22):
        world["zone"].write_text(ZONE.format(serial=7, last=last))
        system.command("reload")
        for where in (OURS, (NSD, PORT), (KNOT, PORT)):
            posthouse.wait_until(lambda: f"192.0.2.{last}" in run(
                "dig", f"@{where[0]}", "-p", where[1], "+short", "mail.signed", "A"), 20, f"{where} follows")
    verify_zone((KNOT, PORT))
    posthouse.wait_until(lambda: serial((NSD, PORT)) == serial(), 20, "nsd has it too")
    # RFC 1995: both changes, of the 400 records of the zone only those that differ
    changes = run("dig", "@127.0.0.1", "-p", OURS[1], "+noall", "+answer", f"IXFR={before}", "signed").splitlines()
    assert changes.count(changes[0]) == 3 and 10 < len(changes) < 30, len(changes)


def reload_waits(world):
    """What a reload brought is signed and served when it returns."""
    system, directory = world["system"], world["directory"]
    bulk = directory / "bulk.zone"
    system.set(dns_zones=f"{world['zone']} {bulk}", dns_signed_zones="signed bulk")
    for last in range(1, 6):
        bulk.write_text(ZONE.format(serial=last, last=last) + "".join(
            f"more{i} A 10.0.1.{i % 250}\n" for i in range(700)))
        system.command("reload")
        answer = run("dig", "@127.0.0.1", "-p", OURS[1], "+dnssec", "mail.bulk", "A")
        assert f"192.0.2.{last}" in answer and "RRSIG" in answer, answer
    system.set(dns_zones=world["zone"], dns_signed_zones="signed")
    system.command("reload")
    assert "status: REFUSED" in run("dig", "@127.0.0.1", "-p", OURS[1], "+norecurse", "mail.bulk", "A")


def key_follows_key(world):
    """Nothing is ever bogus for who has a cache."""
    system, wrong, is_over = world["system"], [], threading.Event()

    def look():
        asked = questions(random.Random(SEED + 1))
        while not is_over.is_set():
            name, kind = next(asked)
            if is_expected_secure(name):
                answer = ask(name, kind)
                if answer[0] not in (0, 3) or not answer[1]:
                    wrong.append((time.time(), name, kind, answer))
    thread = threading.Thread(target=look)
    thread.start()
    try:
        before = keys(system)[0]["tag"]
        system.command("dns", "roll", "signed")
        posthouse.wait_until(lambda: sees(system, phase="waiting"), 40, "the next key is known to all")
        # not by itself: the parent says when
        time.sleep(3)
        assert sees(system, phase="waiting", state="coming", ds="absent"), keys(system)
        cds = run("dig", "@127.0.0.1", "-p", OURS[1], "+short", "signed", "CDS").split()
        assert cds[0] == str([k for k in keys(system) if k["state"] == "coming"][0]["tag"]), cds
        publish(world, ds_lines(system, {"coming"}))
        posthouse.wait_until(lambda: sees(system, phase="going"), 40, "the next key has taken over")
        posthouse.wait_until(lambda: sees(system, phase="steady"), 60, "the old key has gone")
        posthouse.wait_until(lambda: run("dig", "@127.0.0.1", "-p", OURS[1], "+short", "signed", "DNSKEY")
                             .count("257 3 13") == 1, 20, "it is not in DNSKEY any more")
        time.sleep(3)
        assert keys(system)[0]["tag"] != before
    finally:
        is_over.set()
        thread.join()
    assert not wrong, wrong[:5]
    verify_zone(OURS)


def restarts(world):
    """The same key, and a serial that grows."""
    system, before = world["system"], (keys(world["system"])[0]["key"], serial())
    for _ in range(2):
        system.restart()
        posthouse.wait_until(lambda: serial() > before[1], 20, "signed again")
        assert keys(system)[0]["key"] == before[0]
        before = (before[0], serial())
    posthouse.wait_until(lambda: ask("mail.signed", "A") == (0, True), 20, "secure")


def leaves(world):
    """Off the list it stays signed until the DS is gone; CDS asks for that."""
    system = world["system"]
    posthouse.wait_until(lambda: sees(system, ds="seen"), 20, "we see the DS")
    system.set(dns_signed_zones="")
    system.command("reload")
    posthouse.wait_until(lambda: run("dig", "@127.0.0.1", "-p", OURS[1], "+short", "signed", "CDS").strip() ==
                         "0 0 0 00", 20, "CDS asks for no DS")
    time.sleep(3)
    assert ask("mail.signed", "A") == (0, True)
    before = serial()
    publish(world, [])
    posthouse.wait_until(lambda: run("dig", "@127.0.0.1", "-p", OURS[1], "+short", "signed", "DNSKEY") == "",
                         40, "it is unsigned")
    assert serial() > before and keys(system) == []
    posthouse.wait_until(lambda: ask("mail.signed", "A") == (0, False), 20, "insecure")


def inside():
    directory = Path(tempfile.mkdtemp(prefix="posthouse-dnssec-"))
    directory.chmod(0o755)
    world = {"directory": directory, "zone": directory / "signed.zone", "more": []}
    world["zone"].write_text(ZONE.format(serial=7, last=2))
    (directory / "parent").mkdir()
    parent = world["parent"] = Parent(directory / "parent")
    parent.put([])
    validator = None
    try:
        with parent, posthouse.System(
                dns_zones=world["zone"], dns_signed_zones="signed", dns_allow_transfer="127.0.0.0/8",
                dns_rate_limit=0, dns_forwarders=f"{VALIDATOR}@{PORT}", dns_insecure_domains="",
                dns_trust_anchor_file=parent.anchor,
                dns_also_notify=f"{NSD}@{PORT} {KNOT}@{PORT}") as system:
            world["system"] = system
            validator = Validator(directory, parent.anchor)
            system.start()
            for step in (is_signed, is_trusted, answers_are_valid, secondaries, reload_waits, key_follows_key, restarts, leaves):
                began = time.monotonic()
                step(world)
                print(step.__name__, f"{time.monotonic() - began:.1f} s", flush=True)
    finally:
        if validator is not None:
            validator.stop()
        for process in world["more"]:
            process.kill()
            process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def main():
    peers.enter("nsd", "knot", "unbound", "ldnsutils", "bind9-dnsutils", "knot-dnsutils")
    os.environ["POSTHOUSE_NETNS"] = "1"
    inside()


main()
