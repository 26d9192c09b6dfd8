"""Debian's Thunderbird, headless, by Mozilla's remote control: it finds the settings of
an address by its own autoconfig, makes the account, reads INBOX, and sends.

    with thunderbird.Thunderbird(directory, authority.pem) as client:
        client.set_up("alice@example.test", "secret")
        client.reads(["first", "second"])
        client.send("bob@example.test", "subject")
"""
import contextlib
import json
import os
import socket
import subprocess
import sys

import installed
import posthouse

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


SEND = """
const [to, subject, password, done] = [...arguments];
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { MessageSend } = ChromeUtils.importESModule("resource:///modules/MessageSend.sys.mjs");
const account = MailServices.accounts.findAccountForServer(globalThis.serverOfTest);
const identity = account.defaultIdentity;
const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
fields.from = identity.email;
fields.to = to;
fields.subject = subject;
const said = [];
const listener = {
  QueryInterface: ChromeUtils.generateQI(["nsIMsgSendListener"]),
  onStartSending() {}, onSendProgress() {}, onStatus(id, text) { said.push(String(text)); },
  onGetDraftFolderURI() {}, onSendNotPerformed(id, status) { done({ error: "not performed " + status }); },
  onTransportSecurityError(id, status) { done({ error: "transport " + status + said }); },
  onStopSending(id, status) { done(status == 0 ? { sent: id } : { error: "status " + status + said }); },
};
identity.doFcc = false;
new MessageSend().createAndSendMessage(null, identity, account.key, fields, false, false,
  Ci.nsIMsgSend.nsMsgDeliverNow, null, "text/plain", "body of " + subject + "\\r\\n", null, null,
  listener, password, null, Ci.nsIMsgCompType.New).catch(error => done({ error: String(error) + error.stack }));
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


class Thunderbird:
    """With a profile of its own that trusts one more authority; in the network of `site`
    (network.py), or of this process."""

    def __init__(self, directory, authority, site=None):
        self.directory, self.site, self.process = directory, site, None
        self.inside = site.inside if site else contextlib.nullcontext
        self.client, self.password = None, None
        self.profile = directory / "profile"
        self.profile.mkdir()
        (self.profile / "user.js").write_text("".join(
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
            for name, value in PREFERENCES.items()))
        store = f"sql:{self.profile}"
        installed.run("certutil", "-N", "-d", store, "--empty-password")
        installed.run("certutil", "-A", "-d", store, "-n", "authority", "-t", "C,,", "-i", authority)

    def __enter__(self):
        command = ["thunderbird", "--headless", "--marionette", "--remote-allow-system-access",
                   "--no-remote", "--profile", str(self.profile)]
        environment = {name: value for name, value in os.environ.items()
                       if not name.lower().endswith("_proxy")}
        self.process = subprocess.Popen(
            self.site.words(command) if self.site else command, stdin=subprocess.DEVNULL,
            stdout=(self.directory / "thunderbird.log").open("w"), stderr=subprocess.STDOUT,
            env={**environment, "MOZ_HEADLESS": "1", "HOME": str(self.directory)})
        with self.inside():
            self.client = Marionette()
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print((self.directory / "thunderbird.log").read_text()[-3000:], file=sys.stderr)
        self.process.kill()
        self.process.wait()

    def set_up(self, user, password):
        """What it found: {"incoming": ..., "outgoing": ...}; the account is made."""
        answer = self.client.run(DISCOVER, user)
        print("discovered", json.dumps(answer), flush=True)
        made = self.client.run(CREATE, user, password)
        print("created", json.dumps(made), flush=True)
        assert made["account"]["user"] == user, made
        self.password = password
        return answer["found"]

    def reads(self, subjects):
        last = {}

        def read():
            last.update(self.client.run(READ))
            return last.get("count") == len(subjects) and sorted(last["subjects"]) == sorted(subjects)
        try:
            posthouse.wait_until(read, 60, "INBOX is read")
        finally:
            print("read", json.dumps(last), flush=True)

    def send(self, to, subject):
        answer = self.client.run(SEND, to, subject, self.password)
        print("sent", json.dumps(answer), flush=True)
        assert "sent" in answer, answer
