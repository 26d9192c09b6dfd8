#!/usr/bin/python3
"""The .forward of system users, from port 25 to where it leads: addresses, the
mailbox, programs and files with the user's rights, what is included, details,
circles; and files that are not used, so that the mail is in the mailbox."""
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse
import users
from posthouse import wait_until

DOMAIN = "linuxprobe.com"


def arrives(system, user, subject):
    """Once; the message."""
    found = wait_until(lambda: [text for text in system.inbox(f"{user}@{DOMAIN}")
                                if f"Subject: {subject}\r\n" in text], 15, f"{subject} for {user}")
    assert len(found) == 1, found
    return found[0]


def is_empty(system):
    wait_until(lambda: not system.json("queue", "list"), 10, "nothing waits")


class Home:
    def __init__(self, name):
        self.user = users.add(name, "secret")
        self.path = Path(self.user.pw_dir)
        self.path.chmod(0o755)

    def write(self, name, text, mode=0o644):
        path = self.path / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(mode)
        os.chown(path, self.user.pw_uid, self.user.pw_gid)
        return path

    def text_of(self, name):
        path = self.path / name
        return wait_until(lambda: path.exists() and path.read_text(), 15, path)


def everything(system, boss):
    """One of each kind in one file."""
    boss.write("friends", "# friends\ncarl, \"alice\"@linuxprobe.com\n", 0o600)
    boss.write("script", "#!/bin/sh\n/usr/bin/id -u > id; cat > said; pwd >> id\n", 0o755)
    boss.write(".forward", f"\\boss\n|{boss.path}/script\n{boss.path}/archive\n"
                           f":include:{boss.path}/friends\n", 0o600)
    system.send(f"boss@{DOMAIN}", subject="to all")
    own = arrives(system, "boss", "to all")
    assert own.count("Delivered-To: ") == 1, own
    for user in ("carl", "alice"):
        text = arrives(system, user, "to all")
        # whose .forward it was
        assert f"Delivered-To: boss@{DOMAIN}\r\n" in text, text
        assert "Return-Path: <bob@example.net>" in text, text
    assert boss.text_of("id") == f"{boss.user.pw_uid}\n{boss.path}\n"
    assert "\nSubject: to all\n" in boss.text_of("said")
    assert boss.text_of("archive").startswith("From bob@example.net ")
    for name in ("said", "archive"):
        status = (boss.path / name).stat()
        assert (status.st_uid, status.st_mode & 0o777) == (boss.user.pw_uid, 0o600)
    is_empty(system)


def details_have_their_own(system, boss):
    boss.write(".forward+lists", "carl\n")
    boss.write(".forward", "alice\n")
    system.send(f"boss+lists@{DOMAIN}", subject="by detail")
    arrives(system, "carl", "by detail")
    system.send(f"boss+other@{DOMAIN}", subject="by another detail")
    arrives(system, "alice", "by another detail")
    is_empty(system)
    # the alias says \boss: his mailbox
    system.send(f"direct@{DOMAIN}", subject="straight")
    arrives(system, "boss", "straight")
    # his own address by another name of his is the mailbox, not a circle
    boss.write(".forward", "chief\n")
    system.send(f"boss@{DOMAIN}", subject="by himself")
    arrives(system, "boss", "by himself")
    is_empty(system)


def circles_end(system, boss, carl):
    boss.write(".forward", "carl\n")
    carl.write(".forward", "boss\n")
    system.send(f"boss@{DOMAIN}", sender=f"alice@{DOMAIN}", subject="round and round")
    wait_until(lambda: [text for text in system.inbox(f"alice@{DOMAIN}")
                        if "Status: 5.4.6" in text], 15,
               "it is returned")
    is_empty(system)
    (carl.path / ".forward").unlink()
    boss.write(".forward", "|/bin/false\n")
    system.send(f"boss@{DOMAIN}", sender=f"alice@{DOMAIN}")
    report = wait_until(lambda: [text for text in system.inbox(f"alice@{DOMAIN}")
                                 if "Status: 5.3.0" in text], 15, "it is returned")[0]
    assert f"Final-Recipient: rfc822; boss@{DOMAIN}" in report and "/bin/false" not in report


def unused(system, boss, carl):
    """What cannot be used loses no mail."""
    forward = boss.path / ".forward"

    def is_unused(number, words):
        system.send(f"boss@{DOMAIN}", subject=f"unused {number}")
        arrives(system, "boss", f"unused {number}")
        assert words in system.log_text(), words
        assert f"unused {number}" not in "".join(system.inbox(f"carl@{DOMAIN}"))

    boss.write(".forward", "carl\n", 0o666)
    is_unused(1, ".forward may be written by others")
    boss.write(".forward", "carl (me)\n")
    is_unused(2, '.forward:1: found')
    forward.unlink()
    secret = carl.write("list", "carl\n")
    forward.symlink_to(secret)
    is_unused(3, "symbolic link in .forward")
    forward.unlink()
    os.mkfifo(forward)
    is_unused(4, ".forward is no file")
    forward.unlink()
    subprocess.run(["mknod", forward, "c", "1", "5"], check=True)
    is_unused(5, ".forward is no file")
    forward.unlink()
    os.link(secret, forward)
    is_unused(6, f".forward belongs to uid {carl.user.pw_uid}")
    forward.unlink()
    boss.write(".forward", ":include:/etc/shadow\n")
    is_unused(7, "opening /etc/shadow: Permission denied")
    boss.write("self", f":include:{boss.path}/self\n")
    boss.write(".forward", f":include:{boss.path}/self\n")
    is_unused(8, "do not include themselves")
    boss.write("run", "|/usr/bin/tee out\n")
    boss.write(".forward", f"carl\n:include:{boss.path}/run\n")
    is_unused(9, "expected addresses in what is included")
    boss.write(".forward", "carl\n" * 101)
    is_unused(10, "more than 100 targets")
    boss.write(".forward", "carl\n" + "#" * 70000)
    is_unused(11, "larger than the limit")
    boss.write(".forward", "# nobody\n")
    system.send(f"boss@{DOMAIN}", subject="empty")
    arrives(system, "boss", "empty")
    # a command for a shell: nothing runs, the mail waits
    boss.write(".forward", f'"|/bin/echo a; touch {boss.path}/owned"\n')
    system.send(f"boss@{DOMAIN}", subject="shell")
    wait_until(lambda: 'found \\";\\" in the program' in system.log_text(), 10, "it is refused")
    system.command("queue", "delete", "--all")
    # a home of somebody else's
    boss.write(".forward", "carl\n")
    os.chown(boss.path, carl.user.pw_uid, carl.user.pw_gid)
    is_unused(12, f"belongs to uid {carl.user.pw_uid} (mode 755), expected a home")
    assert not (boss.path / "owned").exists() and not (boss.path / "out").exists()


def main():
    users.own_machine()
    posthouse.own_network()
    with posthouse.System(domain=DOMAIN) as system:
        boss, carl = Home("boss"), Home("carl")
        for name in ("boss", "carl"):
            system.passwords[f"{name}@{DOMAIN}"] = "secret"
        system.add_user(f"alice@{DOMAIN}")
        path = system.directory / "aliases"
        path.write_text("direct: \\boss\nchief: boss\n")
        system.set(alias_maps=path, accounts="builtin system")
        system.command("newaliases")
        system.start()
        everything(system, boss)
        details_have_their_own(system, boss)
        circles_end(system, boss, carl)
        unused(system, boss, carl)
    print("ok")


if __name__ == "__main__":
    main()
