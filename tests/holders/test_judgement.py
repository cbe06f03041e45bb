"""How lease and /proc are put together: the table of docs/holders.md."""

from __future__ import annotations

import os
import sys

import pytest

from reconciler.facts import FileFacts, Hold, Holder
from reconciler.holders import linux, mounts, procfs
from reconciler.holders.lease import Lease, LeaseLook
from reconciler.holders.mounts import Volume

FILE = FileFacts("a.gguf", 1, 2, 3, 4, 1, 512)
NAMED: dict[procfs.Identity, tuple[Holder, ...]] = {FILE.identity: (Holder(7, 1, "x", "y", ("mapping (read)",)),)}
GRANTED, REFUSED = LeaseLook(Lease.GRANTED), LeaseLook(Lease.REFUSED)
NONE = LeaseLook(Lease.UNAVAILABLE, "no lease")


@pytest.mark.parametrize(
    ("look", "seen", "kind", "recognised", "hold"),
    [
        (REFUSED, procfs.Scan(), "ext4", True, Hold.HELD),
        (REFUSED, procfs.Scan(unreadable=3), "nfs4", False, Hold.HELD),
        (NONE, procfs.Scan(), "ext4", True, Hold.FREE),
        (NONE, procfs.Scan(NAMED), "ext4", True, Hold.HELD),
        (NONE, procfs.Scan(unreadable=1), "ext4", True, Hold.UNKNOWN),
        (NONE, procfs.Scan(blind="somebody"), "ext4", True, Hold.UNKNOWN),
        (NONE, procfs.Scan(), "ext4", False, Hold.UNKNOWN),
        (NONE, procfs.Scan(), "nfs4", True, Hold.UNKNOWN),
        (GRANTED, procfs.Scan(), "overlay", True, Hold.FREE),
        (GRANTED, procfs.Scan(NAMED), "overlay", True, Hold.HELD),
        (GRANTED, procfs.Scan(unreadable=1), "overlay", True, Hold.UNKNOWN),
        (GRANTED, procfs.Scan(), "nfs4", True, Hold.UNKNOWN),
        (GRANTED, procfs.Scan(NAMED), "fuse.sshfs", True, Hold.HELD),
        (GRANTED, procfs.Scan(), "", True, Hold.UNKNOWN),
    ],
)
def test_the_table(look, seen, kind, recognised, hold):
    answer = linux._judge(FILE, look, seen, kind, recognised)
    assert answer.hold is hold
    assert bool(answer.why) == (hold is not Hold.FREE and not answer.holders)


@pytest.mark.parametrize(
    ("kind", "volume"),
    [
        ("ext4", Volume.LOCAL),
        ("btrfs", Volume.LOCAL),
        ("overlay", Volume.STACKED),
        ("nfs4", Volume.REMOTE),
        ("fuse.sshfs", Volume.REMOTE),
        ("virtiofs", Volume.REMOTE),
        ("9p", Volume.REMOTE),
        ("", Volume.REMOTE),
    ],
)
def test_only_what_is_known_to_be_local_is_local(kind, volume):
    assert mounts.volume_of(kind) is volume


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_the_file_system_is_that_of_the_mount_table():
    fd = os.open("/proc/self", os.O_RDONLY)
    try:
        assert mounts.kind_of(fd) == "proc"
    finally:
        os.close(fd)
    assert mounts.kind_of(fd) == ""


@pytest.mark.parametrize(
    ("options", "hides"),
    [(b"rw", False), (b"rw,hidepid=0", False), (b"rw,hidepid=2", True), (b"rw,hidepid=invisible", True)],
)
def test_a_proc_that_hides_is_found_out(options, hides, monkeypatch):
    table = b"20 1 0:1 / / rw - ext4 /dev/a rw\n21 20 0:2 / /proc rw,nosuid - proc proc " + options + b"\n"
    monkeypatch.setattr(mounts, "_read", lambda _: table)
    assert mounts.hides_processes() is hides
