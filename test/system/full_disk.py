#!/usr/bin/python3
"""A full disk: mail is answered "later", reading and deleting go on, and when
there is room again so does everything. The mail lies on a small file system of
the test's own."""
import os
import smtplib
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse

ALICE = "alice@example.test"


def main():
    if os.geteuid() != 0:
        posthouse.skip("a small file system needs root")
    posthouse.own_network()
    with posthouse.System(message_size_limit="2M") as system:
        secret = system.add_user(ALICE)
        assert secret
        for name in ("mail", "queue"):
            path = system.directory / "data" / name
            owner = path.stat()
            subprocess.run(["mount", "-t", "tmpfs", "-o",
                            f"size=24M,uid={owner.st_uid},gid={owner.st_gid},mode=700",
                            "tmpfs", str(path)], check=True)
        try:
            system.start()
            accepted = later = 0
            for i in range(60):
                try:
                    system.send(ALICE, f"Subject: m{i}\r\n\r\n" + ("x" * 990 + "\r\n") * 1000)
                    accepted += 1
                except smtplib.SMTPResponseException as answer:
                    assert answer.smtp_code in (451, 452), answer
                    later += 1
                except smtplib.SMTPRecipientsRefused as answer:
                    assert all(c in (451, 452) for c, _ in answer.recipients.values()), answer
                    later += 1
                except smtplib.SMTPSenderRefused as answer:
                    assert answer.smtp_code in (451, 452), answer
                    later += 1
            assert accepted >= 5 and later >= 5, (accepted, later)
            client = system.imap(ALICE)
            there = int(client.select("INBOX")[1][0])
            waiting = len(system.json("queue", "list"))
            assert there + waiting >= accepted, (there, waiting, accepted)
            assert client.fetch("1", "BODY.PEEK[]")[0] == "OK"
            assert client.store(f"1:{there}", "+FLAGS", r"(\Deleted)")[0] == "OK"
            assert client.expunge()[0] == "OK"
            client.logout()
            posthouse.wait_until(lambda: try_to_send(system), 30, "there is room again")
            print(f"{accepted} accepted, {later} told later, {there} read and deleted")
        finally:
            system.stop()
            for name in ("mail", "queue"):
                subprocess.run(["umount", "-l", str(system.directory / "data" / name)])


def try_to_send(system):
    try:
        system.send(ALICE, subject="room again")
        return True
    except smtplib.SMTPException:
        return False


main()
