#!/usr/bin/python3
"""Each kind of jail, from inside: what is forbidden is refused, what is allowed
goes on working; with the kernel's own Landlock and with that of Debian 12's
kernel (ABI 2), started by root and by an ordinary user."""
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse
from probe import Probes

ACTS = {"open-file", "leave-root", "create-file", "read-of-others", "connect-out",
        "connect-locally", "execute", "make-process", "trace", "send-signal",
        "change-user", "mount", "make-code"}
ALLOWED = {"keeper": {"spill": "yes", "write": "yes", "escape": "no"},
           "spiller": {"spill": "yes", "write": "no", "escape": "no"}}


def selftests(log):
    """{(name, pid): {act: refused}}"""
    found = {}
    for name, pid, act, refused in re.findall(
            r"([\w-]+)\[(\d+)\] event=jail-selftest act=(\S+) refused=(\w+)", log):
        found.setdefault((name, int(pid)), {})[act] = refused
    return found


def check_acts(log, names):
    found = selftests(log)
    assert {name for name, _ in found} == names, found.keys()
    for who, acts in found.items():
        assert set(acts) == ACTS, (who, acts)
        assert all(refused == "yes" for refused in acts.values()), (who, acts)


def check_allowed(log):
    for name, expected in ALLOWED.items():
        acts = dict(re.findall(rf"{name}\[\d+\] event=allowed act=(\S+) possible=(\w+)", log))
        assert acts == expected, (name, acts)


def check_kernel(pids, is_root):
    """What the kernel says of each process."""
    for (name, _), pid in pids.items():
        status = dict(re.findall(r"(\w+):[ \t]*(.*)", Path(f"/proc/{pid}/status").read_text()))
        assert status["NoNewPrivs"] == "1", name
        assert status["Seccomp"] == "2", name
        assert status["CapEff"] == status["CapPrm"] == "0" * 16, name
        assert "0" not in status["Uid"].split(), name
        if is_root:
            assert status["CapBnd"] == "0" * 16, name
            assert status["Groups"] == "", name
            root = os.readlink(f"/proc/{pid}/root")
            assert root != "/", (name, root)


def probes_in_jail(abi, user):
    environment = {"POSTHOUSE_JAIL_SELFTEST": "1"}
    if abi is not None:
        environment["POSTHOUSE_LANDLOCK_ABI"] = str(abi)
    with Probes(environment=environment, user=user) as probes:
        probes.start()
        log = probes.log()
        if abi is not None:
            assert f"event=jail-files landlock={abi} missing=" in log
        check_acts(log, {"front", "back", "keeper", "spiller"})
        check_allowed(log)
        check_kernel({who: pid for who, (pid, _) in probes.status().items()}, user is None)


def programs_in_jail(abi):
    """The programs of the system itself, with a message through all of them."""
    environment = {"POSTHOUSE_JAIL_SELFTEST": "1"}
    if abi is not None:
        environment["POSTHOUSE_LANDLOCK_ABI"] = str(abi)
    with posthouse.System(environment=environment) as system:
        system.add_user("alice@example.test")
        system.start()
        check_acts(system.log_text(), {name for name, _ in system.processes()})
        check_kernel(system.processes(), True)
        system.send("alice@example.test", subject="from the jail")
        client = system.imap("alice@example.test")
        client.select()
        assert client.search(None, "SUBJECT", "jail")[1] == [b"1"]
        client.logout()


def main():
    posthouse.own_network()
    if os.geteuid() != 0:
        posthouse.skip("only root can start processes as other users")
    for abi in (None, 2):
        for user in (None, "nobody"):
            print(f"Landlock ABI {abi or 'of the kernel'}, started by {user or 'root'}", flush=True)
            probes_in_jail(abi, user)
        print(f"Landlock ABI {abi or 'of the kernel'}, all programs", flush=True)
        programs_in_jail(abi)


if __name__ == "__main__":
    main()
