#!/usr/bin/python3
"""Certificates by ACME from an authority that the test plays: got, used without a
restart, renewed when the authority suggests it, begun by one process and ended
by another; whatever a hostile authority says, the old certificate stays; and in a signed zone
no key is used before its TLSA record is known everywhere (RFC 7671 8.1)."""
import datetime
import hashlib
import os
import signal
import smtplib
import socket
import ssl
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import authority
import certificates
import dns
import posthouse

HOST, PORT = "ca.example.test", 14000
NAMES = ["mail.example.test", "www.example.test"]
ZONE = """$TTL 60
@ SOA ns root 1 1d 1h 1w 60
@ NS ns
ns A 127.0.0.1
mail A 127.0.0.1
www A 127.0.0.1
ca A 127.0.0.1
"""


def certificate(port, starttls=False):
    """What a client sees: (subject names, issuer, serial)."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if starttls:
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
            client.starttls(context=context)
            der = client.sock.getpeercert(True)
    else:
        with socket.create_connection(("127.0.0.1", port), 60) as plain, \
                context.wrap_socket(plain) as secure:
            der = secure.getpeercert(True)
    text = certificates.openssl("x509", "-inform", "DER", "-noout", "-issuer", "-serial",
                                "-ext", "subjectAltName", input=der).decode()
    return {"issuer": text.split("issuer=")[1].split("\n")[0].strip(),
            "serial": text.split("serial=")[1].split("\n")[0],
            "names": sorted(word.strip().removeprefix("DNS:")
                            for word in text.splitlines()[-1].split(","))}


def row(system):
    return system.json("certificate", "list")[0]


def is_idle(system):
    return row(system)["state"] != "busy"


def got_by_itself_and_used(system, ca):
    """Nothing was asked for: the first start was enough."""
    posthouse.wait_until(lambda: row(system)["state"] == "current", 20, "a certificate")
    for port, starttls in ((system.port("imaps"), False), (system.port("smtp"), True)):
        seen = certificate(port, starttls)
        assert "issuing" in seen["issuer"] and seen["names"] == NAMES, seen
    nonces = [protected["nonce"] for _, protected, _ in ca.seen]
    assert len(set(nonces)) == len(nonces), "a nonce serves once (RFC 8555 6.5)"
    for path, protected, _ in ca.seen:
        assert protected["url"] == ca.url + path and protected["alg"] == "ES256"
        assert ("jwk" in protected) == (path == "/account"), (path, protected)
    text = system.command("certificate", "list").stdout
    assert "mail.example.test www.example.test" in text and "issuing" in text, text


def renewed_when_asked(system, ca):
    before = certificate(system.port("imaps"))["serial"]
    pids = system.processes()
    text = system.command("certificate", "renew").stdout
    assert "until" in text and "trouble" not in text, text
    after = certificate(system.port("imaps"))["serial"]
    assert after != before and certificate(system.port("smtp"), True)["serial"] == after
    assert system.processes() == pids, "nobody was started again"
    assert ca.paths().count("/account") == 1, "one account for all"


def sessions_go_on(system, ca):
    """A connection that began with the old certificate ends with it."""
    client = system.imap("postmaster@example.test")
    system.command("certificate", "renew")
    client.select("INBOX")
    client.logout()


# ---- an authority that is away, forgets, or wants to be waited for ----

def refuses(system, ca, path, fault, words, level="warn"):
    """The attempt fails with these words, and the certificate stays."""
    before = certificate(system.port("imaps"))["serial"]
    ca.faults = {path: fault} if path else {}
    done = system.command("certificate", "renew", check=False)
    ca.faults = {}
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done
    assert words in done.stderr, (words, done.stderr)
    assert certificate(system.port("imaps"))["serial"] == before
    line = [l for l in system.log_text().splitlines() if "event=certificate-not-issued" in l][-1]
    assert f" {level} hostmaster" in line, line


def endless(handler, _):
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b'{"a":' * 1000)
    except OSError:
        handler.close_connection = True


def say(status, body, **headers):
    return lambda handler, _: handler.say(
        status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def problem(word, status=400, **headers):
    return lambda handler, _: handler.problem(word, status, **headers)


def hostile_authorities_change_nothing(system, ca):
    pids = system.processes()
    order = {"status": "pending", "finalize": ca.url + "/finalize/1",
             "authorizations": [ca.url + "/strange/1"]}
    ready = {**order, "status": "ready"}
    other = certificates.self_signed(ca.directory, "other", *NAMES)[0].read_bytes()
    cases = [
        ("/directory", endless, "too-large"),
        ("/directory", say(200, b"[" * 60000), "no directory"),
        ("/directory", say(200, {"newNonce": 7, "newAccount": [], "newOrder": {}}), "no directory"),
        ("/directory", say(200, b"<html>"), "no directory"),
        ("/directory", say(200, b""), "no directory"),
        ("/directory", say(301, b"", Location="https://ca.example.test:14000/nonce"), "301"),
        ("/directory", say(500, b"\x1b[2J"), "500"),
        ("/nonce", say(200, b"", Replay_Nonce='a","b":"'), "no nonce"),
        ("/new-order", problem("badNonce"), "badNonce"),
        ("/new-order", problem("serverInternal\x1b[2J", 500), "500"),
        ("/new-order", say(201, order, Location="http://ca.example.test/order"), "something else"),
        ("/new-order", say(201, {**order, "authorizations": []},
                           Location=ca.url + "/order/1"), "something else"),
        ("/new-order", say(201, b'{"status":"ready","status":"valid"}',
                           Location=ca.url + "/order/1"), "something else"),
        ("/authorization", say(200, ca.authorization("bank.example", "pending")),
         "was not ordered"),
        ("/authorization", say(200, {**ca.authorization(NAMES[0], "pending"),
                                     "challenges": [{"type": "http-01", "status": "pending",
                                                     "url": ca.url + "/x",
                                                     "token": "../../../etc/passwd/aaaaaaa"}]}),
         "acme_challenges"),
        ("/certificate", say(200, other), "another key"),
        ("/certificate", say(200, b""), "no chain"),
        ("/certificate", say(200, b"x" * 60000), "no chain"),
    ]
    for path, fault, words in cases:
        if path == "/authorization":
            ca.on_new_order, kept = pending_order(ca), ca.on_new_order
        ca.seen.clear()
        refuses(system, ca, path, fault, words)
        assert len(ca.seen) < 40, (path, words, len(ca.seen))
        if path == "/authorization":
            ca.on_new_order = kept
    assert ready and system.processes() == pids, "nobody died of that"
    log = system.log_text()
    assert "\x1b" not in log, "their bytes do not reach a terminal"
    refuses(system, ca, "/new-order", problem("userActionRequired", 403), "userActionRequired",
            level="error")
    system.command("certificate", "renew")


def pending_order(ca):
    real = ca.on_new_order

    def answer(handler, payload):
        say_real = handler.say
        handler.say = lambda status, body, headers=None, kind="application/json": say_real(
            status, {**body, "status": "pending"}, headers, kind)
        real(handler, payload)
        handler.say = say_real
        ca.orders[str(len(ca.orders))]["status"] = "pending"
    return answer


def long_waits_are_cut(system, ca):
    """A day, whatever the authority wishes; and it is not asked meanwhile."""
    refuses(system, ca, "/new-order", problem("rateLimited", 429, Retry_After="9999999999"),
            "rateLimited")
    until = datetime.datetime.fromisoformat(row(system)["retry"].replace("Z", "+00:00"))
    wait = (until - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    assert 86000 < wait < 115000, wait
    assert row(system)["state"] == "failed" and row(system)["failures"] in (1, "1")
    system.command("certificate", "renew")
    assert row(system)["state"] == "current"


def lost_accounts_are_opened_again(system, ca):
    for word, status in (("accountDoesNotExist", 400), ("unauthorized", 403)):
        accounts, keys = ca.paths().count("/account"), set()

        def forget(handler, _):
            ca.faults = {"/account": after}
            handler.problem(word, status)

        def after(handler, payload):
            """The account itself is asked for before it is given up."""
            if payload is None:
                handler.say(200, {"status": "deactivated"})
            else:
                ca.faults = {}
                ca.on_account(handler, payload)
        ca.seen.clear()
        ca.faults = {"/new-order": forget}
        system.command("certificate", "renew")
        keys = [str(p["jwk"]) for _, p, _ in ca.seen if "jwk" in p]
        assert len(keys) == 1, (word, ca.paths())
        assert accounts is not None


def an_order_survives_its_process(system, ca):
    """Killed after it was finalized: the next process takes the certificate."""
    before = certificate(system.port("imaps"))["serial"]
    pid = system.processes()[("hostmaster", 0)]
    orders = len(ca.orders)

    def kill(handler, payload):
        ca.faults = {}
        os.kill(pid, signal.SIGKILL)
        ca.on_finalize(handler, payload)
    ca.faults = {"/finalize": kill}
    system.command("certificate", "renew", check=False)
    posthouse.wait_until(lambda: system.processes().get(("hostmaster", 0)) not in (None, pid), 20)
    system.command("certificate", "renew")
    assert certificate(system.port("imaps"))["serial"] != before
    assert len(ca.orders) == orders + 1, "it went on with the same order"


def an_authority_that_is_away_comes_back(system, ca):
    def reload(directory):
        reloads = lambda: sum("hostmaster" in line and "event=reload" in line
                              for line in system.log_text().splitlines())
        before = reloads()
        system.set(acme_directory=directory)
        system.command("reload")
        posthouse.wait_until(lambda: reloads() > before, 20, "a reload")
    reload(f"https://{HOST}:{PORT + 1}/directory")
    refuses(system, ca, None, None, "connect")
    reload(ca.url + "/directory")
    system.command("certificate", "renew")
    assert row(system)["state"] == "current"


def renewed_when_suggested(system, ca):
    """Renewal information (RFC 9773) of a window that is over: at once."""
    stamp = lambda days: (datetime.datetime.now(datetime.timezone.utc) +
                          datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    ca.window = stamp(-3), stamp(-2)
    ca.seen.clear()
    orders = len(ca.orders)
    system.command("certificate", "renew")      # looks at the information after that
    ca.window = stamp(-3), stamp(-1)
    posthouse.wait_until(lambda: len(ca.orders) > orders + 1, 20, "a renewal by itself")
    ca.window = stamp(40), stamp(41)
    posthouse.wait_until(lambda: is_idle(system), 20)
    replaced = [order["replaces"] for order in ca.orders.values() if order["replaces"]]
    assert replaced and all("." in word for word in replaced), replaced


def a_restart_keeps_it(system, ca):
    before = certificate(system.port("imaps"))["serial"]
    ca.close()
    system.restart()
    assert certificate(system.port("imaps"))["serial"] == before
    assert certificate(system.port("smtp"), True)["serial"] == before


# ---- a signed zone ----

TTL = 2


class Watcher(threading.Thread):
    """What a validator without a cache and a client see, all the time: since when at the
    earliest each key may be in TLSA, and until when at the latest another was shown."""

    def __init__(self, system):
        super().__init__(daemon=True)
        self.system, self.known, self.used, self.wrong, self.goes_on = system, {}, {}, [], True

    def shown(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", self.system.port("imaps")), 60) as plain, \
                context.wrap_socket(plain) as secure:
            der = secure.getpeercert(True)
        public = certificates.openssl("x509", "-inform", "DER", "-noout", "-pubkey", input=der)
        return hashlib.sha256(certificates.openssl("pkey", "-pubin", "-outform", "DER",
                                                   input=public)).hexdigest()

    def run(self):
        looked = time.monotonic()
        while self.goes_on:
            key = self.shown()
            self.used.setdefault(key, time.monotonic())
            asked = time.monotonic()
            answer = dns.ask_udp(("127.0.0.1", 20053),
                                 f"_{self.system.port('smtp')}._tcp.mail.example.test", dns.TLSA)
            hashes = {data[6:] for _, kind, data in answer.records if kind == dns.TLSA}
            for hash_ in hashes:
                self.known.setdefault(hash_, looked)
            looked = asked
            # from when there are records
            if hashes and key not in hashes:
                self.wrong.append(key)
            time.sleep(0.1)


def a_key_is_known_before_it_is_used(system, ca):
    """The first certificate, and the next one with the next key."""
    watcher = Watcher(system)
    watcher.start()
    for number in (1, 2):
        if number == 2:
            system.command("certificate", "renew")
        posthouse.wait_until(lambda: len(watcher.used) == number + 1, 30, "another key")
    watcher.goes_on = False
    watcher.join()
    _, *ours = sorted(watcher.used, key=watcher.used.get)
    ahead = [watcher.used[key] - watcher.known[key] for key in ours]
    print("ahead, s:", *[f"{seconds:.1f}" for seconds in ahead], flush=True)
    # it cannot have been longer
    assert not watcher.wrong and min(ahead) >= 2 * TTL, (watcher.wrong, ahead)
    keys = system.json("dns", "keys", "example.test")
    assert keys and len(ca.orders) == 2, (keys, len(ca.orders))


def more_domains_than_names(system, ca):
    """One certificate: what protects mail comes before what people might type."""
    domains = [f"d{i}.test" for i in range(40)]
    system.set(mydestination=" ".join(["mail.example.test", "example.test", *domains]), acme_names="",
               mta_sts_mode="testing")
    system.command("reload")
    system.command("certificate", "renew")
    names = list(ca.orders.values())[-1]["names"]
    assert len(names) == 100 and "mail.example.test" in names, names
    assert {f"mta-sts.{domain}" for domain in domains} <= set(names), names


def with_a_signed_zone():
    with posthouse.System() as system:
        ca = prepare(system)
        system.set(dns_signed_zones="example.test", dns_records_ttl=f"{TTL}s")
        system.start()
        run(a_key_is_known_before_it_is_used, system, ca)
        run(more_domains_than_names, system, ca)
        ca.close()


def prepare(system):
    (system.directory / "example.test.zone").write_text(ZONE)
    ca = authority.Authority(system.directory, HOST, PORT)
    system.set(dns_zones=system.directory / "example.test.zone", dns_validation="no",
               dns_forwarders="127.0.0.1@5399", fetch_ca_file=ca.trusted,
               acme_directory=ca.url + "/directory", acme_names=" ".join(NAMES),
               acme_email="postmaster@example.test", acme_retry_time="1h")
    return ca


def run(test, system, ca):
    begin = time.monotonic()
    test(system, ca)
    print(f"{test.__name__} {time.monotonic() - begin:.1f}", flush=True)


def main():
    posthouse.need_programs("openssl")
    posthouse.own_network()
    with posthouse.System() as system:
        ca = prepare(system)
        system.start()
        for test in (got_by_itself_and_used, renewed_when_asked, sessions_go_on,
                     hostile_authorities_change_nothing, long_waits_are_cut,
                     lost_accounts_are_opened_again, an_order_survives_its_process,
                     an_authority_that_is_away_comes_back, renewed_when_suggested,
                     a_restart_keeps_it):
            run(test, system, ca)
    with_a_signed_zone()


main()
