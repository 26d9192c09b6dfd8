"""The Debian package, built once for each state of the tree, and machines of their own
to install it on: a bare Debian (test/debian-root) in an overlay, booted by its own
systemd in namespaces of its own.

    deb = debian.package()              # on the machine itself: it needs the network
    debian.enter()                      # the test begins again, in namespaces
    with debian.Machine("mail.example.test") as machine:
        machine.run("apt", "install", "./posthouse.deb")
"""
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import installed
import posthouse

TOP = posthouse.TOP
WORK = TOP / "build/package"
ROOT = TOP / "build/debian/root"
BUILT_WITH = ("build-essential", "debhelper", "po-debconf", "lintian", "fakeroot", "systemd")
# As a container's manager would: what systemd expects to find mounted, then systemd.
BOOT = """
set -eu
root=$1 hostname=$2
for name in null zero full random urandom tty; do
	: > "$root/dev/$name"
	mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
hostname "$hostname"
cd "$root"
pivot_root . mnt
exec chroot . sh -c 'umount -l /mnt && exec env -i container=posthouse PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	/lib/systemd/systemd --log-target=console --show-status=yes < /dev/null'
"""
# A cgroup of its own, which systemd finds as the root of all; it goes with the machine.
AROUND = """
set -eu
mkdir -p "$1"
mount -t cgroup2 cgroup2 "$1"
mine=$1/posthouse-test-$$
shift
mkdir "$mine"
(echo 0 > "$mine/cgroup.procs"
exec unshare --mount --pid --uts --ipc --cgroup --fork --kill-child "$@") || :
find "$mine" -depth -type d -exec rmdir {} +
"""


def tree():
    """The names of all files that are not git's to ignore."""
    names = installed.run("git", "-c", f"safe.directory={TOP}", "-C", TOP, "ls-files", "-z",
                          "--cached", "--others", "--exclude-standard").split("\0")
    return sorted(name for name in names if name and (TOP / name).is_file())


def state_of_tree():
    """Of what the package is made of."""
    digest = hashlib.sha256()
    for name in tree():
        if not name.startswith(("test/", ".ci/", "script/")):
            digest.update(name.encode() + b"\0" + (TOP / name).read_bytes() + b"\0")
    return digest.hexdigest()


def build():
    """In an overlay that has what the package is built with. What lintian says is kept."""
    shutil.rmtree(WORK, ignore_errors=True)
    for name in tree():
        (WORK / "posthouse" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(TOP / name, WORK / "posthouse" / name, follow_symlinks=False)
    done = subprocess.run(["dpkg-buildpackage", "-us", "-uc", "-b"], cwd=WORK / "posthouse",
                          env=dict(os.environ, DEB_BUILD_OPTIONS="parallel=2 noautodbgsym"),
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    changes, = WORK.glob("*.changes")
    done = subprocess.run(["lintian", "--allow-root", "--tag-display-limit=0", changes],
                          capture_output=True, text=True)
    (WORK / "lintian").write_text(done.stdout + done.stderr)


def step(*words):
    """A part that may say why it cannot."""
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL)
    if done.returncode == 77:
        sys.exit(77)
    assert done.returncode == 0, words


def package():
    """The package of this tree, and the Debian that it can be installed on."""
    stamp = WORK / "stamp"
    if os.environ.get("POSTHOUSE_INSIDE") is None:
        state = state_of_tree()
        if not stamp.exists() or stamp.read_text() != state:
            step(TOP / "test/peers", *BUILT_WITH, "--", "/usr/bin/python3", __file__, "build")
            stamp.write_text(state)
        step(TOP / "test/debian-root", next(WORK.glob("posthouse_*.deb")))
    deb, = WORK.glob("posthouse_*.deb")
    return deb


def enter():
    """The test begins again, with mounts, processes and a network of its own."""
    if os.environ.get("POSTHOUSE_INSIDE") is None:
        os.environ["POSTHOUSE_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child",
                              "sh", "-c", 'mount -t proc proc /proc; mount -t tmpfs tmpfs /run; ip link set lo up; exec "$@"', "sh",
                              "/usr/bin/python3", str(Path(sys.argv[0]).resolve()), *sys.argv[1:]])


class Machine:
    """Runs in the network that this process is in, or in that of a site (network.py)."""

    def __init__(self, hostname, site=None, hosts=""):
        self.hostname, self.site = hostname, site
        self.place = Path(f"/run/machine-{hostname}")
        self.root, self.process, self.first = self.place / "root", None, None
        installed.mount_memory(self.place)
        for part in ("upper", "work", "root"):
            (self.place / part).mkdir()
        installed.run("mount", "-t", "overlay", "-o", f"lowerdir={ROOT},upperdir={self.place}/upper,"
                      f"workdir={self.place}/work", "overlay", self.root)
        for name in ("dev", "run", "tmp"):
            installed.mount_memory(self.root / name, "1777" if name == "tmp" else "755")
        (self.root / "etc/hostname").write_text(f"{hostname}\n")
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost\n{hosts}")

    def __enter__(self):
        """systemd runs; where it cannot, the test is skipped and says why."""
        around = ["ip", "netns", "exec", self.site.name] if self.site else []
        self.process = subprocess.Popen(
            [*around, "sh", "-c", AROUND, "sh", self.place / "cgroup",
             "sh", "-c", BOOT, "sh", self.root, self.hostname],
            stdin=subprocess.DEVNULL, stdout=(self.place / "console").open("w"), stderr=subprocess.STDOUT)
        try:
            posthouse.wait_until(self.is_up, 60, "systemd is up")
        except AssertionError as error:
            self.__exit__()
            print(self.console(), file=sys.stderr)
            posthouse.skip(f"systemd does not boot here: {error}".replace("\n", " "))
        return self

    def __exit__(self, *_):
        if self.first is not None:
            os.kill(self.first, 9)
        else:
            self.process.kill()
        self.process.wait()

    def console(self):
        return (self.place / "console").read_text(errors="replace")

    def is_up(self):
        assert self.process.poll() is None, f"it ended: {self.console()[-200:]}"
        if self.first is None:
            for pid in filter(str.isdigit, os.listdir("/proc")):
                if self.is_first(pid):
                    self.first = int(pid)
        return self.first is not None and self.call("systemctl", "is-system-running").stdout.strip() \
            in ("running", "degraded")

    def is_first(self, pid):
        """It is called systemd and lives in our root, in no namespace of this test."""
        try:
            return Path(f"/proc/{pid}/comm").read_text() == "systemd\n" and \
                "container=posthouse" in Path(f"/proc/{pid}/environ").read_text() and \
                os.readlink(f"/proc/{pid}/ns/uts") != os.readlink("/proc/self/ns/uts") and \
                Path(f"/proc/{pid}/root/etc/hostname").read_text() == f"{self.hostname}\n"
        except OSError:
            return False

    def words(self, *words, **environment):
        """The command line of this machine that runs that one there, with a clean environment."""
        settings = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "TERM": "screen",
                    "LANG": "en_US.UTF-8", **environment}
        return ["nsenter", "--target", str(self.first), "--mount", "--pid", "--net", "--uts", "--ipc",
                "--cgroup", "--root", "--wd=/", "env", "--chdir=/root", "-i",
                *(f"{name}={value}" for name, value in settings.items()), *map(str, words)]

    def call(self, *words, input=None, **environment):
        return subprocess.run(self.words(*words, **environment), text=True, input=input, timeout=300,
                              stdin=subprocess.DEVNULL if input is None else None, capture_output=True)

    def run(self, *words, **options):
        """It must succeed; its output."""
        done = self.call(*words, **options)
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def path(self, name):
        """A file there, as this machine names it."""
        return Path(f"/proc/{self.first}/root{name}")


if __name__ == "__main__":
    build()
