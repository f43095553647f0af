"""What one upload sent and was told, and when: the evidence for its verdict.

A client that never learned the URL of its upload has to begin anew, under another key:
each creation is a ``Try`` with claims of its own. The one invariant: an offset that was
told is compared, when it is heard, with the highest that had been heard before its
request was sent.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

Outcome = Literal["answered", "unknown", "cancelled", "orphan", "forgotten"]
"""The origin has answered; nobody knows whether it did anything; given up by DELETE;
its URL was never heard; it was gone after a kill, as what is in memory may be."""

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
    begun_at: float | None = None
    """When a connection took its creation, which may have arrived; None: none did."""
    named_at: float | None = None
    """When `path` was heard."""
    highest: int = 0
    """Highest offset that was told, but for the one in the origin's answer: that is
    told of bytes that are needed no more (P1)."""
    promised: int = 0
    """Highest offset that was told of bytes. An upload of which nothing was sent since
    the last start of the proxy may have become one of unknown outcome by that: what is
    told then is its length, not what is left of its body."""
    sent: int = 0
    """End of what was ever sent of the body."""
    sent_at: float = 0.0
    """When any of it was sent last."""
    outcome: Outcome | None = None
    """None: it has not ended."""


UNREAD_S: Final = 0.5
"""Seconds after an upload's URL was told in which a proxy that was not stopped by
anything has read what was sent, with all clients at work on a busy machine. In the two
longest runs the kills in question came within 0.3 s."""


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
    forgotten_answers: int = 0
    """Uploads that were answered, and after the last kill not known any more."""


class Timeline:
    """What was done to the processes, for all histories."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, str]] = []
        self._last_death = self._last_end = self._last_start = -1.0
        self._deaths: list[tuple[float, float, float]] = []
        """Of each kill, when the proxy had been started, its begin and its end."""

    def note(self, what: str) -> None:
        self._entries.append((clock(), what))

    def started(self, what: str) -> None:
        """The proxy serves now. What came before waited for that unread."""
        self.note(what)
        self._last_start = clock()

    @contextmanager
    def death(self, what: str) -> Iterator[None]:
        """A process of the proxy is killed within."""
        began = clock()
        with self.end(what):
            yield
        self._last_death = self._last_end
        self._deaths.append((self._last_start, began, self._last_end))

    @contextmanager
    def end(self, what: str) -> Iterator[None]:
        """A process of the proxy ends within, by itself or not."""
        self.note(what)
        yield
        self._last_end = clock()

    def death_since(self, when: float) -> bool:
        """One was killed after that."""
        return self._last_death > when

    def death_within(self, since: float, named: float, seconds: float) -> bool:
        """One was killed after `since`, and so many seconds after `named` and after the
        proxy had begun to serve, at most."""
        return any(
            ended >= since and began <= max(named, started) + seconds
            for started, began, ended in self._deaths
        )

    def end_since(self, when: float) -> bool:
        """One has ended after that."""
        return self._last_end > when

    def between(self, begin: float, end: float) -> list[tuple[float, str]]:
        return [entry for entry in self._entries if begin <= entry[0] <= end]


@dataclass(frozen=True, slots=True)
class World:
    """What an upload may have met."""

    timeline: Timeline
    memory: int
    """Bytes of an upload that may be in memory only."""
    power: bool = False
    """A death is a loss of power, which may take all that was not told of."""


class History:
    """One upload's."""

    def __init__(
        self, number: int, figures: Figures, world: World | None = None
    ) -> None:
        """`world`: what may have become of the processes; None: nothing."""
        self.number = number
        self.figures = figures
        self._world = world or World(Timeline(), 0)
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

    def must_be_kept(self, one: Try, size: int) -> int:
        """Bytes of an upload of unknown outcome, of `size`, that must still be there:
        all of them, or after a loss of power those that were told of."""
        return one.promised if self._world.power else size

    def may_be_forgotten(self, one: Try) -> bool:
        """A 404 for it is right: all of it was in memory, and the process has died.

        That is so as long as no offset was told and no more had been read than may stay
        in memory. What was sent lies unread until the proxy serves, until it has told
        where the upload is, and for a moment more on a busy machine: of more than that
        it is believed only when the kill came by then. Its client starts over, under
        another key.
        """
        if one.highest or not (self._world.memory or self._world.power):
            return False
        timeline, begun = self._world.timeline, one.begun_at or 0.0
        if one.sent <= self._world.memory or self._world.power:
            return timeline.death_since(begun)
        return timeline.death_within(begun, one.named_at or begun, UNREAD_S)

    def told(
        self, one: Try, offset: int, *, floor: int, answered: bool = False
    ) -> None:
        """`offset` was told.

        floor: the highest that had been told before the request was sent. answered: by
        the origin's answer.
        """
        self.figures.offsets_told += 1
        if offset < floor:
            self.violated("lost", one, f"told {floor} before, {offset} now")
        if offset > one.sent:
            self.violated("corrupt", one, f"told {offset}, sent {one.sent}")
        if answered:
            return
        one.highest = max(one.highest, offset)
        restarted = self._world.timeline.end_since(one.sent_at)
        if offset < one.sent or not restarted:
            one.promised = max(one.promised, offset)

    def lines(self, timeline: Timeline) -> list[str]:
        """All of it, with what was done to the processes meanwhile."""
        if not self._entries:
            return []
        begin, end = self._entries[0][0], self._entries[-1][0]
        entries = self._entries + [
            (when, f"-- {what}") for when, what in timeline.between(begin - 2, end)
        ]
        return [f"{when:10.4f}  {what}" for when, what in sorted(entries)]
