"""The directory of a spool: made, still the one that it was, and writable.

It can be unmounted or renamed under a process that runs, and then be there again. The
one invariant: whoever was told that it is the one it was may believe that what is not
found there is not there.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from proxy.core.errors import SpoolError

from . import files
from .ballast import Ballast
from .failures import translated

_PROBE_SIZE: Final = 64 * 1024
"""Bytes that readiness writes: as much as one read of a socket may bring."""


class Place:
    """`directory`, made when it is missing. Blocks.

    It may come back mounted anew, so it is told by inodes alone; the very one that an
    owner holds, by its device, too, is that owner's ``Foothold``.

    Raises:
        OSError: it cannot be.
    """

    def __init__(self, directory: Path) -> None:
        self.root = str(directory)
        self._made = files.make_directories(self.root)
        self._inode = Path(self.root).stat().st_ino
        self._lock = self._lock_there()
        """Inode of the lock of its owners; None until it was seen."""
        self.ballast = Ballast(self.root)

    def sync(self) -> None:
        """Have the names in it durable, and its own. Raises OSError."""
        for path in [*map(os.path.dirname, self._made), self.root]:
            files.sync_directory(path)

    def check(self) -> None:
        """It is still the one that it was: not unmounted, not renamed.

        Else every upload would be unknown, and their clients would begin anew; and new
        ones would be stored below the place where a volume belongs. Its number tells,
        and that of the lock in it, as the roots of volumes have the same; not that of
        the device, which may be another one when it is mounted again. Two volumes that
        both began as a spool may have the same of both: that is not noticed.

        Raises:
            SpoolError: it is another one, or not there.
        """
        with translated("the spool directory is not there"):
            inode = Path(self.root).stat().st_ino
            lock = self._lock_there()
        if lock is None and self._lock is not None and inode == self._inode:
            # or another volume, on which there never was one
            raise SpoolError("the lock in the spool directory is not there any more")
        if inode != self._inode or self._lock not in (None, lock):
            raise SpoolError("another directory is where the spool was")
        self._lock = lock

    def _lock_there(self) -> int | None:
        """Inode of the lock that is there just now; None: none is. Raises OSError."""
        try:
            return Path(self.root, "lock").stat().st_ino
        except FileNotFoundError:
            return None

    def fill_ballast(self) -> None:
        """Keep a little room for records, if there is any."""
        try:
            self.check()
            self.ballast.fill()
        except (OSError, SpoolError):
            pass  # still full, or not there: it is tried again

    def is_writable(self, *, syncs: bool) -> bool:
        """See ``Probe``."""
        try:
            self.check()
            if not self.ballast.fits():  # else bodies take the room of records
                return False
            with tempfile.TemporaryFile(dir=self.root, buffering=0) as file:
                files.write_all(file.fileno(), bytes(_PROBE_SIZE))
                if syncs:
                    os.fdatasync(file.fileno())
        except (OSError, SpoolError):
            return False  # why does not matter to the question
        return True
