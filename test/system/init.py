#!/usr/bin/python3
"""`posthouse init` as a person at a terminal has it: questions with their reasons
and proposals, wrong answers, Ctrl-C, English and Chinese; and mail to postmaster
and root is read by whom the answers named."""
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse
import terminal

COMMAND = posthouse.build_directory() / "src/ctl/posthouse"
DIRECTORY = Path(tempfile.mkdtemp(prefix="posthouse-init-"))


def dialog(place, **environment):
    return terminal.Terminal([COMMAND, "init", "--dir", place], columns=150, lines=50, **environment)


def answer(screen, question, text):
    screen.wait(question)
    screen.type(text)


def to_the_password(screen):
    """Each question with something wrong first."""
    screen.wait("Ctrl-C leaves everything as it is.")
    screen.wait("Addresses here are name@domain.")
    answer(screen, "Mail domain", "nonsense")
    answer(screen, "expected a domain such as example.org", "example.test")
    answer(screen, "Host name [mail.example.test]", "two words.example.test")
    answer(screen, "expected a host name with its domain", "")
    answer(screen, "Do users of this machine have mail here? [yes]", "perhaps")
    answer(screen, "expected yes or no", "n")
    answer(screen, "postmaster, abuse and root? [postmaster@example.test]", "@example.test")
    answer(screen, "expected a name or an address", "alice")


def no_certificate(screen):
    answer(screen, "Let's Encrypt? [yes]", "no")
    answer(screen, "File of your certificate", "")


def a_system_is_made():
    place = DIRECTORY / "asked"
    with dialog(place) as screen:
        to_the_password(screen)
        no_certificate(screen)
        answer(screen, "Password for alice@example.test:", "one secret")
        answer(screen, "The same again for alice@example.test:", "another")
        screen.wait("the two passwords are not the same")
        posthouse.wait_until(lambda: screen.text().count("Password for") == 2, 10, "again")
        screen.type("one secret")
        posthouse.wait_until(lambda: screen.text().count("The same again") == 2, 10, "again")
        screen.type("one secret")
        text = screen.wait("Is that right? [yes]")
        for line in ("Mail domain: example.test", "Host name: mail.example.test",
                     "Mail for users of this machine: no", "alice@example.test (a new account)"):
            assert line in text, (line, text)
        assert not place.exists(), "before the last answer nothing is made"
        screen.type("")
        text = screen.wait_end()
        assert "one secret" not in text and "posthouse -c" in text, text
        for word in ("serve", "dns", "doctor"):
            assert f"posthouse -c {place}/posthouse.conf {word} " in text.replace("\n", ""), text
    text = (place / "posthouse.conf").read_text()
    assert "myhostname = mail.example.test\n" in text and "accounts = builtin\n" in text, text
    return place


class Made(posthouse.System):
    """What the dialog made, run."""

    def __init__(self, place):
        self.directory, self.config = place, place / "posthouse.conf"
        self.posthouse, self.process, self.environment = COMMAND, None, None
        self.output, self.log = place / "stdout", place / "data/log/posthouse.log"
        self.passwords = {"alice@example.test": "one secret"}
        self.set(port_offset=posthouse.OFFSET, inet_interfaces="127.0.0.1")


def the_reader_reads(place):
    with Made(place) as system:
        system.start()
        for name in ("postmaster", "abuse", "root", "alice"):
            system.send(f"{name}@example.test", subject=f"for {name}")
        client = system.imap("alice@example.test")
        posthouse.wait_until(lambda: client.select()[1][0] == b"4", 10, "four messages")
        client.logout()


def nothing_is_shown_once_it_is_asked(place):
    """Nor lost: when the question is there, the terminal is as it will be read."""
    for _ in range(5):
        pid, end = pty.fork()
        if pid == 0:
            os.execv(COMMAND, [str(COMMAND), "-c", f"{place}/posthouse.conf", "user", "passwd",
                               "alice@example.test"])
        said = b""
        while b"alice@example.test: " not in said:
            said += os.read(end, 1000)
        assert not termios.tcgetattr(end)[3] & termios.ECHO, said
        os.write(end, b"\x03")
        while os.waitpid(pid, os.WNOHANG)[0] == 0:
            select.select([end], [], [], 0.02)
        os.close(end)


def ctrl_c_leaves_nothing():
    """At a question, and while the password is not shown: the terminal shows what
    is typed again."""
    for is_late in (False, True):
        place = DIRECTORY / f"left-{is_late}"
        line = f"{COMMAND} init --dir {place}; echo ended with $?; stty -a | grep -ow -- '-\\?echo'"
        with terminal.Terminal(["bash", "-c", f"trap : INT; {line}"], columns=150, lines=50) as screen:
            if is_late:
                to_the_password(screen)
                no_certificate(screen)
                screen.wait("Password for")
            else:
                screen.wait("Mail domain")
            screen.tmux("send-keys", "C-c")
            text = screen.wait_end()
            assert "ended with 0" not in text and "ended with" in text, text
            assert text.split()[-1] == "echo" or "\necho" in text, text
        assert not place.exists()


def in_chinese():
    place = DIRECTORY / "chinese"
    with dialog(place, LANG="zh_CN.UTF-8", LC_ALL="zh_CN.UTF-8") as screen:
        answer(screen, "邮件域", "example.test")
        answer(screen, "主机名 [mail.example.test]", "")
        answer(screen, "[是]", "否")
        answer(screen, "[postmaster@example.test]", "carol@elsewhere.example")
        answer(screen, "Let's Encrypt", "否")
        answer(screen, "您的证书文件", "")
        screen.wait("即将创建")
        answer(screen, "以上是否正确？ [是]", "")
        text = screen.wait_end()
        assert "接下来" in text and "account" not in text, text
    aliases = subprocess.run([COMMAND, "-c", place / "posthouse.conf", "alias", "list"],
                             capture_output=True, text=True, check=True).stdout
    assert "root@example.test" in aliases and "carol@elsewhere.example" in aliases, aliases


def aliases(place):
    done = subprocess.run([COMMAND, "--json", "-c", place / "posthouse.conf", "alias", "list"],
                          capture_output=True, text=True, check=True)
    return sorted((row["address"], row["target"]) for row in json.loads(done.stdout))


def it_goes_on_with_what_the_package_made():
    """The domain is not asked again, and root no longer reads what alice does. When
    somebody has changed the file it is his."""
    place = DIRECTORY / "package"
    done = subprocess.run([COMMAND, "init", "--domain", "example.test", "--reader", "root", "--dir", place],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0 and "What comes next:" in done.stdout and "\naccount " not in done.stdout, done
    names = [f"{name}@example.test" for name in ("abuse", "postmaster", "root")]
    assert aliases(place) == [(name, "root@example.test") for name in names[:2]], aliases(place)
    key = (place / "data/tls/key.pem").read_text()
    changed = DIRECTORY / "changed"
    shutil.copytree(place, changed)
    for path, is_asked in ((changed, False), (place, True)):
        text = (path / "posthouse.conf").read_text().replace(str(place), str(path))
        (path / "posthouse.conf").write_text(text if is_asked else f"{text}message_size_limit = 1M\n")
        with dialog(path) as screen:
            if not is_asked:
                assert "is there already" in screen.wait_end()
                continue
            answer(screen, "Host name [mail.example.test]", "mx.example.test")
            assert "Mail domain [" not in screen.text()
            answer(screen, "Do users of this machine have mail here? [yes]", "")
            answer(screen, "postmaster, abuse and root?", "alice")
            answer(screen, "Let's Encrypt", "no")
            answer(screen, "File of your certificate", "")
            answer(screen, "Password for", "")
            answer(screen, "Is that right? [yes]", "")
            assert "account alice@example.test " in screen.wait_end()
    assert aliases(place) == [(name, "alice@example.test") for name in names], aliases(place)
    assert "myhostname = mx.example.test\n" in (place / "posthouse.conf").read_text()
    names = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in",
                            place / "data/tls/cert.pem"], capture_output=True, text=True, check=True).stdout
    assert "DNS:mx.example.test" in names, "the certificate has the new name"
    assert (place / "data/tls/key.pem").read_text() == key, "its key may be known to others"


def twice_and_without_a_terminal(place):
    done = subprocess.run([COMMAND, "init"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 1 and "--domain is missing" in done.stderr, done
    # a name as greetings, certificates and the DNS have it
    other = DIRECTORY / "other"
    subprocess.run([COMMAND, "init", "--domain", "邮局.测试", "--reader", "root@邮局.测试", "--dir", other],
                   stdin=subprocess.DEVNULL, capture_output=True, check=True)
    lines = (other / "posthouse.conf").read_text().splitlines()
    assert {"myhostname = mail.xn--dgtz33j.xn--0zwm56d", "mydomain = xn--dgtz33j.xn--0zwm56d"} < set(lines), lines
    domain = "xn--dgtz33j.xn--0zwm56d"
    assert aliases(other) == [(f"{name}@{domain}", f"root@{domain}") for name in ("abuse", "postmaster")]
    # one that leaves no room for postmaster@: nothing is half done
    done = subprocess.run([COMMAND, "init", "--dir", DIRECTORY / "none", "--domain", ".".join(["a" * 49] * 5)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 1 and "expected a domain such as" in done.stderr, done
    assert not (DIRECTORY / "none").exists()
    with dialog(place) as screen:
        assert "is there already" in screen.wait_end()


def main():
    posthouse.need_programs("tmux")
    posthouse.own_network()
    place = a_system_is_made()
    twice_and_without_a_terminal(place)
    nothing_is_shown_once_it_is_asked(place)
    ctrl_c_leaves_nothing()
    in_chinese()
    it_goes_on_with_what_the_package_made()
    the_reader_reads(place)
    shutil.rmtree(DIRECTORY)


main()
