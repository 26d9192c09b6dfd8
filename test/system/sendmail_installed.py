#!/usr/bin/python3
"""As installed by `meson install`: another user sends with sendmail, as cron, PHP,
mutt and s-nail do, while the system runs and while it is down; what is kept goes
out later as that user's. Who he is decides the kernel, and where the message goes
no option of his."""
import os
import pwd
import shutil
import stat
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import peers
import posthouse
import sink

SENDMAIL = Path("/usr/local/sbin/sendmail")
ETC = Path("/etc/posthouse")
USER = "carol"

# What programs say: {name: (words, text on standard input)}
PROGRAMS = {
    "cron": ([SENDMAIL, "-FCronDaemon", "-i", "-B8BITMIME", "-oem", "cron@far.test"],
             "From: root (Cron Daemon)\nTo: cron@far.test\nSubject: cron\n\n.\nit ran\n"),
    "php": (["php", "-d", f"sendmail_path={SENDMAIL} -t -i", "-r",
             'exit(mail("php@far.test", "php", "line\\n.\\nit ran", "X-Header: 1") ? 0 : 1);'], ""),
    "mutt": (["mutt", "-F", "/dev/null", "-e", f'set sendmail="{SENDMAIL} -oem -oi"', "-e",
              "set copy=no", "-s", "mutt", "mutt@far.test"], ".\nit ran\n"),
    "snail": (["s-nail", "-n", "-S", f"mta={SENDMAIL}", "-S", "sendwait", "-s", "snail",
               "snail@far.test"], "it ran\n"),
}


def install():
    """Into this overlay, and gone with the test."""
    for place in ("/usr/local", ETC):
        Path(place).mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", place], check=True)
    subprocess.run(["meson", "install", "--no-rebuild", "-C", posthouse.build_directory()],
                   check=True, stdout=subprocess.DEVNULL)
    status = os.stat(SENDMAIL)
    assert stat.S_IMODE(status.st_mode) == 0o2755 and status.st_uid == 0, oct(status.st_mode)
    assert subprocess.run(["stat", "-Lc", "%G", SENDMAIL], capture_output=True,
                          text=True).stdout == "posthouse-drop\n"


def as_user(words, text="", **environment):
    person = pwd.getpwnam(USER)
    return subprocess.run(["setpriv", f"--reuid={person.pw_uid}", f"--regid={person.pw_gid}",
                           "--clear-groups", *words], input=text, text=True, capture_output=True,
                          cwd="/tmp", env={"PATH": os.environ["PATH"], "HOME": "/tmp",
                                           "USER": USER, "LOGNAME": USER, **environment})


def send_as_programs():
    for name, (words, text) in PROGRAMS.items():
        done = as_user(words, text)
        assert done.returncode == 0, (name, done)


def wait_messages(peer, count):
    posthouse.wait_until(lambda: len(peer.messages) >= count, 30, f"{count} messages arrive")
    assert len(peer.messages) == count, peer.messages
    return {m["recipients"][0].split("<")[1].split("@")[0]: m for m in peer.messages}


def programs_send(system, peer):
    send_as_programs()
    found = wait_messages(peer, len(PROGRAMS))
    assert set(found) == set(PROGRAMS), set(found)
    for name, message in found.items():
        assert f"<{USER}@example.test>" in message["mail"], (name, message["mail"])
        assert "\r\n\r\n" in message["data"] and "it ran" in message["data"], message
        assert f"Subject: {name}\r\n" in message["data"], message
    for name in ("cron", "php", "mutt"):
        assert "\r\n.\r\nit ran" in found[name]["data"], found[name]
    assert "X-Header: 1" in found["php"]["data"]
    assert "From: CronDaemon" not in found["cron"]["data"], "its own From stays"
    peer.messages.clear()


def what_is_sent_while_it_is_down_is_kept(system, peer):
    system.stop()
    drop = system.directory / "data/queue/drop"
    evil = system.directory / "evil.conf"
    elsewhere = system.directory / "elsewhere"
    evil.write_text(f"queue_directory = {elsewhere}\nruntime_directory = {elsewhere}\n")
    (elsewhere / "drop").mkdir(parents=True)
    (elsewhere / "drop").chmod(0o777)
    send_as_programs()
    for words, environment in (([SENDMAIL, "-C", evil, "option@far.test"], {}),
                               ([SENDMAIL, "environment@far.test"],
                                {"POSTHOUSE_CONF": str(evil)})):
        done = as_user(words, "Subject: x\n\nit ran\n", **environment)
        assert done.returncode == 0, done
    assert not list((elsewhere / "drop").iterdir())
    files = list(drop.iterdir())
    assert len(files) == len(PROGRAMS) + 2, files
    person = pwd.getpwnam(USER)
    assert {file.stat().st_uid for file in files} == {person.pw_uid}
    for words in (["ls", drop], ["touch", drop / "own"], ["rm", files[0]]):
        assert as_user(words).returncode != 0, words
    system.start()
    found = wait_messages(peer, len(PROGRAMS) + 2)
    assert set(found) == {*PROGRAMS, "option", "environment"}
    for name, message in found.items():
        assert f"<{USER}@example.test>" in message["mail"], (name, message["mail"])
        assert f"Received: from localhost (uid {person.pw_uid})" in message["data"], message
        assert "it ran" in message["data"]
    posthouse.wait_until(lambda: not list(drop.iterdir()), 10, "the folder is empty")
    peer.messages.clear()


def without_the_group_it_says_so(system):
    system.stop()
    SENDMAIL.resolve().chmod(0o755)
    done = as_user([SENDMAIL, "-i", "x@far.test"], "Subject: x\n\nx\n")
    assert done.returncode == 75 and "drop" in done.stderr, done


def main():
    peers.enter("mutt", "s-nail", "php-cli")
    try:
        pwd.getpwnam(USER)
    except KeyError:
        subprocess.run(["useradd", "--no-create-home", USER], check=True)
    install()
    peer = sink.Sink(2525)
    with posthouse.System(minimal_backoff_time="1s", maximal_backoff_time="1s",
                          relayhost="[127.0.0.1]:2525") as system:
        shutil.copy(system.config, ETC / "posthouse.conf")
        system.posthouse = Path("/usr/local/bin/posthouse")
        system.start()
        assert subprocess.run(["/usr/local/bin/newaliases"]).returncode == 0
        programs_send(system, peer)
        what_is_sent_while_it_is_down_is_kept(system, peer)
        without_the_group_it_says_so(system)


main()
