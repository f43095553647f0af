"""Exchanges with the origin, counted: those of uploads, and what is passed through.

The label `origin` is its address in the configuration: there are as many as that names.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Final
from weakref import WeakSet

from proxy.origin import Connected, Failure

from . import catalogue
from .cells import Book, Labels, Value

NO_ANSWER: Final = "none"


class OriginsSeen:
    """The numbers of all origins."""

    def __init__(self, book: Book) -> None:
        self.requests = book.counter(catalogue.ORIGIN_REQUESTS)
        self.errors = book.counter(catalogue.ORIGIN_ERRORS)
        self.seconds = book.histogram(catalogue.ORIGIN_SECONDS)
        self.bytes = book.counter(catalogue.FORWARDED_BYTES)
        self._each: dict[str, OriginSeen] = {}
        self._left: frozenset[str] = frozenset()
        """Those that nothing new goes to: no news comes of them any more."""
        book.gauge(catalogue.ORIGIN_UP, self._are_up)
        book.gauge(catalogue.ORIGIN_CONNECTIONS, self._connections)

    def of(self, origin: str) -> OriginSeen:
        """Who hears of every exchange with `origin`, as the configuration names it."""
        if origin not in self._each:
            self._each[origin] = OriginSeen(self, origin)
        return self._each[origin]

    def settle(self, origins: Collection[str]) -> None:
        """Requests go to these from now on. Of others it is told what was counted, but
        not that they are down: it would be told for ever."""
        for origin in self._left.intersection(origins):
            self._each[origin].known_at = 0.0  # that was long ago
        self._left = frozenset(self._each).difference(origins)

    def _are_up(self) -> Mapping[Labels, Value]:
        return {
            (origin,): [seen.known_at, int(seen.is_up)]
            for origin, seen in self._each.items()
            if seen.known_at and origin not in self._left
        }

    def _connections(self) -> Mapping[Labels, Value]:
        told: dict[Labels, Value] = {}
        for origin, seen in self._each.items():
            every = [one.held for one in seen.watched]
            idle = sum(held.idle for held in every)
            busy = sum(held.busy for held in every)
            if idle or busy or origin not in self._left:
                told |= {(origin, "idle"): idle, (origin, "busy"): busy}
        return told


class OriginSeen:
    """Hears of every exchange with one origin."""

    def __init__(self, numbers: OriginsSeen, origin: str) -> None:
        self._numbers = numbers
        self._origin = origin
        self._only = (origin,)
        self._phases = [(origin, phase) for phase in ("connect", "send", "wait")]
        self.is_up = False
        """It could be reached when it was tried last."""
        self.known_at = 0.0
        """When that was, in seconds of the machine's monotonic clock; 0: never."""
        self.watched: WeakSet[Connected] = WeakSet()
        """All there are at that address: one before a reload as well, and one with
        other settings."""
        numbers.bytes.begin(self._only)
        for failure in Failure:
            numbers.errors.begin((origin, failure.value))

    def watch(self, origin: Connected) -> None:
        """See ``origin.Observer``."""
        self.watched.add(origin)

    def begin(self, route: str) -> None:
        """`route` leads here: so that its first failure is an increase."""
        self._numbers.requests.begin((self._origin, route, NO_ANSWER))

    def connected(self, took_s: float) -> None:
        """See ``origin.Observer``."""
        self._numbers.seconds.observe(took_s, self._phases[0])

    def sent(self, size: int, send_s: float, wait_s: float | None) -> None:
        """See ``origin.Observer``."""
        self._numbers.bytes.add(self._only, size)
        self._numbers.seconds.observe(send_s, self._phases[1])
        if wait_s is not None:
            self._numbers.seconds.observe(wait_s, self._phases[2])

    def answered(self, status: int, route: str) -> None:
        """See ``origin.Observer``."""
        self._numbers.requests.add((self._origin, route, status))
        self.known_at, self.is_up = time.monotonic(), True

    def failed(self, failure: Failure, route: str, *, reached: bool) -> None:
        """See ``origin.Observer``."""
        self._numbers.requests.add((self._origin, route, NO_ANSWER))
        self._numbers.errors.add((self._origin, failure.value))
        self.known_at, self.is_up = time.monotonic(), reached
