"""Clients of the Unix sockets, and EXTERNAL on them."""
import imaplib
import os
import poplib
import smtplib
import socket
import sys
from pathlib import Path


def connect(system, name):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(60)
    sock.connect(str(Path(system.command("config", "runtime_directory").stdout.partition("=")[2]
                          .strip()) / name))
    return sock


class Imap(imaplib.IMAP4):
    def __init__(self, system):
        self.system = system
        super().__init__()

    def _create_socket(self, timeout):
        return connect(self.system, "imap")


class Pop(poplib.POP3):
    def __init__(self, system):
        self.system = system
        super().__init__("local", 0)

    def _create_socket(self, timeout):
        return connect(self.system, "pop3")


class Smtp(smtplib.SMTP):
    def __init__(self, system):
        self.system = system
        super().__init__("local", 1)

    def _get_socket(self, host, port, timeout):
        return connect(self.system, "submission")


def external(client, name):
    return client.authenticate("EXTERNAL", lambda _: name.encode())


def is_refused(system, name):
    client = Imap(system)
    try:
        external(client, name)
        return False
    except imaplib.IMAP4.error:
        return True


def as_user(person, test):
    """Exit status of the test in a process of this user's."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(person.pw_gid)
            os.setuid(person.pw_uid)
            os._exit(0 if test() else 1)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
