#!/usr/bin/python3
"""Does doc/PROTOCOL.md name conversations that are there, and each of them?

usage: imap_table.py [imap|smtp]"""
import re
import sys
from pathlib import Path

top = Path(__file__).resolve().parent.parent
protocol = sys.argv[1] if len(sys.argv) > 1 else "imap"
doc = f"doc/{protocol}.md"
table = (top / doc).read_text()
rows = [line.split("|") for line in table.splitlines() if re.match(r"\| [^-]", line)]
named = {name for row in rows for name in re.findall(r"[a-z0-9-]+\.txt", row[-2])}
there = {path.name for path in (top / "test/wire" / protocol).glob("*.txt")}
paths = {name for row in rows for name in re.findall(r"`((?:test|doc)/[^`]+)`", row[-2])}

wrong = [f"{doc} names {name}, which is not there" for name in sorted(named - there)]
wrong += [f"{doc} does not name {name}" for name in sorted(there - named)]
wrong += [f"{doc} names {path}, which is not there" for path in sorted(paths) if not (top / path).exists()]
wrong += [f"no test stands in this line: {'|'.join(row)}" for row in rows
          if row[1].strip() not in ("command", "code", "response", "item", "extension", "rule")
          and not re.search(r"\.txt|`test/|`doc/|every conversation|see FETCH", row[-2])]
print("\n".join(wrong) or f"{len(rows)} lines, {len(there)} conversations")
sys.exit(bool(wrong))
