"""Those who wait for the same thing, each for so long, with one timer for all.

A timer for each costs a third of a kilobyte. They are kept in the order in which they
began to wait, in which they are late, too. The one invariant: nobody is late before its
time, and everybody soon after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Generic, TypeVar

LOOKS: Final = 16
"""Looks within the time that a wait may take, at most: by one part in so many it may be
longer. Picked by hand."""

W = TypeVar("W")


class Waits(Generic[W]):
    """Those who wait for one thing."""

    def __init__(self, timeout_s: float, late: Callable[[W], None]) -> None:
        """`timeout_s`: how long each may. `late`: told of one that has, once."""
        self._timeout_s = timeout_s
        self._late = late
        self._due: dict[W, float] = {}
        """When each is late, in seconds of the event loop; the earliest first."""
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, who: W) -> None:
        """From now on `who` waits; anew if it did before."""
        self._due.pop(who, None)
        loop = asyncio.get_running_loop()
        self._due[who] = due = loop.time() + self._timeout_s
        if self._timer is None:
            self._timer = loop.call_at(due, self._look)

    def end(self, who: W) -> None:
        """`who` waits no longer, if it did."""
        self._due.pop(who, None)

    @property
    def timeout_s(self) -> float:
        """How long each may wait."""
        return self._timeout_s

    @timeout_s.setter
    def timeout_s(self, timeout_s: float) -> None:
        """Also for those who wait: all alike, so that the first stays the first."""
        by = timeout_s - self._timeout_s
        if not by:
            return
        self._timeout_s = timeout_s
        self._due = {who: due + by for who, due in self._due.items()}
        if self._timer is not None:
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(0, self._look)

    def __contains__(self, who: W) -> bool:
        return who in self._due

    def __len__(self) -> int:
        return len(self._due)

    def _look(self) -> None:
        """Tell of those who are late; look again when the next one may be."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        late, next_due = [], None
        for who, due in self._due.items():
            if due > now:
                next_due = due
                break
            late.append(who)
        if next_due is not None:
            # Not for each of many: every look passes over those who have gone.
            at = max(next_due, now + self._timeout_s / LOOKS)
            self._timer = asyncio.get_running_loop().call_at(at, self._look)
        for who in late:
            if self._due.pop(who, None) is not None:
                self._late(who)
