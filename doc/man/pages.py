#!/usr/bin/python3
"""The manual pages: what a page says that the programs know themselves (commands,
options, parameters) is asked of them, so that no page falls behind.

usage: pages.py TEMPLATE POSTHOUSE SENDMAIL > PAGE

A template is mdoc(7) with lines of its own: `@commands`, every command of posthouse
with its help; `@parameters`, every parameter; `@help WORD...`, what that command says."""
import json
import re
import subprocess
import sys
import tempfile


def quoted(text):
    """Not taken for macros by the formatter."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def said(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def literal(text):
    return f".Bd -literal -compact\n{quoted(text.strip(chr(10)))}\n.Ed\n"


def commands(posthouse):
    text = []
    for line in said(posthouse, "--help").splitlines():
        # a long synopsis has its sentence in the next line
        found = re.match(r"  (([a-z]+)\b.*?)( {2,}[A-Z].*)?$", line)
        if not found:
            continue
        usage, sentence, *rest = said(posthouse, found.group(2), "--help").strip().split("\n\n", 2)
        if not usage.startswith("usage: posthouse "):
            # that of a program of its own, with several lines
            rest.insert(0, usage)
        text.append(f".It Ic {quoted(found.group(1))}\n{quoted(sentence)}\n")
        text += [".Pp\n" + literal(part) for part in rest]
    return ".Bl -tag -width indent\n" + "".join(text) + ".El\n"


def parameters(posthouse):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as empty:
        rows = json.loads(said(posthouse, "-c", empty.name, "--json", "config"))
    text = [f".It Va {row['name']} = {quoted(row['default']) or chr(92) + '&'}\n"
            f"{quoted(row['text'])}\n" for row in rows]
    return ".Bl -tag -width indent\n" + "".join(text) + ".El\n"


def main():
    template, posthouse, sendmail = sys.argv[1:]
    for line in open(template, encoding="utf-8"):
        word, *rest = line.split() or [""]
        if word == "@commands":
            line = commands(posthouse)
        elif word == "@parameters":
            line = parameters(posthouse)
        elif word == "@help":
            program = sendmail if rest == ["sendmail"] else posthouse
            line = literal(said(program, *(rest if program is posthouse else []), "--help"))
        sys.stdout.write(line)


main()
