"""What is just now, read when somebody asks: uploads under way, the queue, the room.

What one process has in its hands it tells itself; what only the whole spool shows, as
the sweep found it last, see ``storage``.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Final, Protocol

from proxy import __version__
from proxy.core import room
from proxy.core.room import Bounds, Space
from proxy.core.upload import Upload
from proxy.versions import revision

from . import catalogue, routes
from .cells import Book, Labels, Value
from .storage import CensusSeen


class Standing(Protocol):
    """One process, as far as it has something in its hands."""

    @property
    def draining(self) -> bool: ...

    @property
    def connections(self) -> Mapping[str, int]:
        """Of clients, that are open, by the listener they came to."""

    def receiving(self) -> Iterable[Upload]:
        """Uploads whose content comes just now."""

    def forwarding(self) -> Iterable[Upload]:
        """Uploads with an attempt under way."""

    def waiting(self) -> Iterable[Upload]:
        """Complete uploads that wait for an attempt."""

    def now(self) -> float:
        """Seconds of the lifetime clock."""

    def space(self) -> Space | None:
        """How the spool stands; None: another process tells."""

    @property
    def bounds(self) -> Bounds: ...


_HELD: Final = ("receiving", "complete", "forwarding")


class StandingRead:
    """Reads the gauges of one process."""

    def __init__(
        self, book: Book, of: Standing, census: CensusSeen, names: Sequence[str]
    ) -> None:
        """`names`: of the routes."""
        self.names = names
        """Of the routes there are, which are told though nothing is on them."""
        self._of = of
        self._census = census
        book.gauge(catalogue.DRAINING, lambda: {(): int(of.draining)})
        book.gauge(catalogue.CONNECTIONS, lambda: _by_listener(of))
        book.gauge(catalogue.BUILD, lambda: _BUILD)
        book.gauge(catalogue.ACTIVE, self._active)
        book.group(self._queue)
        book.group(self._space)

    def _active(self) -> Mapping[Labels, Value]:
        counted: Counter[Labels] = Counter()
        by_state = (self._of.receiving, self._of.waiting, self._of.forwarding)
        for state, uploads in zip(_HELD, by_state, strict=True):
            counted.update((routes.of_upload(upload), state) for upload in uploads())
        first: dict[Labels, Value] = dict.fromkeys(product(self.names, _HELD), 0)
        return {**first, **counted, **self._census.states()}

    def _queue(self) -> Mapping[str, Mapping[Labels, Value]]:
        now = self._of.now()
        sizes: dict[Labels, Value] = {(name,): 0 for name in self.names}
        ages: dict[Labels, Value] = {(name,): 0.0 for name in self.names}
        counted = Counter(routes.of_upload(upload) for upload in self._of.waiting())
        sizes |= {(route,): count for route, count in counted.items()}
        fed_at: dict[str, float] = {}
        for upload in self._of.waiting():
            route = routes.of_upload(upload)
            fed_at[route] = min(fed_at.get(route, now), upload.fed_at)
        ages |= {(route,): now - fed for route, fed in fed_at.items()}
        return {catalogue.QUEUE.name: sizes, catalogue.QUEUE_SECONDS.name: ages}

    def _space(self) -> Mapping[str, Mapping[Labels, Value]]:
        space = self._of.space()
        if space is None:
            return {}
        bounds = self._of.bounds
        told: dict[str, float] = {catalogue.USED_BYTES.name: space.used}
        if space.free < room.UNBOUNDED:
            told[catalogue.FREE_BYTES.name] = space.free
        left = room.left(space, bounds)
        if left < room.UNBOUNDED:
            told[catalogue.ROOM_BYTES.name] = max(0, left)
        if bounds.quota is not None:
            told[catalogue.LIMIT_BYTES.name] = bounds.quota
        return {name: {(): value} for name, value in told.items()}


def _by_listener(of: Standing) -> Mapping[Labels, Value]:
    return {(name,): count for name, count in of.connections.items()}


_BUILD: Final[Mapping[Labels, Value]] = {
    (__version__, revision(), platform.python_version()): 1,
}
