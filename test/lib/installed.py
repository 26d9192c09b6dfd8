"""A machine of its own for a test that wants Posthouse as it is installed, and
system users: in an overlay (test/peers) with /etc, /home, /var/mail and the
directories of Posthouse in memory, which end with the test.

    peers.enter("mutt", "s-nail")           # starts the test again, inside
    installed.install()
    installed.add_user("boss", "linuxprobe")
"""
import os
import subprocess
from pathlib import Path

import posthouse

ETC = Path("/etc/posthouse")
MAIL = Path("/var/mail")


def run(*words, **options):
    """A command that must succeed; its output."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          timeout=300, **options)
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.stdout}\n{done.stderr}")
    return done.stdout


def mount_memory(place, mode="755"):
    Path(place).mkdir(parents=True, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", f"mode={mode}", "tmpfs", place)


def private_etc():
    """Users and files of /etc that end with the test."""
    layers = Path("/run/etc-of-this-test")
    for part in ("upper", "work"):
        (layers / part).mkdir(parents=True)
    run("mount", "-t", "overlay", "-o",
        f"lowerdir=/etc,upperdir={layers}/upper,workdir={layers}/work", "overlay", "/etc")


def install():
    """Posthouse below /usr/local, and nothing of an earlier test anywhere."""
    private_etc()
    for place in ("/usr/local", "/home", "/root", "/var/lib/posthouse"):
        mount_memory(place)
    mount_memory(MAIL, "2775")
    run("chgrp", "mail", MAIL)
    run("meson", "install", "--no-rebuild", "-C", posthouse.build_directory())


def add_user(name, password, home=True):
    run("useradd", *(["-m"] if home else []), "-s", "/bin/bash", name)
    run("chpasswd", input=f"{name}:{password}\n")


def as_user(name, command, **options):
    """A line of the shell, as that user types it."""
    return run("su", "-", name, "-c", command, **options)


def own_root(top):
    """From here on / is a copy that ends with the test; the tree at `top` is the same."""
    place = Path("/run/root-of-this-test")
    mount_memory(place)
    for part in ("upper", "work", "root"):
        (place / part).mkdir()
    root = place / "root"
    run("mount", "-t", "overlay", "-o",
        f"lowerdir=/,upperdir={place}/upper,workdir={place}/work", "overlay", root)
    run("mount", "-t", "tmpfs", "tmpfs", f"{root}/run")
    run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", f"{root}/tmp")
    Path(f"{root}{top}").mkdir(parents=True, exist_ok=True)
    for name in ("/dev", "/sys", "/proc", str(top)):
        run("mount", "--rbind", name, f"{root}{name}")
    os.chroot(root)
    os.chdir(top)
