#!/usr/bin/python3
"""The Debian package on a bare Debian that its own systemd has booted: it builds,
lintian has nothing to say, apt installs it with one question, its unit starts it in
its sandbox, it takes and gives mail, reload and restart work, an upgrade keeps the
sessions, it and a removal keep configuration and mail, a purge keeps mail."""
import ctypes
import imaplib
import re
import smtplib
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import debian
import installed
import posthouse
import terminal

DOMAIN, HOST = "example.test", "mail.example.test"
USER, PASSWORD = f"alice@{DOMAIN}", "secret-of-a-test"
WHAT_NEXT = ("posthouse init", f"posthouse user add NAME@{DOMAIN}", f"https://{HOST}/",
             "posthouse dns", "posthouse doctor")
EXPOSURE = 4.0      # systemd-analyze security, at most
# Lintian's tags that are known and stay.
KNOWN = {
    "initial-upload-closes-no-bugs",    # Debian has no bug about it
    "no-changelog-copyright",
}


def lintian_has_nothing_to_say():
    said = (debian.WORK / "lintian").read_text()
    print("lintian:", said.strip() or "nothing", flush=True)
    found = [line for line in said.splitlines()
             if line[:3] in ("E: ", "W: ") and not any(tag in line for tag in KNOWN)]
    assert not found, "\n".join(found)


def maintainer_scripts_are_harmless(deb):
    """Nothing that debhelper adds stops a system that runs."""
    place = Path("/run/scripts")
    installed.run("dpkg-deb", "-e", deb, place)
    postinst = (place / "postinst").read_text()
    assert postinst.count("restart") == 2, postinst     # ours, and the sentence
    assert (place / "prerm").read_text().count("deb-systemd-invoke") == 1, "at a removal"


def newer(deb):
    """The same package with a higher version."""
    place = Path("/run/newer")
    installed.run("dpkg-deb", "-R", deb, place)
    control = place / "DEBIAN/control"
    control.write_text(control.read_text().replace("Version: 0", "Version: 1:0"))
    installed.run("dpkg-deb", "--root-owner-group", "-b", place, "/run/newer.deb")
    return Path("/run/newer.deb")


def bring(machine, deb, name="posthouse.deb"):
    machine.path(f"/tmp/{name}").write_bytes(deb.read_bytes())
    return f"/tmp/{name}"


def apt(machine, *words):
    """What it says, on both streams."""
    return machine.run("sh", "-c", 'exec "$@" 2>&1', "sh", "apt-get", "-q", "-y", *words,
                       DEBIAN_FRONTEND="noninteractive")


def install(machine, deb):
    """As a person does, who is asked for the domain and for nothing else."""
    words = machine.words("apt", "install", bring(machine, deb))
    with terminal.Terminal(words, columns=100, lines=40) as screen:
        screen.wait("Do you want to continue?", 30)
        screen.type("y")
        text = screen.wait("Mail domain:", 60)
        assert f"{DOMAIN}____" in text, "the host's domain is proposed"
        screen.type("")
        text = screen.wait_end(90)
    print(text[text.index("Setting up posthouse"):], flush=True)
    for bad in ("warning", "error", "fail"):
        assert bad not in text.lower().replace("libgpg-error", ""), text
    assert "\naccount " not in text, "no password is left in apt's log"
    at = [text.index(word, text.index("What comes next")) for word in WHAT_NEXT]
    assert at == sorted(at), "the last lines of apt say what to do"


def roots_mail(machine):
    """Until somebody else is named, mail to postmaster and abuse is root's."""
    with smtplib.SMTP("127.0.0.1", 25, timeout=30) as client:
        for name in ("postmaster", "abuse"):
            client.sendmail("bob@example.net", f"{name}@{DOMAIN}", b"Subject: x\r\n\r\nx\r\n")
    spool = machine.path("/var/mail/root")
    posthouse.wait_until(lambda: spool.exists() and spool.read_text().count("\nFrom ") + 1 == 2, 20,
                         "root has two messages")


def make_account(machine):
    machine.run("posthouse", "user", "add", USER, input=f"{PASSWORD}\n")


def what_is_installed_is_whole(machine):
    assert f"mydomain = {DOMAIN}" in machine.path("/etc/posthouse/posthouse.conf").read_text()
    status = machine.path("/usr/bin/sendmail").stat()
    assert status.st_mode & 0o7777 == 0o2755, oct(status.st_mode)
    for name in ("posthouse.8", "posthouse.conf.5", "sendmail.1", "mailq.1", "mail.1"):
        page = machine.run("readlink", "-e", f"/usr/share/man/man{name[-1]}/{name}.gz").strip()
        assert machine.path(page).stat().st_size > 200, name
    for words, expected in (("queue re", ["retry", "release"]), ("dns t", ["told"]),
                            ("dns --z", ["--zone", "--zone"]), ("config smtp_tls_C", ["smtp_tls_CAfile"])):
        completed = machine.run("bash", "-c", "source /usr/share/bash-completion/completions/"
                                f"posthouse; COMP_WORDS=(posthouse {words}); COMP_CWORD=2; "
                                "_posthouse; echo ${COMPREPLY[*]}")
        assert completed.split() == expected, (words, completed)


def properties(machine):
    return dict(line.split("=", 1) for line in machine.run(
        "systemctl", "show", "posthouse", "-p", "Type,ActiveState,UnitFileState,MainPID,Result,"
        "NRestarts,NoNewPrivileges,ExecMainStatus").splitlines())


def processes(machine):
    return {line.split()[0] for line in machine.run(
        "cat", "/sys/fs/cgroup/system.slice/posthouse.service/cgroup.procs").splitlines()}


def has_landlock():
    """landlock_create_ruleset(2) asked for its version."""
    return ctypes.CDLL(None).syscall(444, None, 0, 1) > 0


def systemd_has_started_it(machine):
    """In its sandbox, with users of sysusers, the directory of tmpfiles, and a journal."""
    found = properties(machine)
    assert found["Type"] == "notify" and found["ActiveState"] == "active", found
    assert found["UnitFileState"] == "enabled" and found["NoNewPrivileges"] == "yes", found
    users = {line.split(":")[0] for line in machine.path("/etc/passwd").read_text().splitlines()}
    assert {"posthouse-smtpd", "posthouse-web", "posthouse-hostmaster"} <= users, users
    assert machine.path("/run/posthouse").stat().st_mode & 0o7777 == 0o755
    journal = machine.run("journalctl", "--no-pager", "-u", "posthouse")
    assert "event=ready" in journal
    jails = re.findall(r"event=jail-files landlock=(\d+)", journal)
    assert jails and (min(map(int, jails)) > 0 or not has_landlock()), "the unit lets jails be made"
    wrong = machine.call("systemd-analyze", "verify", "--man=no", "posthouse.service").stderr
    assert "posthouse" not in wrong, wrong
    said = machine.run("systemd-analyze", "security", "--no-pager", "posthouse.service")
    number = re.search(r"Overall exposure level for .*?: ([0-9.]+)", said)
    print("systemd-analyze security:", number.group(0), flush=True)
    assert float(number.group(1)) <= EXPOSURE, said


def imap():
    client = imaplib.IMAP4("127.0.0.1", 143, timeout=30)
    client.login(USER, PASSWORD)
    return client


def mail_goes_in_and_out(machine, count):
    with smtplib.SMTP("127.0.0.1", 25, timeout=30) as client:
        client.sendmail("bob@example.net", USER, b"Subject: x\r\n\r\nx\r\n")
    machine.run("sendmail", USER, input="Subject: y\n\ny\n")
    client = imap()
    posthouse.wait_until(lambda: int(client.select()[1][0]) == count, 20, f"{count} messages")
    client.logout()


def reload_and_restart(machine):
    """A session is there after the one, and not after the other."""
    client = imap()
    before = properties(machine)
    machine.run("systemctl", "reload", "posthouse")
    assert client.noop()[0] == "OK" and properties(machine) == before
    machine.run("systemctl", "restart", "posthouse")
    after = properties(machine)
    assert after["ActiveState"] == "active" and after["MainPID"] != before["MainPID"], after
    try:
        assert client.noop()[0] != "OK"
    except (imaplib.IMAP4.abort, OSError):
        pass
    wrong = machine.call("sh", "-c", "journalctl --no-pager -u posthouse | grep ' error '").stdout
    assert wrong == "", "each process ended in its own time"


def an_upgrade_keeps_sessions(machine, deb):
    """apt installs a newer package under a running system."""
    client = imap()
    messages = int(client.select()[1][0])
    conf = machine.path("/etc/posthouse/posthouse.conf").read_text()
    before, main = processes(machine), properties(machine)
    print(apt(machine, "install", bring(machine, deb, "newer.deb")), flush=True)
    assert properties(machine) == main, "the unit never stopped"
    posthouse.wait_until(lambda: before & processes(machine) == {main["MainPID"]}, 30,
                         "the old processes have ended")
    after = processes(machine)
    for pid in after:
        assert not machine.run("readlink", f"/proc/{pid}/exe").strip().endswith("(deleted)")
    assert int(client.select()[1][0]) == messages
    client.logout()
    assert machine.path("/etc/posthouse/posthouse.conf").read_text() == conf


def it_goes_and_mail_stays(machine):
    apt(machine, "remove", "posthouse")
    assert machine.path("/etc/posthouse/posthouse.conf").exists()
    assert not machine.path("/usr/bin/posthouse").exists()
    assert machine.call("pgrep", "-f", "posthouse").stdout == "", "nothing runs"
    apt(machine, "purge", "posthouse")
    assert not machine.path("/etc/posthouse").exists()
    assert any(machine.path("/var/lib/posthouse/mail").rglob("0*")), "mail stays"
    assert machine.run("systemctl", "--failed", "--no-legend").strip() == ""


def main():
    posthouse.need_programs("tmux")
    deb = debian.package()
    debian.enter()
    lintian_has_nothing_to_say()
    maintainer_scripts_are_harmless(deb)
    with debian.Machine(HOST, hosts=f"192.0.2.7 {HOST} mail\n") as machine:
        print("systemd", machine.run("systemctl", "--version").split()[1], "is",
              machine.call("systemctl", "is-system-running").stdout, flush=True)
        try:
            install(machine, deb)
            what_is_installed_is_whole(machine)
            systemd_has_started_it(machine)
            roots_mail(machine)
            make_account(machine)
            mail_goes_in_and_out(machine, 2)
            reload_and_restart(machine)
            an_upgrade_keeps_sessions(machine, newer(deb))
            mail_goes_in_and_out(machine, 4)
            it_goes_and_mail_stays(machine)
        except BaseException:
            print(machine.call("journalctl", "--no-pager", "-n", "60").stdout, file=sys.stderr)
            raise


main()
