#!/usr/bin/python3
"""The first message: swaks and curl send, curl and imaplib read, the trace is
whole, nothing is left in the spool."""
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse


def run(*words, **options):
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
    return done.stdout


def main():
    posthouse.need_programs("swaks", "curl")
    posthouse.own_network()
    with posthouse.System() as system:
        secret = system.add_user("alice@example.test")
        system.add_user("bob@example.test")
        system.start()
        smtp, imaps = system.port("smtp"), system.port("imaps")
        run("swaks", "--server", f"127.0.0.1:{smtp}", "--from", "carol@example.net",
            "--to", "alice+news@example.test", "--header", "Subject: one")
        run("swaks", "--server", f"127.0.0.1:{smtp}", "--tls", "--from",
            "carol@example.net", "--to", "alice@example.test", "--header", "Subject: two")
        run("swaks", "--server", f"127.0.0.1:{system.port('submission')}", "--tls",
            "--auth", "SCRAM-SHA-256" if "SCRAM" in run("swaks", "--support") else "PLAIN",
            "--auth-user", "bob@example.test", "--auth-password",
            system.passwords["bob@example.test"], "--from", "bob@example.test",
            "--to", "alice@example.test", "--header", "Subject: three")
        text = run("curl", "-sk", "--user", f"alice@example.test:{secret}",
                   f"imaps://127.0.0.1:{imaps}/INBOX;MAILINDEX=1")
        assert "Subject: one" in text and "Return-Path: <carol@example.net>" in text, text
        client = system.imap("alice@example.test")
        assert client.select("INBOX") == ("OK", [b"3"])
        client.logout()
        lines = system.command("trace", "alice@example.test").stdout
        for program in ("smtpd[", "queue[", "mailbox["):
            assert program in lines, f"{program} is not in the trace:\n{lines}"
        assert system.json("queue", "list") == []


main()
