#!/usr/bin/python3
"""Two hundred users come back at the same moment, by IMAP and POP3 over TLS, with
LOGIN, AUTHENTICATE PLAIN and USER: all are let in, nobody is told to try later;
twice, since the second time their passwords are remembered."""
import imaplib
import poplib
import ssl
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse

COUNT = 200
USERS = [f"user{i}@example.test" for i in range(COUNT)]


def context():
    result = ssl.create_default_context()
    result.check_hostname = False
    result.verify_mode = ssl.CERT_NONE
    return result


def login(system, i, tls):
    if i % 3 == 0:
        client = imaplib.IMAP4_SSL("127.0.0.1", system.port("imaps"), ssl_context=tls, timeout=60)
        client.login(USERS[i], "secret")
        client.logout()
    elif i % 3 == 1:
        client = imaplib.IMAP4_SSL("127.0.0.1", system.port("imaps"), ssl_context=tls, timeout=60)
        client.authenticate("PLAIN", lambda _: f"\0{USERS[i]}\0secret".encode())
        client.logout()
    else:
        client = poplib.POP3_SSL("127.0.0.1", system.port("pop3s"), context=tls, timeout=60)
        client.user(USERS[i])
        client.pass_("secret")
        client.quit()


def all_at_once(system):
    troubles = []
    start = threading.Barrier(COUNT)
    tls = context()

    def one(i):
        start.wait()
        try:
            login(system, i, tls)
        except Exception as trouble:        # pylint: disable=broad-except
            troubles.append(f"{USERS[i]}: {trouble!r}")
    threads = [threading.Thread(target=one, args=(i,)) for i in range(COUNT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles, (len(troubles), troubles[:5])


def main():
    posthouse.own_network()
    with posthouse.System() as system:
        system.add_users(USERS, "secret")
        system.start()
        for turn in ("first", "second"):
            all_at_once(system)
            print(f"{turn} time: {COUNT} logins at once")


main()
