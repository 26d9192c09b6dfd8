#!/usr/bin/python3
"""relay alone, in its jail, against Postfix's smtp-sink as another server: what
is taken, refused, put off, stalled and dropped at each stage is answered so,
large messages arrive whole, and a thousand over kept connections."""
import os
import re
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
import lone
import peers
import posthouse

HOP = "[127.0.0.1]:2525"
MESSAGE = b"Subject: hello\r\n\r\n.a line\r\nthe end\r\n"
NO = {"smtp_data_done_timeout": "1s", "smtp_mail_timeout": "1s", "smtp_rcpt_timeout": "1s",
      "smtp_data_init_timeout": "1s", "smtp_helo_timeout": "1s"}

# smtp-sink(1): -f hard, -r soft error, -q hangs up, -Q says 421 and hangs up,
# -W waits (and is confused by PIPELINING, which -p turns off)
ANSWERS = [
    ([], "250 2."),
    (["-e"], "250 2.1.9 "),             # no ESMTP
    (["-p"], "250 2."),                 # no PIPELINING
    (["-a"], "250 2."),                 # no 8BITMIME
    (["-f", "ehlo"], "250 2.1.9 "),
    (["-f", "ehlo,helo"], "451 4.4.1 "),
    (["-r", "ehlo"], "451 4.4.1 "),
    (["-q", "ehlo"], "451 4.4.1 "),
    (["-Q", "ehlo"], "451 4.4.1 "),
    (["-p", "-W", "ehlo:3"], "451 4.4.1 "),
    (["-f", "mail"], "5"), (["-r", "mail"], "4"),
    (["-q", "mail"], "451 4.4.2 "), (["-Q", "mail"], "451 4.4.2 "),
    (["-p", "-W", "mail:3"], "451 4.4.2 "),
    (["-f", "rcpt"], "5"), (["-r", "rcpt"], "4"),
    (["-q", "rcpt"], "451 4.4.2 "), (["-Q", "rcpt"], "451 4.4.2 "),
    (["-p", "-W", "rcpt:3"], "451 4.4.2 "),
    (["-f", "data"], "5"), (["-r", "data"], "4"),
    (["-q", "data"], "451 4.4.2 "), (["-Q", "data"], "451 4.4.2 "),
    (["-p", "-W", "data:3"], "451 4.4.2 "),
    (["-f", "."], "5"), (["-r", "."], "4"),
    (["-q", "."], "451 4.4.2 "), (["-Q", "."], "451 4.4.2 "),
    (["-p", "-W", ".:3"], "451 4.4.2 "),
]


class Sink:
    def __init__(self, *options, cwd="/tmp", address="127.0.0.1", port=2525):
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        self.where = (address, port)
        self.process = subprocess.Popen(["smtp-sink", *user, *options, f"{address}:{port}", "200"],
                                        cwd=cwd, stderr=subprocess.DEVNULL)

    def __enter__(self):
        def answers():
            with socket.socket() as client:
                return client.connect_ex(self.where) == 0
        posthouse.wait_until(answers, 10, "smtp-sink listens")
        return self

    def __exit__(self, *rest):
        self.process.kill()
        self.process.wait()


def answers_of_each_stage():
    with lone.Lone("relay", **NO) as relay:
        for options, expected in ANSWERS:
            with Sink(*options):
                client = lone.Lmtp(relay.wire("relay-lmtp"))
                answer, = client.deliver(HOP, "a@b.example", ["c@d.example"], MESSAGE)
                assert answer.startswith(expected), (options, answer)
                # what is kept of that server is of no use with the next
                if not answer.startswith("2"):
                    continue
                answer, = client.deliver(HOP, "a@b.example", ["c@d.example"], MESSAGE)
                assert answer.startswith(expected), (options, answer)
        client = lone.Lmtp(relay.wire("relay-lmtp"))
        answer, = client.deliver(HOP, "a@b.example", ["c@d.example"], MESSAGE)
        assert answer.startswith("451 4.4.1 "), answer
        answer, = client.deliver("d.example", "a@b.example", ["c@d.example"], MESSAGE)
        # nobody to ask: our own trouble, which closes no destination
        assert answer.startswith("451 4.3.0 "), answer


def large_messages_arrive_whole():
    line = b"." + b"x" * 70 + b"\r\n"
    content = b"Subject: large\r\n\r\n" + line * (20_000_000 // len(line))
    with tempfile.TemporaryDirectory() as directory, lone.Lone("relay") as relay:
        os.chmod(directory, 0o777)
        with Sink("-d", "%M.", cwd=directory):
            client = lone.Lmtp(relay.wire("relay-lmtp"))
            answer, = client.deliver(HOP, "a@b.example", ["c@d.example"], content)
            assert answer.startswith("250"), answer
            file, = Path(directory).iterdir()
            stored = file.read_bytes().replace(b"\r\n", b"\n")
            assert content.replace(b"\r\n", b"\n") in stored, len(stored)


def many_over_kept_connections():
    with Sink() as _, lone.Lone("relay") as relay:
        def one():
            client = lone.Lmtp(relay.wire("relay-lmtp"))
            for _ in range(50):
                answer, = client.deliver(HOP, "a@b.example", ["c@d.example"], MESSAGE)
                assert answer.startswith("250"), answer
                done.append(answer)
        done = []
        threads = [threading.Thread(target=one) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(done) == 1000
        posthouse.wait_until(lambda: relay.log().count("event=relayed") == 1000, 5, "the log")
        assert len(set(re.findall(r"trace=(\S+)", relay.log()))) == 1000


def a_hundred_slow_servers_delay_nobody():
    """As many as never answer leave workers for the others."""
    with socket.socket() as silent, lone.Lone("relay", smtp_helo_timeout="6s") as relay:
        silent.bind(("127.0.0.1", 2526))
        silent.listen(200)
        threads = []
        for _ in range(100):
            client = lone.Lmtp(relay.wire("relay-lmtp"))
            threads.append(threading.Thread(target=client.deliver, args=(
                "[127.0.0.1]:2526", "a@b.example", ["c@d.example"], MESSAGE)))
            threads[-1].start()
        with Sink():
            client = lone.Lmtp(relay.wire("relay-lmtp"))
            began = time.monotonic()
            answer, = client.deliver(HOP, "a@b.example", ["c@d.example"], MESSAGE)
            assert answer.startswith("250"), answer
            # sooner than any of those is given up
            assert time.monotonic() - began < 5
        for thread in threads:
            thread.join()


# What the resolver says: records, None (no such name) or "fail".
ZONE = {
    ("two.example", dns.MX): [(10, "dead.example"), (20, "alive.example")],
    ("dead.example", dns.A): ["192.0.2.10"],
    ("alive.example", dns.A): ["192.0.2.1"],
    ("six.example", dns.MX): [(10, "both.example")],
    ("both.example", dns.AAAA): ["2001:db8::10"],
    ("both.example", dns.A): ["192.0.2.1"],
    ("plain.example", dns.A): ["192.0.2.1"],
    ("null.example", dns.MX): [(0, "")],
    ("gone.example", dns.MX): None,
    ("fail.example", dns.MX): "fail",
    ("nowhere.example", dns.MX): [(10, "nothing.example")],
    ("nothing.example", dns.A): None, ("nothing.example", dns.AAAA): None,
    ("loop.example", dns.MX): [(10, "mail.example.test"), (20, "alive.example")],
}
DOMAINS = [
    ("two.example", "250 2.0.0 host alive.example[192.0.2.1] said"),
    ("six.example", "250 2.0.0 host both.example[192.0.2.1] said"),
    ("plain.example", "250 2.0.0 host plain.example[192.0.2.1] said"),
    ("null.example", "556 5.1.10 the domain null.example takes no mail"),
    ("gone.example", "550 5.4.4 the domain gone.example does not exist"),
    ("fail.example", "451 4.4.3 the mail hosts of fail.example cannot be looked up now"),
    ("nowhere.example", "550 5.4.4 the mail host nothing.example of nowhere.example"),
    ("loop.example", "554 5.4.6 mail for loop.example goes in a circle"),
]


def dns_data(kind, value):
    if kind == dns.MX:
        return struct.pack(">H", value[0]) + dns.encode_name(value[1])
    family = socket.AF_INET6 if kind == dns.AAAA else socket.AF_INET
    return socket.inet_pton(family, value)


def serve_names(wire):
    """The far end of a wire to `names`: ZONE, unsigned."""
    file = wire.makefile("rb")
    while head := file.read(2):
        message = file.read(struct.unpack(">H", head)[0])
        name, at = dns.decode_name(message, 12)
        kind = struct.unpack(">H", message[at:at + 2])[0]
        found = ZONE.get((name, kind), [])
        code = dns.SERVER_FAILURE if found == "fail" else \
            dns.NO_SUCH_NAME if found is None else dns.NO_ERROR
        records = [dns_data(kind, value) for value in found] if code == dns.NO_ERROR else []
        answer = message[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        answer += message[12:at + 4]
        for data in records:
            answer += dns.encode_name(name) + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
        wire.sendall(struct.pack(">H", len(answer)) + answer)


def the_hosts_of_a_domain():
    subprocess.run(["ip", "address", "add", "192.0.2.1/32", "dev", "lo"], check=True)
    subprocess.run(["ip", "address", "add", "192.0.2.10/32", "dev", "lo"], check=True)
    callees = {"names-dns": serve_names}
    # the servers of others have addresses of this machine
    with Sink(address="192.0.2.1", port=25), \
            lone.Lone("relay", callees=callees, inet_interfaces="loopback-only") as relay:
        client = lone.Lmtp(relay.wire("relay-lmtp"))
        for domain, expected in DOMAINS:
            answer, = client.deliver(domain, "a@b.example", [f"c@{domain}"], MESSAGE)
            assert answer.startswith(expected), (domain, answer)
        posthouse.wait_until(lambda: "no connection to host dead.example[192.0.2.10]"
                             in relay.log(), 5, "a log line")


def main():
    peers.enter("postfix")
    answers_of_each_stage()
    large_messages_arrive_whole()
    many_over_kept_connections()
    a_hundred_slow_servers_delay_nobody()
    the_hosts_of_a_domain()


main()
