#!/usr/bin/python3
"""The records of our mail domains: there when `domain add` returns, right for
the certificate that is served, old and new while it changes, beside what the
administrator wrote, over restarts, and compared with what the world says."""
import http.client
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import certificates
import dns
import posthouse

SRV, DS, OURS, WORLD = 33, 43, ("127.0.0.1", 20053), 5354
ADDRESS = "192.0.2.7"
BOOK = """$TTL 1D
@\tIN SOA\tlinuxprobe.com.\troot.linuxprobe.com. (
\t\t\t\t0;serial
\t\t\t\t1D;refresh
\t\t\t\t1H;retry
\t\t\t\t1W;expire
\t\t\t\t3H);minimum
\tNS\tns.linuxprobe.com.
ns\tIN A\t192.168.10.10
@\tIN MX 10\tmail.linuxprobe.com.
mail\tIN A\t192.168.10.10
"""
KINDS = {"A": dns.A, "AAAA": dns.AAAA, "MX": dns.MX, "TXT": dns.TXT, "SRV": SRV,
         "TLSA": dns.TLSA, "CNAME": dns.CNAME, "DS": DS}


def ask(name, kind):
    """Without RD: what the nameserver has itself."""
    return dns.ask_udp(OURS, name, kind, flags=0)


def serial(name):
    """Of the only SOA."""
    return struct.unpack(">I", bytes.fromhex(ask(name, dns.SOA).data(dns.SOA)[0])[-20:-16])[0]


def texts(name):
    return sorted(bytes.fromhex(data)[1:].decode() for data in ask(name, dns.TXT).data(dns.TXT))


def tlsa_of_host(port):
    return set(ask(f"_{port}._tcp.mail.example.test", dns.TLSA).data(dns.TLSA))


def tlsa_of_certificate(system, port):
    pem = system.directory / "served.pem"
    pem.write_text(ssl.get_server_certificate((ADDRESS, port)))
    usage, selector, matching, data = certificates.tlsa(pem, 3, 1, 1)
    return bytes([usage, selector, matching]).hex() + data.hex()


# ---- the domains ----

def own_domain_is_answered(system):
    wait = posthouse.wait_until
    wait(lambda: ask("example.test", dns.MX).data(dns.MX) == ["10 mail.example.test"], 10, "our own MX")
    # it is signed
    wait(lambda: dns.RRSIG in dns.ask_udp(OURS, "example.test", dns.MX, flags=0, dnssec=True).kinds, 10,
         "the signature")
    # the others come one after the other
    wait(lambda: "event=records-right" in system.log_text(), 10, "the records of all domains")
    assert ask("alpha.zulu.test", dns.MX).data(dns.MX) == ["10 mail.example.test"]
    assert "records-refused" not in system.log_text()
    assert ask("mail.example.test", dns.A).data(dns.A) == [ADDRESS]
    assert ask("mail.example.test", dns.AAAA).data(dns.AAAA) == ["2001:db8::7"]
    assert texts("example.test") == ["v=spf1 mx -all"]
    assert texts("mail.example.test") == ["v=spf1 a -all"]
    assert ask("localhost.example.test", dns.A).rcode == dns.NO_SUCH_NAME
    assert ask("localhost", dns.SOA).rcode == dns.REFUSED


def domain_is_there_when_the_command_returns(system):
    assert ask("second.test", dns.MX).rcode == dns.REFUSED
    system.command("domain", "add", "second.test")
    assert ask("second.test", dns.MX).data(dns.MX) == ["10 mail.example.test"]
    data = bytes.fromhex(ask("_imaps._tcp.second.test", SRV).data(SRV)[0])
    assert data[:6] == struct.pack(">HHH", 0, 1, system.port("imaps")), data
    # what is below it goes into its zone
    system.command("domain", "add", "below.second.test")
    assert ask("below.second.test", dns.MX).data(dns.MX) == ["10 mail.example.test"]
    assert ask("below.second.test", dns.SOA).data(dns.SOA) == []
    before = serial("second.test")
    system.command("domain", "del", "below.second.test")
    assert ask("below.second.test", dns.MX).rcode == dns.NO_SUCH_NAME
    assert serial("second.test") > before
    system.command("user", "add", "x@third.test", input="secret-of-a-test\n")
    assert ask("third.test", dns.MX).data(dns.MX) == ["10 mail.example.test"]


def names_of_other_scripts(system):
    """Asked for in either form; what is below one goes into its zone."""
    system.command("domain", "add", "münchen.test")
    system.command("domain", "add", "post.münchen.test")
    assert ask("xn--mnchen-3ya.test", dns.MX).data(dns.MX) == ["10 mail.example.test"]
    assert ask("post.xn--mnchen-3ya.test", dns.MX).data(dns.MX) == ["10 mail.example.test"]
    assert ask("post.xn--mnchen-3ya.test", dns.SOA).data(dns.SOA) == []
    lines = system.command("dns", "münchen.test").stdout
    assert "\nxn--mnchen-3ya.test.\t1\tIN\tMX\t10 mail.example.test.\n" in lines, lines
    for name in ("xn--mnchen-3ya.test", "MÜNCHEN.test."):
        assert system.command("dns", name).stdout == lines, name
    # the policy that its TXT record promises is there, too
    web = http.client.HTTPSConnection(ADDRESS, system.port("https"), timeout=60,
                                      context=ssl._create_unverified_context())
    web.request("GET", "/.well-known/mta-sts.txt", headers={"Host": "mta-sts.xn--mnchen-3ya.test"})
    said = web.getresponse()
    assert said.status == 200 and b"mx: mail.example.test\r\n" in said.read(), said.status


def zone_file_is_completed(system):
    """The book's: its own records stay, and what it has not is added."""
    assert serial("linuxprobe.com") == 0
    assert texts("linuxprobe.com") == []
    system.command("domain", "add", "linuxprobe.com")
    assert ask("linuxprobe.com", dns.MX).data(dns.MX) == ["10 mail.linuxprobe.com"]
    assert ask("linuxprobe.com", dns.NS).data(dns.NS) == ["ns.linuxprobe.com"]
    assert ask("mail.linuxprobe.com", dns.A).data(dns.A) == ["192.168.10.10"]
    assert texts("linuxprobe.com") == ["v=spf1 mx -all"]
    assert texts("_dmarc.linuxprobe.com") == ["v=DMARC1; p=none; rua=mailto:postmaster@linuxprobe.com"]
    now = serial("linuxprobe.com")
    assert now > 0
    zone = system.directory / "linuxprobe.com.zone"
    zone.write_text(BOOK + '@ TXT "v=spf1 ip4:192.168.10.10 -all"\n')
    system.command("reload")
    posthouse.wait_until(lambda: texts("linuxprobe.com") == ["v=spf1 ip4:192.168.10.10 -all"], 10,
                         "the administrator's SPF alone")
    assert serial("linuxprobe.com") > now


# ---- keys ----

def keys_of_certificates(system):
    port = system.port("imaps")
    first = tlsa_of_certificate(system, port)
    assert tlsa_of_host(port) == {first}
    assert "warning" not in system.command("dns").stderr
    # It is remembered as older than two times to live, also of the longer one that
    # gives a slow machine time to see the warning.
    time.sleep(8)       # twice three seconds, and what is rounded
    system.set(dns_records_ttl="3s")
    pem, key = certificates.self_signed(system.directory, "renewed", "mail.example.test")
    for source, name in ((pem, "cert.pem"), (key, "key.pem")):
        fresh = system.directory / f"data/tls/{name}.fresh"
        fresh.write_bytes(source.read_bytes())
        fresh.chmod(0o600)
        fresh.rename(system.directory / f"data/tls/{name}")
    system.command("reload")

    def renewed():
        try:
            now = tlsa_of_certificate(system, port)
        except ssl.SSLError:
            return None
        return now if now != first else None
    second = posthouse.wait_until(renewed, 10, "the new certificate")
    posthouse.wait_until(lambda: tlsa_of_host(port) == {first, second}, 10, "both keys")
    assert tlsa_of_host(system.port("smtp")) == {first, second}
    # who replaces the file himself did not wait for the DNS
    assert "TLSA record only since" in system.command("dns").stderr
    system.set(dns_records_ttl="1s")
    system.command("reload")
    posthouse.wait_until(lambda: "warning" not in system.command("dns").stderr, 10, "no warning later")


# ---- what goes wrong ----

def records_survive(system):
    """The serials too: nobody sees them go back."""
    before = serial("second.test")
    os.kill(system.processes()["names", 0], signal.SIGKILL)

    def is_back():
        try:
            return dns.ask_udp(OURS, "second.test", dns.MX, flags=0, timeout=2).data(dns.MX)
        except (TimeoutError, ConnectionRefusedError):
            return None
    posthouse.wait_until(is_back, 10, "names is there again")
    assert serial("second.test") == before
    os.kill(system.processes()["hostmaster", 0], signal.SIGKILL)
    system.command("domain", "add", "fourth.test")
    posthouse.wait_until(lambda: ask("fourth.test", dns.MX).data(dns.MX), 15, "hostmaster is there again")
    assert len(tlsa_of_host(system.port("imaps"))) == 2


# ---- the world ----

class World:
    """A nameserver that has what the list says, until it is told other things."""

    def __init__(self, rows):
        self.rows = {}
        for row in rows:
            self.rows.setdefault((row["name"], row["type"]), []).append(row["data"])
        dns.serve(WORLD, self.record)

    def record(self, name, kind):
        types = [word for word, number in KINDS.items() if number == kind]
        found = self.rows.get((name, types[0] if types else None))
        return self.wire(types[0], found[0]) if found else b""

    @staticmethod
    def wire(kind, data):
        words = data.split()
        if kind in ("A", "AAAA"):
            return socket.inet_pton(socket.AF_INET if kind == "A" else socket.AF_INET6, data)
        if kind == "MX":
            return struct.pack(">H", int(words[0])) + dns.encode_name(words[1])
        if kind == "SRV":
            return struct.pack(">HHH", *map(int, words[:3])) + dns.encode_name(words[3])
        if kind == "CNAME":
            return dns.encode_name(data)
        if kind == "DS":
            return struct.pack(">HBB", *map(int, words[:3])) + bytes.fromhex(words[3])
        if kind == "TLSA":
            return bytes(map(int, words[:3])) + bytes.fromhex(words[3])
        text = data.strip('"').encode()
        return bytes([len(text)]) + text


def ds_for_the_parent(system):
    """As `dns keys` has it, too; in the form of a zone it is nothing but a comment."""
    key, = system.json("dns", "keys")
    row, = (row for row in system.json("dns", "example.test") if row["type"] == "DS")
    assert (row["name"], row["needed"]) == ("example.test", "no") and "registrar" in row["reason"], row
    assert row["data"] == " ".join(str(key[part]) for part in (
        "tag", "algorithm", "digest-type", "digest")), (row, key)
    lines = system.command("dns", "example.test").stdout.splitlines()
    assert [line for line in lines if "\tDS\t" in line] == [
        f"; example.test.\t{row['ttl']}\tIN\tDS\t{row['data']}"], lines
    assert not any(row["type"] == "DS" for row in system.json("dns", "second.test"))
    assert system.json("dns", "keys", "EXAMPLE.test.") == [key]
    done = system.command("dns", "keys", "second.test", check=False)
    assert (done.returncode, done.stderr) == (1, "posthouse: second.test is no zone that is signed here\n"), done
    return row["data"]


def ask_names_without_key(system, *requests):
    """Another `names`, and while `key` is stopped these commands to it, running."""
    processes = system.processes()
    os.kill(processes["key", 0], signal.SIGSTOP)
    os.kill(processes["names", 0], signal.SIGKILL)
    posthouse.wait_until(lambda: system.processes()["names", 0] not in (0, processes["names", 0]),
                         10, "another names")
    return processes["key", 0], [
        subprocess.Popen([str(system.posthouse), "-c", str(system.config), *words],
                         stdout=subprocess.PIPE, text=True, env=system.environment)
        for words in requests]


def keys_are_shown_when_they_are_known(system):
    """`names` has them from `key`, and is asked before it has."""
    key, = system.json("dns", "keys")
    pid, asked = ask_names_without_key(system, ("--json", "dns", "keys"), ("dns", "example.test"))
    time.sleep(0.5)     # they wait: what they say now would lack the tag
    assert [client.poll() for client in asked] == [None, None]
    os.kill(pid, signal.SIGCONT)
    keys, zone = (client.communicate(timeout=20)[0] for client in asked)
    shown, = json.loads(keys)
    assert {**shown, "due": 0, "serial": 0} == {**key, "due": 0, "serial": 0}, (shown, key)
    assert f"IN\tDS\t{key['tag']} {key['algorithm']} " in zone, zone
    # not for ever
    pid, asked = ask_names_without_key(system, ("dns", "keys"), ("dns", "example.test"))
    keys, zone = (client.communicate(timeout=20)[0] for client in asked)
    os.kill(pid, signal.SIGCONT)
    assert [client.returncode for client in asked] == [0, 0]
    assert keys.startswith("example.test: its DS is not known yet"), keys
    assert "\tDS\t" not in zone and "\tMX\t" in zone, zone
    posthouse.wait_until(lambda: system.json("dns", "keys")[0].get("tag") == key["tag"], 20,
                         "the key is known again")


def difference_to_the_world(system):
    world = World(system.json("dns"))
    # by its A-labels the DNS and our own ports know the others, too
    done = system.command("doctor", "--json", "--resolver", f"127.0.0.1@{WORLD}", "MÜNCHEN.test.",
                          check=False)
    said = {row["check"] for row in json.loads(done.stdout)}
    assert "certificate-self-signed" in said, said
    assert not said & {"domain-unknown", "mx-missing", "spf-missing", "postmaster-refused"}, said
    done = system.command("dns", "--diff", "second.test", check=False)
    assert done.returncode == 0, done.stdout
    assert {line[0] for line in done.stdout.splitlines()} == {" "}, done.stdout
    done = system.command("dns", "--diff", "example.test", check=False)
    assert f"  example.test.\tIN\tDS\t{ds_for_the_parent(system)}" in done.stdout, done.stdout
    world.rows["example.test", "DS"] = [f"1 13 2 {'ab' * 32}"]
    world.rows["second.test", "MX"] = ["10 old.example.net."]
    world.rows["second.test", "TXT"] = ['"v=spf1 ?all"']
    del world.rows["_dmarc.second.test", "TXT"]
    # what was answered is remembered for its time to live
    system.command("reload")
    os.kill(system.processes()["names", 0], signal.SIGKILL)

    def difference():
        done = system.command("dns", "--diff", "second.test", check=False)
        return done.stdout if done.returncode == 1 and "\n?" not in "\n" + done.stdout else None
    lines = posthouse.wait_until(difference, 15, "the difference").splitlines()
    for line in ("+ second.test.\tIN\tMX\t10 mail.example.test.", "- second.test.\tIN\tMX\t10 old.example.net.",
                 '+ second.test.\tIN\tTXT\t"v=spf1 mx -all"', '- second.test.\tIN\tTXT\t"v=spf1 ?all"',
                 '+ _dmarc.second.test.\tIN\tTXT\t"v=DMARC1; p=none; rua=mailto:postmaster@second.test"'):
        assert line in lines, (line, lines)
    lines = system.command("dns", "--diff", "example.test", check=False).stdout.splitlines()
    assert [line for line in lines if "\tDS\t" in line] == [
        f"+ example.test.\tIN\tDS\t{ds_for_the_parent(system)}",
        f"- example.test.\tIN\tDS\t1 13 2 {'ab' * 32}"], lines
    states = {row["state"] for row in system_json(system, "dns", "--diff", "second.test")
              if row["type"] not in ("SOA", "NS")}
    assert states == {"right", "missing", "other"}, states


def system_json(system, *words):
    import json
    return json.loads(system.command("--json", *words, check=False).stdout)


def without_the_system(system):
    running = [row for row in system.json("dns") if row["type"] not in ("TLSA", "DS")]
    system.stop()
    stopped = [row for row in system.json("dns") if row["type"] != "TLSA"]
    assert running == stopped, (running, stopped)
    assert "dns_addresses" not in system.command("dns").stderr
    done = system.command("-o", "inet_interfaces=127.0.0.1", "dns", "example.test")
    assert "no address of mail.example.test is known" in done.stderr, done.stderr
    many = {f"d{i}.test" for i in range(300)}
    rows = system_json(system, "-o", "mydestination=" + " ".join(many), "dns")
    assert many <= {row["domain"] for row in rows if row["type"] == "MX"}, len(rows)
    assert system.command("dns", "--diff", check=False).returncode == 1
    done = system.command("dns", "other.test", check=False)
    assert done.stderr == "posthouse: other.test is not a domain of this system\n", done.stderr


def main():
    posthouse.own_network()
    if os.geteuid() != 0:
        posthouse.skip("only root can give the machine another address")
    for address in (f"{ADDRESS}/32", "2001:db8::7/128"):
        subprocess.run(["ip", "addr", "add", address, "dev", "lo",
                        *(["nodad"] if ":" in address else [])], check=True)
    with posthouse.System(dns_records_ttl="1s", dns_forwarders=f"127.0.0.1@{WORLD}",
                          dns_validation="no", dns_signed_zones="example.test") as system:
        zone = system.directory / "linuxprobe.com.zone"
        zone.write_text(BOOK)
        system.set(inet_interfaces="all", dns_zones=zone)
        # before its parent in the alphabet: it must not come before it
        system.command("domain", "add", "zulu.test")
        system.command("domain", "add", "alpha.zulu.test")
        system.start()
        for step in (own_domain_is_answered, domain_is_there_when_the_command_returns,
                     names_of_other_scripts, zone_file_is_completed, keys_of_certificates, records_survive,
                     keys_are_shown_when_they_are_known, difference_to_the_world, without_the_system):
            print(step.__name__, flush=True)
            step(system)


if __name__ == "__main__":
    main()
