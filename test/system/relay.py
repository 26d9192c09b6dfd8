#!/usr/bin/python3
"""relay alone, in its jail, against Postfix's smtp-sink as another server: what
is taken, refused, put off, stalled and dropped at each stage is answered so,
large messages arrive whole, and a thousand over kept connections."""
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import lone
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
    def __init__(self, *options, cwd="/tmp"):
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        self.process = subprocess.Popen(["smtp-sink", *user, *options, "127.0.0.1:2525", "200"],
                                        cwd=cwd, stderr=subprocess.DEVNULL)

    def __enter__(self):
        def answers():
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", 2525)) == 0
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
        assert answer.startswith("451 4.4.3 "), answer


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
    with socket.socket() as silent, lone.Lone("relay", smtp_helo_timeout="4s") as relay:
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
            assert time.monotonic() - began < 1
        for thread in threads:
            thread.join()


def main():
    if os.environ.get("POSTHOUSE_PEERS") is None:
        os.environ["POSTHOUSE_PEERS"] = "1"
        os.execv(posthouse.TOP / "test/peers",
                 ["peers", "postfix", "--", "/usr/bin/python3", str(Path(__file__).resolve())])
    answers_of_each_stage()
    large_messages_arrive_whole()
    many_over_kept_connections()
    a_hundred_slow_servers_delay_nobody()


main()
