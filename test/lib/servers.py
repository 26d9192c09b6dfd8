"""Mail servers of others, each with a domain and users whose mail goes to files:
Debian's Postfix, Exim and OpenSMTPD, as test/peers lays them beside each other."""
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import posthouse

SIZE = 50_000_000


def need_user(name):
    try:
        return pwd.getpwnam(name)
    except KeyError:
        subprocess.run(["useradd", "--system", "--user-group", name], check=True)
        return pwd.getpwnam(name)


class Server:
    """words: what makes a command run at the server's site (network.Site.words)."""
    owner = "nobody"
    log_name = "log"

    def __init__(self, domain, users, words=list, tls=None):
        """tls: (certificate, key), files."""
        self.domain, self.users, self.words, self.tls = domain, users, words, tls
        self.host = f"mail.{domain}"
        self.directory = Path(tempfile.mkdtemp(prefix="server-", dir="/var/tmp"))
        self.directory.chmod(0o755)
        self.mail = self.directory / "mail"
        self.mail.mkdir()
        shutil.chown(self.mail, self.owner)
        if tls:
            self.tls = [shutil.copy(file, self.directory) for file in tls]

    def __enter__(self):
        try:
            self.start()
        except AssertionError as error:
            self.__exit__(type(error))
            raise
        return self

    def is_there(self):
        """Does it take connections at its site?"""
        return subprocess.run(self.words(["bash", "-c", "< /dev/tcp/127.0.0.1/25"]),
                              stderr=subprocess.DEVNULL).returncode == 0

    def __exit__(self, kind, *_):
        if kind is not None:
            print(f"--- log of {type(self).__name__}\n{self.log()[-4000:]}")
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self):
        file = self.directory / self.log_name
        return file.read_text(errors="replace") if file.exists() else ""

    def messages(self):
        """With LF."""
        found = []
        for file in self.mail.glob("[0-9]"):
            # each message ends with an empty line, a From_ line begins the next
            rest = b"\n" + file.read_bytes()
            found += [text.split(b"\n", 1)[1] for text in rest.split(b"\nFrom ")[1:]]
        return found


class Postfix(Server):
    def __init__(self, *words, listen="smtp", parameters=(), **options):
        super().__init__(*words, **options)
        etc = self.directory / "etc"
        for name in ("etc", "data", "spool"):
            (self.directory / name).mkdir()
        shutil.chown(self.directory / "data", "postfix")
        rows = []
        for line in Path("/usr/share/postfix/master.cf.dist").read_text().splitlines():
            line = re.sub(r"^smtp(\s+)inet(.*)smtpd$", f"{listen} inet n - n - 100 smtpd", line)
            if re.match(r"^[a-z]+\s+unix\s", line):
                field = line.split()
                field[4] = "n"
                line = " ".join(field)
            rows.append(line)
        (etc / "master.cf").write_text("\n".join(rows) + "\n")
        ids = pwd.getpwnam("nobody")
        boxes = ", ".join(f"{{{user}@{self.domain} = {number}}}"
                          for number, user in enumerate(self.users))
        (etc / "main.cf").write_text("\n".join([
            "compatibility_level = 3.6", f"queue_directory = {self.directory}/spool",
            f"data_directory = {self.directory}/data", "command_directory = /usr/sbin",
            "daemon_directory = /usr/lib/postfix/sbin", "mail_owner = postfix",
            "setgid_group = postdrop", f"myhostname = {self.host}", "mydestination =",
            "mynetworks = 127.0.0.0/8", f"virtual_mailbox_domains = {self.domain}",
            f"virtual_mailbox_maps = inline:{{{boxes}}}",
            f"virtual_mailbox_base = {self.mail}",
            f"virtual_uid_maps = static:{ids.pw_uid}", f"virtual_gid_maps = static:{ids.pw_gid}",
            "virtual_mailbox_limit = 0", f"message_size_limit = {SIZE}",
            "alias_maps =", "alias_database =", "local_recipient_maps =", "smtputf8_enable = yes",
            *([f"smtpd_tls_cert_file = {self.tls[0]}", f"smtpd_tls_key_file = {self.tls[1]}",
               "smtpd_tls_security_level = may", "smtp_tls_security_level = may"]
              if self.tls else ["smtpd_tls_security_level = none"]),
            f"maillog_file = {self.directory}/log", f"maillog_file_prefixes = {self.directory}",
            *parameters, ""]))

    def command(self, word):
        subprocess.run(self.words(["postfix", "-c", str(self.directory / "etc"), word]),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        self.command("start")
        posthouse.wait_until(lambda: "daemon started" in self.log(), 20, "Postfix starts")

    def stop(self):
        self.command("stop")


class Exim(Server):
    """Its configuration has one place only; its own programs must find it."""
    log_name = "spool/mainlog"
    process = None

    def __init__(self, *words, **options):
        super().__init__(*words, **options)
        (self.directory / "spool").mkdir()
        shutil.chown(self.directory / "spool", "Debian-exim", "Debian-exim")
        for file in self.tls:
            shutil.chown(file, "Debian-exim")
        routers = "".join(f"user{number}:\n  driver = accept\n  domains = {self.domain}\n"
                          f"  local_parts = {user}\n  transport = file{number}\n"
                          for number, user in enumerate(self.users))
        transports = "".join(f"file{number}:\n  driver = appendfile\n  user = nobody\n"
                             f"  file = {self.mail}/{number}\n"
                             for number in range(len(self.users)))
        Path("/etc/exim4").mkdir(exist_ok=True)
        Path("/etc/exim4/exim4.conf").write_text(f"""
primary_hostname = {self.host}
spool_directory = {self.directory}/spool
log_file_path = {self.directory}/spool/%slog
pid_file_path = {self.directory}/pid
exim_path = /usr/sbin/exim4
daemon_smtp_ports = 25
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
tls_advertise_hosts = *
tls_certificate = {self.tls[0]}
tls_privatekey = {self.tls[1]}
message_size_limit = {SIZE}
keep_environment =
acl_smtp_rcpt = rcpt
acl_smtp_data = data
bounce_return_size_limit = 10K
begin acl
rcpt:
  accept hosts = 127.0.0.1
  require domains = {self.domain}
          verify = recipient
  accept
data:
  accept
begin routers
others:
  driver = dnslookup
  domains = ! {self.domain}
  transport = smtp
  no_more
{routers}
begin transports
smtp:
  driver = smtp
{transports}
begin retry
* * F,1h,1s
""")

    def start(self):
        self.process = subprocess.Popen(self.words(["/usr/sbin/exim4", "-bdf", "-q5s"]))
        posthouse.wait_until(self.is_there, 20, "Exim starts")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()


class OpenSmtpd(Server):
    """Delivers to accounts of the system, by maildir; no UTF-8 addresses."""
    owner = "root"
    process = None

    def __init__(self, *words, **options):
        for name in ("opensmtpd", "opensmtpq"):
            need_user(name)
        super().__init__(*words, **options)
        for user in self.users:
            need_user(user)
            (self.mail / user).mkdir()
            shutil.chown(self.mail / user, user)
        for file in self.tls:
            os.chmod(file, 0o600)
        users = ", ".join(f'"{user}@{self.domain}" = {user}' for user in self.users)
        self.conf = self.directory / "smtpd.conf"
        self.conf.write_text(f"""
pki mail cert "{self.tls[0]}"
pki mail key "{self.tls[1]}"
table users {{ {users} }}
smtp max-message-size {SIZE}
listen on 0.0.0.0 port 25 hostname {self.host} tls pki mail
listen on :: port 25 hostname {self.host} tls pki mail
action "local" maildir "{self.mail}/%{{user.username}}" virtual <users>
action "out" relay helo {self.host}
match from any for domain "{self.domain}" action "local"
match from src 127.0.0.0/8 for any action "out"
match from local for any action "out"
""")

    def start(self):
        for directory in ("/var/spool/smtpd", "/var/lib/opensmtpd/empty"):
            Path(directory).mkdir(parents=True, exist_ok=True)
            os.chmod(directory, 0o711)
        with open(self.directory / "log", "w") as log:
            self.process = subprocess.Popen(self.words(["/usr/sbin/smtpd", "-d", "-f", self.conf]),
                                            stdout=log, stderr=log)
        posthouse.wait_until(self.is_there, 20, "OpenSMTPD starts")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()

    def messages(self):
        return [file.read_bytes().replace(b"\r\n", b"\n")
                for file in sorted(self.mail.glob("*/new/*"))]
