#!/usr/bin/python3
"""`import` and `export`: mbox, Maildir++ with Dovecot's files, and a Dovecot of Debian
over IMAP, with and without TLS, become the same account; that account written as
mbox and as maildir and taken in again is the same once more: folders, order, texts,
flags, keywords, dates, subscriptions. Killed again and again, an import goes on and
doubles nothing."""
import imaplib
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import peers
import posthouse

MANY = 20000
FOLDERS = ["INBOX", "Archive", "Archive/2026", "中文/收件", "dots.in.it"]
FLAGS = ["", r"\Seen", r"\Seen \Answered", r"\Flagged kw1", r"\Seen \Draft $Work", r"\Deleted"]


def name_in_imap(name):
    """Modified UTF-7, quoted."""
    out = []
    for piece in re.split(r"([^\x20-\x7e]+)", name):
        if piece and not piece.isascii():
            import base64
            text = base64.b64encode(piece.encode("utf-16-be")).decode().rstrip("=")
            out.append("&" + text.replace("/", ",") + "-")
        else:
            out.append(piece.replace("&", "&-"))
    return '"' + "".join(out) + '"'


def message(folder, number):
    return (f"Return-Path: <a{number}@x.test>\r\nFrom: a{number}@x.test\r\n"
            f"Subject: {folder.encode().hex()} {number}\r\n"
            f"Message-ID: <{number}.{folder.encode().hex()}@x>\r\n\r\n"
            f"text {number}\r\nFrom here\r\n>From there\r\n" + "x\r\n" * (number % 7)).encode()


def fill(client, separator):
    for folder in FOLDERS:
        wire = name_in_imap(folder.replace("/", separator))
        if folder != "INBOX":
            client.create(wire)
        if folder.startswith("Archive"):
            client.subscribe(wire)
        for number in range(12):
            date = f'"{number + 1:02d}-Jan-2024 10:00:{number:02d} +0000"'
            kind, text = client.append(wire, FLAGS[number % len(FLAGS)], date,
                                       message(folder, number))
            assert kind == "OK", text


def contents(system, address):
    """{folder: [(text, flags, date)]} and what is subscribed, as IMAP says."""
    client = system.imap(address)
    result = {}
    for line in client.list()[1]:
        name = re.search(rb'"/" (.*)$', line).group(1).decode()
        quoted = name if name.startswith('"') else f'"{name}"'
        kind, count = client.select(quoted, readonly=True)
        rows = []
        if int(count[0]):
            for part in client.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")[1]:
                if not isinstance(part, tuple):
                    continue
                flags = re.search(rb"FLAGS \(([^)]*)\)", part[0]).group(1).split()
                date = re.search(rb'INTERNALDATE "([^"]*)"', part[0]).group(1)
                seconds = imaplib.Internaldate2tuple(b'INTERNALDATE "' + date + b'"')
                rows.append((part[1], sorted(set(flags) - {b"\\Recent"}), time.mktime(seconds)))
        if rows:
            result[quoted] = rows
    subscribed = sorted(line.split(b'"/" ')[1].strip(b'"') for line in client.lsub()[1] if line)
    client.logout()
    return result, subscribed


def run(system, *words, **options):
    return system.command("import", *words, **options).stdout


def dovecot(directory, ca):
    for name in ("cur", "new", "tmp"):
        (directory / "Maildir" / name).mkdir(parents=True)
    subprocess.run(["chown", "-R", "65534:65534", str(directory / "Maildir")], check=True)
    (directory / "dovecot.conf").write_text(f"""
base_dir = {directory}/run
log_path = {directory}/log
protocols = imap
listen = 127.0.0.1
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{ca}/cert.pem
ssl_key = <{ca}/key.pem
mail_location = maildir:{directory}/Maildir
first_valid_uid = 0
auth_mechanisms = plain
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 1143
  }}
  inet_listener imaps {{
    port = 1993
  }}
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = static
  args = password=pass-word
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={directory}
}}
mail_uid = 65534
mail_gid = 65534
""")
    subprocess.run(["dovecot", "-c", str(directory / "dovecot.conf")], check=True)

    def answers():
        try:
            client = imaplib.IMAP4("127.0.0.1", 1143)
            client.login("carol@old.test", "pass-word")
            return client
        except OSError:
            return None
    return posthouse.wait_until(answers, 20, "Dovecot answers")


def from_dovecot(system):
    directory, ca = system.directory / "dovecot", system.directory / "ca"
    directory.mkdir()
    ca.mkdir()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(ca / "key.pem"), "-out",
                    str(ca / "cert.pem"), "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    client = dovecot(directory, ca)
    fill(client, ".")
    client.logout()
    run(system, "--user", "imap@example.test", "--ca-file", str(ca / "cert.pem"),
        "imap://carol%40old.test@127.0.0.1:1143/", input="pass-word\n")
    refused = system.command("import", "--user", "tls@example.test", check=False,
                             input="pass-word\n", *["imaps://carol@127.0.0.1:1993/"])
    assert refused.returncode == 1 and "self-signed" in refused.stderr, refused.stderr
    run(system, "--user", "tls@example.test", "--ca-file", str(ca / "cert.pem"),
        "imaps://carol@127.0.0.1:1993/", input="pass-word\n")
    run(system, "--user", "maildir@example.test", f"maildir:{directory}/Maildir")
    subprocess.run(["dovecot", "-c", str(directory / "dovecot.conf"), "stop"], check=True)
    first = contents(system, "imap@example.test")
    assert sum(len(rows) for rows in first[0].values()) == 12 * (len(FOLDERS)), \
        {name: len(rows) for name, rows in first[0].items()}
    text, flags, date = first[0]['"Archive/2026"'][3]
    assert text == message("Archive/2026", 3) and flags == [b"\\Flagged", b"kw1"], (text, flags)
    assert date == time.mktime(imaplib.Internaldate2tuple(
        b'INTERNALDATE "04-Jan-2024 10:00:03 +0000"')), date
    assert b"Archive/2026" in first[1] and b"dots/in/it" not in first[1], first[1]
    for address in ("tls@example.test", "maildir@example.test"):
        same(first, contents(system, address), address)
    print("a Dovecot over IMAP with STARTTLS, over TLS, and its maildir: the same account")
    return first


def same(left, right, what):
    assert left[1] == right[1], (what, left[1], right[1])
    assert sorted(left[0]) == sorted(right[0]), (what, sorted(left[0]), sorted(right[0]))
    for name, rows in left[0].items():
        for number, (a, b) in enumerate(zip(rows, right[0][name])):
            assert a == b, (what, name, number, a, b)
        assert len(rows) == len(right[0][name]), (what, name)


def there_and_back(system, address):
    first = contents(system, address)
    for form in ("mbox", "maildir"):
        out = system.directory / f"out-{form}"
        system.command("export", "--user", address, f"{form}:{out}")
        again = system.command("export", "--user", address, f"{form}:{out}").stdout
        assert again.startswith("0 messages exported"), again
        run(system, "--user", f"back-{form}@example.test", f"{form}:{out}")
        same(first, contents(system, f"back-{form}@example.test"), form)
    print("written as mbox and as maildir, and taken in again: the same account")


def filled_by_hand(system):
    address = "hand@example.test"
    client = system.imap(address)
    fill(client, "/")
    client.logout()
    return address


def has_session():
    """Is one of the Unix socket served still, though its client may be gone?"""
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
    return any(row[-1].endswith("/imap") and row[3] == "00000000" for row in rows)


def killed(system, *words):
    """Runs the command, killed ever later until it comes to its end, so as often on a
    fast machine as on a slow one; what it said there. What the killed one had sent whole
    is still stored: who looked before that is done would send it again, and so the next
    one begins when that session has ended."""
    environment = dict(system.environment, TZ="UTC")
    rolls, kills = random.Random(7), 0
    while True:
        process = subprocess.Popen([str(system.posthouse), "-c", str(system.config), *words],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=environment)
        try:
            out, err = process.communicate(timeout=0.01 * 1.25 ** kills * rolls.uniform(0.7, 1.3))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
            posthouse.wait_until(lambda: not has_session(), 10, "its session has ended")
            continue
        assert process.returncode == 0, err
        return out, kills


def many_with_kills(system):
    path = system.directory / "many.mbox"
    with path.open("w") as file:
        for number in range(MANY):
            same_twice = number - number % 2 if number % 10 < 2 else number
            file.write(f"From a@x.test Sun Nov 22 10:00:00 2026\nSubject: {same_twice}\n"
                       f"Status: {'RO' if number % 2 else 'O'}\n\n{'body ' * 100}\n\n")
    before = time.monotonic()
    run(system, "--user", "fast@example.test", f"mbox:{path}", timeout=120)
    rate = MANY / (time.monotonic() - before)
    print(f"{rate:.0f} messages a second")
    assert rate > 2000
    out, kills = killed(system, "import", "--user", "killed@example.test", f"mbox:{path}")
    assert kills > 3, out
    subjects = []
    for address in ("fast@example.test", "killed@example.test"):
        client = system.imap(address)
        client.select("INBOX", readonly=True)
        rows = client.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        subjects.append([(row[1], b"Seen" in row[0]) for row in rows if isinstance(row, tuple)])
        client.logout()
    assert len(subjects[0]) == MANY and subjects[0] == subjects[1], \
        [len(each) for each in subjects]
    assert run(system, "--user", "killed@example.test",
               f"mbox:{path}").startswith(f"0 messages imported, {MANY} were there")
    print(f"killed {kills} times: nothing lost, nothing doubled, in order")
    for form in ("mbox", "maildir"):
        out, kills = killed(system, "export", "--user", "fast@example.test",
                            f"{form}:{system.directory}/killed-{form}")
        assert kills > 1
        run(system, "--user", f"killed-{form}@example.test", timeout=120,
            *[f"{form}:{system.directory}/killed-{form}"])
        client = system.imap(f"killed-{form}@example.test")
        client.select("INBOX", readonly=True)
        rows = client.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        assert [(row[1], b"Seen" in row[0]) for row in rows
                if isinstance(row, tuple)] == subjects[0], form
        print(f"an export as {form} killed {kills} times is whole")


def mistakes(system):
    def sentence(*words):
        done = system.command(*words, check=False, input="x\n")
        assert done.returncode == 1 and "Traceback" not in done.stderr, done
        return done.stderr
    assert "expected mbox:FILE" in sentence("import", "--user", "fast@example.test", "/tmp/x")
    assert "opening" in sentence("import", "--user", "fast@example.test", "mbox:/nowhere")
    assert "expected mbox form" in sentence("import", "--user", "fast@example.test",
                                            f"mbox:{system.config}")
    assert "expected a maildir" in sentence("import", "--user", "fast@example.test",
                                            f"maildir:{system.directory}")
    assert "You may not act" in sentence("import", "--user", "nobody@example.test",
                                         f"mbox:{system.directory}/many.mbox")
    assert "connecting" in sentence("import", "--user", "fast@example.test",
                                    "imap://a@127.0.0.1:1/")
    # a file of somebody else stays, also when the folders before it were written
    place = system.directory / "another's"
    place.mkdir()
    (place / "Trash.mbox").write_text("his")
    for _ in range(2):
        assert "not as an export left it" in sentence("export", "--user", "hand@example.test",
                                                      f"mbox:{place}")
        assert (place / "Trash.mbox").read_text() == "his"
    assert "expected mbox:DIR" in sentence("export", "--user", "fast@example.test", "x")
    print("mistakes are sentences")


def main():
    if os.geteuid() == 0:
        peers.enter("dovecot-imapd")
    imaplib._MAXLINE = 1 << 24
    with posthouse.System(environment={"TZ": "UTC"}) as system:
        system.environment["XDG_STATE_HOME"] = str(system.directory / "state")
        system.start()
        system.add_users([f"{name}@example.test" for name in (
            "imap", "tls", "maildir", "hand", "back-mbox", "back-maildir", "fast", "killed",
            "killed-mbox", "killed-maildir")], "secret-of-a-test")
        address = filled_by_hand(system)
        there_and_back(system, address)
        if os.geteuid() == 0:
            from_dovecot(system)
        many_with_kills(system)
        mistakes(system)


main()
