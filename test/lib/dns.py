"""DNS messages for tests: questions as bytes, answers taken apart, and asking
over UDP, TCP and Unix sockets (RFC 1035 4)."""
import random
import socket
import struct
import threading

A, NS, CNAME, SOA, MX, TXT, AAAA, OPT, RRSIG, TLSA = 1, 2, 5, 6, 15, 16, 28, 41, 46, 52
NO_ERROR, FORMAT_ERROR, SERVER_FAILURE, NO_SUCH_NAME, NOT_IMPLEMENTED, REFUSED = range(6)


def encode_name(name):
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def question(name, kind, number=None, edns=1232, dnssec=False, flags=0x0120, klass=1):
    """A question with RD and AD; edns=None leaves OPT out."""
    number = random.randrange(65536) if number is None else number
    text = struct.pack(">HHHHHH", number, flags, 1, 0, 0, 0 if edns is None else 1)
    text += encode_name(name) + struct.pack(">HH", kind, klass)
    if edns is not None:
        text += struct.pack(">BHHIH", 0, OPT, edns, 0x8000 if dnssec else 0, 0)
    return text


def decode_name(message, at):
    labels, end = [], None
    while message[at] != 0:
        if message[at] >= 0xc0:
            end = at + 2 if end is None else end
            at = struct.unpack(">H", message[at:at + 2])[0] & 0x3fff
        else:
            labels.append(message[at + 1:at + 1 + message[at]].decode("latin-1"))
            at += 1 + message[at]
    return ".".join(labels).lower(), at + 1 if end is None else end


class Answer:
    """rcode, is_secure (AD), is_cut (TC), offers_recursion (RA), records of the answer
    section as (name, type, data as text), kinds of all records, error (RFC 8914)."""

    def __init__(self, message):
        self.number, flags, *counts = struct.unpack(">HHHHHH", message[:12])
        assert flags & 0x8000, hex(flags)
        self.rcode = flags & 15
        self.is_secure = bool(flags & 0x20)
        self.is_cut = bool(flags & 0x0200)
        self.offers_recursion = bool(flags & 0x80)
        self.records, self.kinds, self.error = [], [], None
        at = 12
        for _ in range(counts[0]):
            at = decode_name(message, at)[1] + 4
        for section in (1, 2, 3):
            for _ in range(counts[section]):
                at = self.record(message, at, section)
        assert at == len(message), (at, len(message))

    def record(self, message, at, section):
        name, at = decode_name(message, at)
        kind, _, _, size = struct.unpack(">HHIH", message[at:at + 10])
        data = message[at + 10:at + 10 + size]
        self.kinds.append(kind)
        if section == 1:
            self.records.append((name, kind, self.text(message, kind, at + 10, data)))
        if kind == OPT and data[:2] == b"\0\x0f":
            self.error = (struct.unpack(">H", data[4:6])[0], data[6:].decode("latin-1"))
        return at + 10 + size

    @staticmethod
    def text(message, kind, at, data):
        if kind == A:
            return socket.inet_ntop(socket.AF_INET, data)
        if kind == AAAA:
            return socket.inet_ntop(socket.AF_INET6, data)
        if kind in (CNAME, NS):
            return decode_name(message, at)[0]
        if kind == MX:
            return f"{struct.unpack('>H', data[:2])[0]} {decode_name(message, at + 2)[0]}"
        return data.hex()

    def data(self, kind):
        return sorted(text for _, found, text in self.records if found == kind)


class Stream:
    """A connection to a resolver: an address and port, or a path."""

    def __init__(self, where, timeout=60):
        family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(where)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, *messages):
        self.socket.sendall(b"".join(struct.pack(">H", len(m)) + m for m in messages))

    def receive(self):
        """The next answer; None at the end."""
        size = self.file.read(2)
        return Answer(self.file.read(struct.unpack(">H", size)[0])) if len(size) == 2 else None


def ask(where, name, kind, **options):
    with Stream(where) as stream:
        stream.send(question(name, kind, **options))
        return stream.receive()


def ask_udp(where, name, kind, timeout=60, **options):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.sendto(question(name, kind, **options), where)
        return Answer(client.recv(65535))


def answer(query, record):
    """To the question, as record(name, kind) says: the data of the only record
    there, b"" for none, None for no such name."""
    name, at = decode_name(query, 12)
    kind = struct.unpack(">H", query[at:at + 2])[0]
    data = record(name, kind)
    found = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data if data else b""
    # who says no says in which zone (RFC 2308 3)
    zone = b"" if found else b"\0" + struct.pack(">HHIH", SOA, 1, 60, 22) + bytes(22)
    code = NO_SUCH_NAME if data is None else NO_ERROR
    return query[:2] + struct.pack(">H", 0x8180 | code) + query[4:6] + \
        struct.pack(">HHH", bool(found), bool(zone), 0) + query[12:at + 4] + found + zone


def serve(port, record):
    """A nameserver on a UDP port of the loopback, played by a thread."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", port))

    def run():
        while True:
            query, client = server.recvfrom(4096)
            server.sendto(answer(query, record), client)
    threading.Thread(target=run, daemon=True).start()
