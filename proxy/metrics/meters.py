"""All that counts in one process: made once, handed to the rooms that tell.

Made before any of them; what is read rather than told is joined when they are there
(``watch``). The one invariant: one of these for one process, however it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from proxy.reloaded import Result

from . import catalogue
from .cells import Book, Snapshot
from .lag import LoopLag
from .origins import OriginsSeen
from .process import read_process
from .questions import QuestionsSeen
from .requests import RequestsSeen
from .standing import Standing, StandingRead
from .storage import CensusSeen, StorageSeen
from .uploads import UploadsSeen


class ReloadsSeen(Protocol):
    """What came of reading the configuration again."""

    @property
    def counts(self) -> Mapping[Result, int]: ...

    @property
    def was_successful(self) -> bool: ...

    @property
    def succeeded_at(self) -> float:
        """In seconds of Unix time."""


class Meters:
    """The numbers of one process."""

    def __init__(self, now: Callable[[], float], routes: Sequence[str]) -> None:
        """`now`: seconds of the lifetime clock. `routes`: their names."""
        self._routes = routes
        self._standing: StandingRead | None = None
        self._book = Book()
        self.requests = RequestsSeen(self._book, routes)
        self.uploads = UploadsSeen(self._book, now, routes)
        self.storage = StorageSeen(self._book)
        self.census = CensusSeen(self._book, now, routes)
        self.origins = OriginsSeen(self._book)
        self.questions = QuestionsSeen(self._book)
        self.lag = LoopLag(self._book)
        self._book.group(read_process)

    def workers(
        self, serving: Callable[[], int], died: Callable[[], int] = lambda: 0
    ) -> None:
        """How many processes serve clients, and how many have ended unasked; told by
        who knows of all of them."""
        self._book.gauge(catalogue.SERVING, lambda: {(): serving()})
        self._book.gauge(catalogue.DIED, lambda: {(): died()})

    def watch_certificates(
        self, read: Callable[[], Iterable[tuple[str, float | None]]]
    ) -> None:
        """`read`: gives certificates in use and their ends, in seconds of Unix time;
        None: not known."""
        self._book.gauge(
            catalogue.CERTIFICATE,
            lambda: {(name,): end for name, end in read() if end is not None},
        )

    def reloads(self, seen: ReloadsSeen) -> None:
        """What came of reading the configuration again; told by who does it."""
        self._book.gauge(catalogue.RELOADED, lambda: {(): int(seen.was_successful)})
        self._book.gauge(catalogue.RELOADED_AT, lambda: {(): seen.succeeded_at})
        self._book.gauge(
            catalogue.RELOADS,
            lambda: {(result,): count for result, count in seen.counts.items()},
        )

    def watch(self, standing: Standing) -> None:
        """Read how `standing` stands whenever somebody asks."""
        self._standing = StandingRead(self._book, standing, self.census, self._routes)

    def settle(self, routes: Sequence[str], origins: Collection[str]) -> None:
        """There are these routes, by their names, and these origins from now on, as
        the configuration names them. What was counted of others stays."""
        self._routes = self.census.names = routes
        self.requests.begin(routes)
        self.uploads.begin(routes)
        self.origins.settle(origins)
        if self._standing is not None:
            self._standing.names = routes

    def snapshot(self) -> Snapshot:
        """How everything stands, for this process alone."""
        return self._book.snapshot()
