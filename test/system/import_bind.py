#!/usr/bin/python3
"""The named.conf of a textbook, with its zones, becomes ours: Debian's named answers
from it, `config import --bind` reads the same files, and our answers are its answers,
of zones of its own and of those that it has from another server."""
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import peers
import posthouse
from posthouse import wait_until

OPTIONS = """options {
        listen-on port 5300 { 127.0.0.1; };     // the book has 53 and any
        directory "{folder}";
        allow-query     { any; };
        allow-transfer { 127.0.0.1; };
        also-notify { 127.0.0.9; };
        recursion no;
        pid-file none;
        session-keyfile none;
        dnssec-validation no;
        /* of the book */
        forwarders { };
};
"""
PRIMARY = OPTIONS + """
include "{folder}/zones";
zone "broken.test" { type master; file "broken"; };
"""
ZONES = """zone "linuxprobe.com" IN {
        type master;
        file "linuxprobe.com.zone";
        allow-update {none;};
};
zone "10.168.192.in-addr.arpa" IN {
        type master;
        file "192.168.10.arpa";
        allow-update {none;};
};
"""
SECONDARY = OPTIONS.replace("port 5300", "port 5301") + """
masters first port 5300 { 127.0.0.1; };
zone "linuxprobe.com" IN {
        type slave;
        masters { first; };
        file "slaves-linuxprobe.com.zone";
};
zone "10.168.192.in-addr.arpa" {
        type secondary;
        primaries port 5300 { 127.0.0.1; };
};
"""
FILES = {
    "linuxprobe.com.zone": """$TTL 1D
@       IN SOA  linuxprobe.com. root.linuxprobe.com. (
                                        0       ; serial
                                        1D      ; refresh
                                        1H      ; retry
                                        1W      ; expire
                                        3H )    ; minimum
        NS      ns.linuxprobe.com.
        IN MX 10 mail.linuxprobe.com.
ns      IN A    192.168.10.10
mail    IN A    192.168.10.10
www     IN A    192.168.10.10
bbs     IN A    192.168.10.20
""",
    "192.168.10.arpa": """$TTL 1D
@       IN SOA  linuxprobe.com. root.linuxprobe.com. (
                                        0 1D 1H 1W 3H )
        NS      ns.linuxprobe.com.
ns      A       192.168.10.10
10      PTR     ns.linuxprobe.com.
10      PTR     mail.linuxprobe.com.
10      PTR     www.linuxprobe.com.
20      PTR     bbs.linuxprobe.com.
""",
    "broken": "$TTL 1D\n@ SOA a. b. 1 1 1 1 1\n@ NS ns\nns A 192.168.10\n",
}
NAMES = [f"{label}{zone}" for zone in ("linuxprobe.com", "10.168.192.in-addr.arpa")
         for label in ("", "ns.", "mail.", "www.", "bbs.", "10.", "20.", "none.", "a.www.")]
TYPES = ["A", "AAAA", "MX", "NS", "SOA", "PTR", "TXT"]


def answers(where):
    """Status, whether it is of the server's own, and records, for each question."""
    questions = "".join(f"@{where[0]} -p {where[1]} +norecurse +tries=1 +time=3 +noall +comments +answer "
                        f"{name} {kind}\n" for name in NAMES for kind in TYPES)
    text = subprocess.run(["dig", "-f", "-"], input=questions, check=True, capture_output=True, text=True).stdout
    found = []
    for part in text.split(";; Got answer:")[1:]:
        lines = part.splitlines()
        status = next(line.split("status: ")[1].split(",")[0] for line in lines if "status: " in line)
        flags = next(line.split("flags: ")[1].split(";")[0].split() for line in lines if "flags: " in line)
        found.append((status, "aa" in flags, sorted(" ".join(line.split()) for line in lines
                                                    if line and not line.startswith(";"))))
    assert len(found) == len(NAMES) * len(TYPES), len(found)
    return found


def served(where):
    text = subprocess.run(["dig", f"@{where[0]}", "-p", str(where[1]), "+tries=1", "+time=1", "+short",
                           "linuxprobe.com", "MX"], capture_output=True, text=True).stdout
    return text == "10 mail.linuxprobe.com.\n"


def take_over(folder, text, wanted):
    """What the import says of a named.conf, and a system of it."""
    (folder / "named.conf").write_text(text)
    system = posthouse.System()
    done = system.command("config", "import", "--bind", str(folder), check=False, config=False)
    assert done.returncode == 0, done.stderr
    for line in wanted:
        assert line in done.stdout.splitlines(), (line, done.stdout, done.stderr)
    system.set(**dict(line.split(" = ", 1) for line in done.stdout.splitlines() if " = " in line))
    system.set(dns_port=53, dns_recursion_networks="192.0.2.1")
    return system, done.stderr


def main():
    peers.enter("bind9", "bind9-dnsutils")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for file, text in FILES.items():
            (folder / file).write_text(text)
        (folder / "zones").write_text(ZONES)
        primary = PRIMARY.replace("{folder}", str(folder))
        (folder / "named.conf").write_text(primary)
        named = subprocess.Popen(["named", "-g", "-4", "-n", "1", "-c", folder / "named.conf"],
                                 stderr=(folder / "named.log").open("w"))
        try:
            wait_until(lambda: served(("127.0.0.1", 5300)), 20, "named answers")
            theirs = answers(("127.0.0.1", 5300))
            system, report = take_over(folder, primary, [
                f"dns_zones = linuxprobe.com:{folder}/linuxprobe.com.zone "
                f"10.168.192.in-addr.arpa:{folder}/192.168.10.arpa",
                "dns_allow_transfer = 127.0.0.1", "dns_also_notify = 127.0.0.9",
                "dns_recursion_networks = 127.0.0.0/8 [::1]/128", "dns_port = 5300"])
            assert f"broken.test: not carried over: {folder}/broken:4: " in report, report
            with system:
                system.start()
                ours = ("127.0.0.1", 20053)
                wait_until(lambda: served(ours), 20, "our system answers")
                assert answers(ours) == theirs
                whole = subprocess.run(["dig", "@127.0.0.1", "-p", "20053", "+short", "AXFR", "linuxprobe.com"],
                                       capture_output=True, text=True).stdout
                assert whole.count("SOA") == 0 and whole.count("\n") == 8, whole
            system, report = take_over(folder, SECONDARY.replace("{folder}", str(folder)), [
                "dns_secondary_zones = linuxprobe.com:127.0.0.1@5300 10.168.192.in-addr.arpa:127.0.0.1@5300"])
            with system:
                system.start()
                wait_until(lambda: served(ours), 20, "our system has the zones of named")
                wait_until(lambda: answers(ours) == theirs, 20, "it answers as named does")
        finally:
            named.terminate()
            named.wait()


main()
