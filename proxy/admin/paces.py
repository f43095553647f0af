"""How fast uploads come in, smoothed, from how much there was of each at some moments.

Pure: time comes in. Kept only of uploads that are still coming. The one invariant: a
rate is never told from less than two looks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from proxy.core.upload import Token

SMOOTHED_S: Final = 5.0
"""Seconds after which an old rate counts a third: long enough that the time left does
not jump about, short enough that a stall is seen. Picked by hand."""
LEAST_S: Final = 0.2
"""Between two looks that tell a rate; closer ones say more of their distance."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Of one upload."""

    looked_at: float
    """Seconds of the lifetime clock."""
    offset: int
    rate: float | None = None
    """Bytes a second; None after the first look."""
    grew_at: float | None = None
    """When a look found more than the one before; None when none has."""


Look = tuple[float, Mapping[Token, int]]
"""A moment, and how much there was then of the uploads that come in at one process."""


class Paces:
    """Of all uploads that come in."""

    def __init__(self) -> None:
        self._of: dict[Token, Pace] = {}

    def see(self, looks: Iterable[Look]) -> None:
        """These are all that come in; forget the others."""
        seen: dict[Token, Pace] = {}
        for at, offsets in looks:
            for token, offset in offsets.items():
                before = self._of.get(token)
                seen[token] = _after(before, at, offset)
        self._of = seen

    def of(self, token: Token) -> Pace | None:
        """None where it does not come in."""
        return self._of.get(token)


def _after(before: Pace | None, at: float, offset: int) -> Pace:
    if before is None or offset < before.offset:
        return Pace(at, offset)
    took_s = at - before.looked_at
    if took_s < LEAST_S:
        return before
    now = (offset - before.offset) / took_s
    rate = now
    if before.rate is not None:
        rate = now + (before.rate - now) * math.exp(-took_s / SMOOTHED_S)
    grew_at = at if offset > before.offset else before.grew_at
    return Pace(at, offset, rate, grew_at)


def time_left_s(offset: int, length: int | None, rate: float | None) -> float | None:
    """Seconds until all of it is there at this `rate`; None where that cannot be told,
    as while it stalls."""
    if length is None or rate is None or rate < 1:
        return None
    return max(0, length - offset) / rate
