#!/usr/bin/python3
"""Mail for another host, played by a thread: it is relayed, waits, is held,
released, tried again and deleted as the operator says, and mailq shows it; what
fails, takes long or succeeds comes back as a report; many recipients go in
groups; what an alias forwards has a reverse-path of ours. Programs send with sendmail, and what they send while the system is down
is kept."""
import email
import os
import smtplib
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse
import sink

ALICE = "alice@example.test"
POSTMASTER = "postmaster@example.test"


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


def reports(system, user=ALICE):
    """The reports in a mailbox, as [(message, {field: value} of each recipient)]."""
    client = system.imap(user)
    client.select("INBOX")
    _, found = client.fetch("1:*", "(BODY.PEEK[])")
    client.logout()
    result = []
    for part in found:
        if not isinstance(part, tuple):
            continue
        message = email.message_from_bytes(part[1])
        if message.get_content_type() == "multipart/report":
            result.append((message, message.get_payload()[1].get_payload()[1:]))
    return result


def wait_reports(system, count, user=ALICE, seconds=30):
    return posthouse.wait_until(lambda: len(reports(system, user)) >= count and
                                reports(system, user), seconds, f"{count} reports")


def empty(system, user=ALICE):
    client = system.imap(user)
    client.select("INBOX")
    client.store("1:*", "+FLAGS", "\\Deleted")
    client.expunge()
    client.logout()


def failures_come_back(system):
    send(system, ["bad@far.test", "good@far.test"], "to nobody",
         options=["RET=HDRS", "ENVID=Q+2B1"], rcpt=["ORCPT=rfc822;given@x.test"])
    message, fields = wait_reports(system, 1)[0]
    assert message["To"] == f"<{ALICE}>" and "MAILER-DAEMON" in message["From"]
    text, status, header = message.get_payload()
    assert "there is nobody of that name" in text.get_payload()
    assert status.get_payload()[0]["Original-Envelope-Id"] == "Q+1"
    assert len(fields) == 1, fields
    assert fields[0]["Final-Recipient"] == "rfc822; bad@far.test"
    assert fields[0]["Original-Recipient"] == "rfc822; given@x.test"
    assert fields[0]["Action"] == "failed" and fields[0]["Status"] == "5.1.1"
    assert fields[0]["Remote-MTA"] == "dns; 127.0.0.1"
    assert fields[0]["Diagnostic-Code"].startswith("smtp; 550 5.1.1"), fields[0]
    assert header.get_content_type() == "text/rfc822-headers"
    assert "to nobody" in header.get_payload()
    # never, and nobody to tell
    send(system, ["bad@far.test"], "quiet", rcpt=["NOTIFY=NEVER"])
    send(system, ["bad@far.test"], "quiet", sender="")
    wait_states(system, [])
    assert len(reports(system)) == 1
    empty(system)


def success_is_reported_when_asked(system, peer, plain):
    send(system, [ALICE, "good@far.test"], "asked", rcpt=["NOTIFY=SUCCESS"])
    message, fields = wait_reports(system, 1)[0]
    assert [f["Action"] for f in fields] == ["delivered"], fields
    wait_messages(peer, len(peer.messages) or 1)
    assert "NOTIFY=SUCCESS" in peer.messages[-1]["recipients"][0], peer.messages[-1]
    empty(system)
    # another next hop by transport_maps, whose server has no DSN
    send(system, ["other@plain.test"], "asked", rcpt=["NOTIFY=SUCCESS"])
    assert wait_reports(system, 1)[0][1][0]["Action"] == "relayed"
    assert "NOTIFY" not in plain.messages[0]["recipients"][0]
    wait_states(system, [])
    empty(system)


def what_takes_too_long_is_said(system):
    system.stop()
    system.set(delay_warning_time="2s", maximal_queue_lifetime="8s",
                     bounce_queue_lifetime="8s", language="zh")
    system.start()
    send(system, ["later@far.test"], "slow")
    found = wait_reports(system, 1)
    assert found[0][1][0]["Action"] == "delayed" and found[0][1][0]["Will-Retry-Until"]
    assert "您的邮件" in found[0][0].get_payload()[0].get_payload(decode=True).decode()
    found = wait_reports(system, 2, seconds=40)
    assert found[1][1][0]["Action"] == "failed" and found[1][1][0]["Status"] == "5.4.7"
    wait_states(system, [])
    empty(system)


def a_report_that_fails_is_told_to_postmaster(system):
    send(system, ["bad@far.test"], "lost", sender="bad@far.test")
    message, fields = wait_reports(system, 1, POSTMASTER)[0]
    assert fields[0]["Final-Recipient"] == "rfc822; bad@far.test"
    assert "report" in message["Subject"]
    wait_states(system, [])


def forwarded_mail_has_a_reverse_path_of_ours(system, peer):
    system.command("alias", "add", "away@example.test", "someone@far.test")
    send(system, ["away@example.test", "direct@far.test"], "forwarded",
         sender="stranger@else.test")
    wait_messages(peer, 2)
    mail = {m["recipients"][0].split("<")[1].split(">")[0]: m["mail"] for m in peer.messages}
    assert "<stranger@else.test>" in mail["direct@far.test"], mail
    back = mail["someone@far.test"].split("<")[1].split(">")[0]
    assert back.startswith("SRS0=") and back.endswith("=else.test=stranger@example.test"), mail
    peer.messages.clear()
    # what comes back to it reaches the sender; a forged one reaches nobody
    send(system, [back], "report", sender="")
    wait_messages(peer, 1)
    assert "<stranger@else.test>" in peer.messages[0]["recipients"][0], peer.messages
    try:
        send(system, [back.replace("stranger", "victim")], "forged", sender="")
        raise AssertionError("a forged address was taken")
    except smtplib.SMTPRecipientsRefused:
        pass
    # our own users' mail keeps its sender
    peer.messages.clear()
    send(system, ["away@example.test"], "ours")
    wait_messages(peer, 1)
    assert f"<{ALICE}>" in peer.messages[0]["mail"]
    peer.messages.clear()
    wait_states(system, [])


def many_recipients_go_in_groups(system, peer):
    send(system, [f"user{i}@far.test" for i in range(1000)], "many")
    posthouse.wait_until(lambda: sum(len(m["recipients"]) for m in peer.messages) == 1000,
                         60, "1,000 recipients have the message")
    assert len(peer.messages) == 20, len(peer.messages)
    wait_states(system, [])
    peer.messages.clear()


def sendmail(system, *words, text):
    program = posthouse.build_directory() / "src/ctl/sendmail"
    return subprocess.run([program, "-C", system.config, *words], input=text, text=True,
                          capture_output=True)


def programs_send_mail(system, peer):
    done = sendmail(system, "-oi", "-t", "-f", "bob@example.test",
                    text="To: x1@far.test\nBcc: x2@far.test\nSubject: from cron\n\n.\nhi\n")
    assert done.returncode == 0, done
    wait_messages(peer, 1)
    assert len(peer.messages[0]["recipients"]) == 2
    assert "Bcc" not in peer.messages[0]["data"] and "\r\n.\r\nhi" in peer.messages[0]["data"]
    assert "<bob@example.test>" in peer.messages[0]["mail"]
    done = sendmail(system, "nobody@example.test", text="Subject: x\n\nx\n")
    assert done.returncode == 67 and "nobody@example.test" in done.stderr, done
    assert sendmail(system, "-x", text="").returncode == 64
    assert sendmail(system, text="Subject: x\n\n").returncode == 64
    talk = sendmail(system, "-bs", text="EHLO me\r\nQUIT\r\n").stdout
    assert talk.startswith("220 ") and "\n221 " in talk, talk
    # while the system is down it is kept
    system.stop()
    for i in range(3):
        assert sendmail(system, "-i", "root", f"down{i}@far.test", "-F", "Me",
                        text=f"Subject: down {i}\n\nx\n").returncode == 0
    drop = system.directory / "data/queue/drop"
    (drop / "rubbish").write_text("what is this")
    os.symlink("/etc/passwd", drop / "link")
    assert len(list(drop.glob("[0-9a-f]*"))) == 3
    system.start()
    wait_messages(peer, 4)
    assert sorted(m["recipients"][0] for m in peer.messages[1:]) == [
        f"RCPT TO:<down{i}@far.test> ORCPT=rfc822;down{i}@far.test" for i in range(3)]
    assert "Received: from localhost (uid " in peer.messages[1]["data"]
    posthouse.wait_until(lambda: not list(drop.glob("[0-9a-z]*")), 10, "the folder is empty")
    assert (drop / ".bad-rubbish").exists()
    peer.messages.clear()


def main():
    posthouse.own_network()
    peer, plain = sink.Sink(2525), sink.Sink(2526, dsn=False)
    with posthouse.System(minimal_backoff_time="1s", maximal_backoff_time="2s",
                          relayhost="[127.0.0.1]:2525") as system:
        system.add_user(ALICE)
        table = system.directory / "transport"
        table.write_text("# next hops\nplain.test\tsmtp:[127.0.0.1]:2526\n")
        system.set(transport_maps=f"hash:{table}")
        system.start()
        mail_goes_out(system, peer)
        the_operator_holds_and_releases(system, peer)
        the_operator_deletes(system)
        forwarded_mail_has_a_reverse_path_of_ours(system, peer)
        many_recipients_go_in_groups(system, peer)
        programs_send_mail(system, peer)
        failures_come_back(system)
        success_is_reported_when_asked(system, peer, plain)
        a_report_that_fails_is_told_to_postmaster(system)
        what_takes_too_long_is_said(system)


main()
