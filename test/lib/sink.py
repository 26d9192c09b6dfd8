"""An SMTP server for tests, played in a thread: it takes mail, and says what
the test wants about addresses. Recipients that begin with "bad" are refused,
those with "later" put off, until `takes_all`."""
import socketserver
import threading


class Sink:
    def __init__(self, port, dsn=True, address="127.0.0.1", context=None, offers=(),
                 breaks_tls=False):
        """context: an ssl.SSLContext, for STARTTLS; offers: more extensions, within
        TLS; breaks_tls: STARTTLS is offered and comes to nothing."""
        self.messages = []      # {"sender", "recipients", "data", "mail"}
        self.connections = 0
        self.takes_all = False
        self.dsn = dsn
        self.context = context
        self.offers, self.breaks_tls = offers, breaks_tls
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                sink.connections += 1
                try:
                    sink._serve(self)
                except OSError:
                    pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            request_queue_size = 256
            daemon_threads = True

        self.server = Server((address, port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def _serve(self, handler):
        def say(line):
            handler.wfile.write(line.encode() + b"\r\n")
            handler.wfile.flush()

        say("220 sink ESMTP")
        mail, recipients, is_encrypted = "", [], False
        while True:
            line = handler.rfile.readline().decode("utf-8", "replace").rstrip("\r\n")
            verb = line[:4].upper()
            if verb in ("", "QUIT"):
                if verb:
                    say("221 2.0.0 bye")
                return
            if verb == "EHLO":
                say("250-sink")
                if self.dsn:
                    say("250-DSN")
                if (self.context is not None or self.breaks_tls) and not is_encrypted:
                    say("250-STARTTLS")
                for word in self.offers if is_encrypted else ():
                    say(f"250-{word}")
                say("250-8BITMIME")
                say("250 PIPELINING")
            elif verb == "STAR" and self.breaks_tls:
                say("220 2.0.0 go on")
                handler.rfile.read(1)
                say("but not here")
                return
            elif verb == "STAR" and self.context is not None:
                say("220 2.0.0 go on")
                handler.connection = self.context.wrap_socket(handler.connection, server_side=True)
                handler.rfile = handler.connection.makefile("rb")
                handler.wfile = handler.connection.makefile("wb")
                is_encrypted = True
            elif verb == "MAIL":
                mail, recipients = line, []
                say("250 2.1.0 ok")
            elif verb == "RCPT":
                address = line.split("<")[1].split(">")[0]
                if address.startswith("bad") and not self.takes_all:
                    say("550 5.1.1 there is nobody of that name")
                elif address.startswith("later") and not self.takes_all:
                    say("450 4.2.1 come again")
                else:
                    recipients.append(line)
                    say("250 2.1.5 ok")
            elif verb == "DATA":
                if not recipients:
                    say("554 5.5.1 no recipients")
                    continue
                say("354 go on")
                data = b""
                while True:
                    part = handler.rfile.readline()
                    if part in (b".\r\n", b""):
                        break
                    data += part[1:] if part.startswith(b".") else part
                self.messages.append({"mail": mail, "recipients": recipients,
                                      "is_encrypted": is_encrypted,
                                      "data": data.decode("utf-8", "replace")})
                say("250 2.0.0 taken")
            else:
                say("250 2.0.0 ok")
