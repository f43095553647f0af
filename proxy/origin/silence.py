"""How long somebody may be silent whose turn it is, with one timer that stays.

aiohttp sets a timer and takes it back whenever something comes, which costs more than
what came. Here only the moment is noted, and the timer, when it rings, looks whether it
is late by now. The one invariant: nobody is late while it is not its turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Silence:
    """The silence of one."""

    __slots__ = ("_due", "_is_closed", "_late", "_loop", "_timeout_s", "_timer")

    def __init__(self, timeout_s: float, late: Callable[[], None]) -> None:
        """`late`: called when it has been silent for `timeout_s` seconds."""
        self._loop = asyncio.get_running_loop()
        self._timeout_s = timeout_s
        self._late = late
        self._due: float | None = None
        """In seconds of the loop; None: it is not its turn."""
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def begin(self) -> None:
        """Its time runs, from now on; nobody's who is not listened to."""
        if self._is_closed:
            return
        self._due = self._loop.time() + self._timeout_s
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._look)

    def end(self) -> None:
        """It may be silent."""
        self._due = None

    def close(self) -> None:
        """Nobody listens to it any more."""
        self._is_closed = True
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self._due <= self._loop.time():
            self._due = None
            self._late()
        else:
            self._timer = self._loop.call_at(self._due, self._look)
