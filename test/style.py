#!/usr/bin/python3
"""The rules of STYLE.md that a program can check. Prints one line a breach."""
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
LIBRARIES = ["base", "proto", "trust", "store", "serve"]     # lowest first
FILE_LIMIT, HEADER_LIMIT, FUNCTION_LIMIT, NESTING_LIMIT = 800, 250, 80, 5
FORBIDDEN = ["strcpy", "strcat", "sprintf", "vsprintf", "gets", "strtok",
             "strtok_r", "atoi", "atol", "atoll", "system", "popen", "setlocale",
             "isalpha", "isdigit", "isspace", "isalnum", "isupper", "islower",
             "tolower", "toupper", "isprint", "isxdigit", "alloca"]
ALLOCATORS = ["malloc", "calloc", "realloc"]
# Functions above 80 lines, each with its reason.
LONG = {}
# Where libc's allocator must be met: memory that a library hands out.
FREE_ALLOWED = {"src/base/memory.c"}

breaches = []


def breach(path, line, text):
    breaches.append(f"{path.relative_to(TOP)}:{line}: {text}")


def without_text(source):
    """Comments and literals blanked, lines kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'',
                  blank, source, flags=re.S)


def check_includes(path, source):
    parts = path.relative_to(TOP / "src").parts
    own = parts[0]
    for number, line in enumerate(source.splitlines(), 1):
        match = re.match(r'#include "([^"]+)"', line)
        if not match:
            continue
        folder = match.group(1).split("/")[0]
        if folder == own:
            continue
        if folder not in LIBRARIES:
            breach(path, number, f"includes {match.group(1)} of another program")
        elif own in LIBRARIES and LIBRARIES.index(folder) > LIBRARIES.index(own):
            breach(path, number, f"includes upwards: {match.group(1)}")


def check_calls(path, code):
    for number, line in enumerate(code.splitlines(), 1):
        for match in re.finditer(r"\b([a-z_]+)\s*\(", line):
            name = match.group(1)
            if name in FORBIDDEN:
                breach(path, number, f"calls {name}")
            if name in ALLOCATORS and path.name != "memory.c":
                breach(path, number, f"calls {name} outside base/memory.c")


def check_conditionals(path, code):
    own = path.relative_to(TOP / "src").parts[0]
    if own in ("base", "serve"):
        return
    for number, line in enumerate(code.splitlines(), 1):
        if re.match(r"\s*#\s*(if|elif)\b", line) or (
                re.match(r"\s*#\s*ifdef\b", line)) or (
                path.suffix == ".c" and re.match(r"\s*#\s*ifndef\b", line)):
            breach(path, number, "#if outside base/ and serve/")


def check_functions(path, code):
    """Function bodies begin with { and end with } in the first column."""
    lines = code.splitlines()
    start, name = None, ""
    for number, line in enumerate(lines, 1):
        match = re.match(r"([a-z_][a-z0-9_]*)\(", line)
        if match:
            name = match.group(1)
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            size = number - start - 1
            if size > FUNCTION_LIMIT and f"{path.relative_to(TOP)}:{name}" not in LONG:
                breach(path, start, f"{name} has {size} lines, the limit is {FUNCTION_LIMIT}")
            depth = max((len(l) - len(l.lstrip("\t"))) for l in lines[start:number - 1] or [""])
            if depth > 8:
                breach(path, start, f"{name} is indented {depth} deep")
            start = None


def check(path):
    source = path.read_text()
    code = without_text(source)
    count = source.count("\n")
    limit = HEADER_LIMIT if path.suffix == ".h" else FILE_LIMIT
    if count > limit:
        breach(path, 1, f"{count} lines, the limit is {limit}")
    if path.suffix == ".h" and "/*" not in source[:400]:
        breach(path, 1, "does not open with what it is")
    for number, line in enumerate(source.splitlines(), 1):
        if line.rstrip() != line:
            breach(path, number, "white space at the end")
        if re.match(r"    +\S", line) and not line.lstrip().startswith("*"):
            breach(path, number, "indented with blanks")
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            breach(path, number, "unfinished by its own words")
    check_includes(path, source)
    check_calls(path, code)
    check_conditionals(path, code)
    check_functions(path, code)


def check_exports():
    """An exported name stands in exactly one header."""
    seen = {}
    for path in sorted((TOP / "src").rglob("*.h")):
        code = without_text(path.read_text())
        for match in re.finditer(r"^([a-z_][a-z0-9_]*)\(", code, re.M):
            name = match.group(1)
            if name in seen and seen[name] != path:
                breach(path, code[:match.start()].count("\n") + 1,
                       f"{name} is declared in {seen[name].name} too")
            seen[name] = path


def check_master():
    """What runs all the time, and what runs at an upgrade."""
    size = {p.name: p.read_text().count("\n") for p in (TOP / "src/master").glob("*.[ch]")}
    upgrade = size.pop("upgrade.c")
    total = sum(size.values())
    if total >= 1500:
        breaches.append(f"src/master: {total} lines without upgrade.c, it stays under 1500")
    if upgrade >= 350:
        breaches.append(f"src/master/upgrade.c: {upgrade} lines, it stays under 350")


def main():
    files = subprocess.run(["git", "ls-files", "src/*.c", "src/*.h"], cwd=TOP,
                           capture_output=True, text=True, check=True).stdout.split()
    for name in files:
        if (TOP / name).exists():
            check(TOP / name)
    check_exports()
    check_master()
    for line in breaches:
        print(line)
    print(f"{len(files)} files, {len(breaches)} breaches")
    return 1 if breaches or not files else 0


if __name__ == "__main__":
    sys.exit(main())
