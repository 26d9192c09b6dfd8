#!/usr/bin/python3
"""A site of Debian's Postfix and Dovecot becomes one of Posthouse: its configuration
is imported, its users, aliases and files stay where they are. For each account an
mbsync that knew the old server finds nothing changed at the new one: the same
folders, messages, flags and UIDs. Once with mbox, once with maildir."""
import imaplib
import random
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import installed
import peers
import posthouse

DOMAIN = "example.test"
USERS, MESSAGES = 10, 500       # for each format
KINDS = {"mbox": "mbox:~/mail:INBOX=/var/mail/%u", "maildir": "maildir:~/Maildir"}
FOLDERS = ("Archive", "Years/2025", "Entwürfe", "收件")
MAIN_CF = f"""compatibility_level = 3.6
myhostname = mail.{DOMAIN}
mydomain = {DOMAIN}
myorigin = $mydomain
mydestination = $myhostname, $mydomain,
    localhost
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_banner = $myhostname ESMTP
biff = no
alias_maps = hash:/etc/aliases
alias_database = hash:/etc/aliases
message_size_limit = 20480000
recipient_delimiter = +
"""
DOVECOT = """protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
login_trusted_networks = 192.0.2.0/24
mail_privileged_group = mail
mail_location = {location}
passdb {{
  driver = pam
}}
userdb {{
  driver = passwd
}}
"""


def encoded(name):
    """A mailbox name in modified UTF-7 (RFC 3501 5.1.3)."""
    import base64
    return re.sub(r"[^\x20-\x7e]+", lambda match: "&" + base64.b64encode(
        match.group().encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-", name)


def text_of(user, number, draw):
    lines = "".join(f"{draw.getrandbits(200):050x}\n" for _ in range(draw.randrange(1, 40)))
    return (f"Return-Path: <sender@example.net>\nFrom: <sender@example.net>\nTo: <{user}@{DOMAIN}>\n"
            f"Subject: {number} for {user}\nMessage-ID: <{number}.{user}@example.net>\n"
            f"Date: Sun, 22 Nov 2026 10:{number % 60:02d}:00 +0000\n\n{lines}")


def fill_inbox(kind, user):
    """As programs have left it over the years."""
    draw = random.Random(user)
    if kind == "mbox":
        path = installed.MAIL / user
        path.write_text("".join(
            "From sender@example.net Sun Nov 22 10:00:00 2026\n" +
            text_of(user, i, draw) + "\n"
            for i in range(MESSAGES)))
        path.chmod(0o660)
        subprocess.run(["chown", f"{user}:mail", path], check=True)
        return
    box = Path("/home") / user / "Maildir"
    for part in ("cur", "new", "tmp"):
        (box / part).mkdir(parents=True)
    for i in range(MESSAGES):
        place = box / ("new" if i % 7 == 0 else "cur")
        flags = "" if i % 7 == 0 else ":2," + ("S" if i % 2 else "") + ("R" if i % 5 == 0 else "")
        (place / f"{1763800000 + i}.M{i}P9.old{flags}").write_text(text_of(user, i, draw))
    subprocess.run(["chown", "-R", f"{user}:{user}", f"/home/{user}"], check=True)


def log_in(port, user):
    client = imaplib.IMAP4("127.0.0.1", port, timeout=60)
    client.login(user, "pw")
    return client


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def live_with_it(user):
    """Years of use: folders, flags, keywords, gaps in the UIDs."""
    draw = random.Random(user)
    client = log_in(143, user)
    delimiter = ok(client.list('""', '""'))[0].decode().split('"')[1]
    folders = [f'"{encoded(name).replace("/", delimiter)}"' for name in FOLDERS]
    for name in folders:
        ok(client.create(name))
        if "Archive" not in name:
            ok(client.subscribe(name))
    ok(client.select())
    for flags in ("\\Flagged", "\\Answered", "\\Seen", "$Forwarded", "Important"):
        numbers = ",".join(str(draw.randrange(MESSAGES) + 1) for _ in range(20))
        ok(client.store(numbers, "+FLAGS", f"({flags})"))
    ok(client.copy("1:50", folders[1]))
    ok(client.copy("100:120", folders[3]))
    ok(client.store("10:20,400:410", "+FLAGS", "(\\Deleted)"))
    ok(client.expunge())
    ok(client.append("INBOX", "(\\Seen $Label1)", '"01-Jan-2020 10:00:00 +0100"',
                     b"Subject: appended\r\n\r\nx\r\n"))
    client.logout()


def facts_of(user):
    """{folder: (UIDVALIDITY, {UID: (flags, size, date, message id)})} and subscriptions."""
    client, facts = log_in(143, user), {}
    for row in ok(client.list()):
        attributes, name = re.match(rb'\((.*?)\) (?:"."|NIL) (.*)', row).groups()
        if b"\\noselect" in attributes.lower() or b"\\nonexistent" in attributes.lower():
            continue
        mailbox = name.decode().strip('"')
        ok(client.select(f'"{mailbox}"', readonly=True))
        validity = client.response("UIDVALIDITY")[1][0]
        rows = {}
        if ok(client.search(None, "ALL")) != [b""]:
            for part in ok(client.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE "
                                        "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")):
                if not isinstance(part, tuple):
                    continue
                line = part[0].decode()
                flags = set(re.search(r"FLAGS \((.*?)\)", line).group(1).split()) - {"\\Recent"}
                rows[int(re.search(r"UID (\d+)", line).group(1))] = (
                    frozenset(flags), re.search(r"RFC822.SIZE (\d+)", line).group(1),
                    re.search(r'INTERNALDATE "[ 0]?(.*?)"', line).group(1), part[1].strip())
        facts[mailbox.replace(".", "/") if "/" not in mailbox else mailbox] = (validity, rows)
    subscribed = {row.split(b" ")[-1].strip(b'"').replace(b".", b"/")
                  for row in ok(client.lsub()) if row}
    client.logout()
    return facts, subscribed


def mbsync(user, place):
    rc = place / "mbsyncrc"
    rc.write_text(f"""IMAPAccount far
Host 127.0.0.1
User {user}
Pass pw
SSLType None
AuthMechs PLAIN

IMAPStore far
Account far

MaildirStore near
Path {place}/near/
Inbox {place}/near/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
""")
    (place / "near").mkdir(exist_ok=True)
    installed.run("mbsync", "-c", rc, "all")
    return {str(file.relative_to(place)): file.read_bytes()
            for file in (place / "near").rglob("*") if file.is_file()
            and file.parent.name in ("cur", "new")}


def start_theirs(kind):
    Path("/etc/postfix/main.cf").write_text(MAIN_CF)
    for path in Path("/etc/dovecot/conf.d").glob("*"):
        path.unlink()
    Path("/etc/dovecot/conf.d/10-mail.conf").write_text(DOVECOT.format(location=KINDS[kind]))
    Path("/etc/dovecot/dovecot.conf").write_text("!include conf.d/*.conf\n!include_try local.conf\n")
    Path("/etc/pam.d/dovecot").write_text("@include common-auth\n@include common-account\n")
    subprocess.run(["dovecot"], check=True)
    posthouse.wait_until(lambda: subprocess.run(["doveadm", "who"], capture_output=True)
                         .returncode == 0, 10, "Dovecot answers")


def import_configuration():
    configuration = installed.ETC / "posthouse.conf"
    done = subprocess.run(["posthouse", "config", "import", "--postfix", "/etc/postfix",
                           "--dovecot", "/etc/dovecot"], capture_output=True, text=True)
    assert done.returncode == 0, done
    configuration.parent.mkdir(exist_ok=True)
    configuration.write_text(done.stdout + f"data_directory = /var/lib/posthouse\n")
    report = done.stdout + done.stderr
    for name in ("login_trusted_networks", "biff", "smtpd_banner"):
        assert name in report, (name, report)
    assert "\nlogin_trusted_networks =" not in done.stdout, done.stdout
    installed.run("posthouse", "serve", "--check")
    return configuration


class Installed(posthouse.System):
    def __init__(self):
        self.directory = Path("/run/takeover")
        self.directory.mkdir(exist_ok=True)
        self.config = installed.ETC / "posthouse.conf"
        self.posthouse = Path("/usr/local/bin/posthouse")
        self.environment, self.process = None, None
        self.output = self.directory / "stdout"
        self.log = Path("/var/lib/posthouse/log/posthouse.log")


def compare(user, before, after):
    folders, subscribed = before
    new_folders, new_subscribed = after
    assert set(folders) == set(new_folders), (user, set(folders) ^ set(new_folders))
    assert subscribed == new_subscribed, (user, subscribed ^ new_subscribed)
    for name, (validity, rows) in folders.items():
        new_validity, new_rows = new_folders[name]
        # an empty mbox has no header to keep it in
        assert new_validity == validity or not rows, (user, name, validity, new_validity)
        assert set(rows) == set(new_rows), (user, name, sorted(set(rows) ^ set(new_rows))[:10])
        for uid, row in rows.items():
            assert row == new_rows[uid], (user, name, uid, row, new_rows[uid])


def take_over(kind):
    users = [f"{kind}{i}" for i in range(USERS)]
    for user in users:
        installed.add_user(user, "pw")
        fill_inbox(kind, user)
    Path("/etc/aliases").write_text(f"postmaster: root\nsales: {users[0]}, {users[1]}\n")
    start_theirs(kind)
    before, synced = {}, {}
    for user in users:
        live_with_it(user)
        place = Path("/run/sync") / user
        place.mkdir(parents=True)
        synced[user] = mbsync(user, place)
        before[user] = facts_of(user)
    subprocess.run(["doveadm", "stop"], check=True)
    posthouse.wait_until(lambda: not Path("/run/dovecot/master.pid").exists(), 10, "Dovecot ends")
    import_configuration()
    with Installed() as system:
        system.start()
        installed.run("newaliases")
        begin = time.monotonic()
        for user in users:
            compare(user, before[user], facts_of(user))
            assert mbsync(user, Path("/run/sync") / user) == synced[user], user
        system.port = lambda service: posthouse.PORTS[service]
        system.send(f"sales@{DOMAIN}", subject="to the alias")
        for user in users[:2]:
            posthouse.wait_until(lambda: any(
                row[3] == b"" for row in facts_of(user)[0]["INBOX"][1].values()), 20, "the alias")
        count = sum(len(rows) for facts, _ in before.values() for _, rows in facts.values())
        print(f"{kind}: {len(users)} accounts, {count} messages are as they were "
              f"({time.monotonic() - begin:.1f} s)", flush=True)


def main():
    peers.enter("postfix", "dovecot-imapd", "isync")
    installed.install()
    installed.run("posthouse", "init", "--domain", DOMAIN, input="secret-of-postmaster\n")
    for kind in KINDS:
        take_over(kind)


main()
