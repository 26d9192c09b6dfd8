"""A test beside servers of others: in the overlay of / of test/peers, which has their
packages, in a network of its own with loopback only."""
import os
import sys
from pathlib import Path

import posthouse


def enter(*packages, hostname=None):
    """The test begins again in an overlay that has the packages."""
    if os.environ.get("POSTHOUSE_PEERS") is not None:
        return
    os.environ["POSTHOUSE_PEERS"] = "1"
    words = ["/usr/bin/python3", str(Path(sys.argv[0]).resolve()), *sys.argv[1:]]
    if hostname:
        words = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', hostname, *words]
    os.execv(posthouse.TOP / "test/peers", ["peers", *packages, "--", *words])
