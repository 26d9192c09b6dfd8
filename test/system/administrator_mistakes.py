#!/usr/bin/python3
"""What an administrator gets wrong ends with one sentence that says where, what
was found and what was expected; nothing starts and nothing is half done."""
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse


def refused(system, *words, says, code=1, **options):
    done = system.command(*words, check=False, **options)
    text = done.stderr.strip()
    assert done.returncode == code, (words, done.returncode, text)
    assert says in text, f"{words}: expected {says!r} in {text!r}"
    lines = [l for l in text.splitlines() if not l.startswith("usage:")]
    assert len(lines) == 1, f"{words}: more than one sentence: {text}"


def serve_refused(system, *overrides, says):
    """serve with the overrides ends by itself with the sentence."""
    line = [str(system.posthouse), "-c", str(system.config)]
    for override in overrides:
        line += ["-o", override]
    done = subprocess.run(line + ["serve"], capture_output=True, text=True, timeout=20,
                          stdin=subprocess.DEVNULL)
    text = done.stderr.strip()
    assert done.returncode == 1, (overrides, done.returncode, text)
    assert says in text, f"{overrides}: expected {says!r} in {text!r}"
    assert "ready" not in done.stdout


def configuration(system):
    serve_refused(system, "no_such=1", says='found "no_such", expected the name of a parameter')
    serve_refused(system, "port_offset=65000", says="with which submission_port is 65587")
    serve_refused(system, "acme_directory=letsencrypt.org", says="acme_directory: found")
    serve_refused(system, "smtp_port=70000", says='smtp_port: found "70000", expected a port')
    with system.config.open("a") as file:
        file.write("disable_plaintext_auth = perhaps\n")
    lines = len(system.config.read_text().splitlines())
    refused(system, "serve", "--check", says=f"posthouse.conf:{lines}: disable_plaintext_auth: "
            'found "perhaps", expected yes or no')
    text = system.config.read_text()
    system.config.write_text(text.replace("disable_plaintext_auth = perhaps\n", ""))
    with system.config.open("a") as file:
        file.write("biff = no\n")
    done = system.command("serve", "--check")
    assert "warning" in done.stderr and "biff" in done.stderr, done.stderr
    system.config.write_text(text.replace("disable_plaintext_auth = perhaps\n", ""))
    missing = [str(system.posthouse), "-c", "/nonexistent/posthouse.conf", "config"]
    done = subprocess.run(missing, capture_output=True, text=True)
    assert done.returncode == 1 and "No such file" in done.stderr, done.stderr


def ports(system):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", system.port("smtp")))
        taken.listen()
        serve_refused(system, says=str(system.port("smtp")))


def zones(system):
    serve_refused(system, "dns_zones=example.org:",
                  says='dns_zones: found "example.org:", expected a file behind the colon')
    pipe = system.directory / "pipe"
    os.mkfifo(pipe)
    serve_refused(system, f"dns_zones={pipe}", says=f"dns_zones: {pipe}: found a pipe, expected a file")


def directories(system):
    serve_refused(system, "data_directory=relative/path", says="expected an absolute path")
    somewhere = system.directory / "a-file"
    somewhere.write_text("")
    serve_refused(system, f"data_directory={somewhere}", says=str(somewhere))
    if os.geteuid() != 0:
        locked = system.directory / "locked"
        locked.mkdir(mode=0)
        serve_refused(system, f"data_directory={locked}/data", says=str(locked))


def certificates(system):
    other = system.directory / "other.pem"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout",
                    "-out", str(other)], check=True, capture_output=True)
    serve_refused(system, f"tls_key_file={other}", says="is not the one of the certificate")
    serve_refused(system, "tls_cert_file=/nonexistent.pem", says="/nonexistent.pem")
    garbage = system.directory / "garbage.pem"
    garbage.write_text("no pem at all\n")
    serve_refused(system, f"tls_cert_file={garbage}", says="found no certificate, expected PEM")


def command_lines(system):
    refused(system, "usr", says='found the command "usr"', config=False)
    refused(system, "user", "frobnicate", "x", says='found "frobnicate"')
    refused(system, "user", "list", "x", says='found "x" after list, expected nothing')
    refused(system, "domain", "list", "x", says='found "x" after list, expected nothing')
    refused(system, "config", "-o", says="found nothing after -o, expected NAME=VALUE")
    refused(system, "user", "add", "@example.test", says="@example.test", input="secret\n")
    refused(system, "user", "add", "a@b@c", says="a@b@c", input="secret\n")
    refused(system, "user", "add", "x@example.test", says="empty password", input="\n")
    refused(system, "user", "passwd", "nobody@example.test", says="nobody@example.test",
            input="secret\n")
    refused(system, "stop", says="no system is running")
    refused(system, "init", "--domain", "not a domain", says="expected a domain", config=False)
    done = system.command("--help", config=False)
    assert "usage: posthouse" in done.stdout
    # the manual has every command
    page = (posthouse.build_directory() / "doc/posthouse.8").read_text()
    said, listed = (re.findall(pattern, text, re.MULTILINE) for pattern, text in (
        (r"^  ([a-z]+)\b", done.stdout), (r"^\.It Ic ([a-z]+)\b", page)))
    assert said == listed and "dns" in said, (said, listed)
    for name in ("init", "serve", "user", "queue", "trace", "config"):
        assert "usage: posthouse " + name in system.command(name, "--help", config=False).stdout


def main():
    posthouse.own_network()
    with posthouse.System() as system:
        for step in (configuration, ports, zones, directories, certificates, command_lines):
            step(system)
            print(f"{step.__name__}: ok", flush=True)


main()
