#!/usr/bin/python3
"""A mail host as somebody makes it who has never seen Posthouse, on a bare Debian that
its own systemd has booted: apt installs the package and asks for the domain, then `posthouse
init`, which apt's last lines name, asks the rest; a certificate comes from "Let's
Encrypt" (pebble, at its name), doctor finds all of it right in both languages. Then, in
another network whose resolver is that host: a phone takes the profile and sends and
reads with what stands in it, Thunderbird sets itself up from address and password,
reads and sends.

usage: new_user.py [--plain]      without Thunderbird
"""
import imaplib
import ipaddress
import json
import os
import plistlib
import re
import smtplib
import ssl
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import certificates
import debian
import dns
import installed
import network
import peers
import posthouse
import terminal
import thunderbird
import web
import world

DOMAIN, HOST, ADDRESS = "example.test", "mail.example.test", "198.51.100.20"
OUTSIDE, AUTHORITY = "198.51.100.53", "acme-v02.api.letsencrypt.org"
USER, PASSWORD = f"alice@{DOMAIN}", "one secret of hers"
HOSTS = f"{ADDRESS} {HOST} mail\n"
LAST_OF_APT = ("posthouse init", f"posthouse user add NAME@{DOMAIN}", f"https://{HOST}/",
               "posthouse dns", "posthouse doctor")


# ---- the rest of the world ----

def make_world(wire, mail_addresses):
    site = wire.add("world", 53)
    with site.inside():
        around = world.World(OUTSIDE, OUTSIDE)
    around.delegated[DOMAIN] = ADDRESS
    around.records = {("", dns.NS): [world.name("root.test")],
                      (AUTHORITY, dns.A): [world.address(OUTSIDE)]}
    for address in mail_addresses:
        name = ipaddress.ip_address(address).reverse_pointer
        around.records[(name, world.PTR)] = [world.name(HOST)]
    return site


def start_pebble(site, directory):
    """The process, and the file of its root and of the authority of its own pages. Its
    directory stands where that of Let's Encrypt does."""
    authority = certificates.Authority(directory, "authority")
    pem, key = authority.issue("ca", AUTHORITY)
    config = directory / "pebble.json"
    config.write_text(json.dumps({"pebble": {
        "listenAddress": f"{OUTSIDE}:14000", "managementListenAddress": f"{OUTSIDE}:15000",
        "certificate": str(pem), "privateKey": str(key), "ocspResponderURL": "",
        "httpPort": 80, "tlsPort": 443, "externalAccountBindingRequired": False,
        "certificateValidityPeriod": 90 * 86400}}))
    process = site.popen(["pebble", "-config", config, "-strict", "-dnsserver", f"{OUTSIDE}:53"],
                         stdout=(directory / "pebble.log").open("w"), stderr=subprocess.STDOUT,
                         env=dict(os.environ, PEBBLE_VA_NOSLEEP="1"))

    def ask(page):
        done = site.run(["curl", "-sk", "--resolve", f"{AUTHORITY}:14000:{OUTSIDE}", page],
                        capture_output=True)
        return done.stdout
    root = posthouse.wait_until(lambda: ask(f"https://{OUTSIDE}:15000/roots/0"), 10, "pebble")
    pages = ask(f"https://{AUTHORITY}:14000/dir")
    with site.inside():
        web.serve(OUTSIDE, pem, key, lambda host: pages)
    trusted = directory / "trusted.pem"
    trusted.write_bytes(authority.pem.read_bytes() + root)
    (directory / "root.pem").write_bytes(root)
    return process, trusted


# ---- what is typed on the host ----

def show(title, text):
    print(f"\n=== {title} ===\n" + "\n".join(line for line in text.splitlines() if line.strip()),
          flush=True)


def install(machine, deb, **language):
    machine.path("/root/posthouse.deb").write_bytes(deb.read_bytes())
    with terminal.Terminal(machine.words("apt", "install", "./posthouse.deb", **language),
                           columns=100, lines=30) as screen:
        screen.wait("[Y/n]", 30)
        screen.type("y")
        screen.wait(f"{DOMAIN}____", 60)
        show("the only question of apt", screen.tmux("capture-pane", "-p").stdout)
        screen.type("")
        text = screen.wait_end(90)
        show("the last lines of apt", text[text.index("Setting up posthouse"):])
    return text


def answer(screen, question, text):
    screen.wait(question)
    screen.type(text)


def init(machine):
    with terminal.Terminal(machine.words("posthouse", "init"), columns=100, lines=60) as screen:
        answer(screen, f"Host name [{HOST}]", "")
        answer(screen, "Do users of this machine have mail here? [yes]", "")
        answer(screen, "postmaster, abuse and root?", "alice")
        answer(screen, "Let's Encrypt? [yes]", "")
        answer(screen, f"Address for Let's Encrypt [{USER}]", "")
        answer(screen, "Password for", PASSWORD)
        answer(screen, "The same again for", PASSWORD)
        answer(screen, "Is that right? [yes]", "")
        text = screen.wait_end()
    assert "Mail domain [" not in text, "apt has asked for it already"
    show("posthouse init", text)
    machine.run("sh", "-c", re.search(r"^  (systemctl \S+ \S+) ", text, re.M).group(1))


def has_certificate(machine):
    found = json.loads(machine.run("posthouse", "--json", "certificate", "list"))
    return found and found[0]["state"] == "current"


def doctor(machine):
    for language in ("en_US.UTF-8", "zh_CN.UTF-8"):
        # Nothing keeps a container's clock right but its host: a clock is named.
        done = machine.call("posthouse", "doctor", "--clock", OUTSIDE, LANG=language)
        show(f"posthouse doctor, {language}, ends with {done.returncode}", done.stdout + done.stderr)
        assert done.returncode == 0, "it is right"
        assert "note" not in done.stdout, "nothing to note either"


# ---- on the client, in its network: new_user.py phone TRUSTED ----

def phone(trusted):
    """What stands in the profile, and nothing else."""
    def fetch(page):
        done = subprocess.run(["curl", "-sS", "--fail", "--cacert", trusted, page], capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout
    page = fetch(f"https://{HOST}/").decode()
    path = re.search(r'<form action="([^"]+)"', page).group(1)
    field = re.search(r'<input[^>]* name="?([a-z]+)', page).group(1)
    body = fetch(f"https://{HOST}{path}?{field}={USER}")
    if not body.startswith(b"<?xml"):
        done = subprocess.run(["openssl", "smime", "-verify", "-inform", "DER", "-CAfile", trusted,
                               "-purpose", "any"], input=body, capture_output=True)
        assert done.returncode == 0, done.stderr
        print("the profile is signed", done.stderr.decode().strip(), flush=True)
        body = done.stdout
    account, = plistlib.loads(body)["PayloadContent"]
    print("profile", json.dumps(account, default=str), flush=True)
    assert account["EmailAddress"] == USER and account["IncomingMailServerUseSSL"] and \
        account["OutgoingMailServerUseSSL"], account
    context = ssl.create_default_context(cafile=trusted)
    with smtplib.SMTP_SSL(account["OutgoingMailServerHostName"], account["OutgoingMailServerPortNumber"],
                          context=context, timeout=30) as client:
        client.login(account["OutgoingMailServerUsername"], PASSWORD)
        client.sendmail(account["EmailAddress"], [f"postmaster@{DOMAIN}"],
                        f"From: {USER}\r\nTo: postmaster@{DOMAIN}\r\nSubject: from a phone\r\n\r\nx\r\n")
    client = imaplib.IMAP4_SSL(account["IncomingMailServerHostName"], account["IncomingMailServerPortNumber"],
                               ssl_context=context, timeout=30)
    client.login(account["IncomingMailServerUsername"], PASSWORD)
    posthouse.wait_until(lambda: client.select()[1][0] == b"1", 20, "the phone reads its message")
    client.logout()


def program(client, directory, trusted):
    with thunderbird.Thunderbird(directory, directory / "root.pem", client) as mail:
        found = mail.set_up(USER, PASSWORD)
        for way, port in (("incoming", 993), ("outgoing", 465)):
            assert (found[way]["hostname"], int(found[way]["port"])) == (HOST, port), found
        mail.reads(["from a phone"])
        mail.send(f"root@{DOMAIN}", "from Thunderbird")
        mail.reads(["from a phone", "from Thunderbird"])


def walk(machine, deb, site, directory, trusted):
    text = install(machine, deb)
    at = [text.index(word, text.index("What comes next")) for word in LAST_OF_APT]
    assert at == sorted(at), "the last lines of apt say what to do"
    assert "\naccount " not in text, "no password is left in apt's log"
    assert machine.run("systemctl", "is-active", "posthouse").strip() == "active"
    init(machine)
    posthouse.wait_until(lambda: has_certificate(machine), 60, "a certificate")
    doctor(machine)
    client = network.Site("client", 30, ADDRESS)
    done = client.run(["/usr/bin/python3", __file__, "phone", str(trusted)], timeout=120)
    assert done.returncode == 0, "the phone"
    if "--plain" in sys.argv:
        posthouse.skip("Thunderbird is not there; all but its part was right")
    program(client, directory, trusted)


def enter():
    """In the overlay, with Thunderbird if it can be had."""
    os.environ["POSTHOUSE_INSIDE"] = "1"
    large = ("thunderbird", "libnss3-tools")
    if os.environ.get("POSTHOUSE_PEERS") is None and "--plain" not in sys.argv and \
            subprocess.run([posthouse.TOP / "test/peers", *large, "--", "true"]).returncode != 0:
        sys.argv.append("--plain")
    peers.enter("pebble", "tmux", "curl", *(() if "--plain" in sys.argv else large))


def main():
    deb = debian.package()
    enter()
    installed.private_etc()
    directory = Path("/run/new-user")
    directory.mkdir(mode=0o755)
    wire = network.Network(ADDRESS)
    site = wire.add("mail", 20)
    outside = make_world(wire, site.addresses)
    network.ip("-n", "mail", "route", "add", "default", "via", OUTSIDE)
    pebble, trusted = start_pebble(outside, directory)
    try:
        with debian.Machine(HOST, site, HOSTS) as machine:
            # as a provider's image comes: resolver and authorities are there
            machine.path("/etc/resolv.conf").write_text(f"nameserver {OUTSIDE}\n")
            with machine.path("/etc/ssl/certs/ca-certificates.crt").open("ab") as file:
                file.write(trusted.read_bytes())
            try:
                walk(machine, deb, site, directory, trusted)
            except BaseException:
                print(machine.call("journalctl", "--no-pager", "-u", "posthouse", "-n", "60").stdout,
                      file=sys.stderr)
                raise
    finally:
        pebble.kill()
        pebble.wait()


if sys.argv[1:2] == ["phone"]:
    phone(sys.argv[2])
else:
    main()
