"""A web server for tests, played by threads: HTTPS on port 443 of an address."""
import http.server
import ssl
import threading


def serve(address, pem, key, answer, take=None):
    """answer(host): the text that each page of the host has; None: there is none.
    take(type, body): what was posted; the status that is answered."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            text = answer(self.headers["Host"])
            self.say(404 if text is None else 200, text or b"")

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.say(take(self.headers["Content-Type"], body), b"")

        def say(self, status, body):
            self.send_response(status)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    server = Server((address, 443), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
