"""A crowd of long bodies: fetched from in rounds, not as the event loop finds them.

Many in small pieces: a piece costs the same whatever its size, some 18 µs, and a crowd
of clients on slow links fills a core with that. A body whose small pieces follow each
other closely rests: the kernel collects what comes, and it is fetched every few
milliseconds, as network cards do with their interrupts.

Many at full speed: the event loop serves all that is ready before it looks again, and a
hundred bodies hold up everybody else for 12 ms. A body that fills its share queues: a
few of them have their turn each time the event loop comes round.

The event loop is not asked for either kind in between. A body that brings less, or
more, than is usual for its kind is the event loop's again. The one invariant: who rests
gets its turn within ``PERIOD_S`` or soon after, and who queues before anybody has two.

Source: P2, P9.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from math import ceil
from typing import Final, Protocol

CROWD: Final = 16
"""Bodies on their way at a time from which on any is fetched from: fewer neither fill a
core with small pieces nor hold up others for long."""
PERIOD_S: Final = 0.008
"""Seconds between two turns of one that rests; at most so much later is the end of its
body seen. Pieces of 4 KiB in 2 MiB/s are fetched by four."""
SMALL: Final = 16 * 1024
"""Bytes up to which a piece is small."""
MUCH: Final = 64 * 1024
"""Bytes in one turn from which on a body that rests is fast: the kernel's memory for it
may fill before its next."""
IN_A_ROUND: Final = 1024 * 1024
"""Bytes from which on a round of those who queue is over: one or two milliseconds."""

_TICK_S: Final = 0.001
"""Between two rounds of those who rest, each of which serves a part: nobody else waits
long. The event loop's timers are not finer."""


class Fetched(Protocol):
    """A body that is fetched from."""

    def fetch(self) -> int:
        """Take what has come; its bytes, 0 when nothing has or it wants no more. What
        fails in an unforeseen way ends the connection, and is raised."""

    def wake(self) -> None:
        """From now on the event loop looks again."""


class Crowd:
    """The bodies of one process that are fetched from."""

    def __init__(self, *, least: int = CROWD) -> None:
        """`least`: see `CROWD`."""
        self._least = least
        self._resting: dict[Fetched, None] = {}
        """The one whose turn is next comes first."""
        self._queueing: dict[Fetched, int] = {}
        """The same; with the bytes that each has to bring to stay."""
        self._rests: asyncio.TimerHandle | None = None
        self._queue: asyncio.Handle | None = None

    def takes(
        self, body: Fetched, bodies: int, size: int, share: int, since_s: float
    ) -> bool:
        """Whether `body` is fetched from from now on: then the event loop is to look at
        it no more.

        It is one of so many `bodies`. A piece of `size` bytes has come of it, where
        `share` was the most it might bring, `since_s` seconds after the one before.
        """
        if bodies < self._least:
            return False
        if size >= share:
            self.queue(body, share)
        elif size <= SMALL and since_s < PERIOD_S:
            self.rest(body)
        else:
            return False
        return True

    def ended(self, body: Fetched) -> bool:
        """It is fetched from no more; False when it was not."""
        rested = self._resting.pop(body, body) is None
        return self._queueing.pop(body, None) is not None or rested

    def rest(self, body: Fetched) -> None:
        """From now on `body` rests."""
        self._resting[body] = None
        if self._rests is None:
            loop = asyncio.get_running_loop()
            self._rests = loop.call_later(_TICK_S, self._round_of_resting)

    def queue(self, body: Fetched, share: int) -> None:
        """From now on `body` queues, as long as it brings half of its `share` of bytes
        in each turn: one that brings less is slower than we are."""
        self._queueing[body] = share // 2
        if self._queue is None:
            loop = asyncio.get_running_loop()
            self._queue = loop.call_soon(self._round_of_queueing)

    def _round_of_resting(self) -> None:
        self._rests = None
        share = ceil(len(self._resting) * _TICK_S / PERIOD_S)
        try:
            for body in list(islice(self._resting, share)):
                if self.ended(body):  # else: by what the one before it has brought
                    self._turn_of_resting(body)
        finally:
            if self._resting:
                loop = asyncio.get_running_loop()
                self._rests = loop.call_later(_TICK_S, self._round_of_resting)

    def _turn_of_resting(self, body: Fetched) -> None:
        fetched = 0
        try:
            fetched = body.fetch()
        finally:
            # One that failed in an unforeseen way has ended its connection.
            if 0 < fetched < MUCH:
                self._resting[body] = None
            else:
                body.wake()

    def _round_of_queueing(self) -> None:
        self._queue = None
        left, bodies = IN_A_ROUND, len(self._queueing)
        try:
            while self._queueing and left > 0 and bodies:
                body = next(iter(self._queueing))
                left -= self._turn_of_queueing(body, self._queueing.pop(body))
                bodies -= 1
        finally:
            if self._queueing:
                loop = asyncio.get_running_loop()
                self._queue = loop.call_soon(self._round_of_queueing)

    def _turn_of_queueing(self, body: Fetched, least: int) -> int:
        fetched = 0
        try:
            fetched = body.fetch()
        finally:
            if fetched >= least:
                self._queueing[body] = least
            else:
                body.wake()
        return fetched
