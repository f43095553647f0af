"""One process at a time works on a spool: its owner, by a lock that dies with it.

Two processes on one spool would each take the other's uploads for left over by a crash,
and forward them to an origin of their own, credentials and all. The kernel frees the
lock when its holder ends, however it ends, so nothing is ever left behind.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from proxy.core.errors import SpoolError

from . import files
from .failures import translated


class Owner:
    """Owns the spool in `directory`, which must be there, until `release`.

    Raises:
        SpoolError: another process does, or the lock cannot be made.
    """

    def __init__(self, directory: Path) -> None:
        with translated("the spool cannot be locked"):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._fd = os.open(f"{directory}/lock", flags, files.PRIVATE_FILE)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            os.close(self._fd)
            raise SpoolError(
                f"the spool {directory} is in use by another process; give each "
                "proxy a spool.directory of its own"
            ) from exc

    def release(self) -> None:
        os.close(self._fd)
