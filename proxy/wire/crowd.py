"""A crowd of long bodies: fetched from in rounds, not as the event loop finds them.

Many in small pieces: a piece costs the same whatever its size, some 18 µs, and a crowd
of clients on slow links fills a core with that. A body whose small pieces follow each
other closely rests: the kernel collects what comes, and it is fetched every few
milliseconds, as network cards do with their interrupts.

Many at full speed: the event loop serves all that is ready before it looks again, and a
hundred bodies hold up everybody else for 12 ms. A body that brings much at a time
queues: a few of them have their turn each time the event loop comes round.

The event loop is not asked for either kind in between. A body that is of neither kind
any more is the event loop's again. The one invariant: who rests gets its turn within
``PERIOD_S`` or soon after, and who queues before anybody has two.

Source: P2, P9.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from math import ceil
from typing import Final, Protocol

CROWD: Final = 16
"""Bodies on their way at a time from which on they are a crowd: fewer neither fill a
core with small pieces nor hold up others for long."""
PERIOD_S: Final = 0.016
"""Seconds between two turns of one that rests; at most so much later is the end of its
body seen. Pieces of 4 KiB in 2 MiB/s are fetched by eight; half the time costs a tenth
more, and whoever else is served waits longer."""
SMALL: Final = 16 * 1024
"""Bytes up to which a piece is small."""
MUCH: Final = 64 * 1024
"""Bytes at a time from which on a body is fast: were it to rest, the kernel's memory
for it might fill before its turn."""
IN_A_ROUND: Final = 1024 * 1024
"""Bytes from which on a round of those who queue is over: one or two milliseconds."""

_TICK_S: Final = 0.001
"""Between two turns of those who rest, a part of them each time: nobody else waits
long. The event loop's timers are not finer."""


class Fetched(Protocol):
    """A body of a crowd."""

    def fetch(self) -> int:
        """Take what has come; its bytes, 0 when nothing has or it wants no more. What
        fails in an unforeseen way ends the connection, and is raised."""

    def wake(self) -> None:
        """The event loop is to look at it again."""


class Crowd:
    """The bodies of one process that the event loop does not look at."""

    def __init__(self, *, least: int = CROWD) -> None:
        """`least`: see `CROWD`."""
        self._least = least
        self._resting: dict[Fetched, None] = {}
        """The one whose turn is next comes first."""
        self._queueing: dict[Fetched, None] = {}
        """The same."""
        self._next_tick: asyncio.TimerHandle | None = None
        self._next_round: asyncio.Handle | None = None

    def admit(self, body: Fetched, bodies: int, size: int, since_s: float) -> bool:
        """Have `body` rest or queue, if it is of that kind; False: it is of neither.

        It is one of so many `bodies`. A piece of `size` bytes has come of it, `since_s`
        seconds after the one before.
        """
        if bodies < self._least:
            return False
        if size >= MUCH:
            self.queue(body)
        elif size <= SMALL and since_s < PERIOD_S:
            self.rest(body)
        else:
            return False
        return True

    def ended(self, body: Fetched) -> bool:
        """It has no turn any more; False when it had none to come."""
        for having in (self._resting, self._queueing):
            if body in having:
                del having[body]
                return True
        return False

    def rest(self, body: Fetched) -> None:
        """From now on `body` rests, until it brings nothing in its turn, or much."""
        self._resting[body] = None
        if self._next_tick is None:
            loop = asyncio.get_running_loop()
            self._next_tick = loop.call_later(_TICK_S, self._tick)

    def queue(self, body: Fetched) -> None:
        """From now on `body` queues, as long as it brings much in its turn."""
        self._queueing[body] = None
        if self._next_round is None:
            self._next_round = asyncio.get_running_loop().call_soon(self._round)

    def _tick(self) -> None:
        """Those who rest and are next have their turn."""
        self._next_tick = None
        number = ceil(len(self._resting) * _TICK_S / PERIOD_S)
        try:
            for body in list(islice(self._resting, number)):
                if self.ended(body):  # else: by what the one before it has brought
                    self._turn_of_resting(body)
        finally:
            if self._resting:
                loop = asyncio.get_running_loop()
                self._next_tick = loop.call_later(_TICK_S, self._tick)

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

    def _round(self) -> None:
        """Those who queue and are next have their turn, as many as a round has room
        for."""
        self._next_round = None
        left, bodies = IN_A_ROUND, len(self._queueing)
        try:
            while self._queueing and left > 0 and bodies:
                body = next(iter(self._queueing))
                del self._queueing[body]
                # A turn costs something, even one without a byte.
                left -= max(SMALL, self._turn_of_queueing(body))
                bodies -= 1
        finally:
            if self._queueing:
                self._next_round = asyncio.get_running_loop().call_soon(self._round)

    def _turn_of_queueing(self, body: Fetched) -> int:
        fetched = 0
        try:
            fetched = body.fetch()
        finally:
            if fetched >= MUCH:
                self._queueing[body] = None
            else:
                body.wake()
        return fetched
