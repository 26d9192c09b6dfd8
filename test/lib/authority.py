"""An ACME server (RFC 8555) for tests, played by threads: it believes in every
name, signs with an authority made by openssl, and misbehaves as told."""
import base64
import http.server
import json
import ssl
import threading

import certificates

TOKEN = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Authority:
    def __init__(self, directory, host, port):
        """`faults`: {path: function(handler, payload)}, instead of what is right;
        `seen`: (path, protected, payload) of each request."""
        self.directory, self.url = directory, f"https://{host}:{port}"
        self.signer = certificates.Authority(directory, "issuing")
        self.faults, self.seen, self.orders, self.window = {}, [], {}, None
        self.number = 0
        self.lock = threading.Lock()
        pem, key = certificates.Authority(directory, "web").issue("ca", host)
        self.trusted = directory / "web.pem"
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self):
                owner.answer(self, None)

            do_GET = do_HEAD

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                protected = json.loads(decode(body["protected"]))
                payload = decode(body["payload"])
                owner.seen.append((self.path, protected, payload))
                owner.answer(self, json.loads(payload) if payload else None)

            def say(self, status, body, headers=None, kind="application/json"):
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                owner.number += 1
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(raw)))
                for name, value in {"Replay-Nonce": f"nonce{owner.number}",
                                    **(headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(raw)

            def problem(self, word, status=400, **headers):
                self.say(status, {"type": "urn:ietf:params:acme:error:" + word,
                                  "detail": f"this is {word}"},
                         {name.replace("_", "-"): value for name, value in headers.items()})

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem, key)
        self.server = Server(("127.0.0.1", port), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler, payload):
        path = handler.path
        fault = self.faults.get("/" + path.split("/")[1])
        if fault is not None:
            fault(handler, payload)
            return
        name = "on_" + path.split("/")[1].replace("-", "_")
        getattr(self, name, lambda *_: handler.problem("malformed", 404))(handler, payload)

    def on_directory(self, handler, _):
        document = {"newNonce": self.url + "/nonce", "newAccount": self.url + "/account",
                    "newOrder": self.url + "/new-order"}
        if self.window is not None:
            document["renewalInfo"] = self.url + "/renewal"
        handler.say(200, document)

    def on_nonce(self, handler, _):
        handler.say(200, b"")

    def on_account(self, handler, _):
        handler.say(201, {"status": "valid"}, {"Location": self.url + "/account/1"})

    def on_renewal(self, handler, _):
        begin, end = self.window
        handler.say(200, {"suggestedWindow": {"start": begin, "end": end}},
                    {"Retry-After": "3600"})

    def order(self, number):
        order = self.orders[number]
        document = {"status": order["status"], "finalize": f"{self.url}/finalize/{number}",
                    "authorizations": [f"{self.url}/authorization/{number}/{i}"
                                       for i in range(len(order["names"]))]}
        if order["status"] == "valid":
            document["certificate"] = f"{self.url}/certificate/{number}"
        return document

    def on_new_order(self, handler, payload):
        number = str(len(self.orders) + 1)
        self.orders[number] = {"names": [i["value"] for i in payload["identifiers"]],
                               "status": "ready", "replaces": payload.get("replaces")}
        handler.say(201, self.order(number), {"Location": f"{self.url}/order/{number}"})

    def on_order(self, handler, _):
        handler.say(200, self.order(handler.path.split("/")[2]))

    def on_authorization(self, handler, _):
        _, _, number, place = handler.path.split("/")
        if self.orders[number]["status"] == "pending":
            self.orders[number]["status"] = "ready"
        handler.say(200, self.authorization(self.orders[number]["names"][int(place)], "valid"))

    def authorization(self, name, status):
        return {"status": status, "identifier": {"type": "dns", "value": name},
                "challenges": [{"type": kind, "status": "pending", "token": TOKEN,
                                "url": f"{self.url}/challenge/{kind}"}
                               for kind in ("http-01", "tls-alpn-01", "dns-01")]}

    def on_finalize(self, handler, payload):
        number = handler.path.split("/")[2]
        order = self.orders[number]
        order["pem"] = self.sign(decode(payload["csr"]), order["names"],
                                 number, order.get("days", 90))
        order["status"] = "valid"
        handler.say(200, self.order(number))

    def sign(self, request, names, number, days=90):
        base = self.directory / f"issued{number}"
        base.with_suffix(".csr").write_bytes(certificates.openssl(
            "req", "-inform", "DER", "-verify", input=request))
        base.with_suffix(".ext").write_text(
            "subjectAltName=critical," + ",".join(f"DNS:{name}" for name in names) +
            "\nauthorityKeyIdentifier=keyid\n")
        return certificates.openssl(
            "x509", "-req", "-in", base.with_suffix(".csr"), "-CA", self.signer.pem,
            "-CAkey", self.signer.key, "-days", days, "-extfile", base.with_suffix(".ext")) + \
            self.signer.pem.read_bytes()

    def on_certificate(self, handler, _):
        handler.say(200, self.orders[handler.path.split("/")[2]]["pem"],
                    kind="application/pem-certificate-chain")

    def paths(self):
        return [path for path, _, _ in self.seen]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
