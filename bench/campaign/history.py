"""What one upload sent and was told, and when: the evidence for its verdict.

A client that never learned the URL of its upload has to begin anew, under another key:
each creation is a ``Try`` with claims of its own. The one invariant: an offset that was
told is compared, when it is heard, with the highest that had been heard before its
request was sent.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["answered", "unknown", "cancelled", "orphan"]
"""The origin has answered; nobody knows whether it did anything; given up by DELETE;
its URL was never heard."""

Kind = Literal["lost", "corrupt", "doubled", "odd"]
"""What can be wrong. lost: bytes or an upload promised are gone, or it never ended;
corrupt: other bytes than were sent; doubled: more than one complete request at the
origin; odd: an answer that fits nothing."""

_BEGAN = time.monotonic()


def clock() -> float:
    """Seconds since the campaign began."""
    return time.monotonic() - _BEGAN


@dataclass(slots=True)
class Try:
    """One creation, and the upload that came of it."""

    key: str
    """What the origin knows it by: a field of the creation."""
    path: str | None = None
    """Where the upload lives; None: not heard."""
    highest: int = 0
    """Highest offset that was told."""
    begun: bool = False
    """A connection took its creation, which may have arrived."""
    sent: int = 0
    """End of what was ever sent of the body."""
    outcome: Outcome | None = None
    """None: it has not ended."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken."""

    kind: Kind
    key: str
    why: str


@dataclass(slots=True)
class Figures:
    """What all clients together did."""

    cuts: dict[str, int] = field(default_factory=dict)
    """Transfers left on purpose, by how."""
    broken: int = 0
    """Requests that got no answer though they were not left: the proxy had died."""
    requests: int = 0
    bytes_sent: int = 0
    """Content, as it was given to a connection that still stood."""
    bytes_saved: int = 0
    """What had not to be sent again: the offset, each time a break was resumed."""
    offsets_told: int = 0
    conflicts: int = 0
    """409 to an append."""


class Timeline:
    """What was done to the processes, for all histories."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, str]] = []

    def note(self, what: str) -> None:
        self._entries.append((clock(), what))

    def between(self, begin: float, end: float) -> list[tuple[float, str]]:
        return [entry for entry in self._entries if begin <= entry[0] <= end]


class History:
    """One upload's."""

    def __init__(self, number: int, figures: Figures) -> None:
        self.number = number
        self.figures = figures
        self.tries: list[Try] = []
        self.violations: list[Violation] = []
        self._entries: list[tuple[float, str]] = []

    def begin(self) -> Try:
        """A new creation."""
        self.tries.append(Try(f"{self.number}.{len(self.tries)}"))
        return self.tries[-1]

    def note(self, what: str) -> None:
        self._entries.append((clock(), what))

    def violated(self, kind: Kind, one: Try, why: str) -> None:
        self.note(f"!! {kind}: {why}")
        self.violations.append(Violation(kind, one.key, why))

    def told(self, one: Try, offset: int, *, floor: int) -> None:
        """`offset` was told.

        floor: the highest that had been told before the request was sent.
        """
        self.figures.offsets_told += 1
        if offset < floor:
            self.violated("lost", one, f"told {floor} before, {offset} now")
        if offset > one.sent:
            self.violated("corrupt", one, f"told {offset}, sent {one.sent}")
        one.highest = max(one.highest, offset)

    def lines(self, timeline: Timeline) -> list[str]:
        """All of it, with what was done to the processes meanwhile."""
        if not self._entries:
            return []
        begin, end = self._entries[0][0], self._entries[-1][0]
        entries = self._entries + [
            (when, f"-- {what}") for when, what in timeline.between(begin - 2, end)
        ]
        return [f"{when:10.4f}  {what}" for when, what in sorted(entries)]
