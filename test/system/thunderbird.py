#!/usr/bin/python3
"""Debian's Thunderbird, headless, sets itself up from an address and a password
alone: its own autoconfig asks our nameserver and our pages, by https with a
certificate of an authority that it trusts, and the account that it makes reads INBOX.

Not among the timed tests: Thunderbird is large. By hand:
    POSTHOUSE_BUILD=BUILD /usr/bin/python3 test/system/thunderbird.py
"""
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import certificates
import installed
import peers
import posthouse

DOMAIN, HOST, ADDRESS = "example.test", "mail.example.test", "192.0.2.7"
USER, PASSWORD = f"alice@{DOMAIN}", "secret-of-a-test"
SUBJECTS = ["first of three", "second of three", "third of three"]
PREFERENCES = {
    "app.update.enabled": False, "datareporting.policy.dataSubmissionEnabled": False,
    "mail.provider.suppress_dialog_on_startup": True, "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True, "mail.shell.checkDefaultClient": False,
    "mailnews.start_page.enabled": False, "toolkit.telemetry.enabled": False,
    # the proxy of the environment is nobody's here
    "network.proxy.type": 0,
    # what is found must have come by https
    "mailnews.auto_config.fetchFromISP.sslOnly": True,
}
DISCOVER = """
const [address, done] = [arguments[0], arguments[arguments.length - 1]];
const { FetchConfig } = ChromeUtils.importESModule(
  "resource:///modules/accountcreation/FetchConfig.sys.mjs");
const domain = address.split("@")[1];
const kept = config => ({ incoming: config.incoming, outgoing: config.outgoing, source: config.source });
FetchConfig.fromISP(domain, address, new AbortController().signal).then(
  config => { globalThis.foundByThunderbird = config; done({ found: kept(config) }); },
  error => done({ error: String(error) + " " + (error && error.stack) }));
"""
CREATE = """
const [address, password, done] = [arguments[0], arguments[1], arguments[arguments.length - 1]];
const { AccountConfig } = ChromeUtils.importESModule(
  "resource:///modules/accountcreation/AccountConfig.sys.mjs");
const { CreateInBackend } = ChromeUtils.importESModule(
  "resource:///modules/accountcreation/CreateInBackend.sys.mjs");
(async () => {
  const config = globalThis.foundByThunderbird;
  AccountConfig.replaceVariables(config, "Alice", address, password);
  config.rememberPassword = true;
  const account = await CreateInBackend.createAccountInBackend(config);
  const server = account.incomingServer;
  server.password = password;
  globalThis.serverOfTest = server;
  return { port: server.port, type: server.type,
           security: server.socketType, user: server.username };
})().then(row => done({ account: row }), error => done({ error: String(error) + " " + error.stack }));
"""
READ = """
const done = arguments[arguments.length - 1];
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const server = globalThis.serverOfTest;
const say = value => done(value);
try {
  let inbox = server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
  if (!inbox) {
    server.performExpand(null);
    server.getNewMessages(server.rootFolder, null, null);
    say({ waiting: "no inbox yet" });
  } else {
    inbox.QueryInterface(Ci.nsIMsgImapMailFolder);
    inbox.getNewMessages(null, null);
    inbox.updateFolder(null);
    const subjects = [...inbox.msgDatabase.enumerateMessages()].map(m => m.mime2DecodedSubject);
    say({ count: inbox.getTotalMessages(false), subjects });
  }
} catch (error) { say({ waiting: String(error) }); }
"""


class Marionette:
    """Mozilla's remote control: LENGTH:JSON, [0, id, name, parameters] and [1, id, error, result]."""

    def __init__(self, port=2828):
        self.socket = posthouse.wait_until(lambda: self.connect(port), 90, "Thunderbird listens")
        self.socket.settimeout(120)
        self.file, self.number = self.socket.makefile("rb"), 0
        self.take()     # it says first who it is
        self.ask("WebDriver:NewSession", {"strictFileInteractability": True})
        self.ask("WebDriver:SetTimeouts", {"script": 60000})
        self.ask("Marionette:SetContext", {"value": "chrome"})

    @staticmethod
    def connect(port):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=5)
        except OSError:
            return None

    def take(self):
        digits = b""
        while (octet := self.file.read(1)) != b":":
            assert octet, "Thunderbird is gone"
            digits += octet
        return json.loads(self.file.read(int(digits)))

    def ask(self, name, parameters):
        self.number += 1
        text = json.dumps([0, self.number, name, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, result = self.take()
        assert error is None, error
        return result

    def run(self, script, *arguments):
        return self.ask("WebDriver:ExecuteAsyncScript", {
            "script": script, "args": list(arguments), "sandbox": "system", "newSandbox": False})["value"]


def make_system():
    posthouse.OFFSET = 0
    system = posthouse.System(DOMAIN, dns_validation="no")
    system.set(port_offset=0, inet_interfaces="all")
    authority = certificates.Authority(system.directory, "authority")
    pem, key = authority.issue(HOST, HOST, DOMAIN, f"autoconfig.{DOMAIN}")
    for source, name in ((pem, "cert.pem"), (key, "key.pem")):
        (system.directory / "data/tls" / name).write_bytes(source.read_bytes())
    system.add_user(USER, PASSWORD)
    return system, authority


def make_profile(directory, authority):
    profile = directory / "profile"
    profile.mkdir()
    (profile / "user.js").write_text("".join(
        f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()))
    store = f"sql:{profile}"
    installed.run("certutil", "-N", "-d", store, "--empty-password")
    installed.run("certutil", "-A", "-d", store, "-n", "authority", "-t", "C,,", "-i", authority.pem)
    return profile


def set_up_and_read(client):
    answer = client.run(DISCOVER, USER)
    print("discovered", json.dumps(answer), flush=True)
    found = answer["found"]["incoming"]
    assert (found["type"], found["hostname"], int(found["port"])) == ("imap", HOST, 993), found
    assert (answer["found"]["outgoing"]["hostname"], int(answer["found"]["outgoing"]["port"])) == (HOST, 465)
    answer = client.run(CREATE, USER, PASSWORD)
    print("created", json.dumps(answer), flush=True)
    assert answer["account"]["user"] == USER, answer
    last = {}

    def read():
        last.update(client.run(READ))
        return last.get("count") == len(SUBJECTS) and sorted(last["subjects"]) == sorted(SUBJECTS)
    try:
        posthouse.wait_until(read, 60, "INBOX is read")
    finally:
        print("read", json.dumps(last), flush=True)


def main():
    peers.enter("thunderbird", "libnss3-tools")
    posthouse.need_programs("thunderbird", "certutil")
    installed.private_etc()
    installed.mount_memory("/root")
    installed.run("ip", "addr", "add", f"{ADDRESS}/32", "dev", "lo")
    Path("/etc/resolv.conf").write_text(f"nameserver {ADDRESS}\n")
    Path("/etc/hosts").write_text("127.0.0.1 localhost\n")
    system, authority = make_system()
    with system:
        system.start()
        for subject in SUBJECTS:
            system.send(USER, subject=subject)
        print(installed.run("getent", "ahosts", f"autoconfig.{DOMAIN}"), flush=True)
        profile = make_profile(system.directory, authority)
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        program = subprocess.Popen(
            ["thunderbird", "--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile", profile],
            stdin=subprocess.DEVNULL, stdout=(system.directory / "thunderbird.log").open("w"),
            stderr=subprocess.STDOUT, env={**environment, "MOZ_HEADLESS": "1", "HOME": "/root"})
        try:
            set_up_and_read(Marionette())
        except BaseException:
            print((system.directory / "thunderbird.log").read_text()[-3000:], file=sys.stderr)
            raise
        finally:
            program.kill()
            program.wait()


main()
