"""Random bytes that belong to a spool: all who work on it know them, and nobody else.

What is made of them and of a token is the same in every process and after every
restart, and a client, who knows the token, cannot make it. The one invariant: they are
durable before anybody is given them, and never change while the file is there.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from functools import partial
from pathlib import Path
from typing import Final

from . import files
from .ballast import Ballast
from .failures import translated

SIZE: Final = 32
"""Bytes: as many as the digest that is made with them."""
_OPEN: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def secret_of(directory: Path | str) -> bytes:
    """The secret of the spool in `directory`, which must be there; made by the first
    who asks.

    Raises:
        SpoolError: it cannot be read, or made.
    """
    with translated("the secret of the spool cannot be kept"):
        fd = os.open(f"{directory}/secret", _OPEN, files.PRIVATE_FILE)
        try:
            # One process at a time: the first one makes it for all.
            fcntl.flock(fd, fcntl.LOCK_EX)
            return _read(fd) or _made(fd, directory)
        finally:
            os.close(fd)


def _read(fd: int) -> bytes:
    """What is there; empty when it is not, or not all, as whoever began it may have
    died in the middle: then nobody was given it."""
    known = os.pread(fd, SIZE, 0)
    return known if len(known) == SIZE and any(known) else b""


def _made(fd: int, directory: Path | str) -> bytes:
    new = secrets.token_bytes(SIZE)
    Ballast(directory).spend(partial(files.write_all, fd, new))
    os.fdatasync(fd)
    files.sync_directory(str(directory))
    return new
