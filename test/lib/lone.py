"""One process of Posthouse alone: the test plays master for it (proto/control.h)
and whoever it calls. For what the whole system would only hide.

    with lone.Lone("relay", smtp_connect_timeout="1s") as relay:
        wire = relay.wire("relay-lmtp")
"""
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

import posthouse

MESSAGE = struct.Struct("=IIII32s32sqiIq256s")
VERSION, READY, CONNECT, WIRE, REFUSED, FILE, END = 1, 1, 2, 33, 34, 37, 38
PAGE = 1 << 20


def pack(kind, serial=0, instance=0, service="", peer=""):
    return MESSAGE.pack(VERSION, kind, serial, instance, service.encode(), peer.encode(),
                        0, 0, 0, 0, b"")


class Lone:
    def __init__(self, program, build=None, callees=None, files=None, **parameters):
        self.program = (build or posthouse.build_directory()) / "src" / program / program
        self.name = program
        self.callees = callees or {}        # service -> function(socket)
        self.files = files or {}            # parameter -> text of the file it names
        self.directory = Path(tempfile.mkdtemp(prefix="posthouse-lone-"))
        self.posthouse = (build or posthouse.build_directory()) / "src/ctl/posthouse"
        self.parameters = {"myhostname": "mail.example.test",
                           "data_directory": str(self.directory), **parameters}
        self.log_path = self.directory / "log"
        self.is_ready = threading.Event()

    def __enter__(self):
        self.directory.chmod(0o755)
        (self.directory / "empty").mkdir()
        spill = self.directory / "spill" / self.name
        spill.mkdir(parents=True)
        if os.geteuid() == 0:
            os.chown(spill, 65534, 65534)
        self.control, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        config = os.memfd_create("configuration")
        os.write(config, self.configuration().encode())
        page, generations = os.memfd_create("page"), os.memfd_create("generations")
        os.truncate(page, PAGE)
        os.truncate(generations, PAGE)
        for parameter, text in self.files.items():
            with tempfile.TemporaryFile() as file:
                file.write(text.encode())
                file.flush()
                socket.send_fds(self.control, [pack(FILE, service=parameter)], [file.fileno()])
        null = os.open("/dev/null", os.O_RDWR)
        log = os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        born = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in
                (null, log, log, far.fileno(), config, page, generations, null)]
        self.pid = os.posix_spawn(
            self.program, [self.name],
            dict(os.environ, POSTHOUSE_IDENTITY="nobody:65534:65534"),
            file_actions=[(os.POSIX_SPAWN_DUP2, fd, i) for i, fd in enumerate(born)])
        for fd in born + [config, page, generations, null, log]:
            os.close(fd)
        far.close()
        threading.Thread(target=self.serve, daemon=True).start()
        if not self.is_ready.wait(60):
            raise AssertionError(f"{self.name} is not ready: {self.log()}")
        return self

    def __exit__(self, kind, *rest):
        try:
            self.control.send(pack(END))
        except OSError:
            pass
        _, status = os.waitpid(self.pid, 0)
        if kind is not None:
            print(self.log()[-6000:])
        shutil.rmtree(self.directory, ignore_errors=True)
        if kind is None and status != 0:
            raise AssertionError(f"{self.name} ended with {status}")

    def configuration(self):
        """The blob that master would give: every effective value."""
        file = self.directory / "posthouse.conf"
        file.write_text("".join(f"{k} = {v}\n" for k, v in self.parameters.items()))
        shown = subprocess.run([self.posthouse, "-c", file, "config"], check=True,
                               capture_output=True, text=True).stdout
        return "".join(line.replace(" = ", "=", 1).removesuffix(" =") + "\n"
                       if " = " in line else line.replace(" =", "=") + "\n"
                       for line in shown.splitlines())

    def serve(self):
        """What the process asks master for."""
        while True:
            try:
                data = self.control.recv(MESSAGE.size)
            except OSError:
                return
            if len(data) != MESSAGE.size:
                return
            _, kind, serial, instance, service = MESSAGE.unpack(data)[:5]
            service = service.split(b"\0")[0].decode()
            if kind == READY:
                self.is_ready.set()
            elif kind == CONNECT and service in self.callees:
                near, far = socket.socketpair()
                socket.send_fds(self.control, [pack(WIRE, serial, instance, service)],
                                [far.fileno()])
                far.close()
                threading.Thread(target=self.callees[service], args=(near,),
                                 daemon=True).start()
            elif kind == CONNECT:
                self.control.send(pack(REFUSED, serial, instance, service))

    def wire(self, service):
        near, far = socket.socketpair()
        socket.send_fds(self.control, [pack(WIRE, 0, 0, service, "test")], [far.fileno()])
        far.close()
        return near

    def log(self):
        return self.log_path.read_text(errors="replace")


class Lmtp:
    """The queue's end of an LMTP wire: whole transactions, as the queue writes them."""

    def __init__(self, wire):
        self.socket = wire
        self.file = wire.makefile("rb")
        self.reply()
        self.socket.sendall(b"LHLO queue\r\n")
        self.reply()

    def reply(self):
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                raise AssertionError("the wire is closed")
            lines.append(line.decode("latin-1").rstrip("\r\n"))
            if line[3:4] == b" ":
                return lines[-1]

    def deliver(self, next_hop, sender, recipients, content, extra=""):
        """The reply for each recipient."""
        commands = [f"MAIL FROM:<{sender}> XNEXTHOP={next_hop}{extra}"]
        commands += [f"RCPT TO:<{to}>" for to in recipients]
        commands += [f"BDAT {len(content)} LAST"]
        self.socket.sendall("".join(c + "\r\n" for c in commands).encode() + content)
        for _ in commands[:-1]:
            answer = self.reply()
            assert answer.startswith("250"), answer
        return [self.reply() for _ in recipients]
