"""Who may work on a spool: all processes that say the same about it, and no other one.

Two processes that send uploads to different places would forward each other's, with
the credentials in them. So the first one that opens a spool writes down what it goes
by, and who comes while somebody lives has to say the same. Routes may come and go, as
each has its name in the records of its uploads: who comes adds those that nobody has
had so far. Whether somebody lives, a lock tells, which the kernel frees when its holder
ends, however it ends: nothing is ever left behind. A process and those it has
started are one owner, with one lock: alone, they may change what they go by. The one
invariant: no living owner goes by anything else than what is written down.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from proxy.core.errors import SpoolError

from . import files
from .ballast import Ballast
from .failures import translated

_ROUTES: Final = "routes"
_LONGEST: Final = 1024 * 1024
"""Bytes of what is written down; a URL may be long, and there is one a route."""
_FIRST_BYTE: Final = struct.pack("@hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)


@dataclass(frozen=True, slots=True)
class Foothold:
    """A spool as the owner has it, for a process that it starts, and for its visits.

    A ``Place`` may come back under another device number; this is the one on which the
    lock is held, and no other.
    """

    directory: str
    """Where it was found. A link of the operator may lead elsewhere by now, and there
    may be nothing, or something else."""
    lock: int
    """Descriptor of the owner's lock, which is in it."""

    def check(self) -> None:
        """The spool is still there: nothing may be made or looked for where it is not.

        Raises:
            SpoolError: it has been unmounted or renamed, or another one is there.
        """
        with translated("the spool directory is not there"):
            found = Path(self.directory, "lock").stat()
        if not os.path.samestat(found, os.fstat(self.lock)):
            raise SpoolError("another directory is where the spool was")


class Owner:
    """One of the processes that own the spool in `directory`, until `release`.

    `goes_by`: what all of them have to say the same, each with a name for people.
    `routes`: where uploads of each route go; what two of them both know of has to be
    the same.

    Raises:
        SpoolError: a process that goes by something else is at work on it, or the lock
            cannot be made.
    """

    def __init__(
        self,
        directory: Path,
        goes_by: Mapping[str, str],
        routes: Mapping[str, str] | None = None,
    ) -> None:
        self._directory = directory
        with translated("the spool cannot be locked"):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._fd = os.open(f"{directory}/lock", flags, files.PRIVATE_FILE)
        try:
            with translated("the spool cannot be locked"), _alone(self._fd):
                self.was_alone = self._enter(goes_by, routes or {})
                """Nobody else had the spool when this owner came."""
        except SpoolError:
            os.close(self._fd)
            raise

    @classmethod
    def inherited(cls, place: Foothold) -> Owner:
        """The one that has started this process and handed it its `place`: both are one
        owner, until the last of them releases it."""
        owner = cls.__new__(cls)
        owner._directory = Path(place.directory)
        owner._fd = place.lock
        owner.was_alone = False
        return owner

    @property
    def place(self) -> Foothold:
        """What makes a process that is started one with this owner."""
        return Foothold(str(self._directory), self._fd)

    def change(self, goes_by: Mapping[str, str], routes: Mapping[str, str]) -> None:
        """Go by something else from now on.

        Raises:
            SpoolError: another owner goes by what was before; nothing has changed.
        """
        with translated("the spool cannot be locked"), _alone(self._fd):
            self._enter(goes_by, routes)

    def release(self) -> None:
        os.close(self._fd)

    def _enter(self, goes_by: Mapping[str, str], routes: Mapping[str, str]) -> bool:
        """Be one of the owners; True when there is no other. Raises OSError,
        SpoolError."""
        is_first = self._try(fcntl.LOCK_EX)
        if is_first:
            self._write(goes_by, routes)
        # Nobody else can take it in between: for that they have to be alone as well.
        if not self._try(fcntl.LOCK_SH):
            raise SpoolError(
                f"the spool {self._directory} is in use by a process that shares it "
                "with nobody; stop that one first, or choose another spool.directory"
            )
        if not is_first:
            self._join(goes_by, routes)
        return is_first

    def _join(self, goes_by: Mapping[str, str], routes: Mapping[str, str]) -> None:
        """Go by the same as those who live. Raises OSError, SpoolError."""
        others = dict(_written(self._fd))
        theirs = others.pop(_ROUTES, {})
        known = {name: url for name, url in routes.items() if name in theirs}
        differences = [*_differences(goes_by, others), *_differences(known, theirs)]
        if differences or others.keys() != goes_by.keys():
            raise SpoolError(_told(self._directory, differences))
        if routes.keys() - theirs.keys():
            self._write(goes_by, {**theirs, **routes})

    def _write(self, goes_by: Mapping[str, str], routes: Mapping[str, str]) -> None:
        told = {**goes_by, _ROUTES: dict(routes)} if routes else goes_by
        content = json.dumps(dict(told)).encode()
        if len(content) > _LONGEST:
            raise SpoolError("the names and URLs of all routes are too long")
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        Ballast(self._directory).spend(partial(files.write_all, self._fd, content))

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


_HINT: Final = "run it as the user of the proxy, and say the directory of its spool"


def living(directory: Path) -> Mapping[str, Any] | None:
    """What the owners of the spool in `directory` go by, empty when they do not say;
    None when it has none just now.

    For who is none and becomes none: the next to come is not held up.

    Raises:
        SpoolError: there is no spool, or it cannot be looked at.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    with translated(f"the spool {directory} cannot be looked at", _HINT):
        try:
            fd = os.open(f"{directory}/lock", flags)
        except FileNotFoundError:
            raise SpoolError(
                f"there is no spool in {directory}: no proxy has worked there; say "
                "which one is meant by --spool DIR, or by -c FILE of its proxy"
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


def _written(fd: int) -> Mapping[str, Any]:
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


def _differences(ours: Mapping[str, str], theirs: Mapping[str, Any]) -> Iterator[str]:
    """What others say otherwise, or do not say."""
    for name, value in ours.items():
        other = theirs.get(name, "not known")
        if other != value:
            yield f"its {name} is {other}, here it is {value}"


def _told(directory: Path, differences: Sequence[str]) -> str:
    """What is told to an operator who would let two proxies mix up their uploads."""
    return (
        f"the spool {directory} is in use by another process: "
        f"{'; '.join(differences) or 'it goes by more than this one'}. Give each proxy "
        "a spool.directory of its own, or stop the other one first"
    )
