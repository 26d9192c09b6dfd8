"""A program in a terminal (tmux), as a person sees it.

    with terminal.Terminal(["mail"], columns=80, lines=24) as screen:
        screen.wait("& ")
        screen.type("1")
"""
import os
import subprocess

import posthouse


class Terminal:
    number = 0

    def __init__(self, command, columns=80, lines=24, **environment):
        Terminal.number += 1
        self.socket = f"posthouse-{os.getpid()}-{Terminal.number}"
        self.command, self.size = [str(word) for word in command], (columns, lines)
        self.environment = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **environment}

    def tmux(self, *words, **options):
        return subprocess.run(["tmux", "-u", "-L", self.socket, "-f", "/dev/null", *words],
                              capture_output=True, text=True, timeout=120,
                              env={**os.environ, **self.environment}, **options)

    def __enter__(self):
        # it stays until it has been looked at
        quiet = [word for name, value in (("remain-on-exit", "on"), ("status", "off"))
                 for word in (";", "set", "-g", name, value)]
        done = self.tmux("new-session", "-d", "-x", str(self.size[0]), "-y", str(self.size[1]),
                         "sh", "-c", 'sleep 0.3; exec "$@"', "sh", *self.command, *quiet)
        assert done.returncode == 0, done
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")

    def text(self):
        """What is on the screen, with what has gone off its upper end."""
        return self.tmux("capture-pane", "-p", "-J", "-S", "-1000").stdout

    def wait(self, text, seconds=20):
        try:
            posthouse.wait_until(lambda: text in self.text(), seconds, text)
        except AssertionError:
            raise AssertionError(f"not on the screen: {text!r}; but:\n{self.text()}") from None
        return self.text()

    def clear(self):
        self.tmux("send-keys", "-R")
        self.tmux("clear-history")

    def type(self, text, enter=True):
        self.tmux("send-keys", "-l", text)
        if enter:
            self.tmux("send-keys", "Enter")

    def wait_end(self, seconds=20):
        posthouse.wait_until(lambda: self.tmux("display-message", "-p", "#{pane_dead}")
                             .stdout.strip() == "1", seconds, "the program ends")
        return self.text()
