#!/usr/bin/python3
"""smtp-source (Postfix) with 200 sessions: everything it sends arrives. It runs
beside Debian's Postfix in an overlay, so that nothing is installed here."""
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import peers
import posthouse

USERS = [f"user{i}@example.test" for i in range(4)]
MESSAGES = 2000


def inside():
    with posthouse.System(smtpd_client_connection_count_limit=0) as system:
        system.add_users(USERS, "secret")
        system.start()
        sources = [subprocess.Popen(
            ["smtp-source", "-s", "50", "-m", str(MESSAGES // 4), "-l", "4000",
             "-f", "load@example.net", "-t", user, f"inet:127.0.0.1:{system.port('smtp')}"])
            for user in USERS]
        for source in sources:
            assert source.wait(120) == 0
        total = 0
        for user in USERS:
            client = system.imap(user)
            total += int(client.select("INBOX")[1][0])
            client.logout()
        assert total == MESSAGES, total
        print(f"{total} messages by 200 sessions")


def main():
    peers.enter("postfix")
    inside()


main()
