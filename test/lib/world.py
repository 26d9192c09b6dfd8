"""The rest of the Internet for a test, played by threads: a resolver that knows the
records it is given (and asks the nameservers of the domains that were delegated), and
a clock."""
import contextlib
import os
import socket
import struct
import threading
import time

import dns
import network

PTR, SRV, DS, DNSKEY, CAA = 12, 33, 43, 48, 257
EPOCH = 2208988800      # s from 1900 to 1970


def name(text):
    return dns.encode_name(text)


def address(text):
    return socket.inet_aton(text)


def text(*strings):
    data = b""
    for string in strings:
        pieces = [string[i:i + 255] for i in range(0, len(string), 255)]
        data += b"".join(bytes([len(piece)]) + piece.encode() for piece in pieces)
    return data


def mx(host):
    return struct.pack(">H", 10) + name(host)


def srv(port, host):
    return struct.pack(">HHH", 0, 1 if port else 0, port) + name(host)


def caa(tag, value):
    return bytes([0, len(tag)]) + tag.encode() + value.encode()


class World:
    def __init__(self, resolver, clock):
        """Addresses; the sockets are made in the network that the caller is in."""
        self.records, self.delegated, self.seconds_off = {}, {}, 0
        self.place = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        for target, port, answer in ((resolver, 53, self.answer), (clock, 123, self.time)):
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            server.bind((target, port))
            threading.Thread(target=self.serve, args=(server, answer), daemon=True).start()

    @staticmethod
    def serve(server, answer):
        def one(query, client):
            server.sendto(answer(query), client)
        while True:
            threading.Thread(target=one, args=server.recvfrom(4096), daemon=True).start()

    def answer(self, query):
        asked, at = dns.decode_name(query, 12)
        kind = struct.unpack(">H", query[at:at + 2])[0]
        for domain, nameserver in self.delegated.items():
            if (asked == domain or asked.endswith(f".{domain}")) and \
                    not (kind == DS and asked == domain):
                return self.forward(query, nameserver)
        found = [(kind, data) for data in self.records.get((asked, kind), [])] or \
            [(dns.CNAME, data) for data in self.records.get((asked, dns.CNAME), [])]
        exists = asked == "" or any(owner == asked or owner.endswith(f".{asked}")
                                    for owner, _ in self.records) or asked in self.delegated
        body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", found_kind, 1, 0, len(data)) + data
                        for found_kind, data in found)
        soa = b"" if found else b"\0" + struct.pack(">HHIH", dns.SOA, 1, 0, 22) + bytes(22)
        return query[:2] + struct.pack(">HHHHH", 0x8180 | (0 if exists else 3), 1, len(found),
                                       bool(soa), 0) + query[12:at + 4] + body + soa

    def forward(self, query, nameserver):
        """Its answer, as a resolver passes it on."""
        network.LIBC.setns(self.place, network.CLONE_NEWNET)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.sendto(query, (nameserver, 53))
            message = client.recv(65535)
        flags = struct.unpack(">H", message[2:4])[0] & ~0x0400 | 0x0080
        return query[:2] + struct.pack(">H", flags) + message[4:]

    def time(self, query):
        now = time.time() + self.seconds_off
        return b"\x24\x02" + bytes(38) + struct.pack(">II", int(now) + EPOCH,
                                                     int(now % 1 * 2 ** 32))

    @contextlib.contextmanager
    def with_records(self, changes):
        """{(name, type): [data]} in place of what is there; None: no such name."""
        before = dict(self.records)
        for key, data in changes.items():
            self.records.pop(key, None)
            if data is not None:
                self.records[key] = data
        try:
            yield
        finally:
            self.records = before
