"""What is shown of an upload, and what one process has in its hands.

Values that one process tells another in JSON, so they hold nothing but numbers and
text. Whole tokens are in them, since they join what several processes know of one
upload; ``view`` leaves them behind. The one invariant: however much a process has in
its hands, what it tells is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Protocol

from proxy.core.lifecycle import Event
from proxy.core.room import Bounds, Space
from proxy.core.upload import MOMENTS, Token, Upload, without_tokens
from proxy.lately import Forwarded
from proxy.metrics.cells import Snapshot
from proxy.operating.entry import Entry
from proxy.operating.rows import last_event

MOST_HELD: Final = 200
"""Uploads of each kind that a process tells, the newest of them; the others are
counted. Some 100 KiB of JSON. Picked by hand."""

_BREAKS: Final = {Event.BODY_CUT.value, Event.STORAGE_FAILED.value}


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One upload at a moment. Times are seconds of the lifetime clock."""

    token: Token
    state: str
    """A state of uploads, or ``damaged``."""
    offset: int
    """Bytes that are there."""
    length: int | None
    """Bytes of all of it; None while not known."""
    created_at: float
    active_at: float
    """When something has happened to it last."""
    deadline: float | None
    """When its lifetime ends; None where its record cannot be read."""
    version: int | None = None
    """Interop version; None when its creation named none."""
    client: str = ""
    method: str = ""
    path: str = ""
    """Of the request, without the query."""
    route: str = ""
    cuts: int = 0
    """Parts that broke off, of what is remembered of its life."""
    cuts_are_more: bool = False
    """What is remembered is not all of it."""
    attempts: int = 0
    """How often it was sent on, or tried."""
    status: int | None = None
    """Of the origin's answer; None before."""
    said: str = ""
    """What has happened to it last, in words."""
    is_held: bool = False
    """A process has it in its hands just now."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What one process has in its hands."""

    at: float
    """When it was told, seconds of the lifetime clock."""
    held: tuple[Glimpse, ...]
    """Uploads being received, being sent on, or waiting for that."""
    counts: Mapping[str, int]
    """How many of them there are, by state."""
    forwards: tuple[Forwarded, ...] = ()
    """Those that ended lately, oldest first."""

    def told(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "at": self.at,
            "held": [asdict(one) for one in self.held],
            "counts": dict(self.counts),
            "forwards": [asdict(one) for one in self.forwards],
        }

    @classmethod
    def heard(cls, told: Mapping[str, Any]) -> Hands:
        """What `told` has made JSON of.

        Raises:
            ValueError: another release has, a renewed worker's for instance, and tells
                something else.
        """
        try:
            return cls(
                at=told["at"],
                held=tuple(Glimpse(**one) for one in told["held"]),
                counts=told["counts"],
                forwards=tuple(Forwarded(**one) for one in told["forwards"]),
            )
        except (KeyError, TypeError) as exc:
            raise ValueError(f"hands of another release: {exc}") from exc


class Watched(Protocol):
    """The proxy, as far as it can be looked at."""

    @property
    def draining(self) -> bool: ...

    async def hands(self) -> list[Hands]:
        """What each process has in its hands."""

    async def numbers(self) -> Snapshot:
        """All numbers, of all processes together."""

    def space(self) -> tuple[Space, Bounds]:
        """How the spool stands, and what it may take."""


def glimpse(entry: Entry) -> Glimpse:
    """An upload as it was found in the spool."""
    upload = entry.upload
    if upload is None:
        at = entry.created_at
        said = last_event(entry)
        return Glimpse(entry.token, entry.state, 0, None, at, at, None, said=said)
    return replace(_glimpse(upload, last_event(entry)), state=entry.state)


def hands(
    at: float,
    kinds: Iterable[Iterable[Upload]],
    offsets: Mapping[Token, int],
    forwards: tuple[Forwarded, ...],
) -> Hands:
    """What a process tells that has `kinds` of uploads in its hands, each of one state.

    `offsets`: bytes there are of those whose content comes just now.
    """
    held: list[Glimpse] = []
    counts: dict[str, int] = {}
    for uploads in kinds:
        ordered = sorted(uploads, key=lambda upload: upload.created_at, reverse=True)
        if ordered:
            state = ordered[0].state.value
            counts[state] = counts.get(state, 0) + len(ordered)
        held += (_held(upload, offsets) for upload in ordered[:MOST_HELD])
    return Hands(at, tuple(held), counts, forwards)


def _held(upload: Upload, offsets: Mapping[Token, int]) -> Glimpse:
    token = upload.token
    entry = Entry(token, token, upload, "", upload.created_at, at_work=True)
    offset = offsets.get(token, upload.offset)
    return replace(_glimpse(upload, last_event(entry)), offset=offset, is_held=True)


def _glimpse(upload: Upload, said: str) -> Glimpse:
    history = upload.history
    happened_at = history[-1].at if history else upload.created_at
    return Glimpse(
        token=upload.token,
        state=upload.state.value,
        offset=upload.offset,
        length=upload.length,
        created_at=upload.created_at,
        active_at=max(upload.fed_at, happened_at),
        deadline=upload.deadline,
        version=upload.version,
        client=upload.peer,
        method=upload.request.method,
        path=without_tokens(upload.request.path),
        route=upload.route,
        cuts=sum(one.event in _BREAKS for one in history),
        cuts_are_more=len(history) == MOMENTS,
        attempts=upload.attempts,
        status=upload.answer.status if upload.answer else None,
        said=said,
    )
