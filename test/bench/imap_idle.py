#!/usr/bin/python3
"""Memory of idle IMAP sessions over TLS: PSS of all processes together, and
the kernel's slab, per session. usage: imap_idle.py [SESSIONS ACCOUNTS]..."""
import os
import resource
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import (DOVECOT, OURS, Peer, kernel_and_machine, posthouse, pss_of, slab, table)

WORK = posthouse.TOP / "build/bench/work"
PER_CLIENT = 2000       # sessions of one client process


def client(port, first, count, accounts, password, ready):
    """Opens its sessions, selects INBOX, idles, says so, waits to be ended."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    sessions = []

    def read_until(stream, mark):
        text = b""
        while mark not in text:
            piece = stream.recv(4096)
            if not piece:
                raise AssertionError(f"closed after {text[-200:]!r}")
            text += piece

    for i in range(first, first + count):
        raw = socket.create_connection(("127.0.0.1", port), 60)
        stream = context.wrap_socket(raw)
        read_until(stream, b"\n")
        stream.sendall(b"a LOGIN user%d@example.org %s\r\n" % (i % accounts, password.encode()))
        read_until(stream, b"a OK")
        stream.sendall(b"b SELECT INBOX\r\n")
        read_until(stream, b"b OK")
        stream.sendall(b"c IDLE\r\n")
        read_until(stream, b"+ ")
        sessions.append(stream)
    os.write(ready, b"x")
    select.select([], [], [], 600)


def measure(port, sessions, accounts, password, names, before):
    resource.setrlimit(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE)[1:] * 2)
    slab_before = slab()
    parent_end, child_end = os.pipe()
    children = []
    for first in range(0, sessions, PER_CLIENT):
        count = min(PER_CLIENT, sessions - first)
        pid = os.fork()
        if pid == 0:
            try:
                client(port, first, count, accounts, password, child_end)
            except BaseException as trouble:
                print(f"client: {trouble}", file=sys.stderr, flush=True)
            os._exit(1)
        children.append(pid)
    done = 0
    while done < len(children):
        readable, _, _ = select.select([parent_end], [], [], 600)
        if not readable:
            raise AssertionError("the clients did not get ready")
        done += len(os.read(parent_end, 100))
    time.sleep(10)
    result = (pss_of(names) - before) / sessions, (slab() - slab_before) / sessions
    for pid in children:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    return result


def ours(sessions, accounts):
    # two descriptors of a tls process for each session, within ulimit -n
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with posthouse.System(domain="example.org", imap_user_connection_limit=0,
                          imap_client_connection_limit=0,
                          tls_processes=1 + sessions * 2 // (limit - 2000),
                          smtpd_client_auth_rate_limit=0) as system:
        system.add_users([f"user{i}@example.org" for i in range(accounts)], "pw")
        system.start()
        time.sleep(2)
        before = pss_of(OURS)
        memory = measure(system.port("imaps"), sessions, accounts, "pw", OURS, before)
        return before, memory


def theirs(sessions, accounts):
    with posthouse.System(domain="example.org") as keys:
        tls = (keys.directory / "data/tls/cert.pem", keys.directory / "data/tls/key.pem")
        with Peer(WORK / "peer", tls=tls) as peer:
            before = pss_of(DOVECOT)
            return before, measure(peer.IMAPS, sessions, accounts, "pw", DOVECOT, before)


def main():
    numbers = [int(word) for word in sys.argv[1:]] or [1000, 10]
    WORK.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(WORK)     # ours and theirs on the same file system
    print(kernel_and_machine())
    rows = []
    for sessions, accounts in zip(numbers[::2], numbers[1::2]):
        what = f"{sessions} sessions, {accounts} accounts"
        before, (pss, kernel) = ours(sessions, accounts)
        rows.append([f"Posthouse, {what}", f"{before / 1024:.1f}", f"{pss:.1f}", f"{kernel:.1f}"])
        if sessions <= 2000:    # a Dovecot process for each: more do not fit here
            before, (pss, kernel) = theirs(sessions, accounts)
            rows.append([f"Dovecot, {what}", f"{before / 1024:.1f}", f"{pss:.1f}", f"{kernel:.1f}"])
    table("imap-idle", ["who", "MB without sessions (PSS)", "KB per session (PSS)",
                        "KB of slab per session, both ends"], rows)


main()
