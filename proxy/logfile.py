"""A log in a file that may be renamed and opened anew, by several processes at once.

Every line is one write at the end of the file, so lines of processes do not mix, and
none waits in a buffer: a file that was renamed has all lines until `reopen`, the new
one all after that. The one invariant: no line is lost because the file cannot take it;
it goes to standard error then.
"""

from __future__ import annotations

import os
import sys
import weakref
from pathlib import Path
from typing import Final

_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_MODE: Final = 0o640
"""Readable by a group, such as that of who collects logs: they hold addresses and paths
of clients, but nothing that gives access."""


class Lines:
    """As much of a text file as the logger needs, on a descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, text: str) -> int:
        left = text.encode("utf-8", "backslashreplace")
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError:
            sys.stderr.write(left.decode("utf-8", "replace"))
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        return os.isatty(self._fd)


class LogFile(Lines):
    """A file with a name."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        super().__init__(os.open(path, _FLAGS, _MODE))
        self._path = path
        weakref.finalize(self, os.close, self._fd)

    def reopen(self) -> None:
        """From now on write to the file that has the name now.

        Raises:
            OSError: it cannot be opened; lines go where they went.
        """
        new = os.open(self._path, _FLAGS, _MODE)
        try:
            os.dup2(new, self._fd, inheritable=False)
        finally:
            os.close(new)
