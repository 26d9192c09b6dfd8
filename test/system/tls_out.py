#!/usr/bin/python3
"""tls-out in its jail against `openssl s_server`: right, wrong, expired and
self-signed certificates, TLSA sets, servers that stall; the wire tls-connect."""
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import certificates
import posthouse
from inner import Inner

NONE, NAME, DANE = range(3)
PROBLEMS = ["none", "name", "expired", "not-trusted", "tlsa", "certificate", "handshake",
            "timeout"]
MX = "mx.example.test"


# ---- the wire (proto/tlswire.h, serve/handover.h) ----

def text(name):
    return bytes([len(name)]) + name.encode()


def request(verify, names=(MX,), records=(), sni=MX, patience=10000):
    data = bytes([1, verify]) + struct.pack("<I", patience) + text(sni)
    data += bytes([len(names)]) + b"".join(text(name) for name in names)
    data += bytes([len(records)])
    for usage, selector, matching, value in records:
        data += bytes([usage, selector, matching]) + struct.pack("<H", len(value)) + value
    return data


def hand_over(wire, fds, data):
    facts = b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0"
    header = struct.pack("<IIII16s24s64s", 0x31764f48, 3, len(facts), len(data), b"",
                         b"test-session", b"")
    socket.send_fds(wire, [header + facts + data], fds)


class Facts:
    def __init__(self, plain):
        head = read_exactly(plain, 6)
        assert head[:4] == b"TLS\1", head
        data = read_exactly(plain, struct.unpack("<H", head[4:])[0])
        flags, problem = data[0], data[1]
        self.is_done, self.is_chain_ok, self.is_name_ok, self.is_dane_ok, self.is_resumed = (
            bool(flags & 1 << i) for i in range(5))
        self.problem = PROBLEMS[problem]
        self.fingerprint = data[2:34]
        at, words = 34, []
        for _ in range(3):
            words.append(data[at + 1:at + 1 + data[at]].decode())
            at += 1 + data[at]
        self.version, self.cipher, self.reason = words


def read_exactly(stream, size):
    data = b""
    while len(data) < size:
        piece = stream.recv(size - len(data))
        assert piece, f"the end after {data!r}"
        data += piece
    return data


def connect(inner, port, *words, **options):
    """(facts, the plain end)"""
    stranger = socket.create_connection(("127.0.0.1", port))
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    with inner.call("tls-connect") as wire:
        hand_over(wire, [stranger.fileno(), theirs.fileno()], request(*words, **options))
        stranger.close()
        theirs.close()
        return Facts(ours), ours


# ---- servers ----

class Server:
    """openssl s_server that sends lines back reversed."""
    next_port = 5000

    def __init__(self, pem, key, *options):
        Server.next_port += 1
        self.port = Server.next_port
        self.process = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{self.port}", "-cert", str(pem),
             "-key", str(key), "-rev", "-quiet", *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        posthouse.wait_until(self.is_there, 10, "s_server listens")

    def is_there(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def check_talk(plain):
    plain.sendall(b"hello\n")
    assert read_exactly(plain, 6) == b"olleh\n"


# ---- the tests ----

def certificates_are_verified(inner, world):
    for name, (pem, key), extra, problem in (
            ("right", world.good, [], "none"),
            ("another's", world.wrong, [], "name"),
            ("expired", world.expired, [], "expired"),
            ("self-signed", world.own, [], "not-trusted"),
            ("unknown authority", world.foreign, [], "not-trusted"),
            ("TLS 1.2", world.good, ["-tls1_2"], "none")):
        with Server(pem, key, *extra) as server:
            facts, plain = connect(inner, server.port, NONE)
            assert facts.is_done and facts.problem == problem, (name, vars(facts))
            check_talk(plain)
            plain.close()
            facts, plain = connect(inner, server.port, NAME)
            assert facts.problem == problem, (name, vars(facts))
            assert facts.is_done == (problem == "none"), (name, vars(facts))
            if facts.is_done:
                assert facts.version == ("TLSv1.2" if extra else "TLSv1.3")
                assert facts.fingerprint == fingerprint(pem), name
                check_talk(plain)
            else:
                assert facts.reason and plain.recv(1) == b"", name
            plain.close()


def fingerprint(pem):
    line = certificates.openssl("x509", "-in", pem, "-noout", "-fingerprint", "-sha256").decode()
    return bytes.fromhex(line.strip().split("=")[1].replace(":", ""))


def records_are_verified(inner, world):
    own, wrong, foreign = world.own[0], world.wrong[0], world.foreign[0]
    other = world.other.pem
    for name, (pem, key), extra, records, problem in (
            ("3 1 1", world.own, [], [(own, 3, 1, 1)], "none"),
            ("3 0 2", world.own, [], [(own, 3, 0, 2)], "none"),
            ("3 1 1 with another name", world.wrong, [], [(wrong, 3, 1, 1)], "none"),
            ("another's key", world.good, [], [(own, 3, 1, 1)], "tlsa"),
            ("2 0 1", world.foreign, ["-cert_chain", str(other)], [(other, 2, 0, 1)], "none"),
            ("2 0 1, not sent", world.foreign, [], [(other, 2, 0, 1)], "tlsa"),
            ("two, one right", world.own, [], [(foreign, 3, 1, 1), (own, 3, 1, 1)], "none")):
        with Server(pem, key, *extra) as server:
            facts, plain = connect(inner, server.port, DANE,
                                   records=[certificates.tlsa(*record) for record in records])
            assert facts.problem == problem, (name, vars(facts))
            assert facts.is_dane_ok == (problem == "none"), (name, vars(facts))
            if facts.is_done:
                check_talk(plain)
            plain.close()


def sessions_are_resumed(inner, world):
    with Server(*world.good) as server:
        resumed = []
        for _ in range(3):
            facts, plain = connect(inner, server.port, NAME)
            check_talk(plain)
            plain.close()
            resumed.append(facts.is_resumed)
        assert resumed == [False, True, True], resumed


def stalls_end_and_cost_nothing(inner, world):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        port = silent.getsockname()[1]
        begin = time.monotonic()
        facts, plain = connect(inner, port, NONE, patience=500)
        assert facts.problem == "timeout" and not facts.is_done
        assert time.monotonic() - begin < 20
        plain.close()
        # whoever asked is gone: so is the connection, and nothing spins
        pid = inner.pid("tls-out")
        before = ticks(pid)
        stranger = socket.create_connection(("127.0.0.1", port))
        peer, _ = silent.accept()
        peer, _ = silent.accept()
        ours, theirs = socket.socketpair()
        with inner.call("tls-connect") as wire:
            hand_over(wire, [stranger.fileno(), theirs.fileno()], request(NONE, patience=60000))
        stranger.close()
        theirs.close()
        peer.settimeout(60)
        assert len(peer.recv(5)) == 5, "the client's hello"
        ours.close()
        while peer.recv(4096):
            pass
        assert ticks(pid) - before < os.sysconf("SC_CLK_TCK") / 2


def ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def nonsense_ends_the_connection(inner, world):
    for data in (b"", b"nonsense", request(NAME)[:-1], request(NAME, names=()),
                 request(DANE), request(NAME, names=(".example.test",))):
        stranger, far = socket.socketpair()
        ours, theirs = socket.socketpair()
        ours.settimeout(60)
        far.settimeout(60)
        with inner.call("tls-connect") as wire:
            hand_over(wire, [stranger.fileno(), theirs.fileno()], data)
            stranger.close()
            theirs.close()
            assert ours.recv(1) == b"" and far.recv(1) == b"", data
    pid = inner.pid("tls-out")
    assert pid and inner.status()[("tls-out", 0)][1] == 0, "it did not die of that"


class World:
    def __init__(self, directory):
        self.authority = certificates.Authority(directory, "authority")
        self.other = certificates.Authority(directory, "other")
        self.good = self.authority.issue("good", MX)
        self.wrong = self.authority.issue("wrong", "mx.example.org")
        self.expired = self.authority.issue("expired", MX, days=-1)
        self.foreign = self.other.issue("foreign", MX)
        self.own = certificates.self_signed(directory, "own", MX)


def main():
    posthouse.need_programs("openssl")
    posthouse.own_network()
    with tempfile.TemporaryDirectory(prefix="posthouse-") as directory:
        os.chmod(directory, 0o755)
        world = World(Path(directory))
        with Inner(["tls-out"], [("tls-connect", "tls-out")],
                   smtp_tls_CAfile=world.authority.pem) as inner:
            inner.start()
            assert "event=authorities trusted=1" in inner.log(), inner.log()
            for test in (certificates_are_verified, records_are_verified, sessions_are_resumed,
                         stalls_end_and_cost_nothing, nonsense_ends_the_connection):
                test(inner, world)
                print(test.__name__, flush=True)
        with Inner(["tls-out"], [("tls-connect", "tls-out")],
                   smtp_tls_CAfile="/nowhere/at/all") as inner:
            inner.start()
            assert "warn tls-out" in inner.log() and "trusted=0" in inner.log(), inner.log()
            with Server(*world.good) as server:
                facts, plain = connect(inner, server.port, NONE)
                assert facts.is_done and facts.problem == "not-trusted"
                plain.close()
            print("without authorities it still encrypts")


main()
