#!/usr/bin/python3
"""The configuration of a Postfix and a Dovecot becomes a posthouse.conf: that of
Debian's own packages, and lines of all kinds. Each line that is not carried over is
in the report, and what comes out is accepted."""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import peers
import posthouse

# lines of main.cf, then what must stand in the result, and in the report
POSTFIX = [
    ("myhostname = mail.example.com\nmydomain = example.com\nmyorigin = $mydomain",
     ["myorigin = ${mydomain}"], []),
    ("mydestination = $myhostname,\n  # inside\n\tlocalhost.$mydomain, $mydomain, $mine\n"
     "mine = a.example, ${other}\nother = b.example",
     ["mydestination = ${myhostname}", "a.example", "b.example"], []),
    ("mynetworks = 127.0.0.0/8, {folder}/networks, hash:{folder}/table",
     ["mynetworks = 127.0.0.0/8 192.0.2.0/24 198.51.100.0/24 203.0.113.7"], []),
    ("myorigin = {folder}/mailname", ["myorigin = mail.example.com"], []),
    ("mynetworks = !192.0.2.1, 192.0.2.0/24", ["mynetworks = !192.0.2.1 192.0.2.0/24"], []),
    ("relay_domains = $mydestination", ["relay_domains = ${mydestination}"], []),
    ("alias_maps = mysql:/etc/x", [], ["alias_maps: not carried over: \"mysql:/etc/x\""]),
    ("smtpd_tls_cert_file = /etc/x.pem", ["tls_cert_file = /etc/x.pem"], ["carried over as tls_cert"]),
    ("mydestination = ${x?y}", [], ["main.cf:1: mydestination: not carried over"]),
    ("x = $y\ny = $x\nrelay_domains = $x", [], ["main.cf:3: relay_domains: not carried over"]),
    ("message_size_limit = many", [], ["message_size_limit: not carried over"]),
    ("message_size_limit = 1000000\nmessage_size_limit = 2000000",
     ["message_size_limit = 2000000"], ["main.cf:1: message_size_limit: not carried over: line 2"]),
    ("no_such_parameter = 1", [], ["main.cf:1: no_such_parameter: not carried over"]),
]
DOVECOT = [
    ("login_trusted_networks = 192.0.2.0/24", ["proxy_networks = 192.0.2.0/24"],
     ["carried over as proxy_networks"]),
    ("mail_location = mdbox:~/mail", [], ["posthouse import imap://"]),
    ("mail_location = maildir:~/Maildir:INDEX=/var/index", ["mail_location = maildir:~/Maildir"],
     ["INDEX=/var/index is left out"]),
    ("protocols = imap pop3 sieve", ["protocols = imap pop3"], ["sieve is left out"]),
    ("auth_mechanisms = plain gssapi", ["auth_mechanisms = plain"], ["gssapi is left out"]),
    ("ssl_cert = </etc/x.pem # text", ["tls_cert_file = /etc/x.pem"], []),
    ("passdb {\n  driver = passwd-file\n  args = scheme=CRYPT /etc/users\n}\nuserdb {\n"
     "  driver = static\n}", ["accounts = builtin passwd-file:/etc/users"], []),
    ("passdb {\n  driver = pam\n}\npassdb {\n  driver = ldap\n  args = /etc/bad.conf\n}",
     ["accounts = builtin system ldap:/etc/bad.conf"], []),
    ("passdb {\n  driver = ldap\n  args = {folder}/ldap.conf\n}", [],
     ["passdb: not carried over: {folder}/ldap.conf:1: found \"sasl_bind\""]),
    ("passdb {\n  driver = sql\n  args = {folder}/ldap.conf\n}", [], ["driver sql is not known"]),
    ("service imap-login {\n  inet_listener imap {\n    port = 1143\n  }\n}", ["imap_port = 1143"], []),
    ("plugin {\n  quota_rule = *:storage=1G\n}", ["mailbox_quota = 1G"], []),
    ("local 192.0.2.1 {\n  ssl_cert = </x\n}", [], ["dovecot.conf:2: ssl_cert: not carried over"]),
    ("!include_try missing.conf\n!include sub/*.conf", ["disable_plaintext_auth = no"], []),
]
# Dovecot 2.4, of which Debian 12 has none beside which this could run.
DOVECOT += [
    ("dovecot_config_version = 2.4.1\nmail_driver = maildir\nmail_path = %{home}/Maildir\n"
     "protocols {\n  imap = yes\n}\nssl_server_cert_file = /etc/x.pem\nauth_allow_cleartext = yes",
     ["mail_location = maildir:%h/Maildir", "protocols = imap", "tls_cert_file = /etc/x.pem",
      "disable_plaintext_auth = no"], ["dovecot.conf:1: dovecot_config_version: not carried over"]),
    ("passdb passwd-file {\n  passwd_file_path = /etc/users\n}\nuserdb static {\n}",
     ["accounts = builtin passwd-file:/etc/users"], ["dovecot.conf:5: userdb: not carried over"]),
    ("ldap_auth_dn_password = secret\npassdb ldap {\n  filter = (uid=%{user | username})\n}", [],
     ["pass_filter = (uid=%n)", "accounts: ldap:FILE"]),
]
MISTAKES = [
    ("main.cf", "nothing", "main.cf:1: found \"nothing\", expected name = value"),
    ("dovecot.conf", "a {", "expected as many } as {"),
    ("dovecot.conf", "}", "dovecot.conf:1: found \"}\""),
    ("dovecot.conf", "x = 1\n!include loop.conf", "expected"),
    ("dovecot.conf", "x = 1\n!include missing.conf", "dovecot.conf:2: found \"missing.conf\""),
    ("dovecot.conf", "a {\n" * 17 + "}\n" * 17, "less deep"),
]


class Command(posthouse.System):
    """Only for its command."""
    def run(self, *words):
        return self.command("config", "import", *words, check=False, config=False)


def fill(text, folder):
    return text.replace("{folder}", str(folder))


def lines_of_all_kinds(system, folder):
    for name, option, cases in (("main.cf", "--postfix", POSTFIX),
                                ("dovecot.conf", "--dovecot", DOVECOT)):
        for text, result, report in cases:
            (folder / name).write_text(fill(text, folder) + "\n")
            done = system.run(option, str(folder))
            assert done.returncode == 0, (text, done.stderr)
            for each in result:
                assert each in done.stdout, (text, each, done.stdout, done.stderr)
            for each in report:
                assert fill(each, folder) in done.stderr, (text, each, done.stderr)
            if not result:
                assert " = " not in done.stdout, (text, done.stdout)


def mistakes_are_one_sentence(system, folder):
    (folder / "loop.conf").write_text("!include loop.conf\n")
    for name, text, expected in MISTAKES:
        (folder / name).write_text(text + "\n")
        done = system.run("--postfix" if name == "main.cf" else "--dovecot", str(folder))
        assert done.returncode == 1 and done.stdout == "" and expected in done.stderr and \
            done.stderr.count("\n") == 1, (text, done.stderr)


def stock(system, folder):
    """What Debian's packages come with: nothing is lost without a word."""
    main = folder / "stock"
    main.mkdir()
    (main / "main.cf").write_text(Path("/usr/share/postfix/main.cf.debian").read_text() +
                                  "myhostname = mail.example.com\nmydestination = $myhostname, "
                                  "localhost\nmynetworks = 127.0.0.0/8 [::1]/128\n"
                                  "alias_maps = hash:/etc/aliases\nrelayhost =\n")
    (main / "master.cf").write_text(Path("/usr/share/postfix/master.cf.dist").read_text())
    output = folder / "posthouse.conf"
    words = ["--postfix", str(main), "--dovecot", "/etc/dovecot", "--output", str(output)]
    done = system.run(*words)
    assert done.returncode == 0 and done.stdout == "", done.stderr
    text = output.read_text()
    for line in ("mydestination = ${myhostname}", "mail_location = mbox:~/mail:INBOX=/var/mail/%u",
                 "accounts = builtin system", "protocols = imap", "submission_port = 0"):
        assert line in text, (line, text, done.stderr)
    named = {line.split("=")[0].strip() for line in (main / "main.cf").read_text().splitlines()
             if "=" in line and line[0] not in "# \t"}
    for name in named:
        assert f"\n{name} = " in text or f": {name}: " in done.stderr, name
    again = system.run(*words)
    assert again.returncode == 1 and "--force" in again.stderr
    assert system.run(*words, "--force").returncode == 0
    with output.open("a") as file:
        file.write(f"data_directory = {folder}/data\nruntime_directory = {folder}/run\n"
                   f"tls_cert_file =\ntls_key_file =\n")
    check = system.command("-c", str(output), "serve", "--check", config=False, check=False)
    assert check.returncode == 0, check.stderr


def every_name_of_theirs(system, folder):
    """None is an error in posthouse.conf, and each is in the report of an import."""
    ours = {row["name"] for row in json.loads(system.command("--json", "config",
                                                             config=False).stdout)}
    dovecot = re.findall(r"^([a-z_0-9]+) =", output_of("doveconf", "-a"), re.M)
    postfix = re.findall(r"^(\S+) =", output_of("postconf", "-d"), re.M)
    assert len(postfix) > 900 and len(dovecot) > 250, (len(postfix), len(dovecot))
    names = sorted({*postfix, *dovecot} - ours)
    output = folder / "names.conf"
    for at in range(0, len(names), 90):
        output.write_text("accounts = builtin\n" + "".join(f"{name} =\n" for name in names[at:at + 90]) +
                          f"data_directory = {folder}/data\ntls_cert_file =\ntls_key_file =\n")
        done = system.command("-c", str(output), "serve", "--check", config=False, check=False)
        assert done.returncode == 0, done.stderr
        for name in names[at:at + 90]:
            assert f": {name} is a parameter of " in done.stderr, (name, done.stderr)
    for option, file, theirs in ("--postfix", "main.cf", postfix), ("--dovecot", "dovecot.conf", dovecot):
        (folder / file).write_text("".join(f"{name} =\n" for name in sorted({*theirs} - ours)))
        report = system.run(option, str(folder)).stderr
        for name in {*theirs} - ours:
            assert f": {name}: " in report and "has no counterpart" not in report, (name, report)


def output_of(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def main():
    peers.enter("postfix", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd")
    with tempfile.TemporaryDirectory() as name, Command() as system:
        folder = Path(name)
        (folder / "networks").write_text("# ours\n192.0.2.0/24\n198.51.100.0/24\n")
        (folder / "mailname").write_text("mail.example.com\n")
        (folder / "table").write_text("203.0.113.7 OK\n")
        (folder / "ldap.conf").write_text("sasl_bind = yes\n")
        (folder / "sub").mkdir()
        (folder / "sub/a.conf").write_text("disable_plaintext_auth = no\n")
        lines_of_all_kinds(system, folder)
        mistakes_are_one_sentence(system, folder)
        stock(system, folder)
        every_name_of_theirs(system, folder)


main()
