"""Connections that are told why they are not served, and closed, without being parsed.

Those over the limit are told to come back; what else there is to say comes from the
door.

A connection that is turned away costs a write and, for a moment, a descriptor: it is
kept until its client has heard us, because closing at once would take the answer away
from one that has begun to speak. How many are kept so is bounded; the rest are reset.

Source: RFC 9112 "Tear-down"; RFC 9110 "503 Service Unavailable".
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

from .problems import problem_reply
from .replies import rendered

RETRY_AFTER_S: Final = 5
"""Seconds after which a client may find room. Picked by hand."""
LINGER_S: Final = 1.0
"""Seconds for which what a client says is thrown away after our answer."""
MOST_LINGERING: Final = 64
"""Connections kept so at a time. Picked by hand: far below what descriptors allow."""


class TurnedAway(asyncio.Protocol):
    """One connection over the limit."""

    def __init__(self, lingering: set[TurnedAway], answer: bytes | None = None) -> None:
        """`lingering`: all that are kept for their answer's sake just now. `answer`:
        what it is told; None: that there is no room."""
        self._lingering = lingering
        self._answer = answer
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast: transports of other event loops look the same and share no ancestor.
        self._transport = transport = cast("asyncio.Transport", transport)
        if len(self._lingering) >= MOST_LINGERING:
            transport.abort()
            return
        self._lingering.add(self)
        transport.write(self._answer or _no_room())
        transport.write_eof()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(LINGER_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lingering.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def close(self) -> None:
        """Keep it no longer."""
        if self._transport is not None:
            self._transport.abort()


def _no_room() -> bytes:
    retry = (b"Retry-After", b"%d" % RETRY_AFTER_S)
    detail = "There are too many connections just now."
    return rendered(problem_reply(503, "too-many-connections", detail, fields=(retry,)))
