"""The forwards of this process that ended lately, for who looks at it.

A witness of the ledger that hears of every change and remembers a few of them: attempts
that have ended. Nothing is decided by it, and it goes with the process. The one
invariant: it holds no more than `MOST`, and no token in full.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from proxy.core.lifecycle import Event
from proxy.core.upload import State, Upload, shortened, without_tokens
from proxy.ledger import Witness

MOST: Final = 50
"""Forwards that are remembered: a screen or two. Picked by hand."""

_FORWARDING: Final = State.FORWARDING
_NOT_BEGUN: Final = frozenset(
    {Event.ORIGIN_UNREACHED, Event.AUTH_SILENT, Event.FORWARD_DENIED}
)
_BEGAN: Final = Event.FORWARD_BEGAN.value


@dataclass(frozen=True, slots=True)
class Forwarded:
    """One attempt, and what came of it."""

    at: float
    """When its outcome was known, seconds of the lifetime clock."""
    name: str
    """Of its upload, as the log has it."""
    outcome: str
    """The value of an `Event`."""
    status: int | None
    """Of the origin's answer; None without one."""
    attempt: int
    """Its number; the first is 1."""
    took_s: float | None
    """Since the request began to leave; None where it never did."""
    size: int
    """Bytes of the body."""
    client: str
    method: str
    path: str
    """Of the request, without the query."""
    route: str
    why: str
    """Why there is no answer; empty where there is one."""


class Lately:
    """Remembers forwards, and tells `then` all it hears."""

    def __init__(self, then: Witness, now: Callable[[], float]) -> None:
        """`now`: seconds of the lifetime clock."""
        self._then = then
        self._now = now
        self._ended: deque[Forwarded] = deque(maxlen=MOST)

    @property
    def forwards(self) -> tuple[Forwarded, ...]:
        """The latest, oldest first."""
        return tuple(self._ended)

    def changed(self, before: Upload, after: Upload, event: Event) -> None:
        """See ``ledger.Witness``."""
        if before.state is _FORWARDING or event in _NOT_BEGUN:
            self._ended.append(_forwarded(after, event, self._now()))
        self._then.changed(before, after, event)

    def resumed(self, upload: Upload) -> None:
        """See ``ledger.Witness``."""
        self._then.resumed(upload)

    def recovered(self, result: str) -> None:
        """See ``ledger.Witness``."""
        self._then.recovered(result)


def _forwarded(upload: Upload, event: Event, now: float) -> Forwarded:
    answered = event is Event.ORIGIN_ANSWERED
    began = None if event in _NOT_BEGUN else _began_at(upload)
    return Forwarded(
        at=now,
        name=shortened(upload.token),
        outcome=event.value,
        status=upload.answer.status if answered and upload.answer else None,
        attempt=max(1, upload.attempts),
        took_s=None if began is None else round(max(0.0, now - began), 3),
        size=upload.length or 0,
        client=upload.peer,
        method=upload.request.method,
        path=without_tokens(upload.request.path),
        route=upload.route,
        why="" if answered else upload.why,
    )


def _began_at(upload: Upload) -> float | None:
    """When its request began to leave last; None where that is not remembered."""
    for moment in reversed(upload.history):
        if moment.event == _BEGAN:
            return moment.at
    return None
