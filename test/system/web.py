#!/usr/bin/python3
"""web: what mail programs, phones and other mail hosts are told, by http and https; and clients that are slow, large, many,
or write requests that two programs in a row would understand differently."""
import json
import os
import plistlib
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse
import terminal

DOMAIN, HOST = "example.test", "mail.example.test"


def curl(system, url, *words):
    """Status, fields, body; with the system's own certificate as authority."""
    names = [name for prefix in ("", "mail.", "autoconfig.", "autodiscover.", "mta-sts.")
             for port in ("http", "https")
             for name in ("--resolve", f"{prefix}{DOMAIN}:{system.port(port)}:127.0.0.1")]
    done = subprocess.run(["curl", "-sS", "-i", "--max-time", "20", *names, "--cacert",
                           system.directory / "data/tls/cert.pem", *words, url],
                          capture_output=True, check=True)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), fields, body.decode()


def insecure(system, url, *words):
    return curl(system, url, "-k", *words)


def thunderbird(system):
    http, https = system.port("http"), system.port("https")
    answers = set()
    for url in (f"http://autoconfig.{DOMAIN}:{http}/mail/config-v1.1.xml?emailaddress=alice@{DOMAIN}",
                f"http://autoconfig.{DOMAIN}:{http}/mail/config-v1.1.xml?emailaddress=nobody%40{DOMAIN}",
                f"http://{DOMAIN}:{http}/.well-known/autoconfig/mail/config-v1.1.xml",
                f"https://{DOMAIN}:{https}/.well-known/autoconfig/mail/config-v1.1.xml"):
        status, fields, body = insecure(system, url)
        assert (status, fields["content-type"]) == (200, "text/xml; charset=utf-8"), url
        answers.add(body)
    assert len(answers) == 1, "the same for everybody"
    provider = ElementTree.fromstring(answers.pop()).find("emailProvider")
    assert provider.get("id") == provider.findtext("domain") == DOMAIN
    servers = [(s.get("type"), s.findtext("hostname"), int(s.findtext("port")), s.findtext("socketType"))
               for s in provider if s.tag.endswith("Server")]
    assert servers == [("imap", HOST, system.port("imaps"), "SSL"), ("imap", HOST, system.port("imap"), "STARTTLS"),
                       ("pop3", HOST, system.port("pop3s"), "SSL"), ("pop3", HOST, system.port("pop3"), "STARTTLS"),
                       ("smtp", HOST, system.port("submissions"), "SSL"),
                       ("smtp", HOST, system.port("submission"), "STARTTLS")], servers
    status, _, _ = insecure(system, f"http://{HOST}:{http}/mail/config-v1.1.xml?emailaddress=a@elsewhere.test")
    assert status == 404


def outlook(system):
    url = f"https://{HOST}:{system.port('https')}/Autodiscover/AUTODISCOVER.xml"
    schema = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
    request = ("<?xml version='1.0'?><Autodiscover xmlns='http://schemas.microsoft.com/exchange/autodiscover/outlook/"
               f"requestschema/2006'><Request><EMailAddress>%s</EMailAddress><AcceptableResponseSchema>{schema}"
               "</AcceptableResponseSchema></Request></Autodiscover>")
    status, _, body = curl(system, url, "--data-binary", request % f"a@{DOMAIN}")
    assert status == 200
    space = {"o": schema}
    services = [(p.findtext("o:Type", None, space), p.findtext("o:Server", None, space),
                 int(p.findtext("o:Port", None, space)), p.findtext("o:LoginName", None, space))
                for p in ElementTree.fromstring(body).iter("{%s}Protocol" % schema)]
    assert services == [("IMAP", HOST, system.port("imaps"), f"a@{DOMAIN}"),
                        ("POP3", HOST, system.port("pop3s"), f"a@{DOMAIN}"),
                        ("SMTP", HOST, system.port("submissions"), f"a@{DOMAIN}")], services
    for hostile, code in ((request % "a@elsewhere.test", "601"), (request % "<b/>", "600"),
                          (request.replace(schema, "x") % f"a@{DOMAIN}", "601"), ("", "600"),
                          ("<!DOCTYPE a [<!ENTITY b 'c'>]>" + request % f"&b;@{DOMAIN}", "600"),
                          (request % f"&b;@{DOMAIN}", "600"), ("<" * 60000, "600"),
                          ("<EMailAddress>" * 4000, "600")):
        status, _, body = curl(system, url, "--data-binary", hostile)
        assert status == 200 and f"<ErrorCode>{code}</ErrorCode>" in body, (hostile[:60], body)
        ElementTree.fromstring(body)
    # references are read, and what they stand for is escaped again
    status, _, body = curl(system, url, "--data-binary", request % f"a&amp;&#39;&lt;@{DOMAIN}")
    names = {p.text for p in ElementTree.fromstring(body).iter("{%s}LoginName" % schema)}
    assert names == {f"a&'<@{DOMAIN}"}, body
    # in chunks too
    assert curl(system, url, "-H", "Transfer-Encoding: chunked", "--data-binary", request % f"a@{DOMAIN}")[0] == 200
    status, _, body = curl(system, f"https://{HOST}:{system.port('https')}/autodiscover/autodiscover.json/v1.0/"
                           f"a@{DOMAIN}?Protocol=Autodiscoverv1")
    assert status == 200 and json.loads(body) == {
        "Protocol": "AutodiscoverV1",
        "Url": f"https://{HOST}:{system.port('https')}/autodiscover/autodiscover.xml"}, body


def phone(system):
    base = f"https://{HOST}:{system.port('https')}/mobileconfig"
    status, fields, body = curl(system, f"{base}?email=o%27b%26c+d@{DOMAIN}")
    assert status == 200 and fields["content-type"].startswith("application/x-apple-aspen-config"), fields
    profile = plistlib.loads(body.encode())
    account, = profile["PayloadContent"]
    assert account["EmailAddress"] == account["IncomingMailServerUsername"] == f"o'b&c+d@{DOMAIN}", account
    assert (account["IncomingMailServerHostName"], account["IncomingMailServerPortNumber"],
            account["IncomingMailServerUseSSL"]) == (HOST, system.port("imaps"), True)
    assert account["OutgoingMailServerPortNumber"] == system.port("submissions")
    assert "EmailAddress" not in plistlib.loads(curl(system, f"{base}?email=@{DOMAIN}")[2].encode())["PayloadContent"][0]
    assert curl(system, f"{base}?email=%00@{DOMAIN}")[0] in (200, 400)
    assert curl(system, f"{base}?email=a@elsewhere.test")[0] == 404


def encryption(system):
    """The order of ciphers is the server's, but for clients that want ChaCha20; what is old is not offered."""
    aes, chacha = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"
    old = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"
    for words, expected in ((["-tls1_3", "-ciphersuites", aes], "TLS_AES_128_GCM_SHA256"),
                            (["-tls1_3", "-ciphersuites", f"{chacha}:{aes}"], chacha),
                            (["-tls1_3", "-ciphersuites", f"{aes}:{chacha}"], "TLS_AES_128_GCM_SHA256"),
                            (["-tls1_2", "-cipher", old], "ECDHE-ECDSA-AES128-GCM-SHA256"),
                            (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"], "(NONE)"),
                            (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "(NONE)")):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{system.port('https')}", *words],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        assert f"Cipher is {expected}\n" in done.stdout, (words, done.stdout[-600:], done.stderr)


def others(system):
    http, https = system.port("http"), system.port("https")
    status, fields, body = insecure(system, f"https://mta-sts.{DOMAIN}:{https}/.well-known/mta-sts.txt")
    assert (status, fields["content-type"]) == (200, "text/plain; charset=utf-8")
    assert body.splitlines() == ["version: STSv1", "mode: testing", f"mx: {HOST}", "max_age: 604800"], body
    assert curl(system, f"https://{HOST}:{https}/.well-known/mta-sts.txt")[0] == 404
    # to TLS, by the name that was asked for if it is ours
    for name, expected in ((DOMAIN, DOMAIN), (HOST, HOST), ("evil.test", HOST), ("evil.test@x", None)):
        status, fields, _ = insecure(system, f"http://{HOST}:{http}/?a=b", "-H", f"Host: {name}")
        assert status == (302 if expected else 400), (name, status)
        assert expected is None or fields["location"] == f"https://{expected}:{https}/?a=b", fields
    status, fields, page = curl(system, f"https://{HOST}:{https}/", "-H", "Accept-Language: de, zh-CN;q=0.9, en;q=0.1")
    assert status == 200 and "收信" in page and "<svg" in page and f":{https}" not in fields
    assert "Reading" in curl(system, f"https://{HOST}:{https}/")[2]
    assert insecure(system, f"https://{HOST}:{https}/", "-H", "Host: evil.test")[0] == 404
    status, fields, body = curl(system, f"https://{HOST}:{https}/", "--head")
    assert status == 200 and int(fields["content-length"]) > 1000 and body == ""
    for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/mail/../health/../x",
                 "/.well-known/acme-challenge/", "/.well-known/acme-challenge/..%2fx",
                 "/.well-known/acme-challenge/" + "x" * 2000, "/x%zz", "/a%00b", "/mobileconfig/"):
        assert curl(system, f"https://{HOST}:{https}{path}", "--path-as-is")[0] in (400, 404), path
    status, fields, _ = curl(system, f"https://{HOST}:{https}/", "-X", "DELETE")
    assert status == 405 and fields["allow"] == "get, head"
    for method in ("BREW", "get"):
        assert curl(system, f"https://{HOST}:{https}/", "-X", method)[0] == 501, method
    done = curl(system, "http://x/", "--unix-socket", str(system.directory / "run/http"), "-H", f"Host: {HOST}")
    assert done[0] == 200, "no redirect on the Unix socket"


def domain_of_another_script(system):
    """The configuration has it by its A-labels, people do not."""
    system.set(mydomain="xn--dgtz33j.xn--0zwm56d")
    system.command("reload")
    page = f"https://{HOST}:{system.port('https')}/"
    posthouse.wait_until(lambda: "<h1>Mail for 邮局.测试</h1>" in curl(system, page)[2], 10, "its page")
    system.set(mydomain=DOMAIN)
    system.command("reload")
    posthouse.wait_until(lambda: f"<h1>Mail for {DOMAIN}</h1>" in curl(system, page)[2], 10, "the page")


def watched(system):
    """/health and /metrics, read by another's parser of OpenMetrics if there is one."""
    base = f"http://{HOST}:{system.port('http')}"
    status, fields, body = insecure(system, f"{base}/metrics")
    assert status == 200 and fields["content-type"].startswith("application/openmetrics-text"), fields
    in_a_browser = insecure(system, f"{base}/metrics", "-H", "Accept: text/html, */*;q=0.8")[1]["content-type"]
    assert in_a_browser == "text/plain; charset=utf-8", in_a_browser
    names = re.findall(r"^# TYPE (\S+) ", body, re.M)
    assert len(names) == len(set(names)) and body.endswith("# EOF\n"), names
    for name, labels, value in re.findall(r"^([a-z_]+)(\{.*?\}) (\S+)$", body, re.M):
        family = re.sub("_(total|bucket|g?count|g?sum)$", "", name)
        assert (family in names or name in names) and float(value) >= 0, name
        assert re.fullmatch(r'\{process="[a-z-]+",instance="\d+"(,(to|verdict)="[a-z]+")?(,le="[0-9.+Inf]+")?\}',
                            labels), labels
    assert 'posthouse_process_up{process="smtpd",instance="0"} 1' in body
    served = int(re.search(r'posthouse_commands_total\{process="web",instance="0"\} (\d+)', body).group(1))
    assert served > 20, "its own requests are among them"
    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
        families = list(text_string_to_metric_families(body))
        assert len(families) == len(names)
    except ImportError:
        print("python3-prometheus-client is not installed: only our own checks")
    assert insecure(system, f"{base}/health")[::2] == (200, "ok\n")
    status, _, body = insecure(system, f"{base}/health", "-H", "Accept: application/json")
    rows = json.loads(body)
    assert rows["status"] == "ok" and {"smtpd", "auth", "web"} <= {r["process"] for r in rows["processes"]}
    # who is down is said, as soon as it is
    pid = system.processes()[("key", 0)]
    os.kill(pid, signal.SIGSTOP)
    assert insecure(system, f"{base}/health")[0] == 200, "it runs; that it is slow is not this page's business"
    os.kill(pid, signal.SIGCONT)


def sample(body, name, **labels):
    """The value of the sample with all of these labels."""
    for line in re.findall(rf"^posthouse_{name}\{{.*$", body, re.M):
        if all(f'{key}="{value}"' in line for key, value in labels.items()):
            return float(line.rsplit(" ", 1)[1])
    raise AssertionError(f"no {name} {labels}")


def send_some(system):
    """Three into a mailbox, one whose content is refused, one that nobody takes: it stays in the queue."""
    for _ in range(3):
        system.send(f"alice@{DOMAIN}")
    with smtplib.SMTP("127.0.0.1", system.port("smtp")) as client:
        client.ehlo("client.test")
        client.mail("bob@example.net")
        assert client.rcpt(f"alice@{DOMAIN}")[0] == 250
        client.putcmd("DATA")
        assert client.getreply()[0] == 354
        client.send(b"Subject: a\r\n\r\n\0\r\n.\r\n")
        assert client.getreply()[0] >= 500
    with smtplib.SMTP_SSL("127.0.0.1", system.port("submissions"), context=ssl._create_unverified_context()) as client:
        client.login(f"alice@{DOMAIN}", "secret-of-a-test")
        client.sendmail(f"alice@{DOMAIN}", ["x@elsewhere.test"], b"Subject: b\r\n\r\nc\r\n")


def times(system):
    """What send_some did is in the buckets; each is cumulative, and the last is the count."""
    def body():
        return insecure(system, f"http://{HOST}:{system.port('http')}/metrics")[2]
    posthouse.wait_until(lambda: sample(body(), "attempt_seconds_count", to="relay") >= 1, 20, "relay was tried")
    # the ages are looked at every 15 s
    posthouse.wait_until(lambda: sample(body(), "queue_age_seconds_gcount", process="queue") == 1, 30, "one is in the queue")
    text = body()
    assert sample(text, "delivery_seconds_count", to="mailbox") == 3
    assert sample(text, "delivery_seconds_count", to="relay") == 0
    assert sample(text, "attempt_seconds_count", to="mailbox") == 3
    assert 0 < sample(text, "delivery_seconds_sum", to="mailbox") < 60
    assert sample(text, "recipients_later_total", process="queue") >= 1
    assert sample(text, "end_of_data_seconds_count", verdict="accepted") == 4
    assert sample(text, "end_of_data_seconds_count", verdict="never") == 1
    assert sample(text, "end_of_data_seconds_sum", verdict="accepted") >= sample(text, "delivery_seconds_sum", to="mailbox")
    series = {}
    for labels, bound, value in re.findall(r'^posthouse_([a-z_]+_bucket\{.*),le="(\S+)"\} (\d+)$', text, re.M):
        series.setdefault(labels, []).append((float(bound), int(value)))
    assert len(series) == 10, series.keys()
    said = (Path(__file__).resolve().parents[2] / "doc/web.md").read_text()
    for family in re.findall(r"^# TYPE (\S+) (?:gauge)?histogram$", text, re.M):
        assert f"`{family}`" in said, f"{family} is not in doc/web.md"
    for labels, buckets in series.items():
        assert buckets == sorted(buckets) and [b for _, b in buckets] == sorted(b for _, b in buckets), (labels, buckets)
        name, rest = labels.split("_bucket{")
        counts = re.findall(rf"^posthouse_{name}_g?count\{{{re.escape(rest)}\}} (\d+)$", text, re.M)
        assert counts == [str(buckets[-1][1])] and buckets[-1][0] == float("inf"), (labels, counts)


def a_dead_process_is_down(system):
    base = f"http://{HOST}:{system.port('http')}"

    def is_down():
        os.kill(system.processes()[("names", 0)] or 2 ** 22, signal.SIGKILL)
        return False

    def looks_down():
        try:
            is_down()
        except ProcessLookupError:
            pass
        status, _, body = insecure(system, f"{base}/health")
        return status == 503 and body == "down\nnames 0\n"
    posthouse.wait_until(looks_down, 15, "health says that names is down")
    posthouse.wait_until(lambda: insecure(system, f"{base}/health")[0] == 200, 15, "and that it is back")


def top(system):
    """posthouse top: on a terminal until q, in a pipe and as JSON once."""
    text = system.command("top").stdout
    assert "connections/s" in text and re.search(r"^smtpd +0 +\d+ +\d+\.\d +\d+ MB", text, re.M), text
    assert "\033" not in text
    rows = system.json("top")
    assert {"DNS questions/s", "queue"} <= {row.get("figure") for row in rows}, rows
    assert {"reply", "to mailbox", "to others"} <= {row.get("time") for row in rows}, rows
    assert re.search(r"^ +reply p99 +-", text, re.M), text
    mailbox = next(row for row in rows if row.get("process") == "mailbox")
    assert mailbox["memory_kb"] > 1000 and mailbox["cpu_permille"] >= 0, mailbox
    if shutil.which("tmux") is None:
        return
    with terminal.Terminal([system.posthouse, "-c", system.config, "top"], columns=50, lines=14) as screen:
        first = screen.wait("PROCESS")
        assert first.startswith("posthouse at "), f"the head is there: {first}"
        assert sum("connections/s" in line for line in first.splitlines()) == 1, first
        screen.tmux("resize-window", "-x", "90", "-y", "50")
        screen.wait("\nweb ")
        screen.tmux("send-keys", "q")
        posthouse.wait_until(lambda: "PROCESS" not in screen.tmux("capture-pane", "-p").stdout, 10, "q ends it")


def say(system, text, wait=10):
    """What comes back on one connection until its end, or until it is quiet."""
    with socket.create_connection(("127.0.0.1", system.port("http")), timeout=wait) as client:
        client.sendall(text)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
        return answer


def requests_are_not_smuggled(system):
    head = f"Host: {HOST}\r\n".encode()
    hidden = b"GET /mail/config-v1.1.xml HTTP/1.1\r\n" + head + b"\r\n"
    for name, fields in (("both", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
                         ("two", b"Content-Length: 0\r\nContent-Length: 5\r\n"),
                         ("a blank", b"Content-Length : 5\r\n"), ("a sign", b"Content-Length: +5\r\n"),
                         ("folded", b"Transfer-Encoding:\r\n chunked\r\n"),
                         ("unknown", b"Transfer-Encoding: xchunked\r\n"), ("host", b"Host: b\r\n"),
                         ("LF", b"X: a\nContent-Length: 5\r\n")):
        answer = say(system, b"POST /autodiscover/autodiscover.xml HTTP/1.1\r\n" + head + fields + b"\r\n0\r\n\r\n" + hidden)
        assert re.match(rb"HTTP/1.1 (400|501) ", answer) and answer.count(b"HTTP/1.1 ") == 1, (name, answer)
        assert b"clientConfig" not in answer, name
    # pipelined requests have their answers in order, HEAD without a body
    answer = say(system, b"HEAD /mail/config-v1.1.xml HTTP/1.1\r\n" + head + b"\r\n" + hidden +
                 b"GET /no HTTP/1.1\r\nConnection: close\r\n" + head + b"\r\n" + hidden)
    assert [int(n) for n in re.findall(rb"HTTP/1.1 (\d+) ", answer)] == [200, 200, 404], answer
    assert answer.count(b"</clientConfig>") == 1
    # a connection does not live for ever
    answer = say(system, (b"GET /no HTTP/1.1\r\n" + head + b"\r\n") * 150)
    assert answer.count(b"HTTP/1.1 404") == 100, answer.count(b"HTTP/1.1 404")


def large_requests_are_refused(system):
    start = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n".encode()
    assert say(system, start + b"X: " + b"x" * 20000).startswith(b"HTTP/1.1 431 ")
    assert say(system, start + b"a: b\r\n" * 100 + b"\r\n").startswith(b"HTTP/1.1 431 ")
    assert say(system, b"GET /" + b"x" * 10000).startswith(b"HTTP/1.1 414 ")
    post = f"POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: {HOST}\r\n".encode()
    assert say(system, post + b"Content-Length: 99999999\r\n\r\nx").startswith(b"HTTP/1.1 413 ")
    assert b"HTTP/1.1 413 " in say(system, post + b"Transfer-Encoding: chunked\r\n\r\n" +
                                   (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 40)


def slow_clients_meet_their_deadline(system):
    """One octet a second, in head and body, and a handshake that does not go on: all end within 15 s and some, others are
    served meanwhile."""
    head = f"POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000\r\n\r\n".encode()
    begins = {"head": b"GET / HTTP/1.1\r\nX: ", "body": head, "handshake": b"\x16"}
    clients = {name: socket.create_connection(
        ("127.0.0.1", system.port("https" if name == "handshake" else "http"))) for name in begins}
    began, ended = time.monotonic(), {}
    for name, client in clients.items():
        client.setblocking(False)
        client.send(begins[name])
    while len(ended) < len(clients):
        assert time.monotonic() - began < 75, f"only {ended} ended"
        time.sleep(1)
        for name, client in clients.items():
            try:
                if name != "handshake":
                    client.send(b"x")
                if name not in ended and client.recv(1000) == b"":
                    ended[name] = time.monotonic() - began
            except BlockingIOError:
                pass
            except OSError:
                ended.setdefault(name, time.monotonic() - began)
        assert insecure(system, f"http://{HOST}:{system.port('http')}/no")[0] == 404
    print("slow clients ended after", {name: round(seconds, 1) for name, seconds in ended.items()})


def many_connections_are_bounded(system):
    """10,000: web keeps at most 4,000, stays small, and serves when they are gone."""
    pid = system.processes()[("web", 0)]
    clients = []
    for _ in range(10000):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", system.port("http")))
        clients.append(client)
    limit = 4200

    def count():
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    posthouse.wait_until(lambda: count() > 3000, 10, "they are taken")
    for _ in range(20):
        assert count() < limit, count()
        time.sleep(0.05)
    status = Path(f"/proc/{pid}/status").read_text()
    size = int(re.search(r"VmRSS:\s+(\d+)", status).group(1))
    threads = int(re.search(r"Threads:\s+(\d+)", status).group(1))
    print(f"10,000 connections: {count()} descriptors, {size} kB, {threads} threads")
    assert size < 60000 and threads < 30
    for client in clients:
        client.close()
    posthouse.wait_until(lambda: count() < 100, 20, "they are gone")
    assert insecure(system, f"http://{HOST}:{system.port('http')}/no")[0] == 404


def main():
    import resource
    posthouse.own_network()
    posthouse.need_programs("curl", "openssl")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with posthouse.System(relayhost="[127.0.0.1]:1") as system:
        system.add_user(f"alice@{DOMAIN}")
        system.start()
        send_some(system)
        for part in (thunderbird, outlook, phone, encryption, others, watched, top, requests_are_not_smuggled, large_requests_are_refused,
                     slow_clients_meet_their_deadline, times,
                     domain_of_another_script):
            print(part.__name__, flush=True)
            part(system)
        if hard > 12000:
            print("many_connections_are_bounded", flush=True)
            many_connections_are_bounded(system)
        assert system.json("status") and "event=process-ended" not in system.log_text()
        a_dead_process_is_down(system)


if __name__ == "__main__":
    main()
