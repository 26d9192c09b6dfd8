#!/usr/bin/python3
"""Programs that people use, against one system: curl (smtp, imap, pop3), mbsync
both ways, fetchmail, msmtp, imaplib, poplib, openssl s_client, swaks."""
import imaplib
import poplib
import ssl
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse

ALICE = "alice@example.test"


def run(*words, check=True, **options):
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: {done.stdout}\n{done.stderr}")
    return done.stdout + done.stderr


def trusting():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def count(system):
    client = system.imap(ALICE)
    number = int(client.select("INBOX", readonly=True)[1][0])
    client.logout()
    return number


def curl_sends_and_reads(system, work):
    mail = work / "mail"
    mail.write_text("From: alice@example.test\r\nTo: alice@example.test\r\n"
                    "Subject: by curl\r\n\r\nhello\r\n")
    run("curl", "-sSk", "--ssl-reqd", "--user", f"{ALICE}:{system.passwords[ALICE]}",
        "--mail-from", ALICE, "--mail-rcpt", ALICE, "-T", str(mail),
        f"smtp://127.0.0.1:{system.port('submission')}")
    run("curl", "-sSk", "--user", f"{ALICE}:{system.passwords[ALICE]}",
        "--mail-from", ALICE, "--mail-rcpt", ALICE, "-T", str(mail),
        f"smtps://127.0.0.1:{system.port('submissions')}")
    for url in (f"imaps://127.0.0.1:{system.port('imaps')}/INBOX;MAILINDEX=1",
                f"imap://127.0.0.1:{system.port('imap')}/INBOX;MAILINDEX=2",
                f"pop3s://127.0.0.1:{system.port('pop3s')}/1",
                f"pop3://127.0.0.1:{system.port('pop3')}/2"):
        secure = ["--ssl-reqd"] if "s://" not in url else []
        text = run("curl", "-sSk", *secure, "--user",
                   f"{ALICE}:{system.passwords[ALICE]}", url)
        assert "Subject: by curl" in text, (url, text)
    assert count(system) == 2


def msmtp_submits(system, work):
    rc = work / "msmtprc"
    rc.write_text(f"""account default
host 127.0.0.1
port {system.port('submission')}
from {ALICE}
auth on
user {ALICE}
password {system.passwords[ALICE]}
tls on
tls_starttls on
tls_certcheck off
""")
    rc.chmod(0o600)
    before = count(system)
    run("msmtp", "-C", str(rc), ALICE, input="Subject: by msmtp\n\nhello\n")
    assert count(system) == before + 1


def fetchmail_takes(system, work):
    got = work / "fetched"
    rc = work / "fetchmailrc"
    for protocol, port in (("imap", "imaps"), ("pop3", "pop3s")):
        rc.write_text(f"""poll 127.0.0.1 protocol {protocol} port {system.port(port)}
 user "{ALICE}" password "{system.passwords[ALICE]}" ssl no sslcertck keep fetchall
 mda "cat >> {got}"
""")
        rc.chmod(0o600)
        got.write_text("")
        run("fetchmail", "-f", str(rc), "--pidfile", str(work / "pid"), "--nodetach",
            "-d0", "--idfile", str(work / "ids"), env={"HOME": str(work), "PATH": "/usr/bin:/bin",
                                                        "USER": "root"})
        assert got.read_text().count("Subject: by") == count(system), got.read_text()


def mbsync_both_ways(system, work):
    near = work / "near"
    near.mkdir()
    rc = work / "mbsyncrc"
    rc.write_text(f"""IMAPAccount far
Host 127.0.0.1
Port {system.port('imaps')}
User {ALICE}
Pass {system.passwords[ALICE]}
SSLType IMAPS
CertificateFile {system.directory}/data/tls/cert.pem

IMAPStore far
Account far

MaildirStore near
Path {near}/
Inbox {near}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
""")
    run("mbsync", "-c", str(rc), "-a", env={"HOME": str(work), "PATH": "/usr/bin:/bin"})
    files = [p for d in ("new", "cur") for p in (near / "INBOX" / d).iterdir()]
    assert len(files) == count(system), files
    assert (near / "Sent").is_dir() and (near / "Trash").is_dir()
    # a message and a folder made here go there; a flag set and one deleted too
    new = near / "INBOX" / "cur" / "1700000000.1.here:2,FS"
    new.write_text("Subject: from near\n\nhello\n")
    (near / "work").mkdir()
    for name in ("cur", "new", "tmp"):
        (near / "work" / name).mkdir()
    (near / "work" / "cur" / "1700000001.1.here:2,").write_text("Subject: in work\n\nx\n")
    files[0].unlink()
    before = count(system)
    run("mbsync", "-c", str(rc), "-a", env={"HOME": str(work), "PATH": "/usr/bin:/bin"})
    assert count(system) == before      # one came, one went
    client = system.imap(ALICE)
    client.select("INBOX")
    found = client.search(None, "FLAGGED", "SUBJECT", '"from near"')[1][0]
    assert len(found.split()) == 1, found
    assert client.select("work") == ("OK", [b"1"])
    client.store("1", "+FLAGS", r"\Flagged")
    client.logout()
    run("mbsync", "-c", str(rc), "-a", env={"HOME": str(work), "PATH": "/usr/bin:/bin"})
    names = [p.name for p in (near / "work" / "cur").iterdir()]
    assert len(names) == 1 and "F" in names[0].split(",")[-1], names


def python_clients(system, _):
    client = imaplib.IMAP4("127.0.0.1", system.port("imap"), timeout=20)
    client.starttls(trusting())
    client.login(ALICE, system.passwords[ALICE])
    total = int(client.select("INBOX")[1][0])
    client.append("INBOX", r"(\Seen)", None, b"Subject: appended\r\n\r\nhello\r\n")
    assert client.noop()[0] == "OK"
    assert int(client.select("INBOX")[1][0]) == total + 1
    text = client.fetch(str(total + 1), "(FLAGS BODY[])")[1][0]
    assert b"appended" in text[1] and b"\\Seen" in text[0]
    client.store(str(total + 1), "+FLAGS", r"(\Deleted)")
    assert client.expunge()[0] == "OK"
    client.close()
    client.logout()
    pop = poplib.POP3("127.0.0.1", system.port("pop3"), timeout=20)
    pop.stls(trusting())
    pop.user(ALICE)
    pop.pass_(system.passwords[ALICE])
    assert pop.stat()[0] == total
    assert b"Subject: " in b"\n".join(pop.top(1, 0)[1])
    unique = pop.uidl()[1]
    pop.dele(1)
    pop.rset()
    pop.quit()
    pop = poplib.POP3_SSL("127.0.0.1", system.port("pop3s"), context=trusting(), timeout=20)
    pop.user(ALICE)
    pop.pass_(system.passwords[ALICE])
    assert pop.uidl()[1] == unique
    pop.dele(1)
    pop.quit()
    assert count(system) == total - 1


def openssl_sees_modern_tls(system, _):
    for words, service in ((["-starttls", "smtp"], "smtp"), (["-starttls", "imap"], "imap"),
                           (["-starttls", "pop3"], "pop3"), ([], "submissions"),
                           ([], "imaps"), ([], "pop3s")):
        for version in ("-tls1_2", "-tls1_3"):
            text = run("openssl", "s_client", "-connect", f"127.0.0.1:{system.port(service)}",
                       *words, version, input="QUIT\r\n")
            assert "Cipher is (NONE)" not in text, (service, version, text)
        text = run("openssl", "s_client", "-connect", f"127.0.0.1:{system.port(service)}",
                   *words, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", input="", check=False)
        assert "Cipher is (NONE)" in text, (service, "TLS 1.1 was accepted")


def main():
    posthouse.need_programs("swaks", "curl", "mbsync", "fetchmail", "msmtp", "openssl")
    posthouse.own_network()
    with posthouse.System() as system:
        system.add_user(ALICE)
        system.start()
        work = system.directory / "work"
        work.mkdir(mode=0o700)
        for step in (curl_sends_and_reads, msmtp_submits, fetchmail_takes,
                     mbsync_both_ways, python_clients, openssl_sees_modern_tls):
            step(system, work)
            print(f"{step.__name__}: ok", flush=True)


main()
