"""What the benches share: Debian's Postfix and Dovecot beside a Posthouse, the
cost of processes, and tables. Runs inside test/peers."""
import os
import pwd
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse

TOP = posthouse.TOP
BUILD = posthouse.build_directory()
TICKS = os.sysconf("SC_CLK_TCK")


def numbers_of_processes(skip=()):
    """{pid: (name, cpu seconds)} of everything in this namespace."""
    result = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            text = Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        name = text[text.index("(") + 1:text.rindex(")")]
        field = text[text.rindex(")") + 2:].split()
        if name not in skip:
            result[int(entry)] = (name, sum(int(f) for f in field[11:15]) / TICKS)
    return result


def cpu_of(names):
    return sum(cpu for name, cpu in numbers_of_processes().values() if name in names)


def pss_of(names):
    """KB in all processes with these names."""
    total = 0
    for pid, (name, _) in numbers_of_processes().items():
        if name in names:
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
                total += int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1))
            except OSError:
                pass
    return total


def slab():
    return int(re.search(r"^Slab:\s+(\d+)", Path("/proc/meminfo").read_text(), re.M).group(1))


OURS = {"master", "tls", "key", "smtpd", "login", "auth", "queue", "relay", "mailbox", "names",
        "fetch", "web", "mailbox-user", "spoollock", "pam", "pipe", "hostmaster"}
POSTFIX = {"master", "smtpd", "cleanup", "qmgr", "pickup", "trivial-rewrite", "lmtp", "smtp",
           "scache", "anvil", "bounce", "tlsmgr", "proxymap", "error", "flush", "postlogd"}
DOVECOT = {"dovecot", "anvil", "log", "config", "lmtp", "imap", "imap-login", "pop3",
           "pop3-login", "auth", "stats", "old-stats", "ssl-params", "indexer"}


def put(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


class Peer:
    """Postfix that delivers by LMTP into Dovecot (every sync real)."""
    SMTP, IMAP, IMAPS = 2525, 2143, 2993

    def __init__(self, directory, preload=None, tls=None, parameters=(),
                 location="sdbox:{mail}/%u/sdbox"):
        """parameters: further lines of main.cf. location: of the mail below its
        own directory {mail}."""
        self.parameters = parameters
        self.location = location.format(mail=Path(directory) / "mail")
        self.directory = Path(directory)
        shutil.rmtree(self.directory, ignore_errors=True)
        self.environment = dict(os.environ)
        if preload:
            self.environment["LD_PRELOAD"] = str(preload)
        for name in ("vmail",):
            try:
                pwd.getpwnam(name)
            except KeyError:
                subprocess.run(["useradd", "-r", "-M", "-s", "/usr/sbin/nologin", name], check=True)
        for name in ("pf/etc", "pf/data", "pf/spool", "dc/run", "dc/state", "mail"):
            (self.directory / name).mkdir(parents=True)
        shutil.chown(self.directory / "mail", "vmail")
        shutil.chown(self.directory / "pf/data", "postfix")
        self.write_postfix()
        self.write_dovecot(tls)

    def write_postfix(self):
        table = Path("/usr/share/postfix/master.cf.dist").read_text()
        rows = []
        for line in table.splitlines():
            line = re.sub(r"^smtp(\s+)inet(.*)smtpd$",
                          rf"127.0.0.1:{self.SMTP} inet n - n - 100 smtpd", line)
            if re.match(r"^[a-z]+\s+unix\s", line):
                field = line.split()
                field[4] = "n"      # no chroot
                line = " ".join(field)
            rows.append(line)
        etc = self.directory / "pf/etc"
        put(etc / "master.cf", "\n".join(rows) + "\n")
        put(etc / "main.cf", "\n".join([
            "compatibility_level = 3.6",
            f"queue_directory = {self.directory}/pf/spool",
            f"data_directory = {self.directory}/pf/data",
            "command_directory = /usr/sbin",
            "daemon_directory = /usr/lib/postfix/sbin",
            "mail_owner = postfix", "setgid_group = postdrop",
            "myhostname = mail.example.org", "mydomain = example.org",
            "inet_interfaces = 127.0.0.1", "inet_protocols = ipv4",
            "mydestination =", "mynetworks = 127.0.0.0/8",
            "virtual_mailbox_domains = example.org",
            "virtual_mailbox_maps = static:all",
            f"virtual_transport = lmtp:unix:{self.directory}/dc/run/lmtp",
            "lmtp_destination_concurrency_limit = 20",
            "smtpd_client_connection_count_limit = 0",
            "message_size_limit = 104857600", "mailbox_size_limit = 0",
            "alias_maps =", "alias_database =", "local_recipient_maps =",
            "import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ PATH LANG=C "
            "LD_PRELOAD SLOW_SYNC_MS",
            f"maillog_file = {self.directory}/pf/maillog",
            f"maillog_file_prefixes = {self.directory}",
            "smtputf8_enable = no", *self.parameters, ""]))

    def write_dovecot(self, tls):
        ssl = "ssl = no" if tls is None else (
            f"ssl = yes\nssl_cert = <{tls[0]}\nssl_key = <{tls[1]}")
        put(self.directory / "dc/dovecot.conf", f"""
base_dir = {self.directory}/dc/run
state_dir = {self.directory}/dc/state
instance_name = peer
protocols = imap lmtp
listen = 127.0.0.1
log_path = {self.directory}/dc/log
{ssl}
disable_plaintext_auth = no
default_internal_user = dovecot
default_login_user = dovenull
mail_uid = vmail
mail_gid = vmail
first_valid_uid = 1
mail_location = {self.location}
mail_fsync = always
import_environment = LD_PRELOAD SLOW_SYNC_MS TZ PATH
auth_mechanisms = plain login
mail_max_userip_connections = 0
default_vsz_limit = 4G
passdb {{
  driver = static
  args = password=pw
}}
userdb {{
  driver = static
  args = uid=vmail gid=vmail home={self.directory}/mail/%u allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = {self.IMAP}
  }}
  inet_listener imaps {{
    port = {self.IMAPS if tls else 0}
    ssl = {"yes" if tls else "no"}
  }}
  service_count = 0
  process_limit = 4
  client_limit = 20000
}}
service imap {{
  process_limit = 20000
}}
service anvil {{
  client_limit = 45000
}}
service auth {{
  client_limit = 45000
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
  process_min_avail = 4
  process_limit = 40
}}
""")

    def __enter__(self):
        subprocess.run(["dovecot", "-c", str(self.directory / "dc/dovecot.conf")],
                       check=True, env=self.environment)
        subprocess.run(["postfix", "-c", str(self.directory / "pf/etc"), "start"],
                       check=True, env=self.environment, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        time.sleep(1)
        return self

    def __exit__(self, *_):
        for words in (["postfix", "-c", str(self.directory / "pf/etc"), "stop"],
                      ["dovecot", "-c", str(self.directory / "dc/dovecot.conf"), "stop"]):
            subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
        shutil.rmtree(self.directory, ignore_errors=True)

    def wait_for_empty_queue(self, seconds=300):
        """The moment at which nothing waits any more."""
        spool = self.directory / "pf/spool"
        deadline = time.monotonic() + seconds
        while any(any(files) for name in ("incoming", "active", "deferred", "maildrop")
                  for _, _, files in os.walk(spool / name)):
            if time.monotonic() > deadline:
                raise AssertionError("Postfix did not empty its queue")
            time.sleep(0.01)
        return time.monotonic()


def kernel_and_machine():
    cpu = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    return (f"{os.cpu_count()} x {cpu.group(1) if cpu else '?'}, "
            f"kernel {os.uname().release}")


def sync_time(directory, count=200):
    """Median and 99th percentile of an 8 KB append with fdatasync, in ms."""
    times = []
    path = Path(directory) / "sync-probe"
    with open(path, "wb", buffering=0) as file:
        for _ in range(count):
            begin = time.monotonic()
            file.write(b"x" * 8192)
            os.fdatasync(file.fileno())
            times.append((time.monotonic() - begin) * 1000)
    path.unlink()
    times.sort()
    return times[count // 2], times[count * 99 // 100]


def table(title, heading, rows):
    """Prints and returns markdown."""
    lines = [f"### {title}", "", "| " + " | ".join(heading) + " |",
             "|" + "---|" * len(heading)]
    lines += ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]
    text = "\n".join(lines) + "\n"
    print(text, flush=True)
    return text


def median(values):
    return statistics.median(values)
