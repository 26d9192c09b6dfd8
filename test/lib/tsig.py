"""TSIG (RFC 8945) with Python's hmac: made for tests by itself, so that what we
compute is compared with what somebody else does."""
import hmac
import struct

import dns

TSIG, ANY = 250, 255
BADSIG, BADKEY, BADTIME = 16, 17, 18


class Key:
    def __init__(self, name, algorithm, secret):
        self.name, self.algorithm, self.secret = name, algorithm, secret

    def code(self, *parts):
        return hmac.new(self.secret, b"".join(parts), self.algorithm.removeprefix("hmac-")).digest()


def record(key, time, code, number, fudge=300, error=0, other=b"", kind=TSIG, klass=ANY, ttl=0):
    """The record with this code."""
    data = (dns.encode_name(key.algorithm) + struct.pack(">HIHH", time >> 32, time & 0xffffffff, fudge, len(code)) +
            code + struct.pack(">HHH", number, error, len(other)) + other)
    return dns.encode_name(key.name) + struct.pack(">HHIH", kind, klass, ttl, len(data)) + data


def variables(key, time, fudge=300, error=0, other=b""):
    return (dns.encode_name(key.name.lower()) + struct.pack(">HI", ANY, 0) + dns.encode_name(key.algorithm.lower()) +
            timers(time, fudge) + struct.pack(">HH", error, len(other)) + other)


def timers(time, fudge=300):
    return struct.pack(">HIH", time >> 32, time & 0xffffffff, fudge)


def before(code):
    """What stands in front of the message: the code that it answers, or follows."""
    return b"" if code is None else struct.pack(">H", len(code)) + code


def append(message, text):
    """One more record in the last section."""
    count = struct.unpack(">H", message[10:12])[0] + 1
    return message[:10] + struct.pack(">H", count) + message[12:] + text


def sign(message, key, time, prior=None, unsigned=b"", is_later=False, cut=None, **fields):
    """The message with its record, and the code. `unsigned`: messages since the
    last code; cut: so many octets of the code are sent."""
    timed = {name: fields[name] for name in ("fudge",) if name in fields}
    said = timers(time, **timed) if is_later else variables(key, time, **{
        name: value for name, value in fields.items() if name in ("fudge", "error", "other")})
    code = key.code(before(prior), unsigned, message, said)[:cut]
    number = struct.unpack(">H", message[:2])[0]
    return append(message, record(key, time, code, number, **fields)), code


class Found:
    """The last record of a message, if it is one: where it begins, and its fields."""

    def __init__(self, message):
        counts = struct.unpack(">HHHH", message[4:12])
        at = 12
        for _ in range(counts[0]):
            at = dns.decode_name(message, at)[1] + 4
        self.at, kind = at, None
        for _ in range(sum(counts[1:])):
            self.at = at
            self.name, at = dns.decode_name(message, at)
            kind, _, _, size = struct.unpack(">HHIH", message[at:at + 10])
            data, at = at + 10, at + 10 + size
        assert at == len(message), (at, len(message))
        self.is_there = kind == TSIG
        if not self.is_there:
            return
        self.algorithm, data = dns.decode_name(message, data)
        high, low, self.fudge, size = struct.unpack(">HIHH", message[data:data + 10])
        self.time, self.code, data = high << 32 | low, message[data + 10:data + 10 + size], data + 10 + size
        self.number, self.error, size = struct.unpack(">HHH", message[data:data + 6])
        self.other = message[data + 6:data + 6 + size]


def check(message, key, prior=None, unsigned=b"", is_later=False):
    """The record of a message that is signed as it must be, or an assertion."""
    found = Found(message)
    assert found.is_there, message.hex()
    assert (found.name, found.algorithm) == (key.name.lower(), key.algorithm), (found.name, found.algorithm)
    count = struct.unpack(">H", message[10:12])[0] - 1
    plain = struct.pack(">H", found.number) + message[2:10] + struct.pack(">H", count) + message[12:found.at]
    said = timers(found.time, found.fudge) if is_later else variables(
        key, found.time, found.fudge, found.error, found.other)
    assert hmac.compare_digest(found.code, key.code(before(prior), unsigned, plain, said)), message.hex()
    return found
