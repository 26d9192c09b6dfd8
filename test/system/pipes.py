#!/usr/bin/python3
"""Programs and files of aliases: run by argv as default_privs and nobody else,
with a clean environment and a deadline; what their end means for the mail, and
what a stranger hears of it. A list's owner gets what goes wrong with the list."""
import os
import pwd
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse
from posthouse import wait_until

DOMAIN = "linuxprobe.com"
ALIASES = """\
tee:      "|/usr/bin/tee '{out}/two words' {out}/tee"
environ:  |/usr/bin/cp /proc/self/environ {out}/environ
status:   |/usr/bin/cp /proc/self/status {out}/status
false:    |/bin/false
nouser:   |{bin}/nouser
later:    |{bin}/later
killed:   |{bin}/killed
missing:  |{bin}/missing
slow:     |{bin}/slow {out}/slow
mbox:     {out}/mbox
maildir:  {out}/maildir/
null:     /dev/null
zero:     /dev/zero
link:     {out}/link
both:     alice, "|/usr/bin/tee {out}/both"
list:     nobody-there@linuxprobe.com, bob, |/bin/false
owner-list: alice
again:    "|/usr/bin/tee -a {out}/again"
"""
SCRIPTS = {
    "nouser": "echo 'who is'; echo 'that?' >&2; exit 67",
    "later": "exit 75",
    "killed": "kill -9 $$",
    # what it leaves behind ends with it
    "slow": "(sleep 30; echo late > $1) & echo $$ > $1.pid; sleep 30",
}
NOBODY = pwd.getpwnam("nobody")


def has_arrived(system, user, words):
    return wait_until(lambda: [text for text in system.inbox(f"{user}@{DOMAIN}")
                               if words in text], 10, f"{words} for {user}")


def make_world(system):
    out, scripts = system.directory / "out", system.directory / "bin"
    out.mkdir()
    scripts.mkdir()
    os.chown(out, NOBODY.pw_uid, NOBODY.pw_gid)
    for name, text in SCRIPTS.items():
        (scripts / name).write_text(f"#!/bin/sh\n{text}\n")
        (scripts / name).chmod(0o755)
    (out / "target").write_text("")
    os.chown(out / "target", NOBODY.pw_uid, NOBODY.pw_gid)
    (out / "link").symlink_to(out / "target")
    path = system.directory / "aliases"
    path.write_text(ALIASES.format(out=out, bin=scripts))
    path.chmod(0o644)
    return out


def text_of(path):
    return wait_until(lambda: path.exists() and path.read_text(), 10, path)


def programs_get_the_message(system, out):
    system.send(f"tee+x@{DOMAIN}", text="Subject: one\r\n\r\nFrom here\r\n.. line\r\n")
    for name in ("tee", "two words"):
        wait_until(lambda: (out / name).exists() and "line" in (out / name).read_text())
        lines = (out / name).read_text().split("\n")
        assert re.fullmatch(r"From bob@example\.net  \w{3} \w{3} [ \d]\d [\d:]{8} \d{4}",
                            lines[0]), lines
        assert lines[1:4] == ["Return-Path: <bob@example.net>", f"X-Original-To: tee+x@{DOMAIN}",
                              f"Delivered-To: tee+x@{DOMAIN}"], lines
        assert lines[-5:] == ["Subject: one", "", "From here", ".. line", ""], lines
        assert (out / name).stat().st_uid == NOBODY.pw_uid
    # nothing but what it should know, and as who it should be
    system.send(f"environ+`id`@{DOMAIN}", sender="b$o|b@example.net")
    environ = dict(pair.split("=", 1) for pair in text_of(out / "environ").strip("\0").split("\0"))
    assert environ.pop("TZ", None) is None or "TZ" in os.environ
    assert environ == {
        "PATH": "/usr/bin:/bin", "HOME": NOBODY.pw_dir, "USER": "nobody", "LOGNAME": "nobody",
        "SHELL": NOBODY.pw_shell, "SENDER": "b_o_b@example.net",
        "RECIPIENT": f"environ+_id_@{DOMAIN}", "ORIGINAL_RECIPIENT": f"environ+_id_@{DOMAIN}",
        "LOCAL": "environ+_id_", "EXTENSION": "_id_", "DOMAIN": DOMAIN}, environ
    system.send(f"status@{DOMAIN}")
    status = dict(line.split(":\t", 1) for line in text_of(out / "status").splitlines()
                  if ":\t" in line)
    assert status["Uid"].split() == [str(NOBODY.pw_uid)] * 4, status
    assert status["Gid"].split() == [str(NOBODY.pw_gid)] * 4, status
    assert status["Groups"].split() == [] and status["NoNewPrivs"] == "1", status
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, status
    system.send(f"both@{DOMAIN}", subject="for both")
    assert "for both" in text_of(out / "both")
    has_arrived(system, "alice", "for both")


def what_their_end_means(system):
    alice = f"alice@{DOMAIN}"
    for name, status, words in (
            ("false", "5.3.0", "ended with 1 (unknown mail system error)"),
            ("nouser", "5.1.1", "ended with 67 (user unknown): who is that?")):
        system.send(f"{name}@{DOMAIN}", sender=alice, subject=f"to {name}")
        report = has_arrived(system, "alice", f"Final-Recipient: rfc822; {name}@{DOMAIN}")[0]
        report = report.replace("\r\n ", " ").replace("\r\n", " ")
        assert f"Status: {status}" in report and words in report, report
        # the command is the administrator's business
        assert "/bin/" not in report and str(system.directory) not in report, report
    for name, words in (("later", "ended with 75"), ("killed", "ended by signal 9"),
                        ("missing", "cannot be run now"), ("slow", "took too long"),
                        ("zero", "cannot be written"), ("link", "cannot be written")):
        system.send(f"{name}@{DOMAIN}", sender=alice)
        wait_until(lambda: [row for row in system.json("queue", "list")
                            if row["recipient"] == f"{name}@{DOMAIN}" and words in row["error"]],
                   10, f"{name} waits")
    log = system.log_text()
    assert f"{system.directory}/bin/missing" in log
    assert "neither a file nor /dev/null" in log and "is a symbolic link" in log


def command_of(path):
    """Others of this machine come and go meanwhile."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def nothing_is_left_of_a_slow_one(system, out):
    pid = int((out / "slow.pid").read_text())
    assert not Path(f"/proc/{pid}").exists()
    others = [path for path in Path("/proc").glob("[0-9]*/cmdline")
              if str(out / "slow").encode() in command_of(path)]
    assert not others, others


def files(system, out):
    for turn in ("one", "two"):
        for name in ("mbox", "maildir", "null"):
            system.send(f"{name}@{DOMAIN}", text=f"Subject: {turn}\r\n\r\nFrom me\r\nlast")
    text = wait_until(lambda: (out / "mbox").exists() and
                      (out / "mbox").read_text().count("last\n\n") == 2 and
                      (out / "mbox").read_text())
    assert len(re.findall(r"^From bob@example\.net ", text, re.M)) == 2, text
    assert text.count("\n>From me\nlast\n\n") == 2 and f"\nDelivered-To: mbox@{DOMAIN}\n" in text
    wait_until(lambda: not (out / "mbox.lock").exists())
    found = wait_until(lambda: (out / "maildir/new").is_dir() and
                       len(list((out / "maildir/new").iterdir())) == 2 and
                       list((out / "maildir/new").iterdir()))
    assert not list((out / "maildir/tmp").iterdir())
    for path in found:
        text = path.read_text()
        assert text.startswith("Return-Path: <bob@example.net>\n"), text
        assert "\nFrom me\nlast\n" in text
    assert (out / "target").read_text() == ""
    wait_until(lambda: system.log_text().count(f"to=null@{DOMAIN}") >= 2)


def loops_end(system):
    alice = f"alice@{DOMAIN}"
    system.send(f"again@{DOMAIN}", sender=alice,
                text=f"Delivered-To: again@{DOMAIN.upper()}\r\nSubject: round\r\n\r\nx\r\n")
    has_arrived(system, "alice", "5.4.6")


def a_list_has_an_owner(system):
    """Bounces go to him, not to who wrote."""
    system.send(f"list+x@{DOMAIN}", sender=f"carol@{DOMAIN}", subject="to the list")
    report = has_arrived(system, "alice", f"Final-Recipient: rfc822; list+x@{DOMAIN}")[0]
    assert f"To: <owner-list@{DOMAIN}>" in report or f"owner-list@{DOMAIN}" in report, report
    text = has_arrived(system, "bob", "to the list")[0]
    assert f"Return-Path: <owner-list@{DOMAIN}>" in text, text
    assert not system.inbox(f"carol@{DOMAIN}")


def mistakes(system):
    path = system.directory / "aliases"
    good = path.read_text()
    lines = len(good.splitlines())
    for bad, said in (
            ('|/bin/sh -c "rm -rf /"; true', 'found ";" in the program'),
            ("|/bin/echo $HOME", 'found "$" in the program'),
            ("|/bin/a | /bin/b", 'found "|" in the program'),
            ("|/bin/a `id`", 'found "`" in the program'),
            ("|/bin/a > /tmp/x", 'found ">" in the program'),
            ("|/bin/a & true", 'found "&" in the program'),
            ('"|/bin/a \\"b"', "expected a second quote"),
            ("|bin/a", "expected a path from the root")):
        path.write_text(good + f"oops: {bad}\n")
        done = system.command("newaliases", check=False)
        assert done.returncode == 1 and said in done.stderr, (bad, done.stderr)
        assert done.stderr.startswith(f"posthouse: {path}:{lines + 1}: "), done.stderr
    path.write_text(good)
    path.chmod(0o666)
    done = system.command("newaliases", check=False)
    assert done.returncode == 1 and "may be written by others" in done.stderr, done.stderr
    # and changed behind newaliases' back: nothing runs
    path.chmod(0o644)
    system.command("newaliases")
    path.chmod(0o666)
    out = system.directory / "out/tee"
    out.unlink()
    system.send(f"tee@{DOMAIN}")
    wait_until(lambda: f"{path} may be written by others" in system.log_text())
    path.chmod(0o644)
    os.chown(path, 1, 1)
    system.send(f"tee@{DOMAIN}")
    wait_until(lambda: f"{path} belongs to uid 1" in system.log_text())
    os.chown(path, 0, 0)
    assert not out.exists()


def main():
    if os.geteuid() != 0:
        posthouse.skip("programs run as other users")
    posthouse.own_network()
    with posthouse.System(domain=DOMAIN) as system:
        out = make_world(system)
        system.set(alias_maps=f"hash:{system.directory}/aliases", command_time_limit="2s")
        for user in ("alice", "bob", "carol"):
            system.add_user(f"{user}@{DOMAIN}")
        system.command("newaliases")
        system.start()
        programs_get_the_message(system, out)
        what_their_end_means(system)
        nothing_is_left_of_a_slow_one(system, out)
        files(system, out)
        loops_end(system)
        a_list_has_an_owner(system)
        mistakes(system)
    print("ok")


if __name__ == "__main__":
    main()
