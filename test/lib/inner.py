"""Programs of ours alone, with master and their jails but without mail: the
rows of etc/services that are about them, and wires on which the test calls."""
import posthouse
from probe import CONNECT, Probes, WIRE
import socket


class Inner(Probes):
    def __init__(self, programs, wires, **parameters):
        """wires: (service, program) that the test may call."""
        self.programs, self.wires = programs, wires
        super().__init__(**parameters)

    def table(self):
        lines = []
        for line in (posthouse.TOP / "etc/services").read_text().splitlines():
            words = line.split()
            if not words or words[0] not in ("program", "file", "wire"):
                continue
            if words[1] in self.programs and (words[0] != "wire" or words[3] in self.programs):
                lines.append(line)
        lines += [f"wire command {service} {program}" for service, program in self.wires]
        path = self.directory / "services"
        path.write_text("\n".join(lines) + "\n")
        return path

    def spawn(self):
        pattern = posthouse.build_directory() / "src/%s/%s"
        return super().spawn(services=self.table(), pattern=pattern)

    def call(self, service):
        """The caller's end of a wire."""
        answers, fds = self.request(CONNECT, service=service.encode())
        assert answers[0][1] == WIRE and len(fds) == 1, answers
        wire = socket.socket(fileno=fds[0])
        wire.settimeout(30)
        wire.setblocking(True)
        wire.settimeout(30)
        return wire
