#!/usr/bin/python3
"""Users of the machine have mail: useradd and chpasswd, and the next message is
taken, the next login let in, by IMAP, POP3 and SMTP; a locked, an expired, a removed
user; names that are not plain. PAM is Debian's own, also with a module that hangs, one
that answers nonsense and one that is missing; pam is killed and stopped."""
import base64
import os
import poplib
import pwd
import signal
import smtplib
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import local
import posthouse
import users
from posthouse import wait_until

DOMAIN = "linuxprobe.com"
PASSWORD = "linuxprobe"
SERVICE = Path("/etc/pam.d/posthouse")
SECONDS = 4711 + os.getpid()


def run(*words, text=None):
    subprocess.run(words, input=text, text=True, check=True, stdout=subprocess.DEVNULL)


def rcpt(system, address):
    with smtplib.SMTP("127.0.0.1", system.port("smtp"), timeout=30) as client:
        client.ehlo()
        client.mail("<bob@example.net>")
        return client.rcpt(f"<{address}>")[0]


def login(system, name, password=PASSWORD):
    """What auth says by SMTP: nothing but a login is tried there."""
    with smtplib.SMTP("127.0.0.1", system.port("submission"), timeout=30) as client:
        client.ehlo()
        words = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
        return client.docmd("AUTH", f"PLAIN {words}")[0]


def mail_and_logins(system):
    assert rcpt(system, f"boss@{DOMAIN}") == 550
    assert login(system, "boss") == 535
    # as the book does, without a home
    users.add("boss", PASSWORD, home=False)
    for address in ("boss", "Boss", "boss+news"):
        for domain in (DOMAIN, f"mail.{DOMAIN}"):
            assert rcpt(system, f"{address}@{domain}") == 250, (address, domain)
    for name in ("boss", f"boss@{DOMAIN}", f"boss@mail.{DOMAIN}", "BOSS"):
        assert login(system, name) == 235, name
    assert login(system, "boss", "Linuxprobe") == 535
    # root has mail, daemons have not, and neither logs in
    run("chpasswd", text=f"root:{PASSWORD}\n")
    assert rcpt(system, f"root@{DOMAIN}") == 250
    assert rcpt(system, f"postmaster@{DOMAIN}") == 250
    assert login(system, "root") == 535
    for name in ("bin", "nobody", "posthouse-auth", "dave"):
        assert rcpt(system, f"{name}@{DOMAIN}") == 550, name
        assert login(system, name) == 535, name
    for name in ("../boss", "a/b", "%n", "$(id)", "'--", '"boss;id"', '"(uid=*)"', "x" * 64):
        assert rcpt(system, f"{name}@{DOMAIN}") in (550, 553), name
    with smtplib.SMTP("127.0.0.1", system.port("submission"), timeout=30) as client:
        client.ehlo()
        assert "SCRAM" not in client.esmtp_features["auth"]


def passwords_change(system):
    run("chpasswd", text="boss:another\n")
    assert login(system, "boss") == 535
    assert login(system, "boss", "another") == 235
    run("usermod", "--lock", "boss")
    assert login(system, "boss", "another") == 535 and rcpt(system, f"boss@{DOMAIN}") == 250
    run("usermod", "--unlock", "boss")
    run("chage", "-E", "0", "boss")
    assert login(system, "boss", "another") == 535
    assert login(system, "boss", "wrong") == 535
    wait_until(lambda: "why=barred" in system.log_text(), 5, "it is logged")
    run("chage", "-E", "-1", "boss")
    run("chpasswd", text=f"boss:{PASSWORD}\n")
    # an empty password is none
    users.add("guest")
    run("passwd", "-d", "guest")
    assert login(system, "guest", "") in (501, 535) and login(system, "guest", "x") == 535
    users.remove("guest")
    wait_until(lambda: rcpt(system, f"guest@{DOMAIN}") == 550, 10, "guest is gone")


def mail_is_read(system, user):
    system.passwords["boss"] = PASSWORD
    system.send(f"boss@{DOMAIN}", subject="Hello~", sender=f"alice@{DOMAIN}")
    client = system.imap("boss")
    assert client.select()[1] == [b"1"]
    text = client.fetch("1", "(BODY.PEEK[])")[1][0][1].decode()
    assert "Subject: Hello~" in text, text
    client.logout()
    pop = poplib.POP3("127.0.0.1", system.port("pop3"), timeout=30)
    pop.user("boss")
    pop.pass_(PASSWORD)
    assert pop.stat()[0] == 1
    pop.quit()
    assert (system.directory / f"data/users/{user.pw_uid}").exists()


def submission(system):
    with smtplib.SMTP("127.0.0.1", system.port("submission"), timeout=30) as client:
        client.login("boss", PASSWORD)
        client.sendmail(f"boss@mail.{DOMAIN}", [f"alice@{DOMAIN}"],
                        f"From: <boss@{DOMAIN}>\r\nSubject: from boss\r\n\r\nx\r\n")
        client.mail(f"<alice@{DOMAIN}>")
        assert client.rcpt(f"<alice@{DOMAIN}>")[0] >= 500, "as another"


def builtin_goes_on(system):
    waited = []
    while not waited or waited[-1] > 3 and len(waited) < 5:
        begun = time.monotonic()
        answer = login(system, f"alice@{DOMAIN}", "secret-of-a-test")
        assert answer == 235, (answer, time.monotonic() - begun)
        assert rcpt(system, f"alice@{DOMAIN}") == 250
        waited.append(time.monotonic() - begun)
    # who waited for pam would do so for 5 s (serve/source_server.h), each time
    assert min(waited) < 3, waited


def pam_dies(system):
    """Killed and stopped: later, and then again."""
    pid = system.processes()[("pam", 0)]
    os.kill(pid, signal.SIGSTOP)
    # a name that is not remembered
    assert rcpt(system, f"carol@{DOMAIN}") == 451
    assert login(system, "boss") == 454
    builtin_goes_on(system)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: rcpt(system, f"carol@{DOMAIN}") == 550, 20, "pam is there again")
    assert login(system, "boss") == 235
    assert system.processes()[("pam", 0)] != pid


def sleepers():
    return int(subprocess.run(["pgrep", "-cf", f"^/bin/sleep {SECONDS}"], capture_output=True,
                              text=True, check=False).stdout)


def pam_hangs(system, common):
    """Of many who wait for a module that hangs some are told at once, all in time, and
    nobody else waits; what the module had started is gone with it."""
    SERVICE.write_text(f"auth required pam_exec.so quiet /bin/sleep {SECONDS}\n" + common)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(login(system, "boss")))
               for _ in range(30)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    wait_until(lambda: sleepers() > 0, 10, "the module hangs")
    for _ in range(3):
        builtin_goes_on(system)
        assert rcpt(system, f"boss@{DOMAIN}") == 250
    for thread in threads:
        thread.join()
    assert set(answers) == {454}, answers
    assert time.monotonic() - begun < 60
    wait_until(lambda: sleepers() == 0, 5, "nothing is left behind")
    # nor when pam itself is killed
    thread = threading.Thread(target=lambda: answers.append(login(system, "boss")))
    thread.start()
    wait_until(lambda: sleepers() > 0, 10, "the module hangs")
    os.kill(system.processes()[("pam", 0)], signal.SIGKILL)
    wait_until(lambda: sleepers() == 0, 5, "nothing is left behind")
    thread.join()
    SERVICE.write_text(common)
    wait_until(lambda: login(system, "boss") == 235, 30, "pam is there again")


def pam_talks_nonsense(system, common):
    for line in ("auth required pam_exec.so quiet /bin/false",
                 "auth required pam_exec.so stdout /bin/cat /dev/zero",
                 "auth required pam_does_not_exist.so", "auth required", "nonsense"):
        SERVICE.write_text(f"{line}\n" + common)
        assert login(system, "boss") in (454, 535), line
        builtin_goes_on(system)
    SERVICE.write_text("auth required pam_does_not_exist.so\n")
    assert login(system, "boss") == 454, "what is missing is no wrong password"
    SERVICE.write_text(common)
    assert login(system, "boss") == 235


def external(system, user):
    client = local.Imap(system)
    local.external(client, "")
    assert client.select()[0] == "OK"
    client.logout()

    def as_himself():
        mine = local.Imap(system)
        local.external(mine, "")
        return mine.select()[0] == "OK" and local.is_refused(system, "root")
    assert local.as_user(user, as_himself) == 0


def main():
    users.own_machine()
    posthouse.own_network()
    SERVICE.unlink(missing_ok=True)
    with posthouse.System(domain=DOMAIN, accounts="builtin system", myhostname=f"mail.{DOMAIN}",
                          mydestination=f"$myhostname, {DOMAIN}", auth_failure_delay="0s",
                          smtpd_client_auth_rate_limit="0") as system:
        system.start()
        common = SERVICE.read_text()
        system.add_user(f"alice@{DOMAIN}")
        mail_and_logins(system)
        print("useradd and chpasswd count at once; root and daemons do not log in")
        passwords_change(system)
        print("changed, locked, expired, empty, removed")
        boss = pwd.getpwnam("boss")
        mail_is_read(system, boss)
        submission(system)
        external(system, boss)
        print("mail is read by IMAP and POP3, and sent")
        pam_dies(system)
        print("pam stopped and killed: later, then again")
        pam_hangs(system, common)
        pam_talks_nonsense(system, common)
        print("modules that hang, talk nonsense, are missing")


main()
