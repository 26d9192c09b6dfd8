#!/usr/bin/python3
"""EXTERNAL on the Unix sockets: who a client is says the kernel. Root reads anybody's
mail by IMAP and POP3, and submits as anybody; another user of the machine is nobody
here; over TCP it does not exist."""
import base64
import imaplib
import os
import pwd
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import local
import posthouse


def main():
    posthouse.own_network()
    with posthouse.System() as system:
        system.start()
        system.add_user("alice@example.test")
        system.send("alice@example.test", subject="for alice")
        client = local.Imap(system)
        assert "AUTH=EXTERNAL" in client.capabilities, client.capabilities
        local.external(client, "alice@example.test")
        assert client.select()[1] == [b"1"]
        client.logout()
        print("root reads alice's mail by IMAP")
        pop = local.Pop(system)
        assert "EXTERNAL" in pop.capa()["SASL"]
        pop._shortcmd("AUTH EXTERNAL " + base64.b64encode(b"alice@example.test").decode())
        assert pop.stat()[0] == 1
        pop.quit()
        with local.Smtp(system) as smtp:
            smtp.ehlo()
            assert "EXTERNAL" in smtp.esmtp_features["auth"]
            code, text = smtp.docmd("AUTH EXTERNAL "
                                    + base64.b64encode(b"alice@example.test").decode())
            assert code == 235, (code, text)
            smtp.sendmail("alice@example.test", ["postmaster@example.test"],
                          "From: <alice@example.test>\r\nSubject: by root\r\n\r\nx\r\n")
        print("by POP3, and submits as alice")
        assert local.is_refused(system, "nobody-there@example.test")
        assert local.is_refused(system, "")
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            assert local.as_user(nobody, lambda: local.is_refused(system, "alice@example.test")) == 0
            assert local.as_user(nobody, lambda: local.is_refused(system, "")) == 0
            print("nobody is nobody")
        over_tcp = system.imap("alice@example.test", ssl=False)
        over_tcp.logout()
        over_tcp = imaplib.IMAP4("127.0.0.1", system.port("imap"))
        assert "AUTH=EXTERNAL" not in over_tcp.capabilities
        try:
            local.external(over_tcp, "alice@example.test")
            raise AssertionError("EXTERNAL over TCP")
        except imaplib.IMAP4.error:
            pass
        print("not over TCP")


main()
