"""Connections that wait for another request, for a moment.

One that the origin closes while a request is on its way is a trap: if the origin had
not read it yet, it may answer with a reset, and then nobody knows (see ``evidence``).
So a connection is used again only at half the age, at most, up to which others were
seen to stay open; under load, which is when it saves anything, the next request comes
within milliseconds. The one invariant: what ``take`` gives was quiet to that moment.
"""

from __future__ import annotations

import asyncio
from typing import Final

from multidict import CIMultiDictProxy

from .connection import Connection

ASSUMED_S: Final = 0.02
"""Seconds for which connections are taken to stay open before any was seen to: a server
that means to answer more than one request waits longer for the second."""
IDLE_S: Final = 1.0
"""Seconds a connection is kept, at the latter half of which it only serves to be
looked at. Few servers close one before two seconds are over."""
MOST: Final = 256
"""Connections kept: as many as there are short requests on their way at a time under
load, since each that is made anew costs more than all the rest. Picked by hand."""


class IdleConnections:
    """Connections that have carried a request, for the next one."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle: list[tuple[float, float, Connection]] = []
        """Since when each is idle, up to which age it may be used, and itself; the
        oldest first."""
        self._stays_s = ASSUMED_S
        """The age up to which they stay open, as far as was seen."""
        self._sweeping: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def open(self) -> int:
        """How many wait; those that the origin has ended meanwhile do not."""
        return sum(connection.is_connected() for _, _, connection in self._idle)

    def take(self) -> Connection | None:
        """The one that was used last; None when none is fit to be used again."""
        now = self._loop.time()
        self._look(now)
        while self._idle:
            since, patience_s, connection = self._idle[-1]
            if now - since > min(patience_s, self._stays_s / 2):
                return None
            self._idle.pop()
            if connection.is_quiet():
                return connection
            self._forget(since, connection, now)
        return None

    def put(self, connection: Connection, patience_s: float) -> None:
        """Keep `connection`, to be used again up to an age of `patience_s` seconds."""
        if self._is_closed or len(self._idle) >= MOST:
            connection.end()
            return
        self._idle.append((self._loop.time(), patience_s, connection))
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(IDLE_S, self._sweep)

    def close(self) -> None:
        """End them all, and keep none any more."""
        self._is_closed = True
        for _, _, connection in self._idle:
            connection.end()
        self._idle.clear()
        if self._sweeping is not None:
            self._sweeping.cancel()

    def _look(self, now: float) -> None:
        """Learn from the oldest how long they stay open, if it can teach us more."""
        while self._idle and now - self._idle[0][0] > self._stays_s:
            since, _, connection = self._idle[0]
            if connection.is_quiet():
                self._stays_s = now - since
                return
            del self._idle[0]
            self._forget(since, connection, now)

    def _sweep(self) -> None:
        """End those that have been kept long enough."""
        now = self._loop.time()
        self._look(now)
        old = [entry for entry in self._idle if now - entry[0] >= IDLE_S]
        del self._idle[: len(old)]
        for _, _, connection in old:
            connection.end()
        self._sweeping = None
        if self._idle:
            rest_s = self._idle[0][0] + IDLE_S - now
            self._sweeping = self._loop.call_later(rest_s, self._sweep)

    def _forget(self, since: float, connection: Connection, now: float) -> None:
        """It did not stay open for longer than this."""
        left_at = now if connection.left_at is None else connection.left_at
        self._stays_s = min(self._stays_s, left_at - since)
        connection.end()


def patience_s(fields: CIMultiDictProxy[str]) -> float:
    """The age in seconds up to which a connection may be used again that brought an
    answer with `fields`: half of what its `Keep-Alive` says.

    Source: RFC 2068 "Keep-Alive", and its `timeout` as servers send it.
    """
    said = fields.get("Keep-Alive")
    if said is None:
        return IDLE_S
    for element in said.split(","):
        name, _, value = element.strip().partition("=")
        if name.lower() == "timeout" and value.isdecimal() and len(value) < 10:
            return int(value) / 2
    return IDLE_S
