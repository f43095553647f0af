"""A little room that is kept for records, and given up when the disk is full.

To cancel, to finish and to expire an upload its record is replaced, and to replace a
file a new one is written. On a disk that is full to the last byte nothing could ever
end, and so nothing be freed. Here lies a file that holds nothing and can be shortened:
piece by piece, since what is freed at once is taken by bodies at once.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from . import files

_T = TypeVar("_T")

SIZE: Final = 256 * 1024
"""Bytes: records are mostly smaller than a block, of 4 KiB. Picked by hand."""
PIECE: Final = 16 * 1024

_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_OPEN: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Ballast:
    """The room kept in the spool's `directory`, in a file that may be missing: then
    there is none."""

    def __init__(self, directory: Path | str) -> None:
        self._path = f"{directory}/ballast"

    def fill(self) -> None:
        """Have all of it. Raises OSError: there is no room for that; blocks."""
        fd = os.open(self._path, _OPEN, files.PRIVATE_FILE)
        try:
            if os.fstat(fd).st_size < SIZE:
                os.posix_fallocate(fd, 0, SIZE)
        finally:
            os.close(fd)

    def fits(self) -> bool:
        """Have all of it; False when the disk is too full for that. One that cannot do
        such a thing at all is not; blocks."""
        try:
            self.fill()
        except OSError as exc:
            return exc.errno not in _FULL
        return True

    def spend(self, act: Callable[[], _T]) -> _T:
        """The outcome of `act`, for which as much is given up as it takes.

        `act` leaves nothing behind when it fails. Raises OSError: what `act` raises
        when that is not a full disk, or when there is nothing more to give up.
        """
        while True:
            try:
                return act()
            except OSError as exc:
                if exc.errno not in _FULL or not self._give():
                    raise

    def _give(self) -> bool:
        """Give up a piece; False when there is none."""
        size = files.size(self._path)
        if not size:
            return False
        files.cut(self._path, max(0, size - PIECE), sync=False)
        return True
