#!/usr/bin/python3
"""What cannot be delivered now is kept: mail for hosts that cannot be found waits, mail for
a mailbox process that is stopped is delivered when it goes on, all of it is
there after a restart and kill -9, and the operator sees and removes it."""
import os
import signal
import smtplib
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse

ALICE, BOB = "alice@example.test", "bob@example.test"
HELD = "carol@elsewhere.example.org"


def message(subject):
    return f"Subject: {subject}\r\nMessage-ID: <{subject}@test>\r\n\r\nbody of {subject}\r\n"


def submit(system, to, subject):
    """As alice; the reply to the message."""
    with smtplib.SMTP("127.0.0.1", system.port("submission"), timeout=60) as client:
        client.starttls()
        client.login(ALICE, system.passwords[ALICE])
        client.sendmail(ALICE, to, message(subject))


def subjects(system, user):
    client = system.imap(user)
    client.select("INBOX")
    _, found = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    client.logout()
    return sorted(part[1].decode().split(":")[1].strip()
                  for part in found if isinstance(part, tuple))


def states(system):
    return sorted((row["recipient"], row["state"]) for row in system.json("queue", "list"))


def delete(system, queue_id):
    """It may be in the middle of an attempt."""
    posthouse.wait_until(lambda: system.command("queue", "delete", queue_id,
                         check=False).returncode == 0, 20, "the message is removed")


def held_mail_is_kept_and_removed(system):
    submit(system, [BOB, HELD, "dave@other.example.net"], "first")
    submit(system, [HELD], "second")
    want = [(HELD, "relay"), (HELD, "relay"), ("dave@other.example.net", "relay")]
    assert states(system) == want, states(system)
    assert subjects(system, BOB) == ["first"]
    for pid in [pid for (name, _), pid in system.processes().items() if name == "queue"]:
        os.kill(pid, signal.SIGKILL)
    posthouse.wait_until(lambda: system.command("queue", "list", check=False).returncode == 0,
                         20, "the queue is back")
    assert states(system) == want, states(system)
    system.stop()
    system.start()
    assert states(system) == want, states(system)
    first = next(row["id"] for row in system.json("queue", "list")
                 if row["recipient"] == "dave@other.example.net")
    shown = system.command("queue", "show", first).stdout
    assert "body of first" in shown and "dave@other.example.net" in shown, shown
    assert system.command("queue", "show", "nothing", check=False).returncode == 1
    delete(system, first)
    assert states(system) == [(HELD, "relay")] * 2, states(system)
    assert system.command("queue", "delete", first, check=False).returncode == 1
    for row in system.json("queue", "list"):
        delete(system, row["id"])
    assert states(system) == []


def a_stopped_mailbox_delays_only_its_own(system):
    pids = [pid for (name, _), pid in system.processes().items() if name == "mailbox"]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        for i in range(3):
            submit(system, [BOB], f"late-{i}")
        assert time.monotonic() - begin < 60
        assert states(system) == [(BOB, "waiting")] * 3, states(system)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    posthouse.wait_until(lambda: states(system) == [], 30, "the spool is empty")
    want = ["first", "late-0", "late-1", "late-2"]
    assert subjects(system, BOB) == want, subjects(system, BOB)


def a_full_mailbox_is_said(system):
    system.command("user", "quota", BOB, "2000")
    try:
        for i in range(5):
            submit(system, [BOB], f"full-{i}" + "x" * 600)
        raise AssertionError("never full")
    except (smtplib.SMTPDataError, smtplib.SMTPRecipientsRefused) as answer:
        code = answer.smtp_code if isinstance(answer, smtplib.SMTPDataError) else \
            answer.recipients[BOB][0]
        assert code in (552, 452), answer
    # with somebody else it is accepted, and a report is owed
    with smtplib.SMTP("127.0.0.1", system.port("smtp"), timeout=60) as client:
        client.sendmail("", [ALICE, BOB], message("from-nobody"))
    assert "from-nobody" in subjects(system, ALICE)
    assert states(system) == [], states(system)


def main():
    posthouse.own_network()
    with posthouse.System(minimal_backoff_time="1s", maximal_backoff_time="2s") as system:
        for user in ALICE, BOB:
            system.add_user(user)
        system.start()
        held_mail_is_kept_and_removed(system)
        a_stopped_mailbox_delays_only_its_own(system)
        a_full_mailbox_is_said(system)


main()
