"""Who may work on a spool: all processes that say the same about it, and no other one.

Two processes that send uploads to different places would forward each other's, with
the credentials in them. So the first one that opens a spool writes down what it goes
by, and who comes while somebody lives has to say the same. Whether somebody lives, a
lock tells, which the kernel frees when its holder ends, however it ends: nothing is
ever left behind. The one invariant: what is written down is what every living process
goes by.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from proxy.core.errors import SpoolError

from . import files
from .ballast import Ballast
from .failures import translated

_LONGEST: Final = 16 * 1024
"""Bytes of what is written down; a URL may be long."""
_FIRST_BYTE: Final = struct.pack("@hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)


class Owner:
    """One of the processes that own the spool in `directory`, until `release`.

    `goes_by`: what all of them have to say the same, each with a name for people.

    Raises:
        SpoolError: a process that goes by something else is at work on it, or the lock
            cannot be made.
    """

    def __init__(self, directory: Path, goes_by: Mapping[str, str]) -> None:
        with translated("the spool cannot be locked"):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._fd = os.open(f"{directory}/lock", flags, files.PRIVATE_FILE)
        try:
            with translated("the spool cannot be locked"), _alone(self._fd):
                self._enter(directory, goes_by)
        except SpoolError:
            os.close(self._fd)
            raise

    def release(self) -> None:
        os.close(self._fd)

    def _enter(self, directory: Path, goes_by: Mapping[str, str]) -> None:
        """Be one of the owners. Raises OSError, SpoolError."""
        if self._try(fcntl.LOCK_EX):
            content = json.dumps(dict(goes_by)).encode()
            os.ftruncate(self._fd, 0)
            Ballast(directory).spend(partial(files.write_all, self._fd, content))
            others = goes_by
        else:
            others = _written(self._fd)
        # Nobody else can take it in between: for that they have to be alone as well.
        if not self._try(fcntl.LOCK_SH):
            raise SpoolError(
                f"the spool {directory} is in use by a process that shares it with "
                "nobody; stop that one first"
            )
        if others != goes_by:
            raise SpoolError(_differs(directory, goes_by, others))

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def living(directory: Path) -> Mapping[str, str] | None:
    """What the owners of the spool in `directory` go by, empty when they do not say;
    None when it has none just now.

    For who is none and becomes none: the next to come is not held up.

    Raises:
        SpoolError: there is no spool, or it cannot be looked at.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    with translated("the spool cannot be looked at"):
        try:
            fd = os.open(f"{directory}/lock", flags)
        except FileNotFoundError:
            raise SpoolError(
                f"there is no spool in {directory}: no proxy has worked there"
            ) from None
        try:
            # Whoever comes meanwhile waits, and does not take us for an owner.
            with _alone(fd):
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(fd, fcntl.LOCK_UN)
        except BlockingIOError:
            return _written(fd)
        finally:
            os.close(fd)
    return None


def _written(fd: int) -> Mapping[str, str]:
    """What the living go by; empty when it cannot be read."""
    try:
        told = json.loads(os.pread(fd, _LONGEST, 0))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


@contextmanager
def _alone(fd: int) -> Iterator[None]:
    """One process at a time enters: to become one of many is no single step."""
    fcntl.fcntl(fd, fcntl.F_OFD_SETLKW, _FIRST_BYTE)
    try:
        yield
    finally:
        unlocked = struct.pack("@hhqqi0q", fcntl.F_UNLCK, os.SEEK_SET, 0, 1, 0)
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, unlocked)


def _differs(
    directory: Path, goes_by: Mapping[str, str], others: Mapping[str, str]
) -> str:
    """What is told to an operator who would let two proxies mix up their uploads."""
    differences = [
        f"its {name} is {others.get(name, 'not known')}, here it is {value}"
        for name, value in goes_by.items()
        if others.get(name) != value
    ]
    return (
        f"the spool {directory} is in use by another process: "
        f"{'; '.join(differences) or 'it goes by more than this one'}. Give each proxy "
        "a spool.directory of its own, or stop the other one first"
    )
