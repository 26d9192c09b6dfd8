"""Users of the machine for one test: /etc in an overlay, /home and /var/mail of
its own, all in a private mount namespace, so that useradd changes nothing of the
machine's.

    users.own_machine()
    users.add("boss", "linuxprobe")
"""
import atexit
import ctypes
import os
import pwd
import shutil
import subprocess
import tempfile

import posthouse

CLONE_NEWNS = 0x20000


def own_machine():
    """Skips the test where that cannot be done."""
    if os.geteuid() != 0:
        posthouse.skip("needs root")
    if not shutil.which("useradd"):
        posthouse.skip("needs useradd")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        posthouse.skip("needs a mount namespace")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    place = tempfile.mkdtemp(prefix="posthouse-users-")
    atexit.register(os.rmdir, place)
    subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
    atexit.register(subprocess.run, ["umount", "-l", place])
    for name in ("etc", "work", "home", "mail"):
        os.mkdir(f"{place}/{name}")
    subprocess.run(["mount", "-t", "overlay", "overlay", "/etc", "-o",
                    f"lowerdir=/etc,upperdir={place}/etc,workdir={place}/work"], check=True)
    subprocess.run(["mount", "--bind", f"{place}/home", "/home"], check=True)
    subprocess.run(["mount", "--bind", f"{place}/mail", "/var/mail"], check=True)
    shutil.chown("/var/mail", "root", "mail")
    os.chmod("/var/mail", 0o2775)


def add(name, password=None, home=True, options=()):
    """Returns the entry of passwd."""
    subprocess.run(["useradd", "-m" if home else "-M", *options, name], check=True,
                   capture_output=True)
    if password is not None:
        subprocess.run(["chpasswd", "-c", "SHA512"], input=f"{name}:{password}\n", text=True,
                       check=True)
    return pwd.getpwnam(name)


def remove(name):
    subprocess.run(["userdel", "-f", name], check=True, capture_output=True)
