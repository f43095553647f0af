"""Many bodies in small pieces: looked at every few milliseconds, not at each piece.

A piece costs the same whatever its size, some 18 µs, and a crowd of clients on slow
links fills a core with that. In a crowd, a body whose small pieces follow each other
closely rests: the kernel collects what comes, and it is fetched in rounds, as network
cards do with their interrupts. The event loop is not asked in between. A body that has
nothing in its turn, or much, is the event loop's again. The one invariant: who rests
gets its turn within ``PERIOD_S`` or soon after.

Source: P2, P9.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from math import ceil
from typing import Final, Protocol

CROWD: Final = 16
"""Bodies on their way at a time from which on any rests: fewer cannot fill a core."""
PERIOD_S: Final = 0.008
"""Seconds between two turns of one that rests; at most so much later is the end of its
body seen. Pieces of 4 KiB in 2 MiB/s are fetched by four."""
SMALL: Final = 16 * 1024
"""Bytes up to which a piece is small."""
MUCH: Final = 64 * 1024
"""Bytes in one turn from which on a body is fast: the kernel's memory for it may fill
before its next."""

_TICK_S: Final = 0.001
"""Between two rounds, each of which serves a part: nobody else waits long. The event
loop's timers are not finer."""


class Resting(Protocol):
    """One that rests."""

    def fetch(self) -> int:
        """Take what has come; its bytes, 0 when nothing has or it wants no more. What
        fails in an unforeseen way ends the connection, and is raised."""

    def wake(self) -> None:
        """From now on the event loop looks again."""


class Coalescing:
    """Those of one process that rest."""

    def __init__(self, *, crowd: int = CROWD) -> None:
        self._crowd = crowd
        self._resting: dict[Resting, None] = {}
        """The one whose turn is next comes first."""
        self._timer: asyncio.TimerHandle | None = None

    def suits(self, bodies: int, size: int, since_s: float) -> bool:
        """Whether a body may rest, one of so many, of which a piece of `size` bytes has
        come `since_s` seconds after the one before."""
        return bodies >= self._crowd and size <= SMALL and since_s < PERIOD_S

    def rest(self, body: Resting) -> None:
        """From now on it is fetched from; the event loop looks at it no more."""
        self._resting[body] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_TICK_S, self._round)

    def ended(self, body: Resting) -> bool:
        """It rests no more; False when it did not."""
        return self._resting.pop(body, body) is None

    def _round(self) -> None:
        """Those who are next have their turn."""
        self._timer = None
        share = ceil(len(self._resting) * _TICK_S / PERIOD_S)
        try:
            for body in list(islice(self._resting, share)):
                if self.ended(body):  # else: by what the one before it has brought
                    self._turn(body)
        finally:
            if self._resting:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(_TICK_S, self._round)

    def _turn(self, body: Resting) -> None:
        fetched = 0
        try:
            fetched = body.fetch()
        finally:
            # One that failed in an unforeseen way has ended its connection.
            if 0 < fetched < MUCH:
                self._resting[body] = None
            else:
                body.wake()
