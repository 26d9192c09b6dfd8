#!/usr/bin/python3
"""doc/doctor.md has every check of `posthouse doctor`, as the program says it.

usage: test/doctor_table.py POSTHOUSE [--write]"""
import os
import subprocess
import sys
from pathlib import Path

PLACE = Path(__file__).resolve().parent.parent / "doc/doctor.md"


def main():
    table = subprocess.run([sys.argv[1], "doctor", "--table"], check=True, capture_output=True,
                           text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    text = PLACE.read_text()
    begin = text.find("\n## ")
    right = (text if begin < 0 else text[:begin]) + table
    if sys.argv[2:] == ["--write"]:
        PLACE.write_text(right)
    elif text != right:
        sys.exit("doc/doctor.md is not what the program says; "
                 "test/doctor_table.py BUILD/src/ctl/posthouse --write makes it again")


main()
