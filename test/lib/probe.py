"""A system of probes (test/system/probe.c): master with a process table of its
own, for what is about master and the skeleton of processes and not about mail."""
import ctypes
import fcntl
import os
import pwd
import socket
import struct
import subprocess

import posthouse

MESSAGE = struct.Struct("=IIII32s32sqiIq256s")
VERSION, STOP, RELOAD, STATUS, CONNECT = 1, 3, 4, 5, 2
WIRE, PROCESS, DONE = 33, 39, 40
SOURCE = posthouse.TOP / "test/system"


class Probes:
    def __init__(self, environment=None, user=None, **parameters):
        """user: run as this ordinary user instead."""
        self.system = posthouse.System(**parameters)
        self.directory = self.system.directory
        self.environment = dict(os.environ, **(environment or {}))
        self.user = user
        self.process = None
        self.prepare()

    def prepare(self):
        """`serve --check` makes no directories: init made what is needed."""
        self.data = self.directory / "data"
        self.run = self.config("runtime_directory")
        for path in ["spill/smtpd", "mail", "users"]:
            (self.data / path).mkdir(parents=True, exist_ok=True)
        os.makedirs(self.run, exist_ok=True)
        if self.user is not None:
            subprocess.run(["chown", "-R", self.user, str(self.directory)], check=True)

    def config(self, name):
        row, = [r for r in self.system.json("config") if r["name"] == name]
        return row["value"]

    def blob(self):
        """The descriptor of a configuration blob, as the command makes it."""
        text = "".join("%s=%s\n" % (r["name"], r["value"].replace("\\", "\\\\")
                                    .replace("\n", "\\n"))
                       for r in self.system.json("config"))
        fd = os.memfd_create("blob", 0)
        os.write(fd, text.encode())
        os.lseek(fd, 0, os.SEEK_SET)
        return fd

    def spawn(self, services=SOURCE / "probe_services", pattern=None):
        """pattern: of program paths, with %s for the name."""
        build = posthouse.build_directory()
        fd = self.blob()
        command = [str(build / "src/master/master"), str(fd),
                   str(pattern or build / "test/system/probe"), str(services)]
        if self.user is None and os.geteuid() == 0:
            # groups that must not reach the processes
            command = ["setpriv", "--groups=adm,daemon"] + command
        if self.user is not None:
            command = ["setpriv", f"--reuid={self.user}", "--clear-groups",
                       f"--regid={pwd.getpwnam(self.user).pw_gid}"] + command
        self.out = open(self.directory / "out", "w+")
        self.err = open(self.directory / "err", "w+")
        # a descriptor that whoever starts a system may have left open
        left = fcntl.fcntl(0, fcntl.F_DUPFD, 100)
        self.process = subprocess.Popen(command, pass_fds=[fd, left], stdin=subprocess.DEVNULL,
                                        stdout=self.out, stderr=self.err, cwd="/",
                                        env=self.environment)
        os.close(fd)
        os.close(left)
        return self

    def start(self):
        self.spawn()
        posthouse.wait_until(lambda: "ready\n" in self.output() or self.process.poll() is not None,
                             20, "master says ready")
        assert self.process.poll() is None, self.errors()
        return self

    def output(self):
        return (self.directory / "out").read_text()

    def errors(self):
        return (self.directory / "err").read_text()

    def log(self):
        return (self.data / "log/posthouse.log").read_text()

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        if kind is not None and self.process is not None:
            print(self.errors()[-6000:])
        self.system.__exit__(None)

    # ---- asking master ----

    def wire(self, service, instance=0):
        """A wire such as the command gets."""
        answers, fds = self.request(CONNECT, service=service.encode(), instance=instance)
        if answers[0][1] != WIRE:
            return None
        wire = socket.socket(fileno=fds[0])
        wire.setblocking(True)
        wire.settimeout(60)
        return Talk(wire, greeting=False)

    def request(self, kind, fd=None, service=b"", instance=0):
        """The messages of the answer, and the descriptors that came along."""
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.settimeout(60)
        here = os.open(self.run, os.O_PATH)
        control.connect(f"/proc/self/fd/{here}/control")
        os.close(here)
        message = MESSAGE.pack(VERSION, kind, 7, instance, service, b"", 0, 0, 0, 0, b"")
        socket.send_fds(control, [message], [] if fd is None else [fd])
        answers, fds = [], []
        while True:
            data, came, _, _ = socket.recv_fds(control, 4096, 4)
            if not data:
                break
            answers.append(MESSAGE.unpack(data))
            fds += came
            if answers[-1][1] != PROCESS:
                break
        control.close()
        return answers, fds

    def status(self):
        """{("back", 0): (pid, restarts)}"""
        answers, fds = self.request(STATUS)
        for fd in fds:
            os.close(fd)
        assert answers[-1][1] == DONE and answers[-1][6] == 0
        return {(a[5].rstrip(b"\0").decode(), a[3]): (a[7], a[8])
                for a in answers[:-1]}

    def pid(self, name, instance=0):
        return self.status()[(name, instance)][0]

    def reload(self):
        fd = self.blob()
        answers, _ = self.request(RELOAD, fd)
        os.close(fd)
        return answers[-1][6], answers[-1][10].rstrip(b"\0").decode()

    # ---- asking a probe ----

    def talk(self, port=None):
        return Talk(socket.create_connection(
            ("127.0.0.1", port or self.system.port("smtp")), 60))


class Talk:
    def __init__(self, stream, greeting=True):
        self.stream = stream
        self.file = stream.makefile("rw", newline="\n")
        if greeting:
            assert self.file.readline() == "hello\n"

    def say(self, line):
        self.file.write(line + "\n")
        self.file.flush()
        return self.file.readline().rstrip("\n")

    def close(self):
        self.file.close()
        self.stream.close()
