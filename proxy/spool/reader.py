"""Reading a stored body, or the content of an answer, at any position."""

from __future__ import annotations

import os
from collections.abc import Callable

from proxy.core.errors import InDoubt

from .failures import spool_error
from .writeback import has_lost


class DiskReader:
    """Reads from a descriptor, and owns it."""

    def __init__(self, fd: int, doubt: Callable[[], None] = lambda: None) -> None:
        """`doubt`: called when bytes were lost, before anybody else hears of it."""
        self._fd = fd
        self._doubt = doubt
        self.size = os.fstat(fd).st_size
        """Bytes there were to read when it was opened."""

    @property
    def descriptor(self) -> int | None:
        """See ``Reader``."""
        return self._fd

    def read(self, offset: int, size: int) -> bytes:
        """See ``Reader``."""
        try:
            return os.pread(self._fd, size, offset)
        except OSError as exc:
            raise spool_error("the stored bytes cannot be read", exc) from exc

    def check(self) -> None:
        """See ``Reader``. A call of the system that waits for nothing."""
        if has_lost is not None and has_lost(self._fd):
            self._doubt()
            raise InDoubt("the disk has failed under the stored bytes")

    def close(self) -> None:
        """See ``Reader``."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class EmptyReader:
    """What there is to read where nothing was ever written."""

    size = 0
    descriptor: int | None = None

    def read(self, offset: int, size: int) -> bytes:
        """See ``Reader``."""
        return b""

    def check(self) -> None:
        """See ``Reader``."""

    def close(self) -> None:
        """See ``Reader``."""
