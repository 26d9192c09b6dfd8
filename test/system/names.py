#!/usr/bin/python3
"""The resolver against knot with a signed root of its own: validated, unsigned
and forged answers, "no" and "nobody knows", servers that stop and come back,
servers that strip signatures, a thousand questions at once."""
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
from zones import BOGUS, SIGNED, UNSIGNED, Zones

PORT = 5300
ROOTS = ["198.41.0.4", "170.247.170.2", "199.9.14.201", "192.33.4.12", "199.7.91.13",
         "192.203.230.10", "192.5.5.241", "192.112.36.4", "198.97.190.53", "192.36.148.17",
         "192.58.128.30", "193.0.14.129", "199.7.83.42", "202.12.27.33"]
STRIPPER, LIAR, BABBLER, PICKY = "127.0.0.8", "127.0.0.9", "127.0.0.10", "127.0.0.11"
LONG = "x" * 250

ZONES = {
    "signed": (SIGNED, f"""
@       MX   10 mx
@       MX   20 mx.unsigned.
mx      A    192.0.2.1
mx      AAAA 2001:db8::1
_25._tcp.mx TLSA 3 1 1 {"ab" * 32}
alias   CNAME mx
chain   CNAME alias
out     CNAME mx.unsigned.
gone    CNAME nothing
""" + "".join(f'long    TXT  "{i}{LONG}"\n' for i in range(8)) +
    "".join(f"h{i}     A    10.0.{i // 256}.{i % 256}\n" for i in range(1000))),
    "unsigned": (UNSIGNED,
                 "@ MX 10 mx\nmx A 192.0.2.2\n@ TXT \"v=spf1 -all\"\nnull MX 0 .\n"),
    "bogus": (BOGUS, "@ MX 10 mx\nmx A 192.0.2.3\n"),
}

def ask_knot(query):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.sendto(query, ("127.0.0.1", PORT))
        return client.recv(65535)


def without_proofs(query):
    """What a resolver that knows no DNSSEC makes of it: knot's answer without."""
    at = query.index(b"\0", 12) + 5
    answer = ask_knot(query[:2] + b"\1\0" + query[4:6] + b"\0" * 6 + query[12:at])
    return answer[:2] + struct.pack(">H", struct.unpack(">H", answer[2:4])[0] | 0x80) + answer[4:]


def says_no(query):
    """What a captive network says to everything."""
    at = query.index(b"\0", 12) + 5
    return query[:2] + b"\x81\x83" + query[4:6] + b"\0" * 6 + query[12:at]


def babbles(query):
    """Each time another kind of nonsense, most of it with the right id."""
    head, at = query[:2], query.index(b"\0", 12) + 5
    asked = query[12:at]
    kinds = [
        b"", query, os.urandom(40), head + os.urandom(500), head + b"\x81\x80" + b"\xff" * 8,
        # names that point at themselves, records that end too early, the wrong question
        head + b"\x81\x80\0\1\0\1\0\0\0\0" + asked + b"\xc0" + bytes([len(asked) + 12]),
        head + b"\x81\x80\0\1\0\1\0\0\0\0" + asked + b"\xc0\x0c\0\1\0\1\0\0\0\1\xff\xff",
        head + b"\x81\x80\0\1\0\0\0\0\0\0\5other\0\0\1\0\1",
        head + b"\x83\x80\0\1\0\0\0\0\0\0" + asked,
        # an alias to itself, and a thousand records of it
        head + b"\x81\x80\0\1\x03\xe8\0\0\0\0" + asked +
        b"\xc0\x0c\0\5\0\1\0\0\0\1\0\2\xc0\x0c" * 1000,
    ]
    return random.choice(kinds)


def serve_udp(address, answer):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))

    def run():
        while True:
            query, client = server.recvfrom(4096)
            try:
                server.sendto(answer(query), client)
            except OSError:
                pass
    threading.Thread(target=run, daemon=True).start()


class Resolver(posthouse.System):
    def __init__(self, knot, **parameters):
        super().__init__(dns_trust_anchor_file=knot.anchor, dns_insecure_domains="",
                         **parameters)
        self.path = str(self.directory / "run/dns")

    def ask(self, name, kind=dns.A, **options):
        return dns.ask(self.path, name, kind, **options)

    def chosen(self):
        lines = [line for line in self.log_text().splitlines() if "event=names-chosen" in line]
        return lines[-1].split("upstream=")[1].split()[0] if lines else None

    def wait_chosen(self, name):
        posthouse.wait_until(lambda: self.chosen() == name, 20, f"upstream={name}")


def secure_answers(system):
    answer = system.ask("signed", dns.MX)
    assert answer.is_secure and answer.data(dns.MX) == ["10 mx.signed", "20 mx.unsigned"]
    assert answer.offers_recursion
    assert dns.RRSIG not in answer.kinds
    assert dns.RRSIG in system.ask("signed", dns.MX, dnssec=True).kinds
    assert not system.ask("signed", dns.MX, flags=0x100).is_secure, "AD was not asked for"
    assert system.ask("mx.signed", dns.AAAA).data(dns.AAAA) == ["2001:db8::1"]
    answer = system.ask("_25._tcp.mx.signed", dns.TLSA)
    assert answer.is_secure and answer.data(dns.TLSA) == ["030101" + "ab" * 32]
    answer = system.ask("chain.signed")
    assert answer.is_secure and answer.data(dns.A) == ["192.0.2.1"]
    assert [kind for _, kind, _ in answer.records] == [dns.CNAME, dns.CNAME, dns.A]


def other_answers(system):
    answer = system.ask("mx.unsigned")
    assert not answer.is_secure and answer.data(dns.A) == ["192.0.2.2"]
    answer = system.ask("out.signed")
    assert not answer.is_secure and answer.data(dns.A) == ["192.0.2.2"]
    assert system.ask("null.unsigned", dns.MX).data(dns.MX) == ["0 "]
    for name, kind, rcode in (("nothing.signed", dns.A, dns.NO_SUCH_NAME),
                              ("mx.signed", dns.MX, dns.NO_ERROR),
                              ("gone.signed", dns.A, dns.NO_SUCH_NAME),
                              ("signed.nothing", dns.A, dns.NO_SUCH_NAME)):
        answer = system.ask(name, kind)
        assert answer.rcode == rcode and answer.is_secure, (name, vars(answer))
        assert answer.data(kind) == [] and dns.SOA in answer.kinds, (name, vars(answer))
    answer = system.ask("nothing.unsigned")
    assert answer.rcode == dns.NO_SUCH_NAME and not answer.is_secure
    answer = system.ask("mx.bogus")
    assert answer.rcode == dns.SERVER_FAILURE and answer.error[0] == 6, vars(answer)
    assert "event=names-bogus name=mx.bogus" in system.log_text()
    assert system.ask("localhost").data(dns.A) == ["127.0.0.1"]
    assert system.ask("localhost", dns.AAAA).data(dns.AAAA) == ["::1"]


def transports(system):
    port = ("127.0.0.1", posthouse.OFFSET + 53)
    assert dns.ask(port, "mx.signed", dns.A).data(dns.A) == ["192.0.2.1"]
    assert dns.ask_udp(port, "mx.signed", dns.A).data(dns.A) == ["192.0.2.1"]
    whole = dns.ask(port, "long.signed", dns.TXT)
    assert not whole.is_cut and len(whole.data(dns.TXT)) == 8
    for options in ({}, {"edns": None}, {"edns": 65000}):
        cut = dns.ask_udp(port, "long.signed", dns.TXT, **options)
        assert cut.is_cut and cut.records == [], vars(cut)
    # only the loopback can ask
    for address in ROOTS[:1]:
        with socket.socket() as other:
            assert other.connect_ex((address, port[1])) != 0


def refusals(system):
    for options, rcode in (({"flags": 0x0020}, dns.REFUSED), ({"flags": 0x2900}, dns.NOT_IMPLEMENTED),
                           ({"klass": 3}, dns.REFUSED)):
        assert system.ask("mx.signed", **options).rcode == rcode, options
    assert system.ask("signed", 252).rcode == dns.NOT_IMPLEMENTED, "no transfers"
    with dns.Stream(system.path) as stream:
        stream.send(b"\1\2" + bytes(10))
        assert stream.receive().rcode == dns.FORMAT_ERROR
        stream.send(dns.question("mx.signed", dns.A)[:20])
        assert stream.receive().rcode == dns.FORMAT_ERROR
        stream.send(dns.question("mx.signed", dns.A))
        assert stream.receive().data(dns.A) == ["192.0.2.1"]
        stream.send(b"too short")
        assert stream.receive() is None
    with dns.Stream(system.path) as stream:
        stream.socket.sendall(b"\xff\xff" + bytes(100))
        assert stream.receive() is None, "longer than a question is"


def a_thousand_at_once(system):
    """Ten connections with a thousand questions each, answered in any order."""
    streams = [dns.Stream(system.path) for _ in range(10)]
    questions = [dns.question(f"h{i}.signed", dns.A, number=i) for i in range(1000)]
    began = time.monotonic()

    def send(stream):
        stream.send(*questions)
        stream.socket.shutdown(socket.SHUT_WR)
    for stream in streams:
        threading.Thread(target=send, args=[stream]).start()
    for stream in streams:
        found = {}
        while (answer := stream.receive()) is not None:
            assert answer.is_secure
            found[answer.number] = answer.data(dns.A)
        assert found == {i: [f"10.0.{i // 256}.{i % 256}"] for i in range(1000)}
        stream.__exit__()
    print(f"10,000 questions, 1,000 names: {time.monotonic() - began:.2f} s", flush=True)


def stops_and_comes_back(system, knot):
    """Killed, and stopped for so long that the resolver has given it up."""
    for stop in ("killed", "stopped"):
        if stop == "killed":
            knot.stop()
        else:
            os.kill(knot.process.pid, signal.SIGSTOP)
            posthouse.wait_until(lambda: not knot.is_ready(), 10, "knot has stopped")
        began = time.monotonic()
        answer = system.ask(f"new-{stop}.signed")
        waited = time.monotonic() - began
        assert answer.rcode == dns.SERVER_FAILURE and waited < 45, (vars(answer), waited)
        assert system.ask("mx.signed").data(dns.A) == ["192.0.2.1"], "from the cache"
        numbers = iter(range(10000))

        def is_given_up():
            assert system.ask(f"{stop}{next(numbers)}.signed").rcode == dns.SERVER_FAILURE
            return "event=names-unreachable tried=servers" in system.log_text()
        if stop == "stopped":
            posthouse.wait_until(is_given_up, 60, "the server is given up")
            os.kill(knot.process.pid, signal.SIGCONT)
        else:
            knot.start()
        began = time.monotonic()
        posthouse.wait_until(
            lambda: system.ask(f"new-{stop}.signed").rcode == dns.NO_SUCH_NAME, 15, "an answer")
        print(f"server {stop}: failure after {waited:.1f} s, "
              f"fine again after {time.monotonic() - began:.1f} s", flush=True)


def reloads(system):
    """Another server by a reload, in the jail; a wrong one changes nothing."""
    system.set(dns_forwarders="not-an-address")
    done = system.command("reload", check=False)
    assert done.returncode == 1 and 'found "not-an-address"' in done.stderr, done.stderr
    assert system.ask("mx.signed").is_secure
    system.set(dns_forwarders="", dns_resolv_conf=system.directory / "resolv.conf")
    (system.directory / "resolv.conf").write_text(f"search x\nnameserver {STRIPPER}\n")
    system.command("reload")
    system.wait_chosen("root")
    answer = system.ask("chain.signed")
    assert answer.is_secure and answer.data(dns.A) == ["192.0.2.1"], vars(answer)


def asks_again_after_a_reload(knot):
    """A question that some servers leave open gets the answer of others."""
    is_asked = threading.Event()

    def answer_some(query):
        if b"\2mx\6signed" in query.lower():
            is_asked.set()
            raise OSError("silence")
        return ask_knot(query)
    serve_udp(PICKY, answer_some)
    with Resolver(knot, dns_forwarders=PICKY) as system:
        system.start()
        with dns.Stream(system.path) as stream:
            stream.send(dns.question("mx.signed", dns.A))
            assert is_asked.wait(60)
            system.set(dns_forwarders=f"127.0.0.1@{PORT}")
            system.command("reload")
            answer = stream.receive()
        assert answer.data(dns.A) == ["192.0.2.1"] and answer.is_secure, vars(answer)


def check_ends(system):
    """It was never started again, and ended by itself."""
    ends = re.findall(r"event=process-ended program=names .*", system.log_text())
    assert len(ends) == 1 and "status=0" in ends[0], ends


def hostile_servers(knot):
    """Nonsense of all kinds: later, in time, and names goes on."""
    with Resolver(knot, dns_forwarders=BABBLER) as system:
        system.start()
        pid = system.processes()["names", 0]
        began = time.monotonic()
        streams = [dns.Stream(system.path) for _ in range(4)]
        for number, stream in enumerate(streams):
            stream.send(*(dns.question(f"n{number}x{i}.signed", dns.A) for i in range(50)))
        for stream in streams:
            for _ in range(50):
                assert stream.receive().rcode == dns.SERVER_FAILURE
            stream.__exit__()
        assert time.monotonic() - began < 60
        assert system.processes()["names", 0] == pid


def without_dnssec(knot):
    """Servers that strip signatures, and no way to the root."""
    for address in ROOTS:
        subprocess.run(["ip", "address", "del", f"{address}/32", "dev", "lo"], check=True)
    with Resolver(knot, dns_forwarders=STRIPPER) as system:
        system.start()
        answer = system.ask("mx.signed")
        assert answer.data(dns.A) == ["192.0.2.1"] and not answer.is_secure, vars(answer)
        assert system.ask("nothing.signed").rcode == dns.NO_SUCH_NAME
        assert system.chosen() == "unvalidated"
    with Resolver(knot, dns_forwarders=STRIPPER, dns_validation="yes") as system:
        system.start()
        assert system.ask("mx.signed").rcode == dns.SERVER_FAILURE
        assert system.chosen() is None
    with Resolver(knot, dns_forwarders=LIAR) as system:
        system.start()
        assert system.ask("mx.signed").rcode == dns.SERVER_FAILURE, "not: there is no such name"


def inside():
    posthouse.need_programs("knotd", "keymgr")
    for address in ROOTS:
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    serve_udp(STRIPPER, without_proofs)
    serve_udp(LIAR, says_no)
    serve_udp(BABBLER, babbles)
    directory = Path(tempfile.mkdtemp(prefix="posthouse-knot-"))
    directory.chmod(0o755)
    knot = Zones(directory, ZONES, [f"127.0.0.1@{PORT}"] + [f"{address}@53" for address in ROOTS])
    try:
        knot.start()
        with Resolver(knot, dns_forwarders=f"127.0.0.1@{PORT}", dns_resolver_port=53,
                      environment={"POSTHOUSE_JAIL_SELFTEST": "1"}) as system:
            system.start()
            for step in (secure_answers, other_answers, transports, refusals,
                         a_thousand_at_once):
                print(step.__name__, flush=True)
                step(system)
            stops_and_comes_back(system, knot)
            reloads(system)
            system.stop()
            check_ends(system)
        for step in (asks_again_after_a_reload, without_dnssec, hostile_servers):
            print(step.__name__, flush=True)
            step(knot)
    finally:
        knot.stop()
        shutil.rmtree(directory, ignore_errors=True)


def main():
    peers.enter("knot")
    os.environ["POSTHOUSE_NETNS"] = "1"
    inside()


main()
