#!/usr/bin/python3
"""mutt, s-nail and IMAP work on one mbox and on one maildir at the same time, while
mail comes in: nothing is lost, nothing is there twice, UIDs stay, and the files
are valid for all of them. For so many seconds (ten in the suite, 600 by hand).

Who removes takes turns with s-nail and mutt: s-nail writes back what it read when
it began, and puts there again what another has removed meanwhile, whoever he is."""
import mailbox
import os
import pty
import random
import re
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import imaplib
import installed
import peers
import posthouse

USER, PASSWORD = "carol", "pw-of-carol"
LOCATION = {"mbox": "mbox:~/mail:INBOX=/var/mail/%u", "maildir": "maildir:~/Maildir"}
FILE = {"mbox": "/var/mail/carol", "maildir": "/home/carol/Maildir"}
ENOUGH = 60         # messages, above that more are removed
MANY = 500          # and no more come for a while
LOCKED = 30         # seconds that mutt or s-nail need at most to write the file anew


class Mail:
    """What is to be there. A token is in the subject of one message."""

    def __init__(self):
        self.lock = threading.Lock()
        self.turn = threading.Lock()        # of who removes
        self.sure, self.doubtful = set(), set()
        self.uids, self.count, self.did = {}, 0, {}
        self.uid_validity = None

    def new(self):
        with self.lock:
            self.count += 1
            return f"m{self.count}m"

    def has(self, token):
        with self.lock:
            self.sure.add(token)

    def to_remove(self):
        """One that is surely there; from now on it is in doubt."""
        with self.lock:
            if not self.sure or len(self.sure) < ENOUGH and random.random() < 0.5:
                return None
            token = random.choice(sorted(self.sure))
            self.sure.discard(token)
            self.doubtful.add(token)
            return token

    def removed(self, token):
        with self.lock:
            self.doubtful.discard(token)

    def done(self, what):
        with self.lock:
            self.did[what] = self.did.get(what, 0) + 1


def tokens_of(lines):
    return re.findall(r"m\d+m", "\n".join(lines))


def deliver(system, mail, _):
    token = mail.new()
    body = "From here on a line that looks like a new message:\r\nFrom a@b Sun Nov 22 2026\r\n"
    system.send(f"{USER}@example.test", subject=f"{token} delivered",
                text=f"From: <bob@example.net>\r\nSubject: {token} delivered\r\n\r\n"
                     f"{body * random.randrange(1, 40)}\r\n")
    mail.has(token)
    mail.done("deliveries")
    time.sleep(random.random() * (0.1 if len(mail.sure) < MANY else 3))


class Session:
    """An IMAP session that stays open."""

    def __init__(self, system):
        self.client = imaplib.IMAP4("127.0.0.1", system.port("imap"), timeout=60)
        self.client.login(USER, PASSWORD)
        self.client.select()

    def found(self):
        """{token: (UID, flags)}; a token twice is an error."""
        kind, rows = "NO", [b"[EXPUNGEISSUED"]
        while kind == "NO" and b"[EXPUNGEISSUED" in rows[0]:     # somebody is quicker
            self.client.noop()
            self.client.response("FETCH")
            kind, rows = self.client.uid("fetch", "1:*",
                                         "(UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        assert kind == "OK", (kind, rows)
        found = {}
        for row in rows:
            if not isinstance(row, tuple):
                continue
            token = tokens_of([row[1].decode()])[0]
            uid = int(re.search(rb"UID (\d+)", row[0]).group(1))
            assert token not in found, f"{token} is there as UID {found[token][0]} and {uid}"
            found[token] = (uid, row[0])
        return found


def look(mail, session):
    """UIDs are what they were, and what was there before the look is in it; later
    when another program has the file locked for longer than a look waits."""
    with mail.lock:
        before = set(mail.sure)
    deadline = time.monotonic() + LOCKED
    while True:
        found = session.found()
        with mail.lock:
            gone = (before & mail.sure) - set(found)
        if not gone or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    assert not gone, f"not there: {sorted(gone)[:10]}"
    with mail.lock:
        for token, (uid, _) in found.items():
            known = mail.uids.setdefault(token, uid)
            assert known == uid, f"{token} was UID {known} and is {uid}"
    mail.done("looks")
    return found


def change_flags(system, mail, session):
    with mail.turn:
        found = look(mail, session)
        for token in random.sample(sorted(found), min(3, len(found))):
            sign = random.choice("+-")
            flag = random.choice(["\\Seen", "\\Flagged", "\\Answered", "$Label1"])
            kind, rows = session.client.uid("store", str(found[token][0]), f"{sign}FLAGS",
                                            f"({flag})")
            assert kind == "OK", rows
        mail.done("flags changed by IMAP")
    time.sleep(random.random() * 0.1)


def append(system, mail, session):
    token = mail.new()
    text = f"From: me@example.test\r\nSubject: {token} appended\r\n\r\nbody\r\n"
    kind, rows = session.client.append("INBOX", "(\\Seen)", None, text.encode())
    assert kind == "OK", rows
    mail.has(token)
    mail.done("appended by IMAP")
    look(mail, session)
    time.sleep(random.random() * 0.2)


def remove_by_imap(system, mail, session):
    with mail.turn:
        token = mail.to_remove()
        if token is None:
            return
        uid = str(session.found()[token][0])
        for words in (("store", uid, "+FLAGS", "(\\Deleted)"), ("expunge", uid)):
            kind, rows = session.client.uid(*words)
            assert kind == "OK", rows
        assert token not in session.found()
        mail.removed(token)
        mail.done("removed by IMAP")
    time.sleep(random.random() * 0.2)


def in_terminal(words, seconds=30):
    """Runs it as the user in a terminal; its exit code and what it said."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execvp("su", ["su", "-", USER, "-c", words])
    said, deadline = b"", time.monotonic() + seconds
    while time.monotonic() < deadline:
        # one that waits for a key says nothing
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            said += os.read(terminal, 65536)
        except OSError:
            break
    else:
        os.kill(pid, 9)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return status, said.decode(errors="replace")


def remove_by_mutt(system, mail, _):
    with mail.turn:
        token = mail.to_remove()
        if token is None:
            return
        status, said = in_terminal(
            f"mutt -F /dev/null -f {mail.file} -e 'set delete=yes quit=yes mark_old=no "
            "move=no confirmappend=no wait_key=no' "
            f"-e 'push \"<delete-pattern>~s {token}<enter><sync-mailbox><quit>\"'")
        # told that others have changed the mailbox, it forgets what it was to do
        assert status in (0, 9), (status, said[-2000:])
        mail.done("mutt sessions" if status == 0 else "mutt sessions that gave up")
    time.sleep(random.random() * 0.3)


def remove_by_s_nail(system, mail, _):
    with mail.turn:
        token = mail.to_remove()
        if token is None:
            return
        done = subprocess.run(
            ["su", "-", USER, "-c", f"s-nail -n -S folder-hook= -S hold -S keep -f {mail.file}"],
            input=f"delete /{token}\nquit\n", capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done
        mail.done("s-nail sessions")
    time.sleep(random.random() * 0.3)


def work(system, mail, act, end, failed):
    try:
        session = Session(system)
        while time.monotonic() < end and not failed:
            act(system, mail, session)
    except BaseException as error:     # the others end too, and main tells it
        failed.append((act.__name__, error))


ACTS = (deliver, deliver, change_flags, change_flags, append, remove_by_imap, remove_by_mutt,
        remove_by_s_nail)


def check_all_see_the_same(system, mail, kind):
    found = look(mail, Session(system))
    extra = set(found) - mail.sure - mail.doubtful
    assert not extra, f"removed, and there again: {sorted(extra)[:10]}"
    box = mailbox.mbox(FILE[kind]) if kind == "mbox" else mailbox.Maildir(FILE[kind], create=False)
    seen = [token for message in box for token in tokens_of([message["subject"] or "none"])]
    assert sorted(seen) == sorted(found), (len(seen), len(found), set(seen) ^ set(found))
    said = subprocess.run(["su", "-", USER, "-c", f"s-nail -n -H -f {mail.file}"],
                          capture_output=True, text=True).stdout
    assert sorted(tokens_of(said.splitlines())) == sorted(found), said[-2000:]
    for message in box:
        assert "delivered" not in message["subject"] or \
            message.get_payload().count("looks like a new message") >= 1, message


def is_replaced(system, mail):
    """Another directory in the place of the maildir: whoever logs in sees that one."""
    place, old = Path(FILE["maildir"]), Path("/home/carol/old")
    installed.as_user(USER, f"mv {place} {old} && mkdir -p {place}/cur {place}/new {place}/tmp && "
                      f"cp $(ls -d {old}/cur/* {old}/new/* | head -n 3) {place}/cur/")

    def sees_three():
        client = imaplib.IMAP4("127.0.0.1", system.port("imap"), timeout=30)
        try:
            client.login(USER, PASSWORD)
            return client.select()[1][0] == b"3"
        except imaplib.IMAP4.error:
            return False
        finally:
            client.shutdown()
    posthouse.wait_until(sees_three, 20, "the three messages of the other maildir")


def run(kind, seconds):
    with posthouse.System(accounts="builtin system", disable_plaintext_auth="no",
                          mail_location=LOCATION[kind],
                          smtpd_client_message_rate_limit="0") as system:
        system.start()
        mail, failed = Mail(), []
        mail.file = FILE[kind]
        for _ in range(20):
            deliver(system, mail, None)
        end = time.monotonic() + seconds
        threads = [threading.Thread(target=work, args=(system, mail, act, end, failed))
                   for act in ACTS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0][1]
        check_all_see_the_same(system, mail, kind)
        print(f"{kind}: {len(mail.sure)} messages left;", ", ".join(
            f"{count} {what}" for what, count in sorted(mail.did.items())), flush=True)
        if kind == "maildir":
            is_replaced(system, mail)
        for what in ("mutt sessions", "s-nail sessions", "removed by IMAP", "deliveries"):
            assert mail.did.get(what, 0) > 0, (what, mail.did)


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    peers.enter("mutt", "s-nail")
    installed.private_etc()
    installed.mount_memory("/home")
    installed.mount_memory(installed.MAIL, "2775")
    installed.run("chgrp", "mail", installed.MAIL)
    installed.add_user(USER, PASSWORD)
    random.seed(int.from_bytes(os.urandom(4), "big"))
    for kind in sys.argv[2:] or LOCATION:
        run(kind, seconds)


main()
