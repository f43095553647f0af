"""What a campaign does, from its seed alone.

Each upload has a generator of its own, so that what one upload chooses does not hang on
how fast another one is. What the network and the scheduler make of it differs from run
to run; the choices do not. The one invariant: no other source of chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

from tests.kit.words import VERSIONS

Leaving = Literal["fin", "reset", "stall", "takeover"]
"""How a transfer is left: FIN, RST, silence on an open connection, or going on to send
while the next request is under way."""
LEAVINGS: tuple[Leaving, ...] = ("fin", "reset", "stall", "takeover")

_CONTENT = Random("content").randbytes(16 << 20)
"""Every body is a part of it: to make each by itself would take longer than to send
it."""

MOST_CUTS = 6
"""Transfers of one upload that are left on purpose, so that each comes to an end."""

_SIZES = (
    (0, 0),
    (1, 1024),
    (1025, 65_536),
    (65_537, 1 << 20),
    ((1 << 20) + 1, 4 << 20),
)
_SIZE_WEIGHTS = (4, 24, 34, 30, 8)
"""Picked by hand: most uploads end soon, so that there are many; the large ones are
there to be met in the middle."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A transfer that is left before it is answered."""

    how: Leaving
    after: int
    """Bytes of the request's content that are sent before."""
    ends: bool
    """The proper end of chunked content is sent as well; only when all was sent."""
    knows: bool
    """It is left only once the URL of the upload is known, as far as that comes."""


@dataclass(frozen=True, slots=True)
class Sending:
    """How the content of one request goes out."""

    chunked: bool
    piece: int
    """Bytes that are written at a time."""
    pause_s: float
    """Between two pieces, so that transfers last long enough to be met."""
    cut: Cut | None
    """None: it is sent whole and its answer awaited."""


class Choices:
    """What one upload does."""

    def __init__(self, seed: int, number: int) -> None:
        chance = self._chance = Random(f"{seed} upload {number}")
        low, high = chance.choices(_SIZES, _SIZE_WEIGHTS)[0]
        self.size = chance.randint(low, high)
        """Bytes of the body."""
        start = chance.randrange(len(_CONTENT) - self.size)
        self.body = _CONTENT[start : start + self.size]
        self.method = chance.choice(("POST", "POST", "PUT", "PATCH"))
        self.version = chance.choice(VERSIONS)
        self.announces = chance.random() < 0.5
        """The creation has an Upload-Length."""
        self.parts = 1 if chance.random() < 0.6 else chance.randint(2, 5)
        """Requests that it is split into, cuts apart."""
        self.cancels = chance.random() < 0.08
        """It is given up by DELETE when it is cut."""
        self._cuts_left = MOST_CUTS if chance.random() < 0.8 else 0

    def part_size(self, left: int, parts_left: int) -> int:
        """Bytes of the next part, `left` bytes being left."""
        if parts_left <= 1:
            return left
        return self._chance.randint(0, 2 * left // parts_left)

    def spoken(self) -> int:
        """The version of the next request: another one now and then (R12)."""
        if self._chance.random() < 0.1:
            return self._chance.choice(VERSIONS)
        return self.version

    def asks_first(self) -> bool:
        """Ask for the offset though it was just told."""
        return self._chance.random() < 0.2

    def pause_s(self) -> float:
        """Seconds until the client comes back."""
        return self._chance.choice((0.0, 0.0, 0.02, 0.2)) * self._chance.random()

    def sending(self, size: int) -> Sending:
        """How `size` bytes of content go out."""
        chance = self._chance
        chunked = chance.random() < 0.35
        piece = max(1, size // chance.randint(1, 12))
        pause_s = chance.choice((0.0, 0.0, 0.005, 0.03)) * chance.random()
        return Sending(chunked, piece, pause_s, self._cut(size, chunked=chunked))

    def _cut(self, size: int, *, chunked: bool) -> Cut | None:
        if self._cuts_left == 0 or self._chance.random() > 0.45:
            return None
        self._cuts_left -= 1
        whole = self._chance.random() < 0.25
        after = size if whole else self._chance.randint(0, size)
        ends = chunked and whole and self._chance.random() < 0.5
        knows = self._chance.random() < 0.9
        return Cut(self._chance.choice(LEAVINGS), after, ends, knows)
