#!/usr/bin/python3
"""The command `mail` in a pipe and in a terminal: the list, messages in Chinese and
with attachments, deleting, saving, answering, and a message that means to do harm to
a terminal. As mailx looks and answers."""
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse

HELLO = (b"From: \"boss\" <boss@example.test>\r\nTo: <alice@example.test>\r\n"
         b"Subject: =?gb2312?B?xOO6ww==?=\r\nDate: Sun, 22 Nov 2026 10:00:00 +0800\r\n"
         b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=gb2312\r\n"
         b"Content-Transfer-Encoding: base64\r\n\r\n1tDOxNX9zsQNCg==\r\n")
HOSTILE = (b"From: \x1b]0;owned\x07 <evil@example.net>\r\nTo: <alice@example.test>\r\n"
           b"Subject: =?utf-8?B?G1sySmdvbmXCm+KAruS4rQ==?=\r\n\r\n"
           b"\x1b[2J\x1b[1;1Hcleared\x07\r\nFrom here on\r\n")
WHOLE = (b"From: Carol <carol@example.net>\r\nTo: alice@example.test, bob@example.test\r\n"
         b"Cc: dave@example.net\r\nSubject: report\r\nMessage-ID: <r1@example.net>\r\n"
         b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
         b"--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"
         b"--c\r\nContent-Type: text/plain\r\n\r\nthe plain words\r\n"
         b"--c\r\nContent-Type: text/html\r\n\r\n<p>the html words</p>\r\n--c--\r\n"
         b"--b\r\nContent-Type: application/pdf; name=\"../../etc/x.pdf\"\r\n"
         b"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--b--\r\n")


class Mail:
    def __init__(self, system):
        self.system = system
        self.home = system.directory / "home"
        self.home.mkdir(exist_ok=True)
        self.environment = dict(system.environment, HOME=str(self.home), TZ="UTC",
                                PAGER="cat", POSTHOUSE_CONF=str(system.config))
        self.program = system.directory / "bin" / "mail"
        self.program.parent.mkdir(exist_ok=True)
        self.program.symlink_to(system.posthouse)

    def pipe(self, *words, text="", status=0):
        done = subprocess.run([str(self.program), *words], input=text, text=True, timeout=120,
                              capture_output=True, env=self.environment, cwd=self.home)
        assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
        assert "\x1b" not in done.stdout and "\x07" not in done.stdout, repr(done.stdout)
        return done.stdout + done.stderr


class Terminal:
    """A terminal of 80 x 24 in tmux: what is typed, and what is seen."""

    def __init__(self, mail, *words):
        self.socket = str(mail.system.directory / "tmux")
        self.tmux("new-session", "-d", "-x", "80", "-y", "24", "-c", str(mail.home),
                  " ".join([str(mail.program), *words]) + "; echo ended $?; sleep 60",
                  environment=dict(mail.environment, LC_ALL="C.UTF-8"))

    def tmux(self, *words, environment=None):
        return subprocess.run(["tmux", "-u", "-f", "/dev/null", "-S", self.socket, *words],
                              check=True, text=True, capture_output=True,
                              env=environment).stdout

    def type(self, text):
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def screen(self):
        return self.tmux("capture-pane", "-p", "-S", "-200")

    def wait(self, text, count=1):
        try:
            posthouse.wait_until(lambda: self.screen().count(text) >= count, 20, text)
        except AssertionError:
            print(self.screen())
            raise
        return self.screen()

    def close(self):
        self.tmux("kill-server")


def in_a_pipe(system, mail):
    assert "No mail for alice@example.test" in mail.pipe("-u", "alice@example.test", status=1)
    mail.pipe("-e", "-u", "alice@example.test", status=1)
    system.send("alice@example.test", HELLO, sender="boss@example.test")
    system.send("alice@example.test", HOSTILE, sender="evil@example.net")
    system.send("alice@example.test", WHOLE, sender="carol@example.net")
    mail.pipe("-e", "-u", "alice@example.test")
    seen = mail.pipe("-u", "alice@example.test",
                     text="1\n2\np 3\nd 2\nh\nbogus\n9\n!id\ndetach\nquit\n")
    lines = seen.splitlines()
    assert re.match(r"Mail version \S+ \(Posthouse\)\.  Type \? for help\.", lines[0]), seen
    assert lines[1] == '"alice@example.test": 3 messages 3 new 3 unread', seen
    assert re.match(r">N  1 boss@example.test    \w{3} \w{3} [ \d]\d \d\d:\d\d +\d+/\d+ +"
                    '"你好"$', lines[2]), seen
    assert re.match(r' N  2 .*"\^\[\[2Jgone��中"$', lines[3]), seen
    assert re.match(r" N  3 carol@example.net .*\"report\"$", lines[4]), seen
    for want in ("Message  1:\nFrom boss@example.test ", "Return-Path: <boss@example.test>",
                 "Delivered-To: alice@example.test",
                 "Subject: 你好", "\n\n中文正文\n", "^[[2J^[[1;1Hcleared^G", "the plain words",
                 "[Attachment 1: ../../etc/x.pdf, application/pdf, ",
                 'Unknown command: "bogus"', "9: Invalid message number",
                 "No command of the shell", "Held 2 messages in alice@example.test"):
        assert want in seen, (want, seen)
    assert "the html words" not in seen and "Received:" not in seen
    assert (mail.home / "_._.._etc_x.pdf").exists() or list(mail.home.glob("*x.pdf")), \
        list(mail.home.iterdir())
    assert not [name for name in mail.home.rglob("*") if ".." in name.name and
                name.name.startswith(".")]
    listed = mail.pipe("-H", "-u", "alice@example.test")
    assert re.search(r"^>   1 boss", listed) and len(listed.splitlines()) == 2, listed
    print("list, messages, deleting, quitting in a pipe")

    seen = mail.pipe("-u", "alice@example.test", text="s 1 saved\nc 2 saved\nw 2 words\nx\n")
    assert seen.count('"saved" [New file]') == 1 and '"saved" [Appended]' in seen, seen
    assert "Held" not in seen
    assert len(mail.pipe("-H", "-u", "alice@example.test").splitlines()) == 2
    assert "the plain words" in (mail.home / "words").read_text()
    read = mail.pipe("-f", "saved", text="p 1\nd 1\nq\n")
    assert '"saved": 2 messages' in read and "中文正文" in read, read
    assert "Held 1 message in saved" in read, read
    listed = mail.pipe("-f", "saved", "-H")
    assert listed.count("\n") == 1, listed
    print("saved as mbox, read with -f, a message deleted from the file")


def sending(system, mail):
    mail.pipe("-s", "中文主题", "-c", "postmaster@example.test", "-a", "X-Test: yes",
              "bob@example.test", text="first\n.\nlast\n")
    client = system.imap("bob@example.test")
    client.select()
    posthouse.wait_until(lambda: client.noop() and client.select()[1] != [b"0"], 20, "arrival")
    text = client.fetch("1", "(BODY.PEEK[])")[1][0][1].decode()
    assert "Subject: =?UTF-8?B?" in text and "X-Test: yes" in text, text
    assert "Cc: postmaster@example.test" in text and "first\r\n.\r\nlast\r\n" in text, text
    seen = mail.pipe("-u", "bob@example.test", text="1\nx\n")
    assert "Subject: 中文主题" in seen, seen
    print("sent from a pipe")


def in_a_terminal(system, mail):
    for number in range(30):
        system.send("alice@example.test", subject=f"number {number}")
    terminal = Terminal(mail, "-u", "alice@example.test")
    try:
        terminal.wait("\n&")
        screen = terminal.screen()
        assert '"alice@example.test": 32 messages 30 new 30 unread' in screen, screen
        terminal.type("1")
        assert "中文正文" in terminal.wait("Message  1:")
        terminal.type("z")
        terminal.wait("number 25")
        terminal.type("d 2-31")
        terminal.type("")
        terminal.wait("Message 32:")
        terminal.type("r 1")
        terminal.wait("Subject: Re: 你好")
        terminal.type("answered words")
        terminal.type("~p")
        terminal.wait("Message contains:")
        terminal.type("~!id")
        terminal.wait("no command of the shell is run")
        terminal.type(".")
        system.send("alice@example.test", subject="just came")

        def is_said():
            """Before the next command, once it is known."""
            terminal.type("=")
            time.sleep(0.2)
            return "New mail has arrived." in terminal.screen()
        posthouse.wait_until(is_said, 20, "new mail")
        terminal.type("q")
        terminal.wait("Held 3 messages in alice@example.test")
        terminal.wait("ended 0")
    finally:
        terminal.close()
    client = system.imap("boss@example.test")

    def has_answer():
        return client.select()[1] != [b"0"]
    posthouse.wait_until(has_answer, 20, "the answer is there")
    text = client.fetch("1", "(BODY.PEEK[])")[1][0][1].decode()
    assert "answered words" in text and "Subject: =?UTF-8?B?" in text, text
    client = system.imap("alice@example.test")
    client.select(readonly=True)
    flags = client.fetch("1:*", "(FLAGS)")[1]
    assert len(flags) == 3 and b"\\Answered" in flags[0] and b"\\Seen" in flags[0], flags
    print("list, scrolling, deleting, answering, arrivals in a terminal")


def main():
    posthouse.own_network()
    posthouse.need_programs("tmux")
    with posthouse.System() as system:
        system.start()
        for name in ("alice", "bob", "boss"):
            system.add_user(f"{name}@example.test")
        mail = Mail(system)
        in_a_pipe(system, mail)
        sending(system, mail)
        in_a_terminal(system, mail)
        system.stop()
        assert "no system is running" in mail.pipe("-u", "alice@example.test", status=1)
        print("a system that does not run is one sentence")


main()
