#!/usr/bin/python3
"""relay alone with Debian's Postfix as the other server: what is sent is what is
in the mailbox there, byte for byte, by DATA and by BDAT; 8-bit, UTF-8 addresses,
20 MB, refusals, and what was asked about reports is known there."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import lone
import peers
import posthouse
import servers

HOP = "[127.0.0.1]:2600"


def arrives(postfix, content):
    """As it stands in an mbox file: LF, and From_ lines quoted."""
    text = content.replace(b"\r\n", b"\n")
    posthouse.wait_until(lambda: any(text in each for each in postfix.messages()), 30, f"{content[:40]!r} arrives")


def main():
    peers.enter("postfix")
    server = servers.Postfix("example.org", ["alice"], listen="127.0.0.1:2600", parameters=[
        "mynetworks = 192.0.2.0/24", "inet_interfaces = 127.0.0.1", "inet_protocols = ipv4"])
    with server as postfix, lone.Lone("relay") as relay:
        client = lone.Lmtp(relay.wire("relay-lmtp"))

        def send(content, to="alice@example.org", extra=""):
            answer, = client.deliver(HOP, "bob@b.example", [to], content, extra)
            return answer

        small = b"Subject: small\r\n\r\n.\r\n..two dots\r\nFromage\r\n"
        assert send(small).startswith("250 2.0.0 host 127.0.0.1[127.0.0.1]:2600 said"), send(small)
        arrives(postfix, small[18:])
        assert "(in reply to BDAT)" in send(small)
        eight = "Subject: eight\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" \
                "Content-Transfer-Encoding: 8bit\r\n\r\ncafé 驿站\r\n".encode()
        assert send(eight, extra=" BODY=8BITMIME").startswith("250")
        arrives(postfix, "\r\n\r\ncafé 驿站\r\n".encode())
        utf8 = "Subject: 驿站\r\n\r\nof a UTF-8 header\r\n".encode()
        assert send(utf8, extra=" SMTPUTF8").startswith("250")
        arrives(postfix, "Subject: 驿站\r\n".encode())
        arrives(postfix, b"\r\n\r\nof a UTF-8 header\r\n")
        large = b"Subject: large\r\n\r\n" + b"".join(
            b".%08d %s\r\n" % (i, b"x" * 60) for i in range(280_000))
        assert send(large).startswith("250")
        arrives(postfix, large[18:])
        # bare line ends are refused by newer servers; none is ever sent
        assert send(b"Subject: bare\r\n\r\na\nb\rc\r\n").startswith("250")
        arrives(postfix, b"\r\n\r\na\r\nb c\r\n")
        answer = send(small, to="nobody@example.org")
        assert answer.startswith("550 5.1.1 host") and "User unknown" in answer, answer
        answer = send(small, to="alice@elsewhere.example")
        assert answer.startswith("454 4.7.1") or answer.startswith("554 5.7.1"), answer
        answer = send(b"Subject: x\r\n\r\n" + b"y" * 76 * 700_000)
        assert answer.startswith("552 5.3.4 host"), answer


main()
