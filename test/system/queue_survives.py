#!/usr/bin/python3
"""Mail that waits survives what happens to us and what others do. Every process
is killed with -9, master too, while twenty sessions bring mail for a peer that
is down, and again while it goes out: what was acknowledged arrives, and what
arrives twice are only messages whose session was open at a kill. Servers that
refuse, put off, stall, hang up and talk nonsense at each stage: each has its
verdict, later or never; nothing is lost and nothing is reported twice."""
import collections
import contextlib
import email
import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import peers
import posthouse

ALICE = "alice@example.test"
SESSIONS, MESSAGES = 20, 25
PAUSE = 0.02                # s that the peer takes for a message
DELIVERED, LATER, NEVER = "delivered", "later", "never"


# ---- a server, as good or bad as its row says ----

def soft(talk, good):
    talk.sendall(b"450 4.2.1 not now\r\n")


def hard(talk, good):
    talk.sendall(b"550 5.7.1 never\r\n")


def drop(talk, good):
    raise ConnectionError


def goodbye(talk, good):
    talk.sendall(b"421 4.3.2 going down\r\n")
    raise ConnectionError


def stall(talk, good):
    while talk.recv(4096):
        pass
    raise ConnectionError


def drip(talk, good):
    """A byte now and then, and never the end of the line."""
    while True:
        talk.sendall(b"2")
        time.sleep(0.2)


def words(talk, good):
    talk.sendall(b"hello, how are you?\r\n")


def strange_code(talk, good):
    talk.sendall(b"999 what\r\n")


def two_codes(talk, good):
    talk.sendall(b"250-yes\r\n550 no\r\n")


def many_lines(talk, good):
    talk.sendall(good[:3] + b"-line\r\n" + (good[:3] + b"-line\r\n") * 9998 + good)


def a_megabyte(talk, good):
    talk.sendall(good[:3] + b" " + b"x" * 1_000_000 + b"\r\n")


def nul_bytes(talk, good):
    talk.sendall(good[:3] + b" \0\0 \0\r\n")
    return True     # that is the good answer, with other words


def half_a_line(talk, good):
    talk.sendall(good[:2])
    raise ConnectionError


def half_an_answer(talk, good):
    talk.sendall(good[:3] + b"-more\r\n")
    raise ConnectionError


class Peer:
    """Messages by the word of their subject, how often each was taken, and on
    which connection."""

    def __init__(self, port, stage=None, behaviour=None, extensions=("PIPELINING",), pause=0):
        self.stage, self.behaviour, self.pause = stage, behaviour, pause
        self.extensions = extensions
        self.taken = collections.Counter()
        self.open = {}              # connection: what came over it
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=200)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            talk, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(talk,), daemon=True).start()

    def become_good(self):
        self.stage = None

    def serve(self, talk):
        with self.lock:
            self.open[talk] = []
        try:
            self.converse(talk, talk.makefile("rb"))
        except OSError:
            pass
        with self.lock:
            self.open.pop(talk)
        talk.close()

    def say(self, talk, stage, good):
        """Is the good answer given?"""
        if stage == self.stage:
            return self.behaviour(talk, good)
        talk.sendall(good)
        return True

    def converse(self, talk, file):
        ok = b"250 2.0.0 ok\r\n"
        self.say(talk, "connect", b"220 peer ESMTP\r\n")
        while line := file.readline():
            verb = line[:4].upper().strip()
            if verb == b"EHLO":
                self.say(talk, "ehlo", b"".join(b"250-%s\r\n" % e.encode()
                                                for e in self.extensions) + b"250 8BITMIME\r\n")
            elif verb == b"MAIL":
                self.say(talk, "mail", ok)
            elif verb == b"RCPT":
                self.say(talk, "rcpt", ok)
            elif verb == b"DATA":
                if not self.say(talk, "data", b"354 go on\r\n"):
                    continue
                data = b""
                while (part := file.readline()) not in (b".\r\n", b""):
                    data += part
                if part:
                    self.take(talk, data, ok)
            elif verb == b"BDAT":
                data = file.read(int(line.split()[1]))
                self.take(talk, data, ok)
            elif verb == b"QUIT":
                self.say(talk, "quit", b"221 2.0.0 bye\r\n")
                return
            else:
                self.say(talk, "rset", ok)

    def take(self, talk, data, ok):
        name = re.search(rb"^Subject: (\S+)", data, re.M).group(1).decode()
        time.sleep(self.pause)
        with self.lock:
            self.open[talk].append(name)
        if self.say(talk, "dot", ok):
            with self.lock:
                self.taken[name] += 1


# ---- everything is killed ----

class Sender(threading.Thread):
    """A client that sends a message until it is acknowledged."""

    def __init__(self, port, number):
        super().__init__()
        self.port, self.names = port, [f"s{number}x{i}x" for i in range(MESSAGES)]
        self.acknowledged, self.doubtful = [], set()

    def run(self):
        for name in self.names:
            while not self.send(name):
                time.sleep(0.02)
            self.acknowledged.append(name)

    def send(self, name):
        text = f"Subject: {name}\r\n\r\n" + "x" * 2000 + "\r\n"
        client = None
        try:
            client = smtplib.SMTP("127.0.0.1", self.port, timeout=60)
            self.doubtful.add(name)
            client.sendmail(ALICE, [f"{name}@far.test"], text)
            self.doubtful.discard(name)
            return True
        except (OSError, smtplib.SMTPException):
            return False
        finally:
            if client is not None:
                client.close()


def runs(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill_everything(system, note=lambda: None, lock=threading.Lock()):
    """Master first: it starts nobody again."""
    pids = [system.process.pid, *(pid for pid in system.processes().values() if pid > 0)]
    with lock:
        note()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):   # ended as master had
                os.kill(pid, signal.SIGKILL)
    system.process.wait()
    posthouse.wait_until(lambda: not any(map(runs, pids[1:])), 5, "every process has ended")


def wait_empty(system, seconds=60):
    posthouse.wait_until(lambda: system.json("queue", "list") == [], seconds, "the queue is empty")


def killed_while_mail_comes_in(system, senders):
    """The messages whose session was open at a kill, not answered yet."""
    doubtful = set()
    for part in (1, 2):
        posthouse.wait_until(lambda: sum(len(s.acknowledged) for s in senders) >
                             part * SESSIONS * MESSAGES // 3, 60, "a part is acknowledged")
        kill_everything(system)
        time.sleep(0.2)     # they hear of it; nobody can do anything else
        for sender in senders:
            doubtful |= sender.doubtful
        system.start()
    for sender in senders:
        sender.join(60)
    return doubtful


def nothing_is_lost_when_everything_is_killed():
    with posthouse.System(minimal_backoff_time="1s", maximal_backoff_time="2s",
                          relayhost="[127.0.0.1]:2525", smtpd_client_connection_rate_limit=0,
                          smtpd_client_message_rate_limit=0) as system:
        system.add_user(ALICE)
        system.start()
        senders = [Sender(system.port("smtp"), i) for i in range(SESSIONS)]
        for sender in senders:
            sender.start()
        came_in = killed_while_mail_comes_in(system, senders)
        total = SESSIONS * MESSAGES
        acknowledged = {name for s in senders for name in s.acknowledged}
        assert len(acknowledged) == total, len(acknowledged)
        listed = {row["recipient"].split("@")[0] for row in system.json("queue", "list")}
        assert listed == acknowledged, acknowledged ^ listed
        peer, went_out = Peer(2525, pause=PAUSE), []
        for part in (1, 2):
            posthouse.wait_until(lambda: len(peer.taken) > part * total // 4, 60, "mail goes out")
            kill_everything(system, lambda: went_out.extend(peer.open.values()), peer.lock)
            system.start()
        wait_empty(system)
        assert set(peer.taken) == acknowledged, acknowledged ^ set(peer.taken)
        twice = {name for name, count in peer.taken.items() if count > 1}
        open_out = {name for session in went_out for name in session}
        print(f"{total} acknowledged, none lost, {len(twice)} twice; at the kills "
              f"{len(came_in)} sessions were open in and {len(went_out)} out")
        assert max(peer.taken.values()) <= 3, peer.taken.most_common(3)
        assert not twice - came_in - open_out, twice - came_in - open_out
        assert len(twice) <= len(came_in) + len(went_out)


def a_planned_stop_sends_nothing_twice():
    """Who is being delivered to at that moment has time to answer."""
    with posthouse.System(minimal_backoff_time="1s", maximal_backoff_time="1s",
                          relayhost="[127.0.0.1]:2526") as system:
        system.start()
        peer = Peer(2526, pause=0.3)
        with smtplib.SMTP("127.0.0.1", system.port("smtp"), timeout=60) as client:
            for i in range(60):
                client.sendmail(ALICE, ["x@far.test"], f"Subject: m{i}x\r\n\r\nx\r\n")
        posthouse.wait_until(lambda: len(peer.taken) > 10, 30, "mail goes out")
        system.restart()
        wait_empty(system)
        assert sorted(peer.taken.values()) == [1] * 60, peer.taken


# ---- servers of every kind ----

# smtp-sink(1): -f hard, -r soft, -q hangs up, -Q says 421 and hangs up, -W waits
SINK = [
    ("takes all", [], DELIVERED),
    ("no ESMTP", ["-e"], DELIVERED),
    ("no PIPELINING", ["-p"], DELIVERED),
    ("no 8BITMIME", ["-a"], DELIVERED),
    ("connect hard", ["-f", "connect"], LATER),
    ("connect soft", ["-r", "connect"], LATER),
    ("connect drop", ["-q", "connect"], LATER),
    ("connect 421", ["-Q", "connect"], LATER),
    ("ehlo hard", ["-f", "ehlo"], DELIVERED),
    ("ehlo and helo hard", ["-f", "ehlo,helo"], LATER),
    ("ehlo soft", ["-r", "ehlo"], LATER),
    ("ehlo drop", ["-q", "ehlo"], LATER),
    ("ehlo 421", ["-Q", "ehlo"], LATER),
    ("ehlo stall", ["-p", "-W", "ehlo:3"], LATER),
    ("mail hard", ["-f", "mail"], NEVER),
    ("mail soft", ["-r", "mail"], LATER),
    ("mail drop", ["-q", "mail"], LATER),
    ("mail 421", ["-Q", "mail"], LATER),
    ("mail stall", ["-p", "-W", "mail:3"], LATER),
    ("rcpt hard", ["-f", "rcpt"], NEVER),
    ("rcpt soft", ["-r", "rcpt"], LATER),
    ("rcpt drop", ["-q", "rcpt"], LATER),
    ("rcpt 421", ["-Q", "rcpt"], LATER),
    ("rcpt stall", ["-p", "-W", "rcpt:3"], LATER),
    ("data hard", ["-f", "data"], NEVER),
    ("data soft", ["-r", "data"], LATER),
    ("data drop", ["-q", "data"], LATER),
    ("data 421", ["-Q", "data"], LATER),
    ("data stall", ["-p", "-W", "data:3"], LATER),
    ("dot hard", ["-f", "."], NEVER),
    ("dot soft", ["-r", "."], LATER),
    ("dot drop", ["-q", "."], LATER),
    ("dot 421", ["-Q", "."], LATER),
    ("dot stall", ["-p", "-W", ".:3"], LATER),
    ("quit hard", ["-f", "quit"], DELIVERED),
    ("quit drop", ["-q", "quit"], DELIVERED),
]

# What a server says is nonsense, and the verdict by the stage where it says it.
ALL = ("connect", "ehlo", "mail", "rcpt", "data", "dot")
BEHAVIOURS = [
    # behaviour, verdict at: connect ehlo    mail   rcpt   data   dot
    (soft,                   (LATER, LATER, LATER, LATER, LATER, LATER)),
    (hard,                   (LATER, DELIVERED, NEVER, NEVER, NEVER, NEVER)),
    (drop,                   (LATER, LATER, LATER, LATER, LATER, LATER)),
    (goodbye,                (LATER, LATER, LATER, LATER, LATER, LATER)),
    (stall,                  (LATER, LATER, LATER, LATER, LATER, LATER)),
    (drip,                   (LATER, LATER, LATER, LATER, LATER, LATER)),
    (words,                  (LATER, LATER, LATER, LATER, LATER, LATER)),
    (strange_code,           (LATER, LATER, LATER, LATER, LATER, LATER)),
    (two_codes,              (LATER, LATER, LATER, LATER, LATER, LATER)),
    (many_lines,             (LATER, LATER, LATER, LATER, LATER, LATER)),
    (a_megabyte,             (LATER, LATER, LATER, LATER, LATER, LATER)),
    (half_a_line,            (LATER, LATER, LATER, LATER, LATER, LATER)),
    (half_an_answer,         (LATER, LATER, LATER, LATER, LATER, LATER)),
    (nul_bytes,              (DELIVERED,) * 6),
]
FIRST_PORT = 3000


class Row:
    """A server, its domain, and what becomes of the message for it."""

    def __init__(self, number, name, verdict, options=None, **peer):
        self.name, self.verdict, self.options = name, verdict, options
        self.port, self.domain = FIRST_PORT + number, f"r{number}.test"
        self.peer = self.sink = None
        if options is None:
            self.peer = Peer(self.port, **peer)
        else:
            self.start_sink()

    def start_sink(self):
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        self.sink = subprocess.Popen(["smtp-sink", *user, *self.options,
                                      f"127.0.0.1:{self.port}", "20"],
                                     cwd="/tmp", stderr=subprocess.DEVNULL)

    def listens(self):
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def become_good(self):
        if self.verdict != LATER:
            return
        if self.sink is None:
            self.peer.become_good()
            return
        self.end()
        self.sink = None
        self.peer = Peer(self.port)

    def end(self):
        if self.sink is not None:
            self.sink.kill()
            self.sink.wait()


def make_rows():
    rows = [Row(i, name, verdict, options) for i, (name, options, verdict) in enumerate(SINK)]
    for behaviour, verdicts in BEHAVIOURS:
        for stage, verdict in zip(ALL, verdicts):
            rows.append(Row(len(rows), f"{stage} {behaviour.__name__}", verdict,
                            stage=stage, behaviour=behaviour))
        # the same with the whole message in one write
        rows.append(Row(len(rows), f"bdat {behaviour.__name__}", verdicts[-1], stage="dot",
                        behaviour=behaviour, extensions=("PIPELINING", "CHUNKING")))
    return rows


def reported(system):
    """{recipient: reports of its failure} in Alice's mailbox."""
    client = system.imap(ALICE)
    count = int(client.select("INBOX")[1][0])
    result = collections.Counter()
    for part in client.fetch("1:*", "(BODY.PEEK[])")[1] if count else []:
        if not isinstance(part, tuple):
            continue
        for fields in email.message_from_bytes(part[1]).get_payload()[1].get_payload()[1:]:
            assert fields["Action"] == "failed", fields
            result[fields["Final-Recipient"].split("; ")[1]] += 1
    client.logout()
    return result


def first_verdicts(system, rows):
    """What is known of each row after its first attempt, {domain: verdict}."""
    found = {address.split("@")[1]: NEVER for address in reported(system)}
    waiting = {}
    for row in system.json("queue", "list"):
        waiting[row["recipient"].split("@")[1]] = row["error"]
    for row in rows:
        if row.domain in waiting and waiting[row.domain]:
            found[row.domain] = LATER
        elif row.domain not in waiting and row.domain not in found:
            found[row.domain] = DELIVERED
    return found


def every_server_has_its_verdict():
    rows = make_rows()
    times = {f"smtp_{name}_timeout": "1s" for name in (
        "helo", "mail", "rcpt", "data_init", "data_xfer", "data_done", "rset")}
    with posthouse.System(minimal_backoff_time="1s", maximal_backoff_time="2s", **times,
                          smtpd_client_connection_rate_limit=0) as system:
        system.add_user(ALICE)
        table = system.directory / "transport"
        table.write_text("".join(f"{r.domain} smtp:[127.0.0.1]:{r.port}\n" for r in rows))
        system.set(transport_maps=str(table))
        system.start()
        for row in rows:
            posthouse.wait_until(row.listens, 10, f"{row.name} listens")
        with smtplib.SMTP("127.0.0.1", system.port("smtp"), timeout=60) as client:
            for row in rows:
                client.sendmail(ALICE, [f"to@{row.domain}"],
                                f"Subject: {row.domain}\r\n\r\nfor {row.name}\r\n")
        posthouse.wait_until(lambda: len(first_verdicts(system, rows)) == len(rows), 30,
                             "each has been tried")
        found = first_verdicts(system, rows)
        wrong = [(r.name, r.verdict, found[r.domain]) for r in rows
                 if found[r.domain] != r.verdict]
        assert not wrong, wrong
        for row in rows:
            row.become_good()
        wait_empty(system)
        for row in rows:
            taken = None if row.peer is None else row.peer.taken[row.domain]
            assert taken is None or taken == (row.verdict != NEVER), (row.name, taken)
        want = {f"to@{row.domain}": 1 for row in rows if row.verdict == NEVER}
        assert reported(system) == want, (reported(system), want)
        log = system.log_text()
        assert "event=process-restarted" not in log
        for row in rows:
            row.end()
        print(f"{len(rows)} servers")


def main():
    peers.enter("postfix")
    nothing_is_lost_when_everything_is_killed()
    a_planned_stop_sends_nothing_twice()
    every_server_has_its_verdict()


main()
