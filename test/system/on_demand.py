#!/usr/bin/python3
"""Processes on demand: one for a system user while somebody needs it, under his
uid. With probes instead of mail, and for users that every machine has."""
import math
import os
import pwd
import re
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse
from probe import Probes

NOBODY, NOT_THERE = 65534, 54321


def owned(probes):
    return {instance: pid for (name, instance), (pid, _) in probes.status().items()
            if name == "owned"}


def is_gone(probes):
    posthouse.wait_until(lambda: not owned(probes), 10, "it has ended")


def it_begins_when_it_is_asked_for_and_is_its_owners():
    with Probes() as probes:
        probes.start()
        talk = probes.talk()
        assert not owned(probes)
        assert talk.say(f"OWNED {NOBODY} WHO") == \
            f"NEW owned {NOBODY} owner=nobody home=/nonexistent uid={NOBODY} caller="
        pid = owned(probes)[NOBODY]
        ids = re.findall(r"^(Uid|Gid|Groups):\s(.*)$", Path(f"/proc/{pid}/status").read_text(),
                         re.MULTILINE)
        gid = pwd.getpwuid(NOBODY).pw_gid
        assert [v.split() for _, v in ids] == [[str(NOBODY)] * 4, [str(gid)] * 4, []], ids
        folder = os.stat(probes.data / f"users/{NOBODY}")
        assert (folder.st_uid, folder.st_mode & 0o7777) == (NOBODY, 0o700)
        # the same one again; whom it calls is told whose it is, by master
        assert talk.say(f"OWNED {NOBODY} BACK WHO").endswith("caller=nobody")
        assert talk.say("BACK WHO").endswith("caller=")
        assert owned(probes) == {NOBODY: pid}


def roots_is_not_roots():
    with Probes() as probes:
        probes.start()
        stand_in = pwd.getpwnam("posthouse-root")
        assert f" owner=root home=/root uid={stand_in.pw_uid} " in probes.talk().say("OWNED 0 WHO")
        assert os.stat(probes.data / "users/0").st_uid == stand_in.pw_uid


def it_ends_when_it_has_nothing_to_do():
    with Probes() as probes:
        probes.start()
        wire = probes.wire("owned-admin", NOBODY)
        wire.say("WHO")
        first = owned(probes)[NOBODY]
        is_gone(probes)             # though the wire is there, quiet
        assert wire.file.readline() == "bye\n" and wire.file.readline() == ""
        assert f"process-ended program=owned instance={NOBODY} pid={first} status=0" in probes.log()
        # and as often as it is needed
        for _ in range(3):
            assert probes.wire("owned-admin", NOBODY).say("ECHO x") == "x"
            is_gone(probes)


def who_asks_while_it_ends_gets_the_next_one():
    with Probes() as probes:
        probes.start()
        wire = probes.wire("owned-admin", NOBODY)
        assert wire.say("TARRY") == "tarries"
        first = owned(probes)[NOBODY]
        assert wire.file.readline() == "bye\n"
        assert os.path.exists(f"/proc/{first}"), "it has not ended yet"
        assert probes.wire("owned-admin", NOBODY).say("ECHO x") == "x"
        # never two at a time: the second began when the first was gone
        try:
            assert " Z " in Path(f"/proc/{first}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            pass
        assert list(owned(probes)) == [NOBODY]
        # at the very moment when it ends, again and again
        for i in range(12):
            assert probes.wire("owned-admin", NOBODY).say("ECHO y") == "y"
            time.sleep(1 + i * 0.1)


def what_fails_is_not_started_again_and_again():
    with Probes() as probes:
        probes.start()
        talk = probes.talk()
        pid = probes.process.pid
        for uid, reason in ((NOT_THERE, "no system user has the uid"),
                            (1, "is below first_valid_uid")):
            began = time.monotonic()
            for _ in range(30):
                assert talk.say(f"OWNED {uid} WHO").split()[0] in ("LATER", "FAILED")
            # at once, twice, and then after 1, 2, 4 ... s
            most = 3 + math.log2(1 + time.monotonic() - began)
            lines = [line for line in probes.log().splitlines()
                     if "event=process-has-no-owner" in line and f"uid={uid} " in line]
            assert 1 <= len(lines) <= most and all(reason in line for line in lines), lines
        assert 'reason="it fails again and again"' in probes.log()
        is_gone(probes)
        # the others are served meanwhile
        assert talk.say(f"OWNED {NOBODY} ECHO x") == "NEW x"
        assert probes.process.poll() is None and probes.process.pid == pid


def who_is_killed_is_started_for_the_next():
    with Probes() as probes:
        probes.start()
        talk = probes.talk()
        for _ in range(2):          # at once; from the third time on later
            talk.say(f"OWNED {NOBODY} DEATHS 5")
            os.kill(owned(probes)[NOBODY], signal.SIGKILL)
            posthouse.wait_until(lambda: talk.say(f"OWNED {NOBODY} ECHO x") == "NEW x", 5,
                                 "it is there again")
        # what it had in hand when it died is not forgotten, but for others
        assert talk.say(f"OWNED {NOBODY} DEATHS 5") == "NEW 2"
        assert talk.say("OWNED 0 DEATHS 5") == "NEW 0"


def they_are_limited():
    with Probes(mailbox_process_limit=1) as probes:
        probes.start()
        talk = probes.talk()
        assert talk.say(f"OWNED {NOBODY} ECHO x") == "NEW x"
        assert talk.say("OWNED 0 ECHO x").startswith("LATER")
        assert 'reason="too many run already"' in probes.log()
        probes.system.set(mailbox_process_limit=2)
        assert probes.reload() == (0, "")
        assert talk.say("OWNED 0 ECHO x") == "NEW x"
        assert sorted(owned(probes)) == [0, NOBODY]


def reloads_and_the_end_reach_them():
    with Probes() as probes:
        probes.start()
        wire = probes.wire("owned-admin", NOBODY)
        wire.say("WHO")
        probes.system.set(mydomain="changed.example.test")
        assert probes.reload() == (0, "")
        posthouse.wait_until(lambda: wire.say("CONFIG mydomain") == "changed.example.test", 5,
                             "the new value")
        pid = owned(probes)[NOBODY]
        probes.process.send_signal(signal.SIGTERM)
        assert wire.file.readline() == "bye\n"
        assert probes.process.wait(30) == 0
        assert not os.path.exists(f"/proc/{pid}")
        assert "signal=" not in "".join(line for line in probes.log().splitlines()
                                        if "process-ended" in line)


CASES = [it_begins_when_it_is_asked_for_and_is_its_owners, roots_is_not_roots,
         it_ends_when_it_has_nothing_to_do, who_asks_while_it_ends_gets_the_next_one,
         what_fails_is_not_started_again_and_again, who_is_killed_is_started_for_the_next,
         they_are_limited, reloads_and_the_end_reach_them]


def main():
    if os.geteuid() != 0:
        print("needs root")
        sys.exit(77)
    posthouse.own_network()
    for case in CASES:
        if len(sys.argv) > 1 and case.__name__ not in sys.argv[1:]:
            continue
        print(case.__name__, flush=True)
        case()


if __name__ == "__main__":
    main()
