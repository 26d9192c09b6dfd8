#!/usr/bin/python3
"""The mailbox processes of system users: one for each, under his uid and in a jail
of his own; begun and ended and killed while mail is delivered. First without what
is in front of them: the test is the queue. Then with all of it."""
import imaplib
import os
import poplib
import pwd
import re
import shutil
import signal
import smtplib
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse
import users
from inner import Inner

SYSTEM = 1 << 63
PASSWORD = "linuxprobe"
PROGRAMS = ["auth", "mailbox-user"]
WIRES = [("user-lmtp", "mailbox-user"), ("user-admin", "mailbox-user")]


def account(user):
    return SYSTEM | user.pw_uid


class Later(Exception):
    """Nothing was stored, or it is not known."""


class Mailboxes(Inner):
    def __init__(self, **parameters):
        parameters.setdefault("mail_location", "native")
        super().__init__(PROGRAMS, WIRES, **parameters)

    def lines(self, service, user):
        wire = self.wire(service, user.pw_uid)
        if wire is None:
            raise Later("refused")
        return wire

    def deliver(self, user, text, transaction=None, to=None):
        """The reply to the message, as the queue would get it."""
        wire = self.lines("user-lmtp", user)
        transaction = transaction or os.urandom(16).hex()
        body = text.replace("\n", "\r\n")
        commands = (f"LHLO queue\r\nMAIL FROM:<bob@example.net> XTRANSACTION={transaction}\r\n"
                    f"RCPT TO:<{user.pw_name}@example.test> XACCOUNT={to or account(user):x} "
                    f"XQUOTA=0\r\nBDAT {len(body)} LAST\r\n{body}")
        try:
            wire.file.write(commands)
            wire.file.flush()
            for expected in ("220", "250", "250", "250", "250"):
                line = reply(wire)
                if not line.startswith(expected):
                    return line
            return line
        except (OSError, EOFError) as error:
            raise Later(error)
        finally:
            close(wire)

    def count(self, user):
        """Messages in the user's INBOX."""
        wire = self.lines("user-admin", user)
        try:
            wire.file.write(f"VERSION\t1\t2\nACCOUNT-SHOW\t1\taccount={account(user):x}\n")
            wire.file.flush()
            while True:
                line = wire.file.readline()
                if line == "" or line.startswith("FAIL"):
                    raise Later(line)
                if "mailbox=INBOX" in line:
                    return int(re.search(r"messages=(\d+)", line).group(1))
        except OSError as error:
            raise Later(error)
        finally:
            close(wire)

    def pid(self, user):
        return self.status().get(("mailbox-user", user.pw_uid), (0, 0))[0]


def close(wire):
    try:
        wire.close()
    except OSError:         # what it had not written yet
        pass


def reply(wire):
    while True:
        line = wire.file.readline()
        if line == "":
            raise EOFError
        if line[3:4] != "-":
            return line.rstrip("\r\n")


def patiently(function, *arguments):
    def attempt():
        try:
            return (function(*arguments),)
        except Later:
            return None
    return posthouse.wait_until(attempt, 40, "it is answered")[0]


def each_has_his_own(boss, clerk):
    with Mailboxes() as system:
        system.start()
        for user, messages in ((boss, 3), (clerk, 2)):
            for i in range(messages):
                answer = system.deliver(user, f"Subject: {i}\n\nx\n")
                assert answer.startswith("250 2"), answer
        assert (system.count(boss), system.count(clerk)) == (3, 2)
        pids = [system.pid(boss), system.pid(clerk)]
        assert 0 not in pids and pids[0] != pids[1]
        for user, pid in ((boss, pids[0]), (clerk, pids[1])):
            status = Path(f"/proc/{pid}/status").read_text()
            assert re.search(rf"^Uid:(\t{user.pw_uid}){{4}}$", status, re.MULTILINE), status
            assert re.search(rf"^Gid:(\t{user.pw_gid}){{4}}$", status, re.MULTILINE), status
            assert re.search(r"^Groups:\t *$", status, re.MULTILINE), status
            assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE), status
            assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE), status
            folder = os.stat(system.data / f"users/{user.pw_uid}")
            assert (folder.st_uid, folder.st_mode & 0o777) == (user.pw_uid, 0o700)
        # another's account is not his to serve
        assert system.deliver(boss, "Subject: x\n\nx\n", to=account(clerk)).startswith("4")
        assert (system.count(boss), system.count(clerk)) == (3, 2)


def the_jail_holds(boss):
    """Also on the oldest kernel that is served."""
    for landlock in ("100", "2"):
        with Mailboxes(environment={"POSTHOUSE_JAIL_SELFTEST": "1",
                                    "POSTHOUSE_LANDLOCK_ABI": landlock}) as system:
            system.start()
            assert system.deliver(boss, "Subject: x\n\nx\n").startswith("250 2")
            acts = [line for line in system.log().splitlines() if " mailbox-user" in line and
                    "event=jail-selftest" in line]
            assert len(acts) > 10 and all("refused=yes" in line for line in acts), acts


def maildirs_are_in_the_home(boss, clerk):
    with Mailboxes(mail_location="maildir:~/Maildir") as system:
        system.start()
        maildir = Path(boss.pw_dir) / "Maildir"
        for i in range(1, 4):
            assert system.deliver(boss, f"Subject: {i}\n\nx\n").startswith("250 2")
            assert system.count(boss) == i
        files = list((maildir / "new").iterdir())
        assert len(files) == 3
        for file in files:
            status = file.stat()
            assert (status.st_uid, status.st_mode & 0o777) == (boss.pw_uid, 0o600), status
        # what another program puts there is counted
        (maildir / "new/1.from-another").write_text("Subject: y\n\nz\n")
        shutil.chown(maildir / "new/1.from-another", "boss")
        assert system.count(boss) == 4
        # without a home there is no maildir, and it is said; it is tried again
        assert system.deliver(clerk, "Subject: x\n\nx\n").startswith("451")
        assert 'event=no-folders user=clerk directory=/home/clerk/Maildir' in system.log()


def mboxes_are_in_the_home(boss):
    with Mailboxes(mail_location="mbox:~/mail:INBOX=~/mbox") as system:
        system.start()
        home = Path(boss.pw_dir)
        for i in range(1, 4):
            assert system.deliver(boss, f"Subject: m{i}\n\nFrom here\n").startswith("250 2")
            assert system.count(boss) == i
        status = (home / "mbox").stat()
        assert (status.st_uid, status.st_mode & 0o777) == (boss.pw_uid, 0o600), status
        text = (home / "mbox").read_text()
        assert text.count("\nFrom ") == 2 and text.startswith("From bob@example.net ")
        assert text.count("\n>From here\n") == 3
        # swapped for a link it is not followed, and mail waits
        (home / "mbox").rename(home / "kept")
        (home / "mbox").symlink_to(home / "kept")
        assert system.deliver(boss, "Subject: x\n\nx\n").startswith("451")
        assert (home / "kept").read_text() == text
        (home / "mbox").unlink()
        (home / "kept").rename(home / "mbox")
        patiently(lambda: deliver_or_later(system, boss))
        assert system.count(boss) == 4


def deliver_or_later(system, user):
    answer = system.deliver(user, "Subject: x\n\nx\n")
    if not answer.startswith("250"):
        raise Later(answer)


def a_home_that_is_not_his_is_not_used(boss, clerk):
    home = Path(boss.pw_dir)
    kept = home.with_name("kept")
    home.rename(kept)
    try:
        for case in ("another's", "link", "file"):
            if case == "another's":
                home.mkdir(mode=0o777)
                home.chmod(0o777)
                shutil.chown(home, clerk.pw_uid)
            elif case == "link":
                home.mkdir()
                shutil.chown(home, boss.pw_uid)
                (home / "Maildir").symlink_to(kept)
            else:
                home.write_text("")
            with Mailboxes(mail_location="maildir:~/Maildir") as system:
                system.start()
                assert system.deliver(boss, "Subject: x\n\nx\n").startswith("451"), case
                assert "event=no-folders user=boss" in system.log()
            assert case == "file" or [f.name for f in home.iterdir()] in ([], ["Maildir"])
            assert not (home / "Maildir/new").exists(), case
            shutil.rmtree(home) if home.is_dir() else home.unlink()
    finally:
        kept.rename(home)


def native_mail_can_be_anywhere(boss):
    with Mailboxes(mail_location="native:~/.posthouse") as system:
        system.start()
        assert system.deliver(boss, "Subject: x\n\nx\n").startswith("250 2")
        assert system.count(boss) == 1
        folder = Path(boss.pw_dir) / ".posthouse"
        assert folder.stat().st_uid == boss.pw_uid and list(folder.iterdir())


def it_comes_and_goes(boss):
    with Mailboxes(max_idle="1s") as system:
        system.start()
        for i in range(1, 4):
            assert system.deliver(boss, f"Subject: {i}\n\nx\n").startswith("250 2")
            assert system.count(boss) == i
            posthouse.wait_until(lambda: system.pid(boss) == 0, 10, "it has ended")
        assert "signal=" not in system.log()


def kill_loses_nothing(boss):
    """Killed again and again under load: what was answered 250 is there, and
    what is sent again under the same transaction is there once."""
    with Mailboxes() as system:
        system.start()
        end = time.monotonic() + 12
        stored, lock = [], threading.Lock()

        def load(name):
            i = 0
            while time.monotonic() < end:
                i += 1
                transaction = os.urandom(16).hex()
                def send():
                    answer = system.deliver(boss, f"Subject: {name}-{i}\n\nx\n", transaction)
                    if not answer.startswith("2"):
                        raise Later(answer)
                patiently(send)
                with lock:
                    stored.append(transaction)

        threads = [threading.Thread(target=load, args=(n,)) for n in range(3)]
        for thread in threads:
            thread.start()
        killed = 0
        while time.monotonic() < end:
            pid = system.pid(boss)
            if pid and len(stored) > killed * 20:
                os.kill(pid, signal.SIGKILL)
                killed += 1
            time.sleep(0.05)
        for thread in threads:
            thread.join()
        assert killed >= 2 and len(stored) > 40, (killed, len(stored))
        assert patiently(system.count, boss) == len(stored), (killed, len(stored))


def who_is_deleted_has_no_mail(guest):
    with Mailboxes(max_idle="1s") as system:
        system.start()
        assert system.deliver(guest, "Subject: x\n\nx\n").startswith("250 2")
        users.remove(guest.pw_name)
        # who runs goes on; then nobody is there any more, and nothing breaks
        assert system.deliver(guest, "Subject: x\n\nx\n").startswith("250 2")
        posthouse.wait_until(lambda: system.pid(guest) == 0, 10, "it has ended")
        for _ in range(3):
            try:
                assert system.deliver(guest, "Subject: x\n\nx\n") == ""
            except Later:
                pass
        assert "no system user has the uid" in system.log()
        assert system.process.poll() is None


def names_and_groups_give_nothing(boss, postman):
    """A name that is a path leads nowhere, and group mail is nobody's own."""
    with open("/etc/passwd", "a") as file:
        file.write("../boss:x:4242:4242::/home/boss:/bin/sh\n")
    with Mailboxes() as system:
        system.start()
        try:
            assert system.deliver(pwd.getpwuid(4242), "Subject: x\n\nx\n") == ""
        except Later:
            pass
        assert "could be a path" in system.log()
        assert system.deliver(postman, "Subject: x\n\nx\n").startswith("250 2")
        status = Path(f"/proc/{system.pid(postman)}/status").read_text()
        assert re.search(r"^Gid:(\t65534){4}$", status, re.MULTILINE), status
        assert system.deliver(boss, "Subject: x\n\nx\n").startswith("250 2")


# ---- with all that is in front of them ----

def whole(**parameters):
    return posthouse.System(accounts="builtin system", mydestination="example.test",
                            disable_plaintext_auth="no", **parameters)


def imap(system, name):
    client = imaplib.IMAP4("127.0.0.1", system.port("imap"), timeout=20)
    client.login(name, PASSWORD)
    client.select()
    return client


def inbox(system, name):
    client = imap(system, name)
    count = int(client.status("INBOX", "(MESSAGES)")[1][0].split()[-1].rstrip(b")"))
    client.logout()
    return count


def pid_of(system, user):
    return system.processes().get(("mailbox-user", user.pw_uid), 0)


def mail_comes_and_is_read(boss):
    with whole(mail_location="maildir:~/Maildir") as system:
        system.start()
        shutil.rmtree(Path(boss.pw_dir) / "Maildir", ignore_errors=True)
        for i in range(3):
            system.send(["boss@example.test", "root@example.test"], subject=f"s{i}")
        posthouse.wait_until(lambda: inbox(system, "boss") == 3, 10, "it is there")
        pop3 = poplib.POP3("127.0.0.1", system.port("pop3"), timeout=20)
        pop3.user("boss")
        pop3.pass_(PASSWORD)
        assert b"Subject: s0" in pop3.retr(1)[1]
        pop3.quit()
        row, = [r for r in system.json("status") if r["process"] == "mailbox-user" and
                r["instance"] == boss.pw_uid]
        assert row["user"] == "boss", row
        # root's is there too, and nobody's process is root's
        for (name, _), pid in system.processes().items():
            if name == "mailbox-user":
                assert os.stat(f"/proc/{pid}/mem").st_uid == 0     # not its user's to read
                status = Path(f"/proc/{pid}/status").read_text()
                assert not re.search(r"^Uid:.*\t0(\t|$)", status, re.MULTILINE), status
        assert "signal=" not in system.log_text()


def a_session_of_who_is_deleted_harms_nobody(guest):
    with whole(mail_location="maildir:~/Maildir", max_idle="1s") as system:
        system.start()
        system.send("guest@example.test")
        client = imap(system, "guest")
        users.remove("guest")
        # what is open goes on, as a process of his would
        assert client.noop()[0] == "OK"
        pid = pid_of(system, guest)
        assert pid
        # he does not get in again, and gets no mail
        try:
            imap(system, "guest")
            raise AssertionError("he is gone, and logged in")
        except imaplib.IMAP4.error:
            pass
        posthouse.wait_until(lambda: is_refused(system, "guest@example.test"), 30,
                             "who is not there gets no mail")
        client.logout()
        posthouse.wait_until(lambda: pid_of(system, guest) == 0, 10, "his process has ended")
        assert "signal=" not in system.log_text()


def is_refused(system, address):
    try:
        system.send(address)
        return False
    except smtplib.SMTPRecipientsRefused:
        return True


def kill_between_login_and_answer(boss):
    """Sessions end with the process; who comes next finds the next one."""
    with whole(mail_location="maildir:~/Maildir", minimal_backoff_time="1s",
               maximal_backoff_time="2s") as system:
        system.start()
        system.send("boss@example.test")
        before = posthouse.wait_until(lambda: inbox(system, "boss"), 10, "mail")
        client = imap(system, "boss")
        os.kill(pid_of(system, boss), signal.SIGKILL)
        try:
            client.noop()
            raise AssertionError("his process was killed")
        except (imaplib.IMAP4.abort, OSError):
            pass
        for i in range(3):
            system.send("boss@example.test")
        posthouse.wait_until(lambda: again(system, "boss") == before + 3, 20, "all is there")


def again(system, name):
    try:
        return inbox(system, name)
    except imaplib.IMAP4.error:
        return None


def main():
    users.own_machine()
    posthouse.own_network()
    boss = users.add("boss", PASSWORD)
    clerk = users.add("clerk", PASSWORD, home=False)
    guest, guest_too = users.add("visitor"), users.add("guest", PASSWORD)
    postman = users.add("postman", options=("-g", "mail"))
    cases = [(each_has_his_own, boss, clerk), (the_jail_holds, boss),
             (maildirs_are_in_the_home, boss, clerk),
             (mboxes_are_in_the_home, boss),
             (a_home_that_is_not_his_is_not_used, boss, clerk),
             (native_mail_can_be_anywhere, boss), (it_comes_and_goes, boss), (kill_loses_nothing, boss), (who_is_deleted_has_no_mail, guest),
             (names_and_groups_give_nothing, boss, postman), (mail_comes_and_is_read, boss),
             (a_session_of_who_is_deleted_harms_nobody, guest_too),
             (kill_between_login_and_answer, boss)]
    for case, *arguments in cases:
        if len(sys.argv) > 1 and case.__name__ not in sys.argv[1:]:
            continue
        print(case.__name__, flush=True)
        case(*arguments)


if __name__ == "__main__":
    main()
