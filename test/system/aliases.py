#!/usr/bin/python3
"""/etc/aliases as the chapter teaches it, for built-in accounts: a line is
added, newaliases run, and the next message goes by it; a list to two users;
root and postmaster; an error in the file, after which the old table counts; a
loop, whose mail waits. Programs and files: pipes.py."""
import os
import smtplib
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse
from posthouse import wait_until

DOMAIN = "linuxprobe.com"
ALIASES = """\
# Basic system aliases
mailer-daemon:  postmaster
postmaster:     root
bin:            root
daemon: root
Staff:  root,
# carol is away
        "boss"
everybody: :include:{include}
"""


def write(system, text):
    (system.directory / "aliases").write_text(text)


def new_aliases(system, good=True):
    done = system.command("newaliases", check=False)
    assert (done.returncode == 0) == good, done
    return done.stdout if good else done.stderr


def subjects(system, user):
    """How often each subject stands in the inbox."""
    with system.imap(f"{user}@{DOMAIN}") as client:
        count = int(client.select("INBOX")[1][0])
        if count == 0:
            return {}
        answers = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        found = {}
        for answer in answers:
            if isinstance(answer, tuple):
                subject = answer[1].decode().strip().split(": ", 1)[1]
                found[subject] = found.get(subject, 0) + 1
        return found


def arrives(system, user, subject):
    wait_until(lambda: subjects(system, user).get(subject), 10, f"{subject} for {user}")
    assert subjects(system, user)[subject] == 1


def refused(system, user, domain=DOMAIN):
    """The reply to RCPT."""
    with smtplib.SMTP("127.0.0.1", system.port("smtp"), timeout=30) as client:
        client.ehlo()
        client.mail("bob@example.net")
        return client.rcpt(f"{user}@{domain}")


def by_the_chapter(system):
    # the table is written while nothing runs, and counts from the start
    out = new_aliases(system)
    path = system.directory / "aliases"
    assert out.startswith(f"{path}: 6 aliases, longest "), out
    assert out.rstrip().endswith(" bytes total"), out
    system.start()
    for user in ("bin", "Daemon", "postmaster", "staff", "everybody"):
        system.send(f"{user}@{DOMAIN}", subject=f"for {user}")
        arrives(system, "root", f"for {user}")
    for user in ("staff", "everybody"):
        arrives(system, "boss", f"for {user}")
    assert "for bin" not in subjects(system, "boss")
    # one line more
    assert refused(system, "xxoo")[0] == 550
    with path.open("a") as file:
        file.write("xxoo:   root\n")
    assert refused(system, "xxoo")[0] == 550
    assert ": 7 aliases, " in new_aliases(system)
    # the next RCPT already, and what the queue remembered is forgotten
    assert refused(system, "xxoo")[0] == 250
    system.send(f"xxoo@{DOMAIN}", subject="for xxoo")
    arrives(system, "root", "for xxoo")
    write(system, ALIASES.format(include=system.directory / "list") + "xxoo: boss\n")
    new_aliases(system)
    system.send(f"xxoo@{DOMAIN}", subject="for xxoo again")
    arrives(system, "boss", "for xxoo again")
    assert "for xxoo again" not in subjects(system, "root")


def mistakes(system):
    path = system.directory / "aliases"
    text = path.read_text()
    list_path = system.directory / "list"
    for bad, line, said in (
            ("oops root\n", 12, 'found "oops", expected a name and a colon'),
            ("oops: root # me\n", 12, 'found "root # me", expected an address'),
            ("oops: root,\n  boss\n  bin\n", 14, 'found "bin", expected a comma'),
            (f"oops: :include:{list_path}.link\n", 12, "symbolic link"),
            (f"oops: :include:{list_path}.open\n", 12, "may be written by others"),
            (f"oops: :include:{list_path}.owner\n", 12, "belongs to uid 1"),
            (f"oops: :include:{list_path}.self\n", 12, "do not include themselves"),
            (f"oops: :include:{list_path}.none\n", 12, "No such file"),
            (f"oops: :include:{system.directory}\n", 12, "expected a file"),
            (f"oops: :include:{list_path}.run\n", 12, "named in alias files only"),
            (f"oops: :include:/dev/zero\n", 12, "expected a file")):
        if "uid 1" in said and os.geteuid() != 0:
            continue
        write(system, text.replace("bin: ", "new: root\nbin: ") + bad)
        error = new_aliases(system, good=False)
        assert error.startswith(f"posthouse: {path}:{line}: ") and said in error, (bad, error)
        # nothing of it counts
        assert refused(system, "new")[0] == 550
        assert refused(system, "xxoo")[0] == 250
    write(system, text)


def mail_that_waits(system):
    path = system.directory / "aliases"
    with path.open("a") as file:
        file.write("one: two\ntwo: three\nthree: one\n"
                   "bin: boss\n")
    done = system.command("newaliases")
    assert f'warning: {path}:14: found "bin" again; the one of ' in done.stderr, done.stderr
    code, text = refused(system, "one")
    assert code == 451, (code, text)
    assert "only lead to each other" in system.log_text()
    system.send(f"bin@{DOMAIN}", subject="bin again")
    arrives(system, "root", "bin again")
    # the same after a start
    system.restart()
    assert refused(system, "one")[0] == 451
    system.send(f"xxoo@{DOMAIN}", subject="after a start")
    arrives(system, "boss", "after a start")
    # and by the name that is known
    link = system.directory / "newaliases"
    link.symlink_to(system.posthouse)
    write(system, "bin: boss\n")
    out = subprocess.run([link, "-c", system.config], text=True, capture_output=True, check=True)
    assert out.stdout == f"{path}: 1 aliases, longest 4 bytes, 7 bytes total\n", out
    assert refused(system, "xxoo")[0] == 550


def virtual(system):
    """A domain of the table, a catch-all, a pattern; the file again at a reload."""
    table = system.directory / "virtual"
    patterns = system.directory / "patterns"
    table.write_text("virtual.test any\ninfo@virtual.test root@linuxprobe.com,\n"
                     " boss@linuxprobe.com\n@catch.test boss@linuxprobe.com\ncatch.test any\n")
    patterns.write_text(r"/^list-(.*)@linuxprobe\.com$/ $1@linuxprobe.com" "\n")
    # from here any mail is relayed
    assert refused(system, "who", "virtual.test")[0] == 250
    system.set(virtual_alias_maps=f"hash:{table}, regexp:{patterns}")
    system.command("reload")
    wait_until(lambda: refused(system, "who", "virtual.test")[0] == 550, 10,
               "the table counts")
    for address, users in (("info@virtual.test", ("root", "boss")),
                           ("who@catch.test", ("boss",)),
                           (f"list-root@{DOMAIN}", ("root",))):
        system.send(address, subject=f"for {address}")
        for user in users:
            arrives(system, user, f"for {address}")
    table.write_text("virtual.test\n")
    for command in (("reload",), ("serve", "--check"), ("serve",)):
        done = system.command(*command, check=False)
        assert done.returncode == 1 and f'{table}:1: found "virtual.test" alone' in done.stderr, done
    assert refused(system, "info", "virtual.test")[0] == 250
    table.unlink()
    done = system.command("reload", check=False)
    assert done.returncode == 1 and "virtual_alias_maps: " in done.stderr, done


def main():
    posthouse.own_network()
    with posthouse.System(domain=DOMAIN) as system:
        list_path = system.directory / "list"
        for name, text in (("list", "# all\nroot\nboss\n"), ("list.open", "root\n"),
                           ("list.owner", "root\n"), ("list.run", "|/bin/true\n"),
                           ("list.self", f":include:{list_path}.self\n")):
            (system.directory / name).write_text(text)
            (system.directory / name).chmod(0o666 if name.endswith("open") else 0o644)
        if os.geteuid() == 0:
            os.chown(system.directory / "list.owner", 1, 1)
        (system.directory / "list.link").symlink_to(list_path)
        system.set(alias_maps=f"hash:{system.directory}/aliases")
        for user in ("root", "boss"):
            system.add_user(f"{user}@{DOMAIN}")
        write(system, ALIASES.format(include=list_path))
        by_the_chapter(system)
        mistakes(system)
        mail_that_waits(system)
        virtual(system)
    print("ok")


main()
