#!/usr/bin/python3
"""Messages of others, parsed as their authors expect.

usage: mime_vectors.py MIME-DUMP. The messages with their event streams (.xml)
and trees (_decoded.xml with one file a body) are in $POSTHOUSE_VECTORS, by
default ../shared/vectors beside the repository, and are not part of it: where
they are absent this test is skipped.

Line ends are compared as LF, since the expected files mix them.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
VECTORS = Path(os.environ.get("POSTHOUSE_VECTORS",
                              TOP.parent / "shared/vectors")) / "mime"

# Where we parse otherwise on purpose, with the reason.
ENCODED = ("RFC 2046 5.2.1: a message is never base64; what is inside an "
           "encoding has no offsets, so IMAP cannot number it")
PADDING = ("the base64 ends without padding (the delimiter is damaged): we keep "
           "the last two bytes, they drop them")
HEADER = ("a message whose first line is no field is all body, and a later line "
          "that is no field is passed over; they have one of each in two modes, "
          "and lose text where there is no empty line")
DIFFERENT = {
    "bad-newlines-multiple-parts-base64": ENCODED,
    "base64encoded-rfc822message": ENCODED,
    "base64encoded-rfc822message-nested": ENCODED,
    "multi-2gifs-base64": ENCODED,
    "frag": PADDING,
    "multi-frag": PADDING,
    "malformedHeader-noheader": HEADER,
    "malformedHeaderStartsBody-nocrlfcrlf": HEADER,
    "malformedHeaderStartsBody-noheader": HEADER,
}


def lines(data):
    return data.replace(b"\r\n", b"\n")


# ---- what is expected ----

def expected(path, bare):
    """The XML as nested lists: [name, text] or [name, node...]."""
    data = lines(path.read_bytes())
    stack = [["root", b"", []]]
    for piece in re.split(rb"(<[^<>]*>)", data):
        if piece.startswith(b"</"):
            stack.pop()
        elif piece.startswith(b"<"):
            words = piece.strip(b"<>/").split(None, 1)
            node = [words[0].decode(), b"", []]
            if b"name=" in piece:
                file = re.search(rb'name="([^"]*)"', piece).group(1).decode()
                node[1] = b"\n" + lines((path.parent / file).read_bytes())
            stack[-1][2].append(node)
            if not piece.endswith(b"/>"):
                stack.append(node)
        else:
            for name, byte in ((b"&lt;", b"<"), (b"&gt;", b">"),
                               (b"&amp;", b"&")):
                piece = piece.replace(name, byte)
            if not stack[-1][2]:
                stack[-1][1] += piece
    return tidy(stack[0][2][0], bare)


def tidy(node, bare):
    name, text, children = node
    name = {"text-body": "body", "binary-body": "body"}.get(name, name)
    if name in ("field", "body", "preamble", "epilogue"):
        assert text.startswith(b"\n"), (name, text)
        return [name, text[1:]]
    children = [tidy(c, bare) for c in children]
    # Where a file of bare LF ends with the last delimiter, their line end after
    # it counts as an epilogue; in files of CRLF it does not, nor do we so.
    if children and children[-1] == ["epilogue", b"\n"] and bare:
        children.pop()
    return [name] + children


# ---- what we make of it ----

class Part:
    def __init__(self, row):
        self.number, self.parent = int(row[0]), int(row[1])
        self.kind = row[2]
        (self.header_at, self.header_size, self.body_at, self.body_size,
         self.lines) = map(int, row[3:8])
        self.type = row[9]
        self.fields, self.children, self.decoded = [], [], None

    def end(self):
        return self.body_at + self.body_size


def parse(dump, path, piece):
    out = subprocess.run([dump, str(piece), str(path)], check=True,
                         capture_output=True, text=True).stdout
    parts = []
    for line in out.splitlines():
        word, *row = line.split(" ")
        if word == "part":
            parts.append(Part(row))
            if parts[-1].parent >= 0:
                parts[parts[-1].parent].children.append(parts[-1])
        elif word == "field":
            parts[-1].fields.append((int(row[0]), int(row[1])))
        else:
            parts[-1].decoded = bytes.fromhex(row[0])
    return out, parts[0]


def without_end(data):
    return data[:-1] if data.endswith(b"\n") else data


def body_of(part, data, decode):
    """The nodes after the header."""
    if part.kind == "leaf":
        raw = data[part.body_at:part.end()]
        return [["body", lines(part.decoded if decode else raw)]]
    if part.kind == "message":
        return [node_of("message", part.children[0], data, decode)]
    nodes = []
    first, last = part.children[0], part.children[-1]
    if first.header_at == part.body_at:     # text without delimiter
        nodes.append(["preamble", lines(data[part.body_at:first.end()])])
        rest = data[first.end():part.end()]
    else:
        before = data[part.body_at:first.header_at]
        before = lines(before[:before.rfind(b"\n", 0, len(before) - 1) + 1])
        if before:
            nodes.append(["preamble", without_end(before)])
        nodes += [node_of("body-part", c, data, decode)
                  for c in part.children]
        rest = data[last.end():part.end()]
    match = re.match(rb"\r?\n?--[^\n]*\n?", rest)
    if match and rest[match.end() - 1:match.end()] == b"\n":
        nodes.append(["epilogue", lines(rest[match.end():])])
    return [["multipart"] + nodes]


def node_of(name, part, data, decode):
    fields = [["field", without_end(lines(data[at:at + size]))]
              for at, size in part.fields]
    return [name, ["header"] + fields] + body_of(part, data, decode)


def without_empty(node):
    """Empty preambles and epilogues are as good as none."""
    if len(node) == 2 and isinstance(node[1], bytes):
        return node
    return [node[0]] + [without_empty(c) for c in node[1:]
                        if c not in (["epilogue", b""], ["preamble", b""])]


def show(node, indent=0):
    if len(node) == 2 and isinstance(node[1], bytes):
        return ["  " * indent + f"{node[0]} {node[1][:200]!r}"]
    return ["  " * indent + node[0]] + [
        line for c in node[1:] for line in show(c, indent + 1)]


def difference(got, want):
    a, b = show(without_empty(got)), show(without_empty(want))
    for x, y in zip(a + [""], b + [""]):
        if x != y:
            return f"\n    got      {x}\n    expected {y}"
    return "\n    (beyond what is shown)"


def check(dump, path):
    """Problems of one message."""
    data = path.read_bytes()
    text, root = parse(dump, path, len(data) + 1)
    problems = []
    for piece in (1, 7):
        if parse(dump, path, piece)[0] != text:
            problems.append(f"pieces of {piece} bytes parse otherwise")
    for suffix, decode in ((".xml", False), ("_decoded.xml", True)):
        want = expected(path.with_name(path.stem + suffix),
                        b"\r" not in data and not data.endswith(b"\n\n"))
        got = node_of("message", root, data, decode)
        if without_empty(got) != without_empty(want):
            problems.append(suffix + difference(got, want))
    return problems


def main():
    if not VECTORS.is_dir():
        print(f"skipped: no vectors in {VECTORS}")
        return 77
    failed, different = 0, set()
    messages = sorted(VECTORS.glob("*/*.msg"))
    for path in messages:
        problems = check(sys.argv[1], path)
        if path.stem in DIFFERENT:
            if not problems:
                print(f"{path.stem}: listed as different, but is not")
                failed += 1
            different.add(path.stem)
            continue
        for problem in problems:
            print(f"{path.stem}: {problem}")
        failed += len(problems) > 0
    print(f"{len(messages)} messages, {failed} failed, "
          f"{len(different)} different on purpose")
    if len(messages) != 80:
        print("80 messages were expected")
    return 1 if failed or len(messages) != 80 or \
        different != set(DIFFERENT) else 0


if __name__ == "__main__":
    sys.exit(main())
