"""A Posthouse system for a test: made in a directory of its own, started,
asked, stopped. Tests run it in a network namespace of their own when they are
root, so that ports are always the same and nothing leaves the machine.

    with posthouse.System() as system:
        system.add_user("alice@example.test", "secret")
        system.start()
        system.port("smtp")
"""
import ctypes
import json
import os
import shutil
import signal
import smtplib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
OFFSET = 20000
PATIENCE = 6
PORTS = {"smtp": 25, "submission": 587, "submissions": 465, "imap": 143,
         "imaps": 993, "pop3": 110, "pop3s": 995, "lmtp": 24,
         "http": 80, "https": 443}


def build_directory():
    """The build that is tested: given by meson, else the release build."""
    return Path(os.environ.get("POSTHOUSE_BUILD", TOP / "build/release"))


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def need_programs(*names):
    for name in names:
        if shutil.which(name) is None:
            skip(f"{name} is not installed")


def own_network():
    """A network namespace with loopback for this process, when it may."""
    if os.geteuid() != 0 or os.environ.get("POSTHOUSE_NETNS"):
        return
    clone_newnet = 0x40000000
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(clone_newnet) != 0:
        return
    os.environ["POSTHOUSE_NETNS"] = "1"
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def wait_until(condition, seconds=10, what="a condition", patience=PATIENCE):
    """Returns what condition() returns once that is true. `seconds` is what a machine
    with nothing else to do needs at most; a busy one has `patience` times as long."""
    deadline = time.monotonic() + seconds * patience
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds * patience} s: {what}")
        time.sleep(0.02)


class System:
    def __init__(self, domain="example.test", environment=None, **parameters):
        self.domain = domain
        self.directory = Path(tempfile.mkdtemp(prefix="posthouse-"))
        self.directory.chmod(0o755)
        self.config = self.directory / "posthouse.conf"
        self.posthouse = build_directory() / "src/ctl/posthouse"
        self.environment = dict(os.environ, **(environment or {}))
        self.process = None
        self.output = self.directory / "stdout"
        self.log = self.directory / "data/log/posthouse.log"
        self.passwords = {}
        self.command("init", "--domain", domain, "--dir", str(self.directory),
                     input="postmaster-secret\n", config=False)
        self.passwords[f"postmaster@{domain}"] = "postmaster-secret"
        # Users of this machine have nothing to do with most tests.
        self.set(port_offset=OFFSET, inet_interfaces="127.0.0.1",
                 **{"accounts": "builtin", **parameters})

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        try:
            self.stop()
        finally:
            if kind is not None:
                print(f"--- log of the system in {self.directory}", file=sys.stderr)
                if self.log.exists():
                    lines = self.log.read_text(errors="replace").splitlines()
                    rare = [line for line in lines[:-40] if " info " not in line or
                            "failed" in line]
                    print("\n".join(rare[:20] + lines[-40:]), file=sys.stderr)
                err = self.directory / "stderr"
                if err.exists():
                    print("\n".join(err.read_text(errors="replace").splitlines()[-40:]),
                          file=sys.stderr)
            shutil.rmtree(self.directory, ignore_errors=True)

    # ---- the command ----

    def command(self, *words, input=None, check=True, config=True,
                timeout=120):
        line = [str(self.posthouse)]
        if config:
            line += ["-c", str(self.config)]
        done = subprocess.run(line + list(words), input=input, text=True,
                              capture_output=True, timeout=timeout,
                              env=getattr(self, "environment", None),
                              stdin=None if input is not None else subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise AssertionError(f"posthouse {' '.join(words)}: {done.stderr}")
        return done

    def json(self, *words):
        return json.loads(self.command("--json", *words).stdout)

    def set(self, **parameters):
        """Adds lines to the configuration; takes effect at start or reload."""
        with self.config.open("a") as file:
            for name, value in parameters.items():
                file.write(f"{name} = {value}\n")

    def add_user(self, address, password="secret-of-a-test"):
        self.command("user", "add", address, input=password + "\n")
        self.passwords[address] = password
        return password

    def add_users(self, addresses, password):
        self.command("user", "add", "-", timeout=3600,
                     input="".join(f"{a} {password}\n" for a in addresses))
        self.passwords.update((a, password) for a in addresses)

    # ---- the running system ----

    def start(self, seconds=20):
        with self.output.open("w") as out, (self.directory / "stderr").open("a") as err:
            self.process = subprocess.Popen(
                [str(self.posthouse), "-c", str(self.config), "serve"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env=self.environment, cwd="/", start_new_session=True)

        def is_ready():
            if self.process.poll() is not None:
                text = (self.directory / "stderr").read_text(errors="replace")
                raise AssertionError(f"the system ended at its start: {text[-2000:]}")
            return "ready" in self.output.read_text().split("\n")
        wait_until(is_ready, seconds, "the system says ready")
        return self

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the system did not stop within 30 s of TERM")

    def restart(self):
        self.stop()
        self.start()

    def processes(self):
        """{("smtpd", 0): pid}"""
        return {(row["process"], row["instance"]): row["pid"]
                for row in self.json("status")}

    def port(self, service):
        return OFFSET + PORTS[service]

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # ---- mail ----

    def send(self, to, text=None, sender="bob@example.net", subject="hello", **options):
        """One message to port 25; the trace id of its acceptance."""
        message = text or (f"From: <{sender}>\r\nTo: <{to}>\r\n"
                           f"Subject: {subject}\r\n\r\nbody of {subject}\r\n")
        with smtplib.SMTP("127.0.0.1", self.port("smtp"), timeout=60) as client:
            client.sendmail(sender, [to] if isinstance(to, str) else to,
                            message.encode() if isinstance(message, str) else message,
                            **options)

    def imap(self, address, ssl=True):
        import imaplib
        import ssl as tls
        if ssl:
            context = tls.create_default_context()
            context.check_hostname = False
            context.verify_mode = tls.CERT_NONE
            client = imaplib.IMAP4_SSL("127.0.0.1", self.port("imaps"),
                                       ssl_context=context, timeout=60)
        else:
            client = imaplib.IMAP4("127.0.0.1", self.port("imap"), timeout=60)
        if address.isascii():
            client.login(address, self.passwords[address])
        else:
            words = f"\0{address}\0{self.passwords[address]}".encode()
            client.authenticate("PLAIN", lambda _: words)
        return client

    def inbox(self, address):
        """The messages, whole."""
        with self.imap(address) as client:
            count = int(client.select("INBOX")[1][0])
            found = client.fetch("1:*", "(BODY.PEEK[])")[1] if count else []
            return [part[1].decode() for part in found if isinstance(part, tuple)]
