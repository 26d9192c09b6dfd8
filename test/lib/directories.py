"""What the tests of account sources have in common: clients, and servers of others
that hang or answer nonsense."""
import imaplib
import smtplib
import socket
import ssl
import threading


def context():
    result = ssl.create_default_context()
    result.check_hostname = False
    result.verify_mode = ssl.CERT_NONE
    return result


def login(system, user, password="secret"):
    """OK, NO, or LATER."""
    client = imaplib.IMAP4_SSL("127.0.0.1", system.port("imaps"), ssl_context=context(),
                               timeout=60)
    try:
        # names may have any byte
        client.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
        client.logout()
        return "OK"
    except imaplib.IMAP4.error as error:
        return "LATER" if "UNAVAILABLE" in str(error) else "NO"


def rcpt(system, local, domain="example.test"):
    with smtplib.SMTP("127.0.0.1", system.port("smtp"), timeout=60) as client:
        client.ehlo()
        client.mail("<bob@example.net>")
        return client.rcpt(f"<{local}@{domain}>")[0]


class Fake:
    """Takes connections and has `serve(connection)` deal with each; without one it
    says nothing."""
    def __init__(self, port, serve=None):
        self.socket = socket.create_server(("127.0.0.1", port), backlog=64)
        self.serve, self.taken = serve, []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                connection = self.socket.accept()[0]
                self.taken.append(connection)
                if self.serve:
                    threading.Thread(target=self.run, args=(connection,), daemon=True).start()
        except OSError:
            pass

    def run(self, connection):
        try:
            self.serve(connection)
        except OSError:
            pass
        connection.close()

    def close(self):
        # wakes accept
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for each in self.taken:
            each.close()
