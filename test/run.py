#!/usr/bin/python3
"""Runs meson's tests of the three builds and adds them up.

usage: test/run.py [NAME ...]. Ends with `N passed, N failed, N skipped`.
Which suites run in which build:
    sanitize   unit, wire, fuzz, style
    thread     the unit tests of code with threads (suite "threads")
    release    system, crash
"""
import json
import os
import subprocess
import sys

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


def run(build, tests):
    """Runs them; (passed, failed, skipped) as lists of names."""
    jobs = "1" if build == "release" else "2"
    log = f"build/{build}/meson-logs/testlog.json"
    if os.path.exists(log):
        os.unlink(log)
    subprocess.run(["meson", "test", "-C", f"build/{build}", "--no-rebuild",
                    "--print-errorlogs", "--num-processes", jobs, *tests],
                   stdin=subprocess.DEVNULL)
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


def main():
    names = sys.argv[1:]
    passed, failed, skipped = [], [], []
    for build in BUILDS:
        tests = chosen(build, names)
        if not tests:
            continue
        print(f"== {build}: {len(tests)} tests", flush=True)
        for total, part in zip((passed, failed, skipped), run(build, tests)):
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
