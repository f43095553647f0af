"""The calls of the spool to the system: written down, made to fail, or the last ones.

``Calls`` takes the place of the functions of ``os`` that change or sync anything. Names
are told relative to the spool's directory, with ``T`` for a token and ``S`` for a
shard.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BOUND_S = 5.0
"""Seconds after which what did not happen counts as not happening. Picked by hand."""

_CHANGING = ("mkdir", "open", "pwrite", "ftruncate", "rename", "unlink")
_SYNCING = ("fdatasync", "fsync")
_BY_DESCRIPTOR = (*_SYNCING, "pwrite", "ftruncate")


class Died(BaseException):
    """The process was killed here: nothing that would be tidied up is."""


class Calls:
    """Every call that changes or syncs something, in order."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self._root = str(root)
        self.made: list[str] = []
        """Such as ``rename T.record.new T.record`` or ``fdatasync T.body``."""
        self.before: Callable[[str], None] = lambda call: None
        """Asked before each call; what it raises, the call raises."""
        for name in _CHANGING + _SYNCING:
            patch.setattr(os, name, self._watched(name, getattr(os, name)))

    def synced(self) -> list[str]:
        """What was synced or renamed since the last time, in order."""
        made, self.made = self.made, []
        return [call for call in made if call.startswith((*_SYNCING, "rename"))]

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            changes = name != "open" or args[1] & os.O_CREAT
            descriptor = args[:1] if name in _BY_DESCRIPTOR else ()
            places = (arg for arg in args if isinstance(arg, str))
            ours = [self._named(place) for place in (*descriptor, *places)]
            if changes and ours[:1] != [None]:
                call = " ".join([name, *(str(place) for place in ours)])
                self.before(call)
                self.made.append(call)
            return function(*args, **kwargs)

        return watched

    def _named(self, place: str | int) -> str | None:
        """The place below the spool's directory; None when it is not there."""
        if type(place) is int:
            place = str(Path(f"/proc/self/fd/{place}").readlink())
        if not str(place).startswith(self._root):
            return None
        name = os.path.relpath(str(place), self._root)
        name = re.sub(r"^[\w-]{2}/[\w-]{43}", "T", name)
        name = re.sub(r"^unfinished/[\w-]{43}", "unfinished/T", name)
        return re.sub(r"^[\w-]{2}$", "S", name)


class Countdown:
    """Lets `count` calls pass and raises before the next one, and before all after it
    when `for_good`."""

    def __init__(
        self, count: int, failure: Callable[[], BaseException], *, for_good: bool = True
    ) -> None:
        self._left = count
        self._failure = failure
        self._for_good = for_good
        self.reached = False

    def __call__(self, call: str) -> None:
        self._left -= 1
        if self._left < 0 and (self._for_good or not self.reached):
            self.reached = True
            raise self._failure()


class SlowDisk:
    """Holds each ``fdatasync`` until it is let go on, or fails it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.begun = 0
        self.fails = False
        self._fdatasync = os.fdatasync
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Semaphore(0)
        self._let_go = threading.Semaphore(0)
        patch.setattr(os, "fdatasync", self._slow)

    def _slow(self, fd: int) -> None:
        self.begun += 1
        self._loop.call_soon_threadsafe(self._arrived.release)
        assert self._let_go.acquire(timeout=BOUND_S)
        if self.fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._fdatasync(fd)

    async def arrival(self) -> None:
        """Until the next sync has begun."""
        async with asyncio.timeout(BOUND_S):
            await self._arrived.acquire()

    def let_go(self, syncs: int = 1) -> None:
        self._let_go.release(syncs)


class SlowNames:
    """Holds each ``fsync`` of a directory until it is let go on, or fails it."""

    def __init__(self, patch: pytest.MonkeyPatch, only: str = "") -> None:
        """`only`: the end of the path of those that are held."""
        self.begun = 0
        self.fails = False
        self._fsync = os.fsync
        self._only = only
        self._arrived = threading.Semaphore(0)
        self._let_go = threading.Semaphore(0)
        patch.setattr(os, "fsync", self._slow)

    def _slow(self, fd: int) -> None:
        if str(Path(f"/proc/self/fd/{fd}").readlink()).endswith(self._only):
            self.begun += 1
            self._arrived.release()
            assert self._let_go.acquire(timeout=BOUND_S)
        if self.fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._fsync(fd)

    def arrival(self) -> None:
        """Until the next sync has begun. Blocks."""
        assert self._arrived.acquire(timeout=BOUND_S)

    def let_go(self, syncs: int = 1) -> None:
        self._let_go.release(syncs)


class Doorway:
    """A lock that tells how often it has been taken and given back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._passed = threading.Semaphore(0)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        self._passed.release()

    def passed(self, times: int) -> None:
        """Until it has been passed so many times more. Blocks."""
        for _ in range(times):
            assert self._passed.acquire(timeout=BOUND_S)
