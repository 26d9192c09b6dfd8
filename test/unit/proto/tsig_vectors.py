#!/usr/bin/python3
"""Writes tsig_vectors.h: messages signed by test/lib/tsig.py, for the unit test of
proto/tsig.c. usage: tsig_vectors.py > tsig_vectors.h"""
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))
import dns
import tsig

TIME = 1800000000
KEYS = {bits: tsig.Key("Key.Example", f"hmac-sha{bits}", bytes(range(1, 33))) for bits in (256, 384, 512)}
LONG = tsig.Key("long.example", "hmac-sha256", bytes(i % 251 for i in range(256)))
QUESTION = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + dns.encode_name("a.test") + struct.pack(">HH", 252, 1)
ANSWER = struct.pack(">HHHHHH", 7, 0x8500, 1, 0, 0, 0) + QUESTION[12:]
LATER = struct.pack(">HHHHHH", 7, 0x8500, 0, 0, 0, 0)


def vectors():
    for bits, key in KEYS.items():
        yield f"QUESTION_{bits}", (asked := tsig.sign(QUESTION, key, TIME))[0]
        answer, code = tsig.sign(ANSWER, key, TIME + 1, prior=asked[1])
        yield f"ANSWER_{bits}", answer
        if bits != 256:
            continue
        second, code = tsig.sign(LATER, key, TIME + 2, prior=code, is_later=True)
        yield f"SECOND_{bits}", second
        yield f"FOURTH_{bits}", tsig.sign(LATER, key, TIME + 3, prior=code, unsigned=LATER, is_later=True)[0]
        yield f"ALONE_{bits}", tsig.sign(ANSWER, key, TIME)[0]
    key = KEYS[256]
    yield "QUESTION_LONG", tsig.sign(QUESTION, LONG, TIME)[0]
    yield "QUESTION_CUT_16", (asked := tsig.sign(QUESTION, key, TIME, cut=16))[0]
    yield "ANSWER_CUT_16", tsig.sign(ANSWER, key, TIME, prior=asked[1])[0]
    yield "QUESTION_CUT_15", tsig.sign(QUESTION, key, TIME, cut=15)[0]
    yield "QUESTION_CUT_0", tsig.sign(QUESTION, key, TIME, cut=0)[0]
    yield "QUESTION_CUT_23_384", tsig.sign(QUESTION, KEYS[384], TIME, cut=23)[0]
    longer = tsig.append(QUESTION, tsig.record(key, TIME, tsig.Found(tsig.sign(QUESTION, key, TIME)[0]).code + b"\0", 7))
    yield "QUESTION_33", longer
    asked, code = tsig.sign(QUESTION, key, TIME)
    # what came by another number was 7 (RFC 8945 4.2, Original ID)
    yield "QUESTION_RENUMBERED", b"\0\x09" + asked[2:]
    yield "ANSWER_BADTIME", tsig.sign(ANSWER[:3] + b"\x09" + ANSWER[4:], key, TIME, prior=code, error=tsig.BADTIME,
                                      other=struct.pack(">HI", 0, TIME + 3600))[0]
    refused = ANSWER[:3] + b"\x09" + ANSWER[4:]
    for name, error in (("BADKEY", tsig.BADKEY), ("BADSIG", tsig.BADSIG)):
        yield f"ANSWER_{name}", tsig.append(refused, tsig.record(key, TIME, b"", 7, error=error))
    record = tsig.Found(asked)
    text = asked[record.at:]
    address = dns.encode_name("x") + struct.pack(">HHIH", 1, 1, 0, 4) + b"\xc0\0\2\1"
    yield "QUESTION_NOT_LAST", tsig.append(asked, address)
    yield "QUESTION_TWICE", tsig.append(asked, text)
    yield "QUESTION_AS_ANSWER", QUESTION[:6] + b"\0\1" + QUESTION[8:] + text
    yield "QUESTION_CLASS_IN", tsig.append(QUESTION, tsig.record(key, TIME, record.code, 7, klass=1))
    yield "QUESTION_TTL_1", tsig.append(QUESTION, tsig.record(key, TIME, record.code, 7, ttl=1))
    yield "QUESTION_BEHIND", asked + b"\0"
    cut = tsig.record(key, TIME, record.code, 7)
    at = len(dns.encode_name(key.name)) + 8
    size = struct.unpack(">H", cut[at:at + 2])[0]
    yield "QUESTION_DATA_SHORT", tsig.append(QUESTION, cut[:at] + struct.pack(">H", size - 1) + cut[at + 2:-1])
    yield "QUESTION_DATA_LONG", tsig.append(QUESTION, cut[:at] + struct.pack(">H", size + 1) + cut[at + 2:] + b"\0")
    yield "QUESTION_COMPRESSED", tsig.append(QUESTION, cut[:at] + struct.pack(">H", size - 11) + b"\xc0\x0c" +
                                             cut[at + 2 + len(dns.encode_name(key.algorithm)):])


def main():
    print("/* Made by tsig_vectors.py. */")
    for name, message in vectors():
        text = "".join(f"\\x{byte:02x}" for byte in message)
        lines = [text[i:i + 72] for i in range(0, len(text), 72)]
        print(f"#define {name} " + " \\\n\t".join(f'"{line}"' for line in [""] + lines))


main()
