#!/usr/bin/python3
"""Accounts in a PostgreSQL of Debian's: its users get mail and log in, and a wrong
password, an unknown user, SQL in a name, a database that is stopped, started again,
slow, or answers nonsense, each do what they must and disturb nobody else."""
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import peers
import posthouse
from directories import Fake, login, rcpt

SEEDS = Path(__file__).resolve().parent.parent / "fuzz/seeds/hash"
PORT, PROXY_PORT = 5433, 5434
# user: hash, quota
USERS = {
    "carol": ((SEEDS / "dovecot-ssha").read_text().strip(), None),
    "dave": ((SEEDS / "crypt-sha512crypt").read_text().strip(), 1_000_000),
    "erin": ("{PLAIN}secret", None),
    "o'brien": ("{PLAIN}secret", None),
    "long": ("{PLAIN}" + "x" * 2000, None),
    "huge": ("{PLAIN}" + "x" * 10_000_000, None),
    "nologin": (None, None),
}
FILE = """\
# as Dovecot has it
driver = pgsql
connect = host=127.0.0.1 port={port} dbname=mail user=mail password=of-mail
default_pass_scheme = SHA512-CRYPT
password_query = SELECT userid AS user, password, quota FROM users \\
  WHERE userid = '%n' AND domain = '%d'
update_query = UPDATE users SET password = '%h', changed = changed + 1
  WHERE userid = '%n' AND domain = '%d' AND password = '%o'
""".replace("\\\n", "\n")


class Postgres:
    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="postgres-", dir="/var/tmp"))
        shutil.chown(self.directory, "postgres")
        self.bin = next(Path("/usr/lib/postgresql").iterdir()) / "bin"
        self.data = self.directory / "data"
        secret = self.directory / "secret"
        secret.write_text("of-root\n")
        secret.chmod(0o644)
        self.run(str(self.bin / "initdb"), "-D", str(self.data), "-A", "md5", "-U", "root",
                 f"--pwfile={secret}")
        self.start()
        self.sql("CREATE DATABASE mail", database="postgres")
        self.sql("CREATE USER mail PASSWORD 'of-mail'; "
                 "CREATE TABLE users (userid text, domain text, password text, quota bigint, "
                 "changed int DEFAULT 0); GRANT SELECT, UPDATE ON users TO mail")
        for user, (password, quota) in USERS.items():
            self.sql("INSERT INTO users VALUES ($a$%s$a$, 'example.test', %s, %s)" % (
                user, f"$a${password}$a$" if password else "NULL", quota or "NULL"))
        self.sql("INSERT INTO users SELECT 'twins', 'example.test', '{PLAIN}secret' "
                 "FROM generate_series(1, 2)")

    def run(self, *words, input=None, check=True):
        return subprocess.run(["setpriv", "--reuid", "postgres", "--regid", "postgres",
                               "--clear-groups", *words], input=input, text=True, check=check,
                              capture_output=True, cwd="/", timeout=60,
                              env=dict(os.environ, PGPASSWORD="of-root"))

    def start(self):
        # output to a file: the server keeps it open
        self.run("bash", "-c", f"{self.bin}/pg_ctl -w -D {self.data} -o '-p {PORT} "
                 f"-h 127.0.0.1 -k {self.directory} -F' start > {self.directory}/log 2>&1")

    def stop(self):
        self.run(str(self.bin / "pg_ctl"), "-D", str(self.data), "-m", "immediate", "stop",
                 check=False)

    def sql(self, text, database="mail"):
        return self.run(str(self.bin / "psql"), "-h", "127.0.0.1", "-p", str(PORT), "-U", "root",
                        "-v", "ON_ERROR_STOP=1", "-tA", "-d", database, input=text).stdout.strip()


def everybody_is_there(system, postgres):
    for user in "carol", "dave", "erin", "o'brien":
        assert rcpt(system, user) == 250, user
        system.send(f"{user}@example.test", subject=f"for {user}")
        assert login(system, f"{user}@example.test") == "OK", user
        assert login(system, f"{user}@example.test", "wrong") == "NO", user
    assert rcpt(system, "nobody") == 550
    assert login(system, "nobody") == "NO"
    assert rcpt(system, "nologin") == 250 and login(system, "nologin") == "NO"
    rows = {row["address"]: row for row in system.json("user", "list")}
    assert rows["carol@example.test"]["account"] != rows["dave@example.test"]["account"]
    hashes = dict(line.split("|") for line in postgres.sql(
        "SELECT userid, password FROM users WHERE changed > 0").splitlines())
    assert set(hashes) == {"carol", "dave", "erin", "o'brien"}, hashes
    assert all(h.startswith("{SCRAM-SHA-256}10000,") for h in hashes.values()), hashes
    # with what was written, in a moment
    assert login(system, "carol") == "OK" and login(system, "carol", "wrong") == "NO"


def names_are_never_sql(system, postgres):
    for name in ("x'; DROP TABLE users; --", "carol' OR '1'='1", "%u", "%' OR userid LIKE '%",
                 "\\' OR 1=1 --", "$1", "carol\\", "(SELECT 1)", "ca*", "c_rol", "%"):
        quoted = '"' + name.replace("\\", "\\\\") + '"'
        assert rcpt(system, quoted) == 550, name
        assert login(system, quoted + "@example.test") == "NO", name
        assert login(system, name) == "NO", name
    assert int(postgres.sql("SELECT count(*) FROM users")) == len(USERS) + 2


def odd_answers_are_later(system):
    for name in "twins", "long", "huge":
        assert rcpt(system, name) == 451, name
        assert login(system, name) == "LATER", name
    # and the others do not mind
    assert rcpt(system, "dave") == 250
    assert "the answer has 2 rows" in system.log_text()


def restarts(system, postgres):
    postgres.stop()
    posthouse.wait_until(lambda: rcpt(system, "nobody-at-all") == 451, 10, "451 for the unknown")
    posthouse.wait_until(lambda: login(system, "carol") == "LATER", 20, "later for a login")
    # known for an hour: mail is taken
    assert rcpt(system, "carol") == 250
    system.send("carol@example.test", subject="while it was away")
    assert login(system, "builtin") == "OK"
    postgres.start()
    posthouse.wait_until(lambda: login(system, "carol") == "OK", 10, "carol logs in again")
    posthouse.wait_until(lambda: rcpt(system, "nobody-at-all") == 550, 10, "550 again")


def a_hanging_database_holds_up_nobody_else(system):
    hanging = Fake(PROXY_PORT)
    system.directory.joinpath("pgsql.conf").write_text(FILE.format(port=PROXY_PORT))
    system.command("reload")
    others = [threading.Thread(target=login, args=(system, f"user{i}")) for i in range(30)]
    for each in others:
        each.start()
    time.sleep(0.2)
    waited = []
    while not waited or any(each.is_alive() for each in others):
        begin = time.monotonic()
        assert login(system, "builtin") == "OK"
        assert rcpt(system, "builtin") == 250
        waited.append(time.monotonic() - begin)
    # who waited for it would do so for 5 s (serve/source_server.h), each time
    assert min(waited) < 3, f"builtin users wait for the database: {waited}"
    for each in others:
        each.join()
    assert hanging.taken, "nobody asked it"
    assert rcpt(system, "frank") == 451 and login(system, "frank") == "LATER"
    hanging.close()
    system.directory.joinpath("pgsql.conf").write_text(FILE.format(port=PORT))
    system.command("reload")
    posthouse.wait_until(lambda: login(system, "dave") == "OK", 10, "dave logs in again")


def mistakes_are_one_sentence(system):
    file = system.directory / "pgsql.conf"
    good = file.read_text()
    for line, expected in (
            ("passwort_query = x", "expected one of driver, connect"),
            ("connect = host=1.2.3.4", "expected it once"),
            ("user_query = SELECT 1 FROM users WHERE a = E'%u'", "plain literals only"),
            ("user_query = SELECT '%x'", "expected %u, %n or %d")):
        file.write_text(good + line + "\n")
        done = system.command("serve", "--check", check=False)
        assert done.returncode == 1 and expected in done.stderr and str(file) in done.stderr, \
            (line, done.stderr)
        assert "of-mail" not in done.stderr
    file.write_text(good)
    assert system.command("serve", "--check").returncode == 0


def is_only_there_when_named(system):
    assert ("pgsql", 0) in system.processes()
    pid = system.processes()[("pgsql", 0)]
    system.set(accounts="builtin")
    system.command("reload")
    posthouse.wait_until(lambda: not Path(f"/proc/{pid}").exists(), 10, "pgsql ends")
    assert ("pgsql", 0) not in system.processes()
    assert rcpt(system, "dave") == 550 and rcpt(system, "builtin") == 250
    system.set(accounts=f"builtin pgsql:{system.directory}/pgsql.conf")
    system.command("reload")
    posthouse.wait_until(lambda: login(system, "dave") == "OK", 10, "pgsql begins")


def main():
    peers.enter("postgresql")
    postgres = Postgres()
    try:
        with posthouse.System(smtpd_client_auth_rate_limit=0, auth_failure_delay="0s") as system:
            file = system.directory / "pgsql.conf"
            file.write_text(FILE.format(port=PORT))
            file.chmod(0o600)
            system.set(accounts=f"builtin pgsql:{file}")
            system.add_user("builtin@example.test", "secret")
            mistakes_are_one_sentence(system)
            system.start()
            everybody_is_there(system, postgres)
            names_are_never_sql(system, postgres)
            odd_answers_are_later(system)
            restarts(system, postgres)
            a_hanging_database_holds_up_nobody_else(system)
            is_only_there_when_named(system)
    finally:
        postgres.stop()
        shutil.rmtree(postgres.directory, ignore_errors=True)


main()
