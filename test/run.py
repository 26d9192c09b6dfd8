#!/usr/bin/python3
"""Runs meson's tests of the three builds and adds them up.

usage: test/run.py [NAME ...]. Ends with `N passed, N failed, N skipped`.
Which suites run in which build:
    sanitize   unit, wire, fuzz, style
    thread     the unit tests of code with threads (suite "threads")
    release    system, crash; tests beside servers of others (test/peers) run
               at the same time as the rest, one after the other in their overlay
"""
import json
import os
import subprocess
import sys
import tempfile

# Patience with unit tests: what they wait for comes on any machine.
MULTIPLIER = {"sanitize": "4", "thread": "4", "release": "1"}

BUILDS = {
    "sanitize": ["unit", "wire", "fuzz", "style"],
    "thread": ["threads"],
    "release": ["system", "crash"],
}


def listed(build):
    out = subprocess.run(["meson", "introspect", "--tests", f"build/{build}"],
                         check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def chosen(build, names):
    """The tests of this build's suites whose name holds one of the words."""
    result = []
    for test in listed(build):
        suites = {s.split(":")[-1] for s in test["suite"]}
        if not suites & set(BUILDS[build]):
            continue
        if names and not any(n in test["name"] or n in suites for n in names):
            continue
        result.append(test["name"])
    return result


def with_peers(build):
    """Those in the overlay of test/peers, which only one has at a time."""
    found = set()
    for test in listed(build):
        for path in test["cmd"]:
            text = open(path).read() if path.endswith(".py") else ""
            if "peers.enter(" in text or "debian.enter(" in text:
                found.add(test["name"])
    return found


def start(build, tests, logbase, output):
    """meson beginning to run them. System tests are alone on their core."""
    log = f"build/{build}/meson-logs/{logbase}.json"
    if os.path.exists(log):
        os.unlink(log)
    jobs = "1" if build == "release" else "2"
    return log, subprocess.Popen(
        ["meson", "test", "-C", f"build/{build}", "--no-rebuild", "--print-errorlogs",
         "--logbase", logbase, "--num-processes", jobs,
         "--timeout-multiplier", MULTIPLIER[build], *tests],
        stdin=subprocess.DEVNULL, stdout=output)


def results(build, tests, log):
    """(passed, failed, skipped) as lists of rows."""
    passed, failed, skipped, seen = [], [], [], set()
    if os.path.exists(log):
        for line in open(log):
            row = json.loads(line)
            name = row["name"].split(" / ")[-1].split(":")[-1]
            seen.add(name)
            {"OK": passed, "SKIP": skipped}.get(row["result"], failed).append(
                (build, row["name"], row["result"], row.get("stdout", "")))
    for name in set(tests) - seen:
        failed.append((build, name, "DID NOT RUN", ""))
    return passed, failed, skipped


def run(build, tests, beside):
    """Runs `tests`, and those of `beside` at the same time; the results of both."""
    parts = []
    with tempfile.TemporaryFile("w+") as said:
        running = [(tests, *start(build, tests, "testlog", None))] if tests else []
        if beside:
            running.append((beside, *start(build, beside, "beside", said)))
        for names, log, process in running:
            process.wait()
            parts.append(results(build, names, log))
        said.seek(0)
        sys.stdout.write(said.read())
    return [sum(rows, []) for rows in zip(*parts)]


def main():
    names = sys.argv[1:]
    passed, failed, skipped = [], [], []
    for build in BUILDS:
        tests = chosen(build, names)
        if not tests:
            continue
        print(f"== {build}: {len(tests)} tests", flush=True)
        beside = [name for name in tests if name in with_peers(build)]
        tests = [name for name in tests if name not in beside]
        for total, part in zip((passed, failed, skipped), run(build, tests, beside)):
            total.extend(part)
    for build, name, result, text in skipped:
        reason = [l for l in text.splitlines() if l.startswith("skipped")]
        print(f"skipped {build} {name}: {reason[-1] if reason else result}")
    for build, name, result, _ in failed:
        print(f"failed {build} {name}: {result}")
    if not passed and not failed:
        print("no test has such a name")
        failed.append(None)
    print(f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
