#!/usr/bin/python3
"""EXTERNAL on the Unix sockets: who a client is says the kernel. Root reads anybody's
mail by IMAP and POP3, and submits as anybody; another user of the machine is nobody
here; over TCP it does not exist."""
import base64
import imaplib
import os
import poplib
import pwd
import smtplib
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse


def local(system, name):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(30)
    sock.connect(str(Path(system.command("config", "runtime_directory").stdout.partition("=")[2]
                          .strip()) / name))
    return sock


class Imap(imaplib.IMAP4):
    def __init__(self, system):
        self.system = system
        super().__init__()

    def _create_socket(self, timeout):
        return local(self.system, "imap")


class Pop(poplib.POP3):
    def __init__(self, system):
        self.system = system
        super().__init__("local", 0)

    def _create_socket(self, timeout):
        return local(self.system, "pop3")


class Smtp(smtplib.SMTP):
    def __init__(self, system):
        self.system = system
        super().__init__("local", 1)

    def _get_socket(self, host, port, timeout):
        return local(self.system, "submission")


def external(client, name):
    return client.authenticate("EXTERNAL", lambda _: name.encode())


def is_refused(system, name):
    client = Imap(system)
    try:
        external(client, name)
        return False
    except imaplib.IMAP4.error:
        return True


def as_another_user(test):
    """Exit status of the test in a process of nobody's."""
    child = os.fork()
    if child == 0:
        person = pwd.getpwnam("nobody")
        try:
            os.setgroups([])
            os.setgid(person.pw_gid)
            os.setuid(person.pw_uid)
            os._exit(0 if test() else 1)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main():
    posthouse.own_network()
    with posthouse.System() as system:
        system.start()
        system.add_user("alice@example.test")
        system.send("alice@example.test", subject="for alice")
        client = Imap(system)
        assert "AUTH=EXTERNAL" in client.capabilities, client.capabilities
        external(client, "alice@example.test")
        assert client.select()[1] == [b"1"]
        client.logout()
        print("root reads alice's mail by IMAP")
        pop = Pop(system)
        assert "EXTERNAL" in pop.capa()["SASL"]
        pop._shortcmd("AUTH EXTERNAL " + base64.b64encode(b"alice@example.test").decode())
        assert pop.stat()[0] == 1
        pop.quit()
        with Smtp(system) as smtp:
            smtp.ehlo()
            assert "EXTERNAL" in smtp.esmtp_features["auth"]
            code, text = smtp.docmd("AUTH EXTERNAL "
                                    + base64.b64encode(b"alice@example.test").decode())
            assert code == 235, (code, text)
            smtp.sendmail("alice@example.test", ["postmaster@example.test"],
                          "From: <alice@example.test>\r\nSubject: by root\r\n\r\nx\r\n")
        print("by POP3, and submits as alice")
        assert is_refused(system, "nobody-there@example.test")
        assert is_refused(system, "")
        if os.geteuid() == 0:
            assert as_another_user(lambda: is_refused(system, "alice@example.test")) == 0
            assert as_another_user(lambda: is_refused(system, "")) == 0
            print("nobody is nobody")
        over_tcp = system.imap("alice@example.test", ssl=False)
        over_tcp.logout()
        over_tcp = imaplib.IMAP4("127.0.0.1", system.port("imap"))
        assert "AUTH=EXTERNAL" not in over_tcp.capabilities
        try:
            external(over_tcp, "alice@example.test")
            raise AssertionError("EXTERNAL over TCP")
        except imaplib.IMAP4.error:
            pass
        print("not over TCP")


main()
