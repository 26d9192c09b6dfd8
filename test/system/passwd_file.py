#!/usr/bin/python3
"""Users of a passwd-file in Dovecot's format: their hashes are those that doveadm pw
and mkpasswd made. They get mail, log in by IMAP, POP3 and SMTP (curl and Python),
and keep their mailbox whatever happens to the file: reordered, a user gone and back,
unreadable, damaged lines."""
import imaplib
import poplib
import smtplib
import ssl
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse

SEEDS = Path(__file__).resolve().parent.parent / "fuzz/seeds/hash"
# user and the tool that made the hash; all are of "secret"
USERS = {
    "shadow": "crypt-yescrypt", "crypt6": "crypt-sha512crypt", "blowfish": "dovecot-blf-crypt",
    "ssha": "dovecot-ssha", "hex": "dovecot-sha512-hex", "pbkdf2": "dovecot-pbkdf2",
    "argon": "dovecot-argon2id", "scram": "dovecot-scram-sha-256", "plain": "dovecot-plain",
}


def line(user):
    return f"{user}:{(SEEDS / USERS[user]).read_text()}:5000:5000::/home/{user}::\n"


def context():
    result = ssl.create_default_context()
    result.check_hostname = False
    result.verify_mode = ssl.CERT_NONE
    return result


def imap(system, user, password="secret"):
    client = imaplib.IMAP4_SSL("127.0.0.1", system.port("imaps"), ssl_context=context(),
                               timeout=30)
    client.login(user, password)
    return client


def subjects(system, user):
    client = imap(system, user)
    client.select()
    numbers = client.search(None, "ALL")[1][0].split()
    result = [client.fetch(n, "(BODY[HEADER.FIELDS (SUBJECT)])")[1][0][1].decode()
              .partition(":")[2].strip() for n in numbers]
    client.logout()
    return result


def is_refused(system, user, password="secret"):
    try:
        imap(system, user, password).logout()
        return False
    except imaplib.IMAP4.error:
        return True


def rcpt(system, address):
    with smtplib.SMTP("127.0.0.1", system.port("smtp"), timeout=30) as client:
        client.ehlo()
        client.mail("<bob@example.net>")
        return client.rcpt(f"<{address}>")[0]


def mechanisms(system):
    with smtplib.SMTP_SSL("127.0.0.1", system.port("submissions"), timeout=30,
                          context=context()) as client:
        client.ehlo()
        return client.esmtp_features["auth"].split()


def reload(system, file, text):
    file.write_text(text)
    system.command("reload")


def everybody_logs_in(system):
    for user in USERS:
        assert rcpt(system, f"{user}@example.test") == 250, user
        system.send(f"{user}@example.test", subject=f"for {user}")
        imap(system, f"{user}@example.test").logout()
        assert subjects(system, user) == [f"for {user}"], user
        assert is_refused(system, user, "Secret"), user
    pop = poplib.POP3_SSL("127.0.0.1", system.port("pop3s"), context=context(), timeout=30)
    pop.user("ssha")
    pop.pass_("secret")
    assert pop.stat()[0] == 1
    pop.quit()


def curl(system, *words):
    return subprocess.run(["curl", "-sS", "--insecure", *words], capture_output=True, text=True,
                          timeout=60, check=False)


def real_clients(system):
    done = curl(system, "--user", "shadow:secret",
                f"imaps://127.0.0.1:{system.port('imaps')}/INBOX;MAILINDEX=1")
    assert done.returncode == 0 and "body of for shadow" in done.stdout, (done.stdout, done.stderr)
    mail = system.directory / "mail"
    mail.write_text("From: <shadow@example.test>\r\nSubject: by curl\r\n\r\ntext\r\n", newline="")

    def submit(sender):
        return curl(system, "--user", "shadow:secret", "--mail-from", sender, "--mail-rcpt",
                    "ssha@example.test", "--upload-file", str(mail),
                    f"smtps://127.0.0.1:{system.port('submissions')}")
    done = submit("shadow@example.test")
    assert done.returncode == 0, done.stderr
    assert subjects(system, "ssha") == ["for ssha", "by curl"]
    assert submit("crypt6@example.test").returncode != 0, "sent as somebody else"


def ids(system):
    return {row["address"]: row["account"] for row in system.json("user", "list")}


def the_file_changes(system, file):
    before = ids(system)
    assert before["ssha@example.test"], before
    # gone: refused, and the mail waits for him; the others stand elsewhere in the file
    reload(system, file, "".join(line(user) for user in reversed(USERS) if user != "ssha"))
    assert rcpt(system, "ssha@example.test") == 550
    assert is_refused(system, "ssha")
    assert subjects(system, "plain") == ["for plain"]
    # back, in another place, among lines that are none
    reload(system, file, "# users\n\nno colon here\n" + line("ssha") + "not an address@:{PLAIN}x\n"
           "none:{NONE}\nnets:{PLAIN}secret::::::allow_nets=192.0.2.0/24\n"
           + "".join(line(user) for user in USERS if user != "ssha"))
    assert subjects(system, "ssha") == ["for ssha", "by curl"]
    after = ids(system)
    assert {name: after[name] for name in before} == before, (before, after)
    log = system.log_text()
    for number in (3, 5, 6, 7):
        assert any("event=accounts-line" in text and f"line={number} " in text and str(file) in text
                   for text in log.splitlines()), number
    # mail for who cannot log in is taken all the same
    assert rcpt(system, "none@example.test") == 250 and is_refused(system, "none", "")
    assert rcpt(system, "nets@example.test") == 250 and is_refused(system, "nets")


def the_file_cannot_be_read(system, file):
    text = file.read_text()
    file.unlink()
    system.command("reload")
    assert subjects(system, "ssha") == ["for ssha", "by curl"], "what was read before is kept"
    system.restart()
    assert "event=accounts-not-read" in system.log_text()
    assert 400 <= rcpt(system, "ssha@example.test") < 500
    assert 400 <= rcpt(system, "nobody@example.test") < 500
    assert is_refused(system, "ssha")
    reload(system, file, text)
    assert rcpt(system, "ssha@example.test") == 250
    assert subjects(system, "ssha") == ["for ssha", "by curl"]


def scram_is_offered_when_all_can(system, file):
    assert sorted(mechanisms(system)) == ["LOGIN", "PLAIN"], mechanisms(system)
    reload(system, file, line("scram"))
    posthouse.wait_until(lambda: any("SCRAM-SHA-256" in name for name in mechanisms(system)), 10,
                         "SCRAM is offered")
    assert subjects(system, "scram") == ["for scram"]


def main():
    posthouse.need_programs("curl")
    posthouse.own_network()
    with posthouse.System(auth_failure_delay="0s") as system:
        file = system.directory / "users"
        file.write_text("".join(line(user) for user in USERS))
        file.chmod(0o600)
        system.set(accounts=f"passwd-file:{file} builtin")
        system.start()
        everybody_logs_in(system)
        print("mail and logins with", ", ".join(USERS.values()))
        real_clients(system)
        print("curl reads and submits; nobody sends as another")
        the_file_changes(system, file)
        print("a user who comes back has his mail")
        the_file_cannot_be_read(system, file)
        print("later while the file cannot be read")
        scram_is_offered_when_all_can(system, file)
        system.imap("postmaster@example.test").logout()
        system.command("user", "add", "--hash", (SEEDS / "dovecot-ssha").read_text(),
                       "carol@example.test")
        posthouse.wait_until(lambda: sorted(mechanisms(system)) == ["LOGIN", "PLAIN"], 10,
                             "SCRAM is not offered")
        assert subjects(system, "carol@example.test") == []
        posthouse.wait_until(lambda: len(mechanisms(system)) > 2, 10, "SCRAM is offered again")
        assert "event=password-upgraded" in system.log_text()
        print("an imported hash is replaced at the first login")


main()
