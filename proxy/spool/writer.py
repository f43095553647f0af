"""The open end of a body, or of an answer: the hot path of the spool.

``write`` goes to the page cache at once, on the event loop, and waits for nothing; a
hop to a thread per chunk would cost three times the CPU. ``sync`` waits in a thread,
one flight per file at a time. The one invariant: once a sync has failed, nothing is
promised that was not durable before.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from proxy.core.upload import Token

from .failures import spool_error, translated
from .threads import DiskThreads
from .writeback import RELAXED, Pace, StartRange, start_range


@dataclass(frozen=True, slots=True)
class Durability:
    """How the bytes of files of one kind become durable."""

    threads: DiskThreads
    anchor: Callable[[Token], None]
    """Makes the name of the upload's file durable; blocks, raises OSError."""
    doubt: Callable[[Token], None]
    """Called, in a thread, when a sync has failed: what was written since the last one
    may be gone, though it can still be read, and the next sync would not notice."""
    synced: Callable[[float], None] = lambda took_s: None
    """Told, in a thread, how many seconds each sync took."""
    syncs: bool = True
    """False: never sync, every promise is a hope."""
    start_range: StartRange | None = start_range


class DiskWriter:
    """Writes to the end of a descriptor's file, and owns the descriptor. The file is
    one of `token`."""

    __slots__ = (
        "_departed",
        "_durability",
        "_durable",
        "_fd",
        "_flight",
        "_look_at",
        "_offset",
        "_pace",
        "_start",
        "_started",
        "_token",
        "_worked_at",
    )

    def __init__(
        self, fd: int, token: Token, durability: Durability, pace: Pace = RELAXED
    ) -> None:
        self._fd = fd
        self._token = token
        self._durability = durability
        self._pace = pace
        self._offset = os.fstat(fd).st_size
        self._durable = -1  # not even the name of the file is known to be durable
        self._flight: asyncio.Future[int] | None = None
        self._departed = self._offset  # what the last flight covers, or was there
        self._start: asyncio.Future[None] | None = None
        self._started = self._offset  # what write-back was last started for
        self._worked_at = time.monotonic()  # when the disk was last set to work
        self._look_at = self._offset + pace.step

    @property
    def offset(self) -> int:
        """See ``Writer``."""
        return self._offset

    def write(self, chunk: bytes | memoryview) -> None:
        """See ``Writer``."""
        try:
            written = os.pwrite(self._fd, chunk, self._offset)
            self._offset += written
            while written < len(chunk):
                # short: a full disk says so with the next call
                with memoryview(chunk) as view:
                    more = os.pwrite(self._fd, view[written:], self._offset)
                written += more
                self._offset += more
        except OSError as exc:
            raise spool_error("the bytes cannot be stored", exc) from exc
        if self._offset >= self._look_at:
            self._keep_up()

    async def sync(self) -> int:
        """See ``Writer``."""
        if not self._durability.syncs:
            return self._offset
        wanted = self._offset
        while self._durable < wanted:
            # the one in the air may have left too early: then the next is shared
            flight = self._flight or self._take_off()
            # unlike a plain await, this lets `_land` go first when it is over already
            await asyncio.wait([flight])
            flight.result()
        return self._durable

    def close(self) -> None:
        """See ``Writer``."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _take_off(self) -> asyncio.Future[int]:
        """Begin a sync of what has been written up to now."""
        with translated("the bytes cannot be made durable"):
            # of its own: this writer may be closed while the sync is in the air
            fd = os.dup(self._fd)
        return self._fly(fd)

    def _fly(self, fd: int) -> asyncio.Future[int]:
        act = partial(self._commit, fd, self._offset)
        self._departed, self._worked_at = self._offset, time.monotonic()
        self._flight = self._durability.threads.begin(act)
        self._flight.add_done_callback(self._land)
        return self._flight

    def _commit(self, fd: int, offset: int) -> int:
        with translated("the bytes cannot be made durable"):
            try:
                self._sync_now(fd)
            except OSError:
                # at once: another writer may be opened before the flight has landed
                self._durability.doubt(self._token)
                raise
        return offset

    def _sync_now(self, fd: int) -> None:
        began = time.monotonic()
        try:
            os.fdatasync(fd)
        finally:
            os.close(fd)
        if self._durable < 0:
            self._durability.anchor(self._token)
        self._durability.synced(time.monotonic() - began)

    def _land(self, flight: asyncio.Future[int]) -> None:
        self._flight = None
        if flight.exception() is None:
            self._durable = flight.result()
        else:
            self.close()

    def _keep_up(self) -> None:
        """Set the disk to work on what has come, without waiting and without a
        promise."""
        dirty = self._offset - max(self._started, self._departed)
        wait = self._pace.wait(dirty, time.monotonic() - self._worked_at)
        self._look_at = self._offset + (wait or self._pace.step)
        if wait:
            return
        try:
            if self._sync_is_due():
                self._fly(os.dup(self._fd))
            elif self._durability.start_range is not None and self._start is None:
                self._start_write_back(self._durability.start_range, os.dup(self._fd))
        except OSError:
            # no descriptor to spare: the kernel will get to the pages by itself
            return

    def _sync_is_due(self) -> bool:
        """Never two at a time: a slow disk is asked less often, for more at once."""
        can_start = self._durability.start_range is not None
        every = self._pace.sync if can_start else self._pace.sync_instead
        return (
            every is not None
            and self._durability.syncs
            and self._flight is None
            and self._offset - self._departed >= every
        )

    def _start_write_back(self, start_range: StartRange, fd: int) -> None:
        size = self._offset - self._started
        # in a thread: even the start blocks when the queue of the drive is full
        act = partial(_start, start_range, fd, self._started, size)
        self._started, self._worked_at = self._offset, time.monotonic()
        self._start = self._durability.threads.begin(act)
        self._start.add_done_callback(self._start_is_over)

    def _start_is_over(self, start: asyncio.Future[None]) -> None:
        self._start = None


def _start(start_range: StartRange, fd: int, offset: int, size: int) -> None:
    try:
        start_range(fd, offset, size)
    finally:
        os.close(fd)
