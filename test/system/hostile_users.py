#!/usr/bin/python3
"""Somebody on the machine swaps a user's files for another's while mail is delivered
and read: /var/mail/USER, a folder, files and directories of a maildir, for links and
second names of what everybody may read and write, as fast as he can. Nothing of the
other's is seen or changed, and what was taken is in the user's mailbox once. And processes of his that ask spoollock for more than
is his."""
import ctypes
import imaplib
import os
import re
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse
import users
from probe import Probes

PASSWORD = "linuxprobe"
SECONDS = 6
SECRET = "secret-of-clerk"
SECRET_TEXT = f"Subject: {SECRET}\n\n{SECRET}\n"
SECRET_BOX = "From clerk@example.test Sun Nov 22 12:00:00 2026\n" + SECRET_TEXT + "\n"
AT_FDCWD, EXCHANGE = -100, 2
libc = ctypes.CDLL(None, use_errno=True)


def exchange(one, other):
    """Each gets the other's name, in one step."""
    libc.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), EXCHANGE)


class Swapper:
    """A process that swaps until it is told to end; then all is as before. It is
    away for shorter than it is there, so that both is met."""
    def __init__(self, pairs):
        self.pairs, self.pid = pairs, None

    def __enter__(self):
        self.pid = os.fork()
        if self.pid == 0:
            signal.signal(signal.SIGTERM, self.end)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            for i in range(10**9):
                for one, other in self.pairs:
                    exchange(one, other)
                    time.sleep((0.00002, 0.0002, 0.002)[i % 3])
                    exchange(one, other)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
                time.sleep(0.003)
        return self

    @staticmethod
    def end(*_):
        os._exit(0)

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)


def open_file(path, text, owner):
    """What everybody may read and write: only our own rules keep it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.chown(path, owner.pw_uid, owner.pw_gid)
    path.chmod(0o666)
    return path


def login(system):
    client = imaplib.IMAP4("127.0.0.1", system.port("imap"), timeout=20)
    client.login("boss", PASSWORD)
    return client


def read(system, folder):
    """All that a client can see of it."""
    client = login(system)
    seen = b""
    try:
        if client.select(folder)[0] == "OK":
            for part in client.fetch("1:*", "(UID BODY.PEEK[])")[1]:
                seen += part[1] if isinstance(part, tuple) else b""
        client.logout()
    except (imaplib.IMAP4.error, OSError):      # it may be refused for a while
        pass
    return seen


def append(system, folder, subject):
    """Whether it is there."""
    try:
        client = login(system)
        answer = client.append(folder, None, None, f"Subject: {subject}\r\n\r\nx\r\n".encode())
        client.logout()
        return answer[0] == "OK"
    except (imaplib.IMAP4.error, OSError):
        return False


def subjects(text):
    return sorted(re.findall(rb"^Subject: (\S+)\r?$", text, re.MULTILINE))


def work(system, pairs, folder):
    """Mail comes and is read while they are swapped; what was sent, what was kept."""
    sent, kept, seen = [], [], 0
    end = time.monotonic() + SECONDS
    with Swapper(pairs):
        while time.monotonic() < end:
            sent.append(b"m%d" % len(sent))
            system.send("boss@example.test", subject=sent[-1].decode())
            name = f"f{len(sent)}"
            if append(system, folder, name):
                kept.append(name.encode())
            for box in ("INBOX", folder):
                text = read(system, box)
                seen += text != b""
                assert SECRET.encode() not in text, box
    assert len(sent) > 5 and seen > 5, (sent, seen)
    return sent, kept


def all_is_there(system, sent, kept, folder):
    def arrived():
        system.command("queue", "retry", "--all", check=False)
        return subjects(read(system, "INBOX")) == sorted(sent)
    posthouse.wait_until(arrived, 30, "what was taken is there, once")
    missing = set(kept) - set(subjects(read(system, folder)))
    assert not missing, missing


def run(location, prepare, boss, clerk):
    with posthouse.System(accounts="builtin system", mydestination="example.test",
                          disable_plaintext_auth="no", mail_location=location) as system:
        system.start()
        system.send("boss@example.test", subject="first")
        posthouse.wait_until(lambda: read(system, "INBOX"), 10, "the first is there")
        client = login(system)
        client.create("work")
        client.append("work", None, None, b"Subject: old\r\n\r\nx\r\n")
        client.logout()
        pairs, targets = prepare(boss, clerk)
        before = [(path, path.read_text()) for path in targets]
        sent, kept = work(system, pairs, "work")
        all_is_there(system, [b"first", *sent], [b"old", *kept], "work")
        for path, text in before:
            assert path.read_text() == text, path
        assert "signal=" not in system.log_text()


def links_to(place, targets):
    """Each with a link and with a second name of it, beside what it is swapped for."""
    made = []
    for i, target in enumerate(targets):
        link, name = place / f".swap-link{i}", place / f".swap-name{i}"
        link.symlink_to(target)
        made.append(link)
        if target.is_file():
            os.link(target, name)
            made.append(name)
    return made


def swap_mboxes(boss, clerk):
    home = Path(boss.pw_dir)
    spool = open_file(Path("/var/mail/clerk"), SECRET_BOX, clerk)
    # where the jail lets him: only what is believed of a file is left to keep it
    folder = open_file(home / "mail/.box", SECRET_BOX, clerk)
    pairs = [(Path("/var/mail/boss"), made) for made in links_to(Path("/var/mail"), [spool])]
    pairs += [(home / "mail/work", made) for made in links_to(home, [folder])]
    return pairs, [spool, folder]


def swap_maildirs(boss, clerk):
    """Directories for links to another's of the same form, and in new a link."""
    home = Path(boss.pw_dir)
    maildir = home / "Maildir"
    others = maildir / "others"
    files = []
    for name in ("cur", "new", "tmp"):
        files.append(open_file(others / name / "1700000000.M1P1.host", SECRET_TEXT, clerk))
    for path in (others, *others.iterdir()):
        os.chown(path, clerk.pw_uid, clerk.pw_gid)
        path.chmod(0o777)
    pairs = []
    for i, name in enumerate(("new", "cur", ".work")):
        link = home / f".swap-dir{i}"
        link.symlink_to(others if name == ".work" else others / name)
        pairs.append((maildir / name, link))
    (maildir / "new/1700000001.M2P2.host").symlink_to(files[1])
    return pairs, files


# ---- what a process of his may ask of spoollock ----

class Locks(Probes):
    """spoollock, and probes that call it as mailbox-user does."""
    def spawn(self):
        build, programs = posthouse.build_directory(), self.directory / "programs"
        programs.mkdir()
        (programs / "owned").symlink_to(build / "test/system/probe")
        (programs / "spoollock").symlink_to(build / "src/spoollock/spoollock")
        table = self.directory / "services"
        table.write_text("program spoollock posthouse-spoollock 1\n"
                         "program owned (owner) mailbox_process_limit\n"
                         "wire owned spool-lock spoollock\n"
                         "wire command owned-admin owned\n"
                         "wire command spool-lock spoollock\n")
        return super().spawn(services=table, pattern=programs / "%s")


def only_his_own_lock(boss, clerk):
    lock = Path("/var/mail/boss.lock")
    with Locks() as probes:
        probes.start()
        his, other = (probes.wire("owned-admin", user.pw_uid) for user in (boss, clerk))
        assert his.say("SPOOL LOCK\t1").endswith("OK\t1") and lock.exists()
        assert other.say("SPOOL UNLOCK\t1").endswith("OK\t1") and lock.exists()
        assert his.say("SPOOL UNLOCK\t2").endswith("OK\t2") and not lock.exists()
        # what another program locked is not his to unlock
        lock.write_text("1\n")
        assert his.say("SPOOL LOCK\t3").endswith("BUSY\t3")
        assert his.say("SPOOL UNLOCK\t4").endswith("OK\t4") and lock.exists()
        lock.unlink()
        # nor is there a lock without a name, or with one that is said
        assert probes.wire("spool-lock").file.readline() == ""
        assert his.say("SPOOL LOCK\t5\tclerk").startswith("FAILED")
        assert not [path for path in lock.parent.iterdir() if path.suffix == ".lock" or
                    path.name == ".lock"]


def main():
    users.own_machine()
    posthouse.own_network()
    boss, clerk = users.add("boss", PASSWORD), users.add("clerk", PASSWORD)
    cases = {"mbox": ("mbox:~/mail:INBOX=/var/mail/%u", swap_mboxes),
             "maildir": ("maildir:~/Maildir", swap_maildirs)}
    if len(sys.argv) == 1 or "locks" in sys.argv[1:]:
        print("locks", flush=True)
        only_his_own_lock(boss, clerk)
    for name, (location, prepare) in cases.items():
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        print(name, flush=True)
        run(location, prepare, boss, clerk)


if __name__ == "__main__":
    main()
