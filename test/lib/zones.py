"""Zones for tests: knot with a signed root of its own, zones below it that are
signed, unsigned or bogus (the root vouches for another key than signs them).
Needs the package knot; `anchor` is what a validating resolver believes in."""
import socket
import subprocess

import dns
import posthouse

SIGNED, UNSIGNED, BOGUS = "signed", "unsigned", "bogus"
# as the chapter has it from which administrators learn mail: linuxprobe.com
BOOK = """\
$TTL 1D
@	IN SOA	linuxprobe.com.	root.linuxprobe.com. (
				0;serial
				1D;refresh
				1H;retry
				1W;expire
				3H);minimum
	NS	ns.linuxprobe.com.
ns	IN A	192.168.10.10
@	IN MX 10	mail.linuxprobe.com.
mail	IN A	192.168.10.10
"""


class Zones:
    def __init__(self, directory, zones, listen=("127.0.0.1@5300",), address="198.41.0.4"):
        """zones: {name: (kind, text)}; listen: as knot writes it; address: of the
        server of all zones, for those who begin at the root."""
        self.directory, self.listen = directory, listen
        self.head = ("$TTL 300\n@ SOA ns.root-servers. hostmaster.root-servers. 1 3600 600 86400 60\n"
                     "@ NS ns.root-servers.\n")
        self.conf = directory / "knot.conf"
        self.process = None
        self.conf.write_text(
            f"server:\n  listen: [{', '.join(listen)}]\n  rundir: {directory}\n"
            f"database:\n  storage: {directory}\n"
            "policy:\n  - id: own\n    manual: on\n    single-type-signing: on\n"
            "    algorithm: ecdsap256sha256\n"
            f"template:\n  - id: default\n    storage: {directory}\n    zonefile-load: whole\n"
            "    zonefile-sync: -1\n    journal-content: none\nzone:\n" + self.row(".", "root", SIGNED) +
            "".join(self.row(zone, zone, kind) for zone, (kind, _) in zones.items()))
        delegations = f"ns.root-servers. A {address}\n"
        for zone, (kind, text) in zones.items():
            (directory / f"{zone}.zone").write_text(self.head + text)
            delegations += f"{zone}. NS ns.root-servers.\n"
            if kind != UNSIGNED:
                delegations += self.make_key(zone, is_forged=kind == BOGUS)
        (directory / "root.zone").write_text(self.head + delegations)
        self.anchor = directory / "root.key"
        self.anchor.write_text("; of this test\n" + self.make_key("."))
        self.anchor.chmod(0o644)

    @staticmethod
    def row(zone, file, kind):
        return (f"  - domain: {zone}\n    file: {file}.zone\n"
                f"    dnssec-signing: {'off' if kind == UNSIGNED else 'on'}\n"
                "    dnssec-policy: own\n")

    def make_key(self, zone, is_forged=False):
        """The DS record, as a line."""
        self.keymgr(zone, "generate", "algorithm=ecdsap256sha256", "ksk=yes", "zsk=yes")
        digest = [line for line in self.keymgr(zone, "ds").splitlines() if " 13 2 " in line][0]
        if is_forged:
            *words, value = digest.split(" ")
            digest = " ".join([*words, "f" * len(value)])
        return digest + "\n"

    def keymgr(self, *words):
        return subprocess.run(["keymgr", "-c", str(self.conf), *words], check=True, text=True,
                              stdout=subprocess.PIPE).stdout

    def start(self):
        self.process = subprocess.Popen(["knotd", "-c", str(self.conf)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        posthouse.wait_until(self.is_ready, 20, "knot answers")

    def stop(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def is_ready(self):
        address, port = self.listen[0].split("@")
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(0.2)
                client.sendto(dns.question(".", dns.SOA), (address, int(port)))
                return client.recv(4096)[3] & 15 == 0
        except OSError:
            return False


def tlsa(name, usage, selector, matching, data):
    """The line of a TLSA record, as certificates.tlsa() describes it."""
    return f"_25._tcp.{name} TLSA {usage} {selector} {matching} {data.hex()}\n"
