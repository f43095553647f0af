"""Uploads in memory that wait for something, each for a bounded time.

The one that has waited longest is handed on when its time is up; one timer does for
all. The one invariant: who waits is handed on, unless forgotten before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from proxy.core.upload import Token

PATIENCE_S: Final = 1.0
"""Seconds after its last byte came in which an upload has to be over. Most origins need
much less; from then on the disk costs little beside the wait."""


class Patience:
    """Waits with each, and then lets `late` do something about it."""

    def __init__(self, late: Callable[[Token], None]) -> None:
        self._late = late
        self._since: dict[Token, float] = {}
        """In seconds of the loop, oldest first."""
        self._timer: asyncio.TimerHandle | None = None

    def wait(self, token: Token) -> None:
        """Its time runs from now on, unless it does already."""
        if token in self._since:
            return
        loop = asyncio.get_running_loop()
        self._since[token] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(PATIENCE_S, self._look)

    def forget(self, token: Token) -> None:
        """It waits no more; one that did not is no error."""
        self._since.pop(token, None)

    def close(self) -> None:
        """Nobody is handed on any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        """Hand on the one that has waited longest, if it has waited long enough.

        One in a turn of the loop: a slow origin makes many of them wait at once.
        """
        self._timer = None
        token, since = next(iter(self._since.items()), (None, 0.0))
        if token is None:
            return
        loop = asyncio.get_running_loop()
        left_s = since + PATIENCE_S - loop.time()
        self._timer = loop.call_later(max(0.0, left_s), self._look)
        if left_s <= 0:
            del self._since[token]
            self._late(token)
