"""Locks that processes take on numbers, and that the kernel frees when they end.

Each number is one byte of one empty file, so that a million locks need no file of their
own and nothing is ever left behind. A lock belongs to this object (an open file
description), not to the process: taking it again from the same object succeeds, so
whoever uses it keeps its own order among its tasks. The one invariant: of two objects
on one path, in whatever processes, at most one holds a number.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from functools import partial
from typing import Final

from proxy.core.errors import SpoolError

from . import files
from .failures import spool_error, translated

HIGHEST: Final = 2**62
"""Numbers are below this: positions in a file end at 2**63."""

_TAKEN: Final = {errno.EAGAIN, errno.EACCES}


class RangeLocks:
    """Locks on the numbers 0 to `HIGHEST`, in the file `path`, made when missing.

    Raises:
        SpoolError: the file cannot be opened.
    """

    def __init__(self, path: str) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with translated("the locks cannot be opened"):
            self._fd = os.open(path, flags, files.PRIVATE_FILE)

    def try_lock(self, number: int) -> bool:
        """Take the lock of `number`; False when another process has it. Never waits.

        Raises:
            SpoolError: the file system gives no locks.
        """
        try:
            fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, _locked(number, 1, 0))
        except OSError as exc:
            if exc.errno in _TAKEN:
                return False
            raise SpoolError(f"no lock can be had: {exc.strerror}") from exc
        return True

    def unlock(self, number: int) -> None:
        """Give the lock of `number` back; one that is not held is no error."""
        try:
            fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, _free(number, 1, 0))
        except OSError as exc:
            raise spool_error("a lock cannot be given back", exc) from exc

    def is_taken(self, number: int) -> bool:
        """True while another process holds the lock of `number`."""
        asked = _locked(number, 1, 0)
        with translated("the locks cannot be asked"):
            told = fcntl.fcntl(self._fd, fcntl.F_OFD_GETLK, asked)
        return bool(_FLOCK.unpack(told)[0] != fcntl.F_UNLCK)

    def close(self) -> None:
        """Give every lock back."""
        os.close(self._fd)


_FLOCK: Final = struct.Struct("@hhqqi0q")
"""``struct flock`` of 64-bit Linux: type, whence, start, length, pid."""
_locked: Final = partial(_FLOCK.pack, fcntl.F_WRLCK, os.SEEK_SET)
_free: Final = partial(_FLOCK.pack, fcntl.F_UNLCK, os.SEEK_SET)
