"""What each cut looks like, from the seed alone.

The one invariant: no other source of chance; when a cut meets what the proxy does at
that moment, no seed can say.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from tests.kit.words import VERSIONS

Kind = Literal["fin", "reset", "stall", "killed", "takeover"]
KINDS: Final[tuple[Kind, ...]] = ("fin", "reset", "stall", "killed", "takeover")

_SIZES: Final = ((0, 400), (401, 65_536), (65_537, 300_000), (300_001, 3 << 20))
LARGEST: Final = _SIZES[-1][1]
"""Below one packet, below and around the 128 KiB that aiohttp holds of a body, and far
above it and above what the kernel holds."""
_WEIGHTS: Final = (2, 4, 3, 1)
_PIECES: Final = (1, 7, 100, 1448, 16_384, 65_536, 262_144, 1 << 20)
MOST: Final = 5
"""Cuts of one upload."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One transfer that is left before its end."""

    kind: Kind
    version: int
    chunked: bool
    expects: bool
    """It says ``Expect: 100-continue``."""
    waits: bool
    """It sends content only once the proxy has said 100 or 104, where it will."""
    at_once: bool
    """Head and content go out together, where nothing is waited for."""
    interims: bool
    """The proxy may send interim responses; in a creation always, or nobody would know
    afterwards where to ask."""
    finishing: bool
    content: int
    """Bytes that are meant to go out."""
    part: float
    """How much of them, framing and all, is sent: 0 to 1."""
    piece: int
    """Bytes that are given to the kernel at a time."""
    pause_s: float
    """Before it is left; 0: at once."""


class Choices:
    """What the upload `number` goes through."""

    def __init__(self, seed: int, number: int) -> None:
        self._chance = Random(f"{seed} cuts {number}")
        self.cuts = self._chance.randint(1, MOST)
        self.created_empty = self._chance.random() < 0.5
        """All cuts are in appends; else the first is in the creation."""

    def cut(self, *, creation: bool) -> Cut:
        """The next one."""
        chance = self._chance
        low, high = chance.choices(_SIZES, _WEIGHTS)[0]
        content = chance.randint(low, high)
        # no more than a hundred and some writes
        pieces = [piece for piece in _PIECES if content // piece <= 100]
        return Cut(
            kind=chance.choice(KINDS),
            version=chance.choice(VERSIONS),
            chunked=chance.random() < 0.4,
            expects=chance.random() < 0.3,
            waits=chance.random() < 0.5,
            at_once=chance.random() < 0.5,
            interims=creation or chance.random() < 0.5,
            finishing=chance.random() < 0.5,
            content=content,
            part=1.0 if chance.random() < 0.4 else chance.random(),
            piece=chance.choice(pieces),
            pause_s=chance.choice((0.0, 0.0, 0.001, 0.01)) * chance.random(),
        )
