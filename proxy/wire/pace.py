"""Whether enough of a content comes, measured over a minute.

Counted is the time in which we waited for the client: while nobody reads, because the
other side is slow, it is not the client that is. Pure arithmetic; whoever has the
content looks here now and then, never for a chunk.

Source: R96.
"""

from __future__ import annotations

from typing import Final

WINDOW_S: Final = 60.0
"""Seconds of waiting over which a rate is measured: a mobile client that changes
networks or loses one in a tunnel is not taken for a slow one."""


class ContentPace:
    """The pace of one content, window after window."""

    __slots__ = (
        "_minimum_rate",
        "_received_before",
        "_waited_before_s",
    )

    def __init__(self, minimum_rate: int) -> None:
        """`minimum_rate`: bytes per second; 0: any will do."""
        self._minimum_rate = minimum_rate
        self._waited_before_s = 0.0
        self._received_before = 0

    def too_slow(self, waited_s: float, received: int) -> bool:
        """True when a window has ended that brought too little; then or else the next
        one begins.

        `waited_s`, `received`: seconds waited and bytes received since the beginning.
        """
        if not self._minimum_rate or self.left_s(waited_s) > 0:
            return False
        window_s = waited_s - self._waited_before_s
        came = received - self._received_before
        self._waited_before_s, self._received_before = waited_s, received
        return came < self._minimum_rate * window_s

    def left_s(self, waited_s: float) -> float:
        """Seconds of waiting until this window ends; without a rate none ever does."""
        if not self._minimum_rate:
            return float("inf")
        return self._waited_before_s + WINDOW_S - waited_s

    def next_look_s(self, waited_s: float) -> float:
        """Seconds after which to look again.

        Not much fewer than a window has: while nobody reads none of it passes.
        """
        return max(self.left_s(waited_s), WINDOW_S / 10)
