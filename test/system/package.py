#!/usr/bin/python3
"""The Debian package: it builds, lintian has nothing to say, it installs with one
question, the system it makes takes and gives mail as its unit starts it, an upgrade
keeps the sessions of the system that runs, it and a removal keep configuration and
mail, a purge keeps mail."""
import imaplib
import os
import re
import shutil
import smtplib
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import installed
import posthouse

TOP = posthouse.TOP
WORK = TOP / "build/package"
DOMAIN = "example.test"
EXPOSURE = 4.0      # systemd-analyze security, at most
# Lintian's tags that are known and stay.
KNOWN = {
    "initial-upload-closes-no-bugs",    # Debian has no bug about it
    "no-changelog-copyright",
}


def build():
    """The tree as it is, without what git ignores, as a package."""
    shutil.rmtree(WORK, ignore_errors=True)
    tree = WORK / "posthouse"
    tree.mkdir(parents=True)
    names = installed.run("git", "-c", f"safe.directory={TOP}", "-C", TOP, "ls-files", "-z",
                          "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, names):
        if (TOP / name).exists():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, tree / name, follow_symlinks=False)
    done = subprocess.run(["dpkg-buildpackage", "-us", "-uc", "-b"], cwd=tree, text=True,
                          env=dict(os.environ, DEB_BUILD_OPTIONS="parallel=2 noautodbgsym"),
                          capture_output=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    deb, = WORK.glob("posthouse_*.deb")
    return deb


def lintian_has_nothing_to_say():
    changes, = WORK.glob("*.changes")
    done = subprocess.run(["lintian", "--allow-root", "--no-tag-display-limit", changes],
                          capture_output=True, text=True)
    print(done.stdout, end="")
    found = [line for line in done.stdout.splitlines()
             if line[:3] in ("E: ", "W: ") and not any(tag in line for tag in KNOWN)]
    assert not found, "\n".join(found)


def unit_is_confined():
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                           TOP / "debian/posthouse.service"], capture_output=True, text=True)
    number = re.search(r"Overall exposure level for .*?: ([0-9.]+)", done.stdout)
    assert number, done
    print("systemd-analyze security:", number.group(0))
    assert float(number.group(1)) <= EXPOSURE, done.stdout


def apt(*words):
    """What it says, on both streams."""
    return installed.run("sh", "-c", 'exec "$@" 2>&1', "sh", "apt-get", "-q", "-y",
                         "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", *words,
                         env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))


def install(deb):
    installed.run("debconf-set-selections", input=f"posthouse posthouse/domain string {DOMAIN}\n")
    said = apt("install", deb)
    account = re.search(rf"account postmaster@{DOMAIN} (\S+)", said)
    assert account, said
    text = (installed.ETC / "posthouse.conf").read_text()
    assert f"mydomain = {DOMAIN}" in text, text
    status = os.stat("/usr/bin/sendmail")
    assert status.st_mode & 0o7777 == 0o2755, oct(status.st_mode)
    for name in ("posthouse", "posthouse.conf", "sendmail", "mailq", "newaliases"):
        assert installed.run("man", "-w", name), name
    completed = installed.run("bash", "-c", "source /usr/share/bash-completion/completions/"
                              "posthouse; COMP_WORDS=(posthouse queue re); COMP_CWORD=2; "
                              "_posthouse; echo ${COMPREPLY[*]}")
    assert completed.split() == ["retry", "release"], completed
    return account.group(1)


class Service(posthouse.System):
    """Started as the unit does, on the machine's own ports."""

    def __init__(self):
        self.directory = Path("/run/service")
        self.directory.mkdir(exist_ok=True)
        self.config = installed.ETC / "posthouse.conf"
        self.posthouse = Path("/usr/bin/posthouse")
        self.environment, self.process = None, None
        self.output = self.directory / "stdout"
        self.log = Path("/var/lib/posthouse/log/posthouse.log")
        with self.config.open("a") as file:
            file.write("inet_interfaces = 127.0.0.1\n")


def mail_goes_in_and_out(password, count):
    with Service() as system:
        system.start()
        with smtplib.SMTP("127.0.0.1", 25, timeout=30) as client:
            client.sendmail("bob@example.net", f"postmaster@{DOMAIN}", b"Subject: x\r\n\r\nx\r\n")
        installed.run("sendmail", f"postmaster@{DOMAIN}", input="Subject: y\n\ny\n")
        client = imaplib.IMAP4("127.0.0.1", 143, timeout=30)
        client.login(f"postmaster@{DOMAIN}", password)

        def has():
            return int(client.select()[1][0]) == count
        posthouse.wait_until(has, 20, f"{count} messages")
        client.logout()


def an_upgrade_keeps_sessions(password, deb):
    """apt installs a newer package under a running system."""
    with Service() as system:
        system.start()
        before = system.processes()
        client = imaplib.IMAP4("127.0.0.1", 143, timeout=30)
        client.login(f"postmaster@{DOMAIN}", password)
        messages = int(client.select()[1][0])
        configuration = system.config.read_text()
        print(apt("install", deb))
        after = system.processes()
        assert not set(before.values()) & set(after.values()), (before, after)
        assert all(os.stat(f"/proc/{pid}/exe").st_nlink == 1 for pid in after.values())
        assert int(client.select()[1][0]) == messages
        client.logout()
        assert system.process.poll() is None
        assert system.config.read_text() == configuration


def maintainer_scripts_are_harmless(deb):
    """Nothing that debhelper adds stops a system that runs."""
    place = WORK / "scripts"
    installed.run("dpkg-deb", "-e", deb, place)
    postinst = (place / "postinst").read_text()
    assert postinst.count("restart") == 2, postinst     # ours, and the sentence
    assert (place / "prerm").read_text().count("deb-systemd-invoke") == 1, "at a removal"


def newer(deb):
    """The same package with a higher version."""
    place = WORK / "newer"
    installed.run("dpkg-deb", "-R", deb, place)
    control = place / "DEBIAN/control"
    control.write_text(control.read_text().replace("Version: 0", "Version: 1:0"))
    installed.run("dpkg-deb", "--root-owner-group", "-b", place, WORK / "newer.deb")
    return WORK / "newer.deb"


def main():
    installed.enter("debhelper", "po-debconf", "lintian", "fakeroot", "debconf-utils", "man-db",
                    "systemd")
    deb = build()
    lintian_has_nothing_to_say()
    unit_is_confined()
    maintainer_scripts_are_harmless(deb)
    installed.own_root(TOP)
    password = install(deb)
    mail_goes_in_and_out(password, 2)
    an_upgrade_keeps_sessions(password, newer(deb))
    mail_goes_in_and_out(password, 4)
    apt("remove", "posthouse")
    assert (installed.ETC / "posthouse.conf").exists() and not Path("/usr/bin/posthouse").exists()
    apt("purge", "posthouse")
    assert not installed.ETC.exists()
    assert any(Path("/var/lib/posthouse/mail").rglob("0*")), "mail stays"


main()
