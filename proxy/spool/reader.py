"""Reading a stored body, or the content of an answer, at any position."""

from __future__ import annotations

import os

from .failures import spool_error


class DiskReader:
    """Reads from a descriptor, and owns it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
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

    def close(self) -> None:
        """See ``Reader``."""
