#!/usr/bin/python3
"""A signed zone of ours, as zonemaster sees it: every test case of its profile, on
a zone with two nameservers (each with both families, all of them us) that its
parent has not delegated yet. The Internet is a loopback: the root, test., the
reverse zones and the list of autonomous systems are knot's."""
import ipaddress
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import peers
import posthouse
from zones import SIGNED, UNSIGNED, Zones

ROOT = "198.41.0.4"
# zonemaster knows the networks of documentation: these are of nobody here
SERVERS = {"ns1": ("45.0.1.53", "2a0a:1::53"), "ns2": ("46.0.2.53", "2a0b:2::53")}
NUMBERS = {"ns1": 64500, "ns2": 64501}
ORIGIN = "mail.test"

ZONE = """$TTL 3600
@ SOA ns1 hostmaster 7 14400 3600 1209600 3600
@ NS ns1
@ NS ns2
@ MX 10 ns1
@ TXT "v=spf1 mx -all"
@ A 45.0.1.53
www CNAME @
""" + "".join(f"{name} A {four}\n{name} AAAA {six}\n" for name, (four, six) in SERVERS.items())

# Looked for only where no nameserver has answered what it was asked before.
NOT_HERE = {"basic03"}


def run(*words, check=True):
    return subprocess.run([*map(str, words)], check=check, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)


def internet():
    """What knot serves beside the root."""
    reverse = {"in-addr.arpa": "", "ip6.arpa": ""}
    numbers = ""
    for name, addresses in SERVERS.items():
        for address in map(ipaddress.ip_address, addresses):
            pointer = address.reverse_pointer
            zone = "in-addr.arpa" if address.version == 4 else "ip6.arpa"
            label = pointer.removesuffix("." + zone)
            reverse[zone] += f"{label} PTR {name}.{ORIGIN}.\n"
            network = ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False)
            numbers += (f'{label}.origin{"" if address.version == 4 else "6"} TXT '
                        f'"{NUMBERS[name]} | {network} | ZZ | test | 2026-01-01"\n')
        numbers += f'AS{NUMBERS[name]} TXT "{NUMBERS[name]} | ZZ | test | 2026-01-01 | {name}"\n'
    return {"test": (SIGNED, ""), "asnlookup.zonemaster.net": (UNSIGNED, numbers),
            **{zone: (UNSIGNED, text) for zone, text in reverse.items()}}


def examine(directory, keys):
    hints = directory / "hints"
    hints.write_text(f". 3600 NS ns.root-servers.\nns.root-servers. 3600 A {ROOT}\n")
    servers = [word for name, addresses in SERVERS.items() for address in addresses
               for word in ("--ns", f"{name}.{ORIGIN}/{address}")]
    ds = [word for k in keys for word in ("--ds", f"{k['tag']},{k['algorithm']},{k['digest-type']},{k['digest']}")]
    done = run("zonemaster-cli", "--no-progress", "--json", "--level", "DEBUG", "--show-testcase", "--hints", hints,
               *servers, *ds, ORIGIN, check=False)
    assert done.stdout.startswith(("{", "[")), (done.returncode, done.stdout, done.stderr)
    found = json.loads(done.stdout)
    return found["results"] if isinstance(found, dict) else found


def judge(results):
    wrong, cases = [], set()
    for row in results:
        cases.add(row.get("testcase", "").lower())
        if row["level"] in ("NOTICE", "WARNING", "ERROR", "CRITICAL"):
            print(row["level"], row.get("testcase", ""), row["tag"], json.dumps(row.get("args", {})), flush=True)
        if row["level"] in ("ERROR", "CRITICAL"):
            wrong.append(row)
    profile = json.loads(run("zonemaster-cli", "--dump-profile").stdout)["test_cases"]
    print(len(profile), "test cases,", len(results), "findings; did not run:",
          " ".join(sorted(set(profile) - cases)) or "none")
    assert not wrong, wrong
    # an examination that ends early finds nothing wrong
    missing = set(profile) - cases - NOT_HERE
    assert not missing, missing


def inside():
    for address, size in [(ROOT, 32)] + [(a, 128 if ":" in a else 32) for pair in SERVERS.values() for a in pair]:
        run("ip", "address", "add", f"{address}/{size}", "dev", "lo", *(["nodad"] if ":" in address else []))
    directory = Path(tempfile.mkdtemp(prefix="posthouse-zonemaster-"))
    directory.chmod(0o755)
    (directory / "zone").write_text(ZONE)
    (directory / "knot").mkdir()
    posthouse.OFFSET = 0
    try:
        with Zones(directory / "knot", internet(), listen=(f"{ROOT}@53", "127.0.0.1@5353"), address=ROOT) as zones, \
                posthouse.System(
                    dns_zones=f"{ORIGIN}:{directory}/zone", dns_signed_zones=ORIGIN,
                    dns_forwarders="127.0.0.1@5353", dns_recursion_networks="192.0.2.1/32",
                    dns_validation="no", dns_trust_anchor_file=zones.anchor) as system:
            system.set(inet_interfaces=" ".join(["127.0.0.1"] + [a for pair in SERVERS.values() for a in pair]))
            system.start()
            posthouse.wait_until(lambda: "RRSIG" in run(
                "dig", f"@{SERVERS['ns1'][0]}", "+dnssec", ORIGIN, "SOA", check=False).stdout, 20, "the zone is signed")
            began = time.monotonic()
            judge(examine(directory, system.json("dns", "keys", ORIGIN)))
            print(f"{time.monotonic() - began:.1f} s")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def main():
    peers.enter("zonemaster-cli", "knot", "bind9-dnsutils")
    os.environ["POSTHOUSE_NETNS"] = "1"
    inside()


main()
