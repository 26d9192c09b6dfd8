#!/usr/bin/python3
"""fetch in its jail: answers, wrong certificates, redirects, sizes, silence,
names that are not there; a web server and a DNS server of the test's own."""
import base64
import http.server
import os
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import certificates
import dns
import posthouse
from inner import Inner

HOST = "mta-sts.example.test"
POLICY = b"version: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: 86400\n"
PORT, DNS_PORT = 443, 5353


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen = []

    def do_GET(self):
        Handler.seen.append((self.path, dict(self.headers)))
        if self.path == "/moved":
            self.answer(302, b"", Location=f"https://{HOST}/.well-known/mta-sts.txt")
        elif self.path == "/large":
            self.answer(200, b"x" * 100000)
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 10000)
            except OSError:
                self.close_connection = True
        elif self.path == "/headers":
            self.send_response(200)
            for i in range(200):
                self.send_header(f"X-{i}", "y" * 1000)
            self.end_headers()
        elif self.path == "/silent":
            time.sleep(30)
        elif self.path == "/nonsense":
            self.wfile.write(b"\0\1\2\r\n")
            self.close_connection = True
        elif self.path == "/.well-known/mta-sts.txt":
            self.answer(200, POLICY)
        else:
            self.answer(404, b"nothing here")

    def do_HEAD(self):
        self.answer(200, b"", Location="a", location="b", **{"X-Long": "y" * 3000})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Handler.seen.append((self.path, dict(self.headers), body))
        self.answer(201, b"")

    def answer(self, status, body, **headers):
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def handle_error(self, *_):
        pass        # clients that do not want us


def serve_web(address, pem, key, port=PORT):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    server = Server((address, port), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()


HOSTS = {HOST: "127.0.0.2", "wrong.example.test": "127.0.0.3", "old.example.test": "127.0.0.4",
         "own.example.test": "127.0.0.5", "closed.example.test": "127.0.0.6",
         "silent.example.test": "127.0.0.7"}


def serve_dns():
    """A for the hosts, SERVFAIL for later.example.test, else no such name."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", DNS_PORT))

    def answer(query):
        name, at = dns.decode_name(query, 12)
        kind = struct.unpack(">H", query[at:at + 2])[0]
        head = query[:2], query[4:6]
        records, code = b"", dns.NO_ERROR
        if name == "later.example.test":
            code = dns.SERVER_FAILURE
        elif name in HOSTS and kind == dns.A:
            records = b"\xc0\x0c" + struct.pack(">HHIH", dns.A, 1, 60, 4) + \
                socket.inet_aton(HOSTS[name])
        elif name not in HOSTS:
            code = dns.NO_SUCH_NAME
        # who says no says in which zone (RFC 2308 3)
        zone = b"" if records or code == dns.SERVER_FAILURE else \
            b"\0" + struct.pack(">HHIH", dns.SOA, 1, 60, 22) + b"\0\0" + bytes(20)
        return head[0] + struct.pack(">H", 0x8180 | code) + head[1] + \
            struct.pack(">HHH", 1 if records else 0, 1 if zone else 0, 0) + \
            query[12:at + 4] + records + zone

    def run():
        while True:
            query, client = server.recvfrom(4096)
            server.sendto(answer(query), client)
    threading.Thread(target=run, daemon=True).start()


class Caller:
    """The caller's end of fetch-https."""

    def __init__(self, inner):
        self.wire = inner.call("fetch-https")
        self.file = self.wire.makefile("rwb")
        self.say("VERSION\t1\t2")
        assert self.file.readline() == b"VERSION\t1\t2\n"
        self.number = 0

    def say(self, line):
        self.file.write(line.encode() + b"\n")
        self.file.flush()

    def close(self):
        self.file.close()
        self.wire.close()

    def ask(self, method="GET", **fields):
        """(fields of the rows, body, reason or None)"""
        self.number += 1
        values = {"limit": 65536, "deadline": 20000, **fields}
        self.say("\t".join([method, str(self.number)] +
                           [f"{key}={value}" for key, value in values.items()]))
        rows, body = {}, b""
        while True:
            kind, number, *pairs = self.file.readline().decode().rstrip("\n").split("\t")
            assert int(number) == self.number
            pairs = dict(pair.split("=", 1) for pair in pairs)
            if kind == "ROW" and "header" in pairs:
                rows[pairs["header"]] = pairs["value"]
            elif kind == "ROW":
                body += base64.b64decode(pairs.pop("body", ""))
                rows.update(pairs)
            else:
                return rows, body, pairs.get("reason")


def policies_are_fetched(caller):
    rows, body, reason = caller.ask(url=f"https://{HOST}/.well-known/mta-sts.txt")
    assert reason is None and rows["status"] == "200" and body == POLICY, (rows, reason)
    assert rows["type"] == "text/plain; charset=utf-8"
    path, headers = Handler.seen[-1]
    assert headers["Host"] == HOST and headers["User-Agent"] == "Posthouse"
    rows, body, reason = caller.ask(url=f"https://{HOST}/other")
    assert rows["status"] == "404" and body == b"nothing here"
    rows, body, reason = caller.ask(url=f"https://{HOST}/large", limit=100000)
    assert body == b"x" * 100000


def reports_are_posted(caller):
    report = os.urandom(40000)
    rows, _, reason = caller.ask("POST", url=f"https://{HOST}/report",
                                 type="application/tlsrpt+gzip",
                                 body=base64.b64encode(report).decode())
    assert rows.get("status") == "201", (rows, reason)
    path, headers, body = Handler.seen[-1]
    assert path == "/report" and body == report
    assert headers["Content-Type"] == "application/tlsrpt+gzip"


def header_fields_are_told(caller):
    rows, body, reason = caller.ask("HEAD", url=f"https://{HOST}/",
                                    headers="location,Date,X-Long,Link")
    assert reason is None and rows["status"] == "200" and body == b"", (rows, reason)
    assert rows["location"] == "a" and "GMT" in rows["Date"], rows
    assert "X-Long" not in rows and "Link" not in rows and "Server" not in rows
    rows, body, reason = caller.ask(url=f"https://{HOST}/moved", headers="Location")
    assert rows["status"] == "302" and rows["Location"].startswith("https://"), rows


def redirects_are_not_followed(caller):
    before = len(Handler.seen)
    rows, _, _ = caller.ask(url=f"https://{HOST}/moved")
    assert rows["status"] == "302" and len(Handler.seen) == before + 1


def trouble_has_a_name(caller):
    for url, problem, fields in (
            ("https://wrong.example.test/", "certificate", {}),
            ("https://old.example.test/", "certificate", {}),
            ("https://own.example.test/", "certificate", {}),
            ("https://closed.example.test/", "connect", {}),
            ("https://nothing.example.test/", "no-name", {}),
            ("https://later.example.test/", "names", {}),
            ("https://silent.example.test/", "timeout", {"deadline": 800}),
            (f"https://{HOST}/silent", "timeout", {"deadline": 800}),
            (f"https://{HOST}/large", "too-large", {"limit": 99999}),
            (f"https://{HOST}/endless", "too-large", {}),
            (f"https://{HOST}/headers", "too-large", {}),
            (f"https://{HOST}/nonsense", "protocol", {}),
            (f"http://{HOST}/", "bad-url", {}),
            ("file:///etc/passwd", "bad-url", {}),
            (f"https://user:password@{HOST}/", "bad-url", {}),
            ("https://127.0.0.2/", "no-name", {}),
            ("https://[::1]/", "bad-url", {}),
            ("https://", "bad-url", {}),
            ("nonsense", "bad-url", {})):
        begin = time.monotonic()
        rows, body, reason = caller.ask(url=url, **fields)
        assert rows.get("problem") == problem and reason and not body, (url, rows, reason)
        # the server is silent for longer
        assert "deadline" not in fields or time.monotonic() - begin < 20, url


def many_at_once(inner):
    """None is told that there is no name, or that nobody has time for it."""
    callers = [Caller(inner) for _ in range(60)]
    for i, caller in enumerate(callers):
        caller.say("\t".join(["GET", "0", f"url=https://{HOST}/.well-known/mta-sts.txt?{i}",
                              "limit=1000", "deadline=20000"]))
    for caller in callers:
        line = caller.file.readline()
        assert b"status=404" in line, line
        while not line.startswith(b"OK"):
            line = caller.file.readline()
        caller.close()


def wrong_requests_are_refused(caller):
    for method, fields in (("GET", {}), ("GET", {"url": "x" * 3000}),
                           ("GET", {"url": "https://x/", "limit": 1 << 30}),
                           ("GET", {"url": "https://x/", "deadline": "soon"}),
                           ("GET", {"url": "https://x/", "headers": "a:b"}),
                           ("GET", {"url": "https://x/", "headers": "a,b,c,d,e"}),
                           ("POST", {"url": "https://x/"}),
                           ("POST", {"url": "https://x/", "type": "a\x7f", "body": ""}),
                           ("POST", {"url": "https://x/", "type": "a", "body": "!"}),
                           ("DELETE", {"url": "https://x/"})):
        rows, _, reason = caller.ask(method, **fields)
        assert rows == {} and reason, (method, fields, rows)


def main():
    posthouse.need_programs("openssl")
    posthouse.own_network()
    if os.geteuid() != 0:
        posthouse.skip("port 443 needs root")
    with tempfile.TemporaryDirectory(prefix="posthouse-") as directory:
        os.chmod(directory, 0o755)
        directory = Path(directory)
        authority = certificates.Authority(directory, "authority")
        serve_dns()
        serve_web("127.0.0.2", *authority.issue("good", HOST))
        serve_web("127.0.0.3", *authority.issue("wrong", "other.example.test"))
        serve_web("127.0.0.4", *authority.issue("old", "old.example.test", days=-1))
        serve_web("127.0.0.5", *certificates.self_signed(directory, "own", "own.example.test"))
        silent = socket.create_server(("127.0.0.7", PORT))
        with Inner(["names", "fetch"], [("fetch-https", "fetch")], fetch_ca_file=authority.pem,
                   dns_forwarders=f"127.0.0.1@{DNS_PORT}", dns_validation="no") as inner:
            inner.start()
            caller = Caller(inner)
            for test in (policies_are_fetched, reports_are_posted, header_fields_are_told,
                         redirects_are_not_followed,
                         trouble_has_a_name, wrong_requests_are_refused):
                test(caller)
                print(test.__name__, flush=True)
            many_at_once(inner)
            assert inner.status()[("fetch", 0)][1] == 0, "it did not die of that"
            log = inner.log()
            assert "event=fetched" in log and "problem=certificate" in log
        silent.close()


main()
