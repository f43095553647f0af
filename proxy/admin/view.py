"""Everything the uploads page shows, as one value, and as JSON.

Pure functions: what the processes have in their hands and what was found in the spool
become one list, each upload once, what is in hand before what was found, since that is
younger. The one invariant: what leaves here has names of six characters and handles
that mean something to this process only, never a token (P11).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from proxy.core import room
from proxy.core.room import Bounds, Space
from proxy.core.upload import State, Token, shortened, without_tokens
from proxy.lately import MOST as MOST_FORWARDS
from proxy.lately import Forwarded
from proxy.metrics import catalogue
from proxy.metrics.cells import Snapshot
from proxy.operating.entry import DAMAGED

from .glimpse import Glimpse, Hands
from .paces import Pace, Paces, time_left_s

GROUPS: Final[Mapping[str, str]] = {
    State.RECEIVING: "flight",
    State.FORWARDING: "flight",
    State.UNKNOWN: "trouble",
    DAMAGED: "trouble",
    State.CREATED: "waiting",
    State.INTERRUPTED: "waiting",
    State.COMPLETE: "waiting",
}
"""What the page shows together, by state; everything else has ended."""
ENDED: Final = "ended"
_ORDER: Final = ("flight", "trouble", "waiting", ENDED)
MOST_ROWS: Final = 200
"""Rows that are told at a time, at most: more make a page slow, and nobody reads them.
"""


@dataclass(frozen=True, slots=True)
class View:
    """How everything stood at one moment."""

    uploads: tuple[Glimpse, ...]
    """In flight first, then what wants a person; each by when something happened."""
    unlisted: Mapping[str, int]
    """By group: how many there are beside them."""
    paces: Mapping[Token, Pace]
    forwards: tuple[Forwarded, ...]
    """The latest first."""
    totals: Mapping[str, float]
    space: Space
    bounds: Bounds
    wall: Callable[[float], float]
    """A moment of the lifetime clock as seconds of Unix time."""
    read_at: float | None
    """When all of the spool was read, seconds of the lifetime clock; None: not yet."""
    draining: bool = False
    trouble: str = ""
    """Why the spool cannot be read; empty when it can."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one viewer wants to see."""

    group: str = ""
    """One of them; empty: all."""
    search: str = ""
    """What a row has to have in it, in lower case."""
    most: int = field(default=100)
    """Rows."""


def joined(
    told: Iterable[Hands], found: Mapping[Token, Glimpse]
) -> tuple[tuple[Glimpse, ...], Counter[str]]:
    """All uploads in the order of the page, and of those in hand how many are not among
    them, by group."""
    every, beyond = dict(found), Counter[str]()
    held: dict[Token, Glimpse] = {}
    counts: Counter[str] = Counter()
    for one in told:
        held |= {glimpse.token: glimpse for glimpse in one.held}
        counts.update(one.counts)
    every |= held
    listed = Counter(one.state for one in every.values())
    for state, count in counts.items():
        beyond[group(state)] += max(0, count - listed[state])
    uploads = sorted(every.values(), key=_place)
    return tuple(uploads), beyond


def group(state: str) -> str:
    return GROUPS.get(state, ENDED)


def _place(one: Glimpse) -> tuple[int, float]:
    of_group = group(one.state)
    # What is in flight stays where it is, and does not jump about with every byte.
    at = one.created_at if of_group == "flight" else one.active_at
    return _ORDER.index(of_group), -at


def latest(told: Iterable[Hands]) -> tuple[Forwarded, ...]:
    """The forwards of all processes that ended last, the latest first."""
    forwards = [one for hands in told for one in hands.forwards]
    forwards.sort(key=lambda one: one.at, reverse=True)
    return tuple(forwards[:MOST_FORWARDS])


def offsets(told: Iterable[Hands]) -> list[tuple[float, dict[Token, int]]]:
    """How much there is of what comes in, at each process."""
    return [
        (
            one.at,
            {
                glimpse.token: glimpse.offset
                for glimpse in one.held
                if glimpse.state == State.RECEIVING
            },
        )
        for one in told
    ]


def paces_of(uploads: Iterable[Glimpse], paces: Paces) -> dict[Token, Pace]:
    """Of those that have one."""
    found = ((one.token, paces.of(one.token)) for one in uploads if one.is_held)
    return {token: pace for token, pace in found if pace is not None}


_SUMS: Final = {
    "started": catalogue.STARTED,
    "resumptions": catalogue.RESUMPTIONS,
    "cuts": catalogue.INTERRUPTIONS,
    "saved": catalogue.SAVED_BYTES,
    "received": catalogue.REQUEST_BYTES,
    "forwarded": catalogue.FORWARDED_BYTES,
    "workers": catalogue.SERVING,
}


def totals(numbers: Snapshot) -> dict[str, float]:
    """Since the proxy has started."""
    sums = {name: _sum(numbers, one.name) for name, one in _SUMS.items()}
    for labels, value in numbers.get(catalogue.FINISHED.name, ()):
        outcome = labels[-1]
        assert not isinstance(value, list)
        sums[outcome] = sums.get(outcome, 0) + value
    started = numbers.get("process_start_time_seconds", ())
    for _, value in started:
        assert not isinstance(value, list)
        sums["since"] = value
    return sums


def _sum(numbers: Snapshot, name: str) -> float:
    values = (value for _, value in numbers.get(name, ()))
    return sum(value for value in values if not isinstance(value, list))


def told(view: View, wish: Wish, handle: Callable[[Token], str]) -> dict[str, Any]:
    """`view` as JSON, as far as it is wanted. `handle`: names an upload to whoever may
    do something to it."""
    counts: Counter[str] = Counter(view.unlisted)
    matching = 0
    rows: list[dict[str, Any]] = []
    for one in view.uploads:
        of_group = group(one.state)
        counts[of_group] += 1
        if wish.group in ("", of_group) and _has(one, wish.search):
            matching += 1
            if len(rows) < min(wish.most, MOST_ROWS):
                rows.append(_row(view, one, handle))
    return {
        "draining": view.draining,
        "trouble": view.trouble,
        "read": _moment(view, view.read_at),
        "counts": {name: counts[name] for name in _ORDER},
        "unlisted": sum(view.unlisted.values()),
        "matching": matching,
        "uploads": rows,
        "forwards": [_forward(view, one) for one in view.forwards],
        "totals": dict(view.totals),
        "spool": _spool(view.space, view.bounds),
    }


def _has(one: Glimpse, search: str) -> bool:
    if not search:
        return True
    words = (shortened(one.token), one.client, one.path, one.route, one.state, one.said)
    return any(search in word.lower() for word in words)


def _row(view: View, one: Glimpse, handle: Callable[[Token], str]) -> dict[str, Any]:
    pace = view.paces.get(one.token)
    rate = None if pace is None else pace.rate
    left_s = time_left_s(one.offset, one.length, rate)
    return {
        "handle": handle(one.token),
        "name": shortened(one.token),
        "state": one.state,
        "group": group(one.state),
        "received": one.offset,
        "length": one.length,
        "rate": None if rate is None else round(rate),
        "left_s": None if left_s is None else round(left_s, 1),
        "grew": _moment(view, None if pace is None else pace.grew_at),
        "version": one.version,
        "client": one.client,
        "method": one.method,
        "path": one.path,
        "route": one.route,
        "created": _moment(view, one.created_at),
        "active": _moment(view, one.active_at),
        "ends": _moment(view, one.deadline),
        "cuts": one.cuts,
        "cuts_are_more": one.cuts_are_more,
        "attempts": one.attempts,
        "status": one.status,
        "said": without_tokens(one.said),
        "resend": one.state == State.UNKNOWN,
    }


def _forward(view: View, one: Forwarded) -> dict[str, Any]:
    return {
        "at": _moment(view, one.at),
        "name": one.name,
        "outcome": one.outcome,
        "status": one.status,
        "attempt": one.attempt,
        "took_s": one.took_s,
        "size": one.size,
        "client": one.client,
        "method": one.method,
        "path": one.path,
        "route": one.route,
        "why": without_tokens(one.why),
    }


def _moment(view: View, at: float | None) -> int | None:
    """Seconds of Unix time, whole: a page that nothing happens on stays the same."""
    return None if at is None else round(view.wall(at))


def _spool(space: Space, bounds: Bounds) -> dict[str, int | None]:
    """In bytes; None where there is no bound, or nobody can tell."""
    left = room.left(space, bounds)
    return {
        "used": space.used,
        "promised": space.promised,
        "quota": bounds.quota,
        "free": None if space.free >= room.UNBOUNDED else space.free,
        "left": None if left >= room.UNBOUNDED else max(0, left),
    }
