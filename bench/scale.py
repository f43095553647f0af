"""How much is measured: the long run, the short one, and the one of the tests.

Sizes are bytes, times seconds. What a table measures does not depend on the scale, only
how often and how long; a table says its sizes in its title.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Scale:
    """One size of the benchmark."""

    name: str
    rounds: int
    """Of every table that keeps its servers."""
    fresh_rounds: int
    """Of those that start every server anew for each figure."""
    small_s: float
    """Seconds of sending for one figure about small bodies."""
    large: int
    large_requests: int
    """Of that size for one figure."""
    huge: int
    each: int
    """Of every one of several uploads at a time."""
    streams_s: float
    """Seconds of 100 streams at full speed, for one figure about latency."""
    paced_s: float
    """The same, paced: longer than their beginnings count, of which there are 100 in
    the same moment."""
    slow: int
    """Slow uploads at a time."""
    slow_s: float
    """For which they are watched, once all are under way."""
    idle: int
    """Idle connections."""
    waiting: tuple[int, ...]
    """Uploads that wait in the spool; the first is what the others are held against."""
    operations: int
    """Operations of each kind for one figure about growth."""


FULL: Final = Scale(
    name="full",
    rounds=7,
    fresh_rounds=7,
    small_s=0.4,
    large=100 * MIB,
    large_requests=3,
    huge=GIB,
    each=48 * MIB,
    streams_s=2.0,
    paced_s=4.0,
    slow=1000,
    slow_s=2.0,
    idle=10_000,
    waiting=(100, 10_000, 100_000),
    operations=60,
)
QUICK: Final = Scale(
    name="quick",
    rounds=2,
    fresh_rounds=1,
    small_s=0.1,
    large=100 * MIB,
    large_requests=1,
    huge=256 * MIB,
    each=8 * MIB,
    streams_s=0.8,
    paced_s=1.5,
    slow=300,
    slow_s=0.75,
    idle=1000,
    waiting=(100, 2000),
    operations=20,
)
SMALLEST: Final = Scale(
    name="smallest",
    rounds=1,
    fresh_rounds=1,
    small_s=0.05,
    large=MIB,
    large_requests=1,
    huge=2 * MIB,
    each=MIB,
    streams_s=0.3,
    paced_s=0.3,
    slow=10,
    slow_s=0.15,
    idle=20,
    waiting=(5, 20),
    operations=3,
)
SCALES: Final = {scale.name: scale for scale in (FULL, QUICK, SMALLEST)}


def size_text(size: int) -> str:
    """For titles: the largest unit that leaves no rest."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} bytes"
