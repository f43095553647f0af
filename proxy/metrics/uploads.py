"""What happens to uploads, counted: each change of state says it all.

The one invariant: an upload counts as finished once, however often its answer is
replayed and whenever it is removed; only one of unknown outcome that is sent again
counts twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from proxy.core.errors import Gone
from proxy.core.lifecycle import Event
from proxy.core.upload import State, Upload

from . import catalogue, routes
from .cells import Book

CAUSES: Final = {
    Gone.CUT.value: "client_disconnect",
    Gone.IDLE.value: "idle_timeout",
    Gone.SLOW.value: "too_slow",
    Gone.SUPERSEDED.value: "superseded",
    Gone.STOPPING.value: "drain",
}
"""Why a part broke off, by what the record says."""
CRASH: Final = "crash"
"""The process that received it has died."""
STORAGE: Final = "storage"
LAST_ATTEMPT: Final = 4
"""Attempts from this one on are counted together."""
OUTCOMES: Final = (
    *("delivered", "rejected_by_origin", "unknown"),
    *("failed", "cancelled", "expired"),
)
RESULTS: Final = ("interrupted", "complete", "unknown", "lost", "torn")

_FAILED: Final = {
    Event.ORIGIN_UNREACHED: "unreached",
    Event.AUTH_SILENT: "auth_silent",
    Event.FORWARD_DENIED: "denied",
    Event.ORIGIN_CUT: "cut",
    Event.ORIGIN_LOST: "lost",
    Event.ORIGIN_LOST_REPEATABLE: "lost_repeatable",
}
_ENDS: Final = {
    Event.OVERRAN_FATAL: "failed",
    Event.SPOOL_LOST: "failed",
    Event.CANCEL_ASKED: "cancelled",
    Event.LIFETIME_ENDED: "expired",
}
_KNOWN_BEFORE: Final = {State.RESPONDED, State.UNKNOWN}
"""How it went has been counted: now only what was kept of it goes."""
_REFUSED: Final = 400

# Members of an enumeration take their time to be found, and to be hashed; these are
# what every upload goes through.
_CREATED: Final = State.CREATED
_BODY_ATTACHED: Final = Event.BODY_ATTACHED
_LAST_PART_ENDED: Final = Event.LAST_PART_ENDED
_FINISHED_INTERNALLY: Final = Event.FINISHED_INTERNALLY
_FORWARD_BEGAN: Final = Event.FORWARD_BEGAN
_ORIGIN_ANSWERED: Final = Event.ORIGIN_ANSWERED


class UploadsSeen:
    """Hears of every upload that this process works on."""

    def __init__(
        self, book: Book, now: Callable[[], float], names: Iterable[str]
    ) -> None:
        """`now`: seconds of the lifetime clock. `names`: of the routes."""
        self._now = now
        self._started = book.counter(catalogue.STARTED)
        self._finished = book.counter(catalogue.FINISHED)
        self._bytes = book.histogram(catalogue.UPLOAD_BYTES)
        self._seconds = book.histogram(catalogue.UPLOAD_SECONDS)
        self._requests = book.histogram(catalogue.UPLOAD_REQUESTS)
        self._resumptions = book.counter(catalogue.RESUMPTIONS)
        self._saved = book.counter(catalogue.SAVED_BYTES)
        self._interruptions = book.counter(catalogue.INTERRUPTIONS)
        self._forwards = book.counter(catalogue.FORWARDS)
        self._retries = book.counter(catalogue.RETRIES)
        self._recovered = book.counter(
            catalogue.RECOVERED, [(result,) for result in RESULTS]
        )
        self.begin(names)

    def begin(self, names: Iterable[str]) -> None:
        """Tell what can happen on these routes before it does."""
        for name in names:
            for outcome in OUTCOMES:
                self._finished.begin((name, outcome))
            for cause in (*CAUSES.values(), CRASH, STORAGE):
                self._interruptions.begin((name, cause))
            for outcome in ("answered", *_FAILED.values()):
                self._forwards.begin((name, outcome, 1))
            for counts in (self._resumptions, self._saved, self._retries):
                counts.begin((name,))

    def changed(self, before: Upload, after: Upload, event: Event) -> None:
        """See ``ledger.Witness``."""
        route = routes.of_upload(after)
        if event is _BODY_ATTACHED:
            if before.state is _CREATED:
                self._started.add((route, after.version))
        elif event is _LAST_PART_ENDED or event is _FINISHED_INTERNALLY:
            self._became_complete(route, after)
        elif event is _FORWARD_BEGAN:
            return
        elif event is _ORIGIN_ANSWERED:
            self._forwarded(route, after, "answered")
            refused = after.answer is not None and after.answer.status >= _REFUSED
            outcome = "rejected_by_origin" if refused else "delivered"
            self._finished.add((route, outcome))
        else:
            self._more_rarely(route, before, after, event)

    def _more_rarely(
        self, route: str, before: Upload, after: Upload, event: Event
    ) -> None:
        if event is Event.BODY_CUT:
            self._interruptions.add((route, CAUSES.get(after.why, CRASH)))
        elif event is Event.STORAGE_FAILED:
            self._interruptions.add((route, STORAGE))
        elif event in _FAILED:
            self._forwarded(route, after, _FAILED[event])
            if event is Event.ORIGIN_LOST:
                self._finished.add((route, "unknown"))
        elif event in _ENDS and before.state not in _KNOWN_BEFORE:
            self._finished.add((route, _ENDS[event]))

    def _became_complete(self, route: str, upload: Upload) -> None:
        self._bytes.observe(upload.length or 0, (route,))
        self._seconds.observe(max(0.0, self._now() - upload.created_at), (route,))
        if upload.parts:
            self._requests.observe(upload.parts, (route,))

    def _forwarded(self, route: str, upload: Upload, outcome: str) -> None:
        attempts = upload.attempts
        number = attempts if attempts < LAST_ATTEMPT else f"{LAST_ATTEMPT}+"
        self._forwards.add((route, outcome, number))
        if attempts > 1:
            self._retries.add((route,))

    def resumed(self, upload: Upload) -> None:
        """See ``ledger.Witness``."""
        route = routes.of_upload(upload)
        self._resumptions.add((route,))
        self._saved.add((route,), upload.offset)

    def recovered(self, result: str) -> None:
        """See ``standings``."""
        self._recovered.add((result,))
