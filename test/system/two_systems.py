#!/usr/bin/python3
"""Two systems on one machine: mail that one accepts reaches the other by relay,
within TLS; what the other refuses is known with its words; what it cannot take
now, because it is down, arrives when it is up again. relay logs in where it must."""
import smtplib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import lone
import posthouse

ALICE, BOB = "alice@near.test", "bob@far.test"
NEAR, FAR = 30000, 20000


def at(offset):
    """The ports of the system that is spoken to next."""
    posthouse.OFFSET = offset


def submit(system, to, subject):
    at(NEAR)
    with smtplib.SMTP("127.0.0.1", system.port("submission"), timeout=30) as client:
        client.starttls()
        client.login(ALICE, system.passwords[ALICE])
        client.sendmail(ALICE, to, f"Subject: {subject}\r\n\r\n.body of {subject}\r\n")


def messages(system):
    at(FAR)
    client = system.imap(BOB)
    client.select("INBOX")
    _, found = client.fetch("1:*", "(BODY.PEEK[])") if client.search(None, "ALL")[1] != [b""] \
        else (None, [])
    client.logout()
    return [part[1].decode() for part in found if isinstance(part, tuple)]


def has(system, count):
    posthouse.wait_until(lambda: len(messages(system)) == count, 20, f"{count} messages")
    return messages(system)


def relayed(system, to):
    lines = [line for line in system.log_text().splitlines()
             if "event=relayed" in line and f"to={to}" in line]
    return lines[-1] if lines else ""


def relay_logs_in(far, password):
    """By SCRAM-SHA-256, to the other's submission port, without TLS."""
    hop = f"[127.0.0.1]:{FAR + 587}"
    with lone.Lone("relay", files={"smtp_sasl_password_maps": f"{hop} {BOB}:{password}\n"},
                   smtp_sasl_auth_enable="yes", smtp_tls_security_level="none") as relay:
        client = lone.Lmtp(relay.wire("relay-lmtp"))
        return client.deliver(hop, BOB, [BOB], b"Subject: logged in\r\n\r\nx\r\n")[0]


def main():
    posthouse.own_network()
    at(FAR)
    with posthouse.System("far.test") as far:
        far.add_user(BOB)
        far.start()
        at(NEAR)
        with posthouse.System("near.test", relayhost=f"[127.0.0.1]:{FAR + 25}",
                              minimal_backoff_time="1s", maximal_backoff_time="2s") as near:
            near.add_user(ALICE)
            near.start()
            submit(near, [BOB, "nobody@far.test"], "first")
            text, = has(far, 1)
            assert "\r\n.body of first\r\n" in text, text
            assert "with ESMTPS\r\n\t(TLSv1.3" in text, text
            posthouse.wait_until(lambda: relayed(near, "nobody@far.test"), 5, "a log line")
            assert 'tls="TLSv1.3 untrusted" verdict=delivered' in relayed(near, BOB)
            refused = relayed(near, "nobody@far.test")
            assert "verdict=never status=5.1.1" in refused and "no such user" in refused, refused
            assert "event=relayed" in near.command("trace", BOB).stdout
            at(FAR)
            far.stop()
            submit(near, [BOB], "while it was down")
            posthouse.wait_until(lambda: "verdict=later" in relayed(near, BOB), 10, "an attempt")
            assert "status=4.4.1" in relayed(near, BOB), relayed(near, BOB)
            at(FAR)
            far.start()
            assert "Subject: while it was down" in has(far, 2)[1]
        answer = relay_logs_in(far, far.passwords[BOB])
        assert answer.startswith("250 2.0.0 host"), answer
        assert "Subject: logged in" in has(far, 3)[2]
        answer = relay_logs_in(far, "wrong")
        assert answer.startswith("451 4.7.8 host") and "535 5.7.8" in answer, answer


main()
