#!/usr/bin/python3
"""For each security rule a mutant: the rule taken out of a copy of the source.
The suite must be seen to fail on each, by the tests named. One that survives
is a rule that no test holds.

usage: script/test --mutants [NAME ...]; with --check instead of names nothing
is built: each text must stand in its file, and once."""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "test"))
from mutant_list import MUTANTS
from mutant_list_hosting import HOSTING

COPY = TOP / "build/mutants"


def run(*words, **options):
    return subprocess.run(words, capture_output=True, text=True, **options)


def prepare():
    """A copy of what git tracks or will, with a build of its own."""
    COPY.mkdir(parents=True, exist_ok=True)
    files = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=TOP).stdout.split("\0")
    for name in filter(None, files):
        source, target = TOP / name, COPY / name
        if not source.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or source.read_bytes() != target.read_bytes():
            shutil.copy2(source, target)
            os.utime(target)
    if not (COPY / "out/build.ninja").exists():
        done = run("meson", "setup", str(COPY / "out"), str(COPY), "-Dwerror=false")
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
    done = run("ninja", "-C", str(COPY / "out"))
    if done.returncode:
        sys.exit("the unchanged copy does not build:\n" + done.stdout[-2000:])


def programs_of(tests):
    """What ninja has to build for them; nothing means all of it, for tests of
    what is installed."""
    if not all(name.startswith("unit/") for name in tests):
        return []
    known = json.loads(run("meson", "introspect", "--tests", str(COPY / "out")).stdout)
    programs = {test["name"]: test["cmd"][0] for test in known}
    missing = [name for name in tests if name not in programs]
    if missing:
        sys.exit(f"there is no test {missing[0]}")
    return [str(Path(programs[name]).relative_to(COPY / "out")) for name in tests]


def verdict(mutant):
    """"caught", or why not."""
    path = COPY / mutant["file"]
    original = path.read_text()
    if original.count(mutant["old"]) != 1:
        return f"the text stands {original.count(mutant['old'])} times in {mutant['file']}"
    try:
        path.write_text(original.replace(mutant["old"], mutant["new"]))
        done = run("ninja", "-C", str(COPY / "out"), *programs_of(mutant["tests"]))
        if done.returncode:
            return "does not build: " + done.stdout[-500:]
        done = run("meson", "test", "-C", str(COPY / "out"), "--no-rebuild", *mutant["tests"],
                   env=dict(os.environ, POSTHOUSE_VECTORS=str(TOP.parent / "shared/vectors")))
        return "SURVIVED" if done.returncode == 0 else "caught"
    finally:
        path.write_text(original)


def check():
    """A rule whose text was rewritten would be tried no more, unnoticed."""
    wrong = []
    for mutant in MUTANTS + HOSTING:
        count = (TOP / mutant["file"]).read_text().count(mutant["old"])
        if count != 1:
            wrong.append(f"{mutant['name']}: the text stands {count} times in {mutant['file']}")
    names = [mutant["name"] for mutant in MUTANTS + HOSTING]
    wrong += [f"{name}: there are two" for name in set(names) if names.count(name) > 1]
    print("\n".join(wrong + [f"{len(names)} mutants, {len(wrong)} wrong"]))
    return 1 if wrong else 0


def main():
    names = sys.argv[1:]
    if names == ["--check"]:
        return check()
    chosen = [m for m in MUTANTS + HOSTING if not names or any(n in m["name"] for n in names)]
    prepare()
    failed = 0
    for mutant in chosen:
        result = verdict(mutant)
        failed += result != "caught"
        print(f"{mutant['name']}: {result}", flush=True)
    run("ninja", "-C", str(COPY / "out"))
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
