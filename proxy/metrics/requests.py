"""What clients asked and heard, counted: at the beginning of a request and its end.

Runs for every request, so that each line here is paid for thousands of times a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from aiohttp import web

from proxy.access import Access
from proxy.core.errors import Problem
from proxy.wire import Sent

from . import catalogue, routes
from .cells import Book, Labels, Value
from .listeners import Listeners

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"
"""Every other method: clients can make up any number of them."""
OVERLOAD: Final = "overload"
_REASONS: Final = {408: "headers_too_slow", 431: "headers_too_large"}
_BAD_REQUEST: Final = "bad_request"
_LOCATION: Final = ("location",)
_PROGRESS: Final = ("progress",)
_SUPPRESSED: Final = ("suppressed",)


class RequestsSeen:
    """Hears of every request of the public listeners."""

    def __init__(self, book: Book, names: Iterable[str]) -> None:
        """`names`: of the routes."""
        self._listeners = Listeners()
        self._in_flight: dict[str, int] = {}
        self._requests = book.counter(catalogue.REQUESTS)
        self._seconds = book.histogram(catalogue.REQUEST_SECONDS)
        self._rejected = book.counter(catalogue.REJECTED)
        self._bytes = book.counter(catalogue.REQUEST_BYTES)
        self._told = book.counter(catalogue.RESPONSE_BYTES)
        self._conflicts = book.counter(catalogue.OFFSET_CONFLICTS)
        kinds = [_LOCATION, _PROGRESS, _SUPPRESSED]
        self._interims = book.counter(catalogue.INTERIMS, kinds)
        book.gauge(catalogue.IN_FLIGHT, self._being_answered)
        self.begin(names)

    def begin(self, names: Iterable[str]) -> None:
        """Tell what can happen on these routes before it does."""
        for name in names:
            for counts in (self._bytes, self._told, self._conflicts):
                counts.begin((name,))

    @property
    def listeners(self) -> Listeners:
        """Where requests come in."""
        return self._listeners

    def listen(self, listeners: Listeners) -> None:
        """They come in there; said before any does."""
        self._listeners = listeners
        for name in listeners.names:
            for reason in (*_REASONS.values(), _BAD_REQUEST):
                self._rejected.begin((name, reason))
        if listeners.names:
            self._rejected.begin((listeners.together, OVERLOAD))

    def began(self, request: web.BaseRequest) -> str:
        """See ``Audience``."""
        listener = self._listeners.of(request)
        self._in_flight[listener] = self._in_flight.get(listener, 0) + 1
        return listener

    def ended(self, listener: str) -> None:
        """See ``Audience``."""
        self._in_flight[listener] -= 1

    def answered(
        self, access: Access, request: web.BaseRequest, sent: Sent, took_s: float
    ) -> None:
        """See ``Audience``."""
        method = request.method if request.method in METHODS else OTHER
        listener, route = access.listener, routes.of_request(access)
        self._requests.add((listener, route, method, sent.status))
        self._seconds.observe(took_s, (listener, route, method))
        came = request.content.total_bytes
        if came:
            self._bytes.add((route,), came)
        if went := request.writer.output_size:
            self._told.add((route,), went)
        if access.refused:
            self._reject(sent.status, listener)
        if sent.problem and sent.problem == Problem.OFFSET_MISMATCH:
            self._conflicts.add((route,))
        visit = access.visit
        if visit is not None and (visit.interims_sent or visit.interims_withheld):
            self._count_interims(
                visit.locations_sent, visit.interims_sent, visit.interims_withheld
            )

    def _count_interims(self, locations: int, sent: int, withheld: int) -> None:
        self._interims.add(_LOCATION, locations)
        if sent > locations:
            self._interims.add(_PROGRESS, sent - locations)
        if withheld:
            self._interims.add(_SUPPRESSED, withheld)

    def _being_answered(self) -> Mapping[Labels, Value]:
        return {(listener,): count for listener, count in self._in_flight.items()}

    def unparsed(self, status: int, transport: asyncio.BaseTransport) -> None:
        """See ``Audience``."""
        self._reject(status, self._listeners.at(transport))

    def _reject(self, status: int, listener: str) -> None:
        self._rejected.add((listener, _REASONS.get(status, _BAD_REQUEST)))

    def crowded(self) -> None:
        """See ``Audience``. The limit is for all listeners together."""
        self._rejected.add((self._listeners.together, OVERLOAD))
