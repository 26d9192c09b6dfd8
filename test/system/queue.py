#!/usr/bin/python3
"""Mail for another host, played by a thread: it is relayed, waits, is held,
released, tried again and deleted as the operator says, and mailq shows it."""
import os
import smtplib
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse
import sink

ALICE = "alice@example.test"


def send(system, to, subject="a subject", sender=ALICE, options=(), rcpt=()):
    with smtplib.SMTP("127.0.0.1", system.port("smtp"), timeout=60) as client:
        client.sendmail(sender, to, f"Subject: {subject}\r\n\r\nthe body\r\n",
                        mail_options=options, rcpt_options=rcpt)


def queue(system, *options):
    return system.json("queue", "list", *options)


def states(system, *options):
    return sorted((row["recipient"], row["state"]) for row in queue(system, *options))


def wait_states(system, want, seconds=20):
    posthouse.wait_until(lambda: states(system) == want, seconds, f"the queue is {want}")


def wait_messages(peer, count, seconds=30):
    posthouse.wait_until(lambda: len(peer.messages) == count, seconds,
                         f"{count} messages have arrived")


def change(system, *words):
    """A message may be in the middle of an attempt."""
    posthouse.wait_until(lambda: system.command("queue", *words, check=False).returncode == 0,
                         20, " ".join(words))


def mail_goes_out(system, peer):
    send(system, ["one@far.test", "two@far.test", "three@other.test"])
    wait_messages(peer, 1)
    assert len(peer.messages[0]["recipients"]) == 3     # one next hop, one message
    wait_states(system, [])
    peer.messages.clear()


def the_operator_holds_and_releases(system, peer):
    send(system, ["later@far.test"], "first")
    send(system, ["later@other.test"], "second")
    wait_states(system, [("later@far.test", "relay"), ("later@other.test", "relay")])
    row = posthouse.wait_until(lambda: next((r for r in queue(system)
                               if r["recipient"] == "later@far.test" and r["error"]), None),
                               20, "an attempt has failed")
    assert "450 4.2.1" in row["error"] and "come again" in row["error"], row
    change(system, "hold", row["id"])
    assert states(system, "--state", "held") == [("later@far.test", "held")]
    text = mailq(system)
    assert f"{row['id']}!" in text and "later@other.test" in text, text
    assert "come again" in text and "-- 1 Kbytes in 2 Requests." in text, text
    peer.takes_all = True
    change(system, "retry", "--domain", "other.test")
    wait_messages(peer, 1)
    assert states(system) == [("later@far.test", "held")]
    system.stop()
    system.start()
    assert states(system) == [("later@far.test", "held")]
    change(system, "release", "--sender", ALICE)
    wait_messages(peer, 2)
    wait_states(system, [])
    peer.takes_all = False
    peer.messages.clear()


def the_operator_deletes(system):
    send(system, ["later1@far.test", "later2@far.test", "later@other.test"])
    wait_states(system, [("later1@far.test", "relay"), ("later2@far.test", "relay"),
                         ("later@other.test", "relay")])
    assert system.command("queue", "delete", check=False).returncode == 1
    assert system.command("queue", "delete", "nothing", check=False).returncode == 1
    change(system, "delete", "--recipient", "LATER1@far.test")
    wait_states(system, [("later2@far.test", "relay"), ("later@other.test", "relay")])
    change(system, "delete", "--all")
    posthouse.wait_until(lambda: states(system) == [] or change(system, "delete", "--all"),
                         20, "everything is deleted")
    assert "Mail queue is empty" in mailq(system)


def mailq(system):
    """By the name the program is known by."""
    link = system.directory / "mailq"
    if not link.exists():
        os.symlink(posthouse.build_directory() / "src/ctl/posthouse", link)
    return subprocess.run([link, "-c", system.config], check=True, text=True,
                          capture_output=True).stdout


def main():
    posthouse.own_network()
    peer = sink.Sink(2525)
    with posthouse.System(minimal_backoff_time="1s", maximal_backoff_time="2s",
                          relayhost="[127.0.0.1]:2525") as system:
        system.add_user(ALICE)
        system.start()
        mail_goes_out(system, peer)
        the_operator_holds_and_releases(system, peer)
        the_operator_deletes(system)


main()
