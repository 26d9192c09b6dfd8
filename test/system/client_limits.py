#!/usr/bin/python3
"""What strangers may do: limits by client network, seen from a client in a
network namespace of its own (192.0.2.2), which is not in mynetworks, beside one
on the loopback, which is. Needs root for the namespaces."""
import ctypes
import imaplib
import os
import poplib
import smtplib
import ssl
import subprocess
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse

SERVER, CLIENT = "192.0.2.1", "192.0.2.2"
ALICE = "alice@example.test"
CLONE_NEWNET = 0x40000000


def in_client_network(act):
    """Runs act() in a child whose network is one link to ours."""
    child_reads, parent_writes = os.pipe()
    parent_reads, child_writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
                raise OSError("no network namespace")
            os.write(child_writes, b"x")
            os.read(child_reads, 1)
            subprocess.run("ip link set lo up && ip link set client up && "
                           f"ip addr add {CLIENT}/24 dev client", shell=True, check=True)
            act()
            code = 0
        except BaseException:       # pylint: disable=broad-except
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)
    os.read(parent_reads, 1)
    subprocess.run(f"ip link add server type veth peer name client && ip link set client netns {pid}"
                   f" && ip addr add {SERVER}/24 dev server && ip link set server up",
                   shell=True, check=True)
    os.write(parent_writes, b"x")
    status = os.waitpid(pid, 0)[1]
    for fd in (child_reads, parent_writes, parent_reads, child_writes):
        os.close(fd)
    subprocess.run("ip link del server 2>/dev/null", shell=True)
    assert status == 0, "what the client tried failed: see above"


def tls_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def refused(act, *codes):
    """The code and text that smtplib's exception carries."""
    try:
        act()
    except smtplib.SMTPResponseException as trouble:
        code, text = trouble.smtp_code, trouble.smtp_error
    except smtplib.SMTPRecipientsRefused as trouble:
        (code, text), = trouble.recipients.values()
    else:
        raise AssertionError(f"it was not refused, expected one of {codes}")
    assert code in codes, (code, text)
    return text.decode()


def smtp(system, host=SERVER, service="smtp"):
    return smtplib.SMTP(host, system.port(service), timeout=60)


def connections_at_once(system):
    first = [smtp(system) for _ in range(3)]
    text = refused(lambda: smtp(system), 421)
    assert "4.7.0" in text, text
    assert first[0].noop()[0] == 250        # nobody else is disturbed
    first.pop().quit()
    posthouse.wait_until(lambda: can(lambda: first.append(smtp(system))), 10, "a place")
    for client in first:
        client.quit()


def can(act):
    try:
        act()
        return True
    except (smtplib.SMTPException, imaplib.IMAP4.error, OSError):
        return False


def message_rate(system):
    client = smtp(system)
    for _ in range(4):
        client.sendmail("bob@example.net", [ALICE], b"Subject: x\r\n\r\nx\r\n")
    text = refused(lambda: client.sendmail("bob@example.net", [ALICE], b"x"), 450)
    assert "4.7.1" in text, text
    client.quit()


def recipient_rate(system):
    client = smtp(system)
    client.ehlo()
    client.mail("bob@example.net")
    codes = [client.rcpt(ALICE)[0] for _ in range(30)]
    assert 250 in codes and codes[-1] == 450, codes
    client.quit()


def connection_rate(system):
    for _ in range(100):
        try:
            smtp(system).quit()
        except smtplib.SMTPConnectError as trouble:
            assert trouble.smtp_code == 421, trouble
            return
    raise AssertionError("100 connections were not too many")


def auth_rate(system):
    client = smtp(system, service="submission")
    client.starttls(context=tls_context())
    seen = []
    for _ in range(12):
        client.ehlo()
        try:
            client.login(ALICE, "wrong", initial_response_ok=True)
        except smtplib.SMTPAuthenticationError as trouble:
            seen.append(trouble.smtp_code)
        except smtplib.SMTPException as trouble:
            seen.append(getattr(trouble, "smtp_code", 0))
            break
        if seen[-1] not in (535, 334):
            break
    assert seen[0] == 535 and seen[-1] in (450, 454, 421), seen


def no_relay_and_no_login_on_25(system):
    client = smtp(system)
    client.ehlo()
    assert not client.has_extn("auth"), client.esmtp_features
    client.mail("bob@example.net")
    code, text = client.rcpt("carol@elsewhere.example")
    assert code == 554 and b"5.7.1" in text, (code, text)
    client.quit()


def no_password_without_tls(system):
    client = smtp(system, service="submission")
    client.ehlo()
    offered = client.esmtp_features.get("auth", "").split()
    assert not {"PLAIN", "LOGIN"} & set(offered), offered
    code, _ = client.docmd("AUTH PLAIN AGFsaWNlAHg=")
    assert code in (530, 538), code
    client.quit()
    client = imaplib.IMAP4(SERVER, system.port("imap"), timeout=60)
    assert "LOGINDISABLED" in client.capabilities, client.capabilities
    try:
        client.login(ALICE, system.passwords[ALICE])
        raise AssertionError("a password was taken without TLS")
    except imaplib.IMAP4.error as trouble:
        assert "PRIVACYREQUIRED" in str(trouble), trouble
    client.logout()
    client = poplib.POP3(SERVER, system.port("pop3"), timeout=60)
    assert "USER" not in client.capa(), client.capa()
    client.quit()


def imap_connections(system):
    """Before the login by network, after it by account."""
    waiting = [imaplib.IMAP4(SERVER, system.port("imap"), timeout=60) for _ in range(3)]
    try:
        imaplib.IMAP4(SERVER, system.port("imap"), timeout=60)
        raise AssertionError("a fourth connection was taken")
    except imaplib.IMAP4.error as trouble:
        assert "BYE" in str(trouble) or "LIMIT" in str(trouble), trouble
    for client in waiting:
        client.logout()

    inside = []

    def log_in():
        client = imaplib.IMAP4_SSL(SERVER, system.port("imaps"), ssl_context=tls_context(),
                                   timeout=60)
        client.login(ALICE, system.passwords[ALICE])
        return client
    # those before are still being ended
    posthouse.wait_until(lambda: can(lambda: inside.append(log_in())) and len(inside) == 2, 10,
                         "two logins")
    try:
        log_in()
        raise AssertionError("a third login of one account was taken")
    except imaplib.IMAP4.error as trouble:
        assert "LIMIT" in str(trouble), trouble
    for client in inside:
        client.logout()


def only_trusted_networks_log_in(system):
    try:
        imaplib.IMAP4_SSL(SERVER, system.port("imaps"), ssl_context=tls_context(), timeout=60)
        raise AssertionError("a client of another network was greeted")
    except imaplib.IMAP4.error as trouble:
        assert "BYE [NOPERM]" in str(trouble) and "network" in str(trouble), trouble
    client = smtp(system, service="submission")
    client.starttls(context=tls_context())
    client.ehlo()
    assert not client.has_extn("auth"), client.esmtp_features
    code, _ = client.docmd("AUTH PLAIN AGFsaWNlAHg=")
    assert code in (503, 535), code
    client.quit()


def trusted_networks_log_in_without_tls(system):
    client = imaplib.IMAP4(SERVER, system.port("imap"), timeout=60)
    client.login(ALICE, system.passwords[ALICE])
    client.logout()


CASES = [
    (connections_at_once, {"smtpd_client_connection_count_limit": 3}),
    (message_rate, {"smtpd_client_message_rate_limit": 4}),
    (recipient_rate, {"smtpd_client_recipient_rate_limit": 20}),
    (connection_rate, {"smtpd_client_connection_rate_limit": 20}),
    (auth_rate, {"smtpd_client_auth_rate_limit": 5}),
    (no_relay_and_no_login_on_25, {}),
    (no_password_without_tls, {}),
    (imap_connections, {"imap_client_connection_limit": 3, "imap_user_connection_limit": 2}),
    (only_trusted_networks_log_in, {"login_trusted_networks": "198.51.100.0/24"}),
    (trusted_networks_log_in_without_tls, {"login_trusted_networks": "192.0.2.0/24"}),
]


def main():
    if os.geteuid() != 0:
        posthouse.skip("network namespaces need root")
    posthouse.own_network()
    with posthouse.System() as system:
        system.add_user(ALICE)
        system.set(inet_interfaces="all")
        for case, parameters in CASES:
            system.set(**parameters)
            system.start()
            in_client_network(lambda case=case: case(system))
            # the same limits do not count for the loopback
            clients = [smtp(system, "127.0.0.1") for _ in range(25)]
            for client in clients:
                client.quit()
            system.stop()
            system.set(**{name: "" if "networks" in name else 1000 for name in parameters})
            print(case.__name__)


main()
