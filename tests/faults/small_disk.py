"""Real file systems of a few mebibytes, to be filled to the last byte.

Mounting needs root; where that may not be, the test is NOT RUN. The one invariant: what
was mounted is unmounted at the end of the test.
"""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SIZE = 8 * 2**20
"""Bytes: ext4 makes no useful file system of fewer."""
_NOTHING_FREE = {errno.ENOSPC, errno.EDQUOT}


class SmallDisk:
    """A file system at `path`, with something that takes its room."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._load = path / "load"

    @property
    def free(self) -> int:
        """Bytes."""
        told = os.statvfs(self.path)
        return told.f_bavail * told.f_frsize

    def fill(self, but: int = 0) -> None:
        """Take all room, down to the last byte, but so many bytes."""
        with self._load.open("ab", buffering=0) as file:
            for size in (2**16, 2**12, 2**9, 1):
                while self.free > but and _written(file.fileno(), bytes(size)):
                    pass

    def relieve(self) -> None:
        """Give all room back."""
        self._load.unlink()


def _written(fd: int, content: bytes) -> bool:
    """False when the disk is full."""
    try:
        return os.write(fd, content) == len(content)
    except OSError as exc:
        if exc.errno in _NOTHING_FREE:
            return False
        raise


@contextmanager
def small_disk(kind: str, directory: Path) -> Iterator[SmallDisk]:
    """A file system of this kind, tmpfs or ext4, mounted below `directory`."""
    place = directory / "disk"
    place.mkdir()
    if kind == "tmpfs":
        _do("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place))
    else:
        image = directory / "image"
        image.write_bytes(bytes(SIZE))
        _do("mkfs.ext4", "-q", "-m", "0", str(image))
        _do("mount", "-o", "loop", str(image), str(place))
    try:
        yield SmallDisk(place)
    finally:
        # lazily: whatever a failed test has left open must not keep it for good
        _do("umount", "-l", str(place))


def _do(*command: str) -> None:
    """Run it; where that is not possible the test is NOT RUN."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except FileNotFoundError:
        pytest.skip(f"{command[0]} is not installed")
    if done.returncode != 0:
        pytest.skip(f"{command[0]} does not work here: {done.stderr.strip()}")
