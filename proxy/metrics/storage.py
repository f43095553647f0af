"""The spool, counted: bytes, waits for the disk and for uploads, what the sweep finds.

What the sweep finds is told as of its last whole round, and by the process that sweeps:
nobody else has seen all of the spool.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Final

from proxy.core.upload import State, Upload
from proxy.spool import failures

from . import catalogue, routes
from .cells import Book, Labels, Value

STATES: Final = {State.INTERRUPTED: "idle", State.UNKNOWN: "unknown"}
"""What only the sweep sees; the rest is in the hands of a process, which counts it."""


LIKELY: Final = ("EDQUOT", "EIO", "EMFILE", "ENOSPC", "EROFS")
"""Errors that are told before they happen, so that the first one is seen."""


class StorageSeen:
    """Hears of what this process stores and waits for."""

    def __init__(self, book: Book) -> None:
        self._written = book.counter(catalogue.WRITTEN_BYTES)
        self._reclaimed = book.counter(catalogue.RECLAIMED_BYTES)
        self._locks = book.histogram(catalogue.LOCK_SECONDS)
        # Syncs are waited for in threads.
        self._syncs = book.shared_histogram(catalogue.SYNC_SECONDS)
        book.gauge(catalogue.SPOOL_ERRORS, _errors)

    def changed(self, by: int) -> None:
        """Stored bytes have become so many more, or fewer if negative."""
        if by > 0:
            self._written.add((), by)
        else:
            self._reclaimed.add((), -by)

    def synced(self, took_s: float) -> None:
        """A body or a record was made durable. For any thread."""
        self._syncs.observe(took_s)

    def waited(self, took_s: float) -> None:
        """A request has had to wait so long for its upload."""
        self._locks.observe(took_s)


def _errors() -> Mapping[Labels, Value]:
    counts = {**dict.fromkeys(LIKELY, 0), **failures.seen()}
    return {(name,): count for name, count in counts.items()}


class CensusSeen:
    """Counts what the sweep finds, see ``sweep.Census``."""

    def __init__(
        self, book: Book, now: Callable[[], float], names: Sequence[str]
    ) -> None:
        """`now`: seconds of the lifetime clock. `names`: of the routes."""
        self.names = names
        """Of the routes there are at the end of a round."""
        self._now = now
        self._counting: Counter[Labels] = Counter()
        self._all = self._told_all = 0
        self._oldest = self._told_oldest = float("inf")
        self._told: dict[Labels, Value] | None = None
        """By route and state; None before the first round is over."""
        book.gauge(catalogue.SPOOL_UPLOADS, self._uploads)
        book.gauge(catalogue.OLDEST_SECONDS, self._age)

    def begin(self) -> None:
        """See ``sweep.Census``."""
        self._counting = Counter()
        self._all, self._oldest = 0, float("inf")

    def saw(self, upload: Upload | None) -> None:
        """See ``sweep.Census``."""
        self._all += 1
        if upload is None or upload.state is State.RESPONDED:
            return
        self._oldest = min(self._oldest, upload.created_at)
        state = STATES.get(upload.state)
        if state is not None:
            self._counting[routes.of_upload(upload), state] += 1

    def end(self) -> None:
        """See ``sweep.Census``."""
        states = product(self.names, STATES.values())
        self._told = {**dict.fromkeys(states, 0), **self._counting}
        self._told_all, self._told_oldest = self._all, self._oldest

    def states(self) -> Mapping[Labels, Value]:
        """By route and state; empty before the first round, and where others sweep."""
        return self._told or {}

    def _uploads(self) -> Mapping[Labels, Value]:
        return {} if self._told is None else {(): self._told_all}

    def _age(self) -> Mapping[Labels, Value]:
        if self._told is None:
            return {}
        return {(): max(0.0, self._now() - min(self._told_oldest, self._now()))}
