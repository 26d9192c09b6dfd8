#!/usr/bin/python3
"""etc/posthouse.conf has every parameter of the table in src/base/config_table.c,
commented, with its default and its meaning.

usage: test/configuration.py POSTHOUSE [--write]"""
import json
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

PLACE = Path(__file__).resolve().parent.parent / "etc/posthouse.conf"
HEAD = """\
# Posthouse: every parameter, with its default. A line that is not a comment
# changes one: name = value. A line that begins with white space continues the
# one before; $name stands for another parameter's value. Names and meanings are
# those of Postfix and Dovecot where they have the same.
#
# The effective values: posthouse config. Check a change: posthouse serve --check.
"""


def wanted(posthouse):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as empty:
        text = subprocess.run([posthouse, "-c", empty.name, "--json", "config"], check=True,
                              capture_output=True, text=True).stdout
    parts = [HEAD]
    for row in json.loads(text):
        meaning = textwrap.fill(row["text"], 78, initial_indent="# ", subsequent_indent="# ",
                                break_on_hyphens=False, break_long_words=False)
        parts.append(f"\n{meaning}\n#{row['name']} = {row['default']}".rstrip() + "\n")
    return "".join(parts)


def main():
    text = wanted(sys.argv[1])
    if "--write" in sys.argv:
        PLACE.write_text(text)
    elif PLACE.read_text() != text:
        sys.exit("etc/posthouse.conf is not what the table says; "
                 "test/configuration.py BUILD/src/ctl/posthouse --write makes it again")


main()
