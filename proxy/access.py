"""One log line for every request, written when it has been answered.

It says who asked for what, what came of it and how long it took, without the query of
the target (it may hold secrets) and with tokens shortened (they are capabilities). An
error is what somebody has to look at: a bug, a disk, an outcome nobody knows. A warning
is trouble of ours that ends by itself. What the application itself answers is neither.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from proxy.core.errors import Problem
from proxy.core.intents import Create, Intent
from proxy.core.target import origin_form
from proxy.core.upload import Token, Upload, shortened, without_tokens
from proxy.spans import Span
from proxy.visit import Visit
from proxy.wire import Sent

INTERNAL_ERROR: Final = "internal-error"
_ERRORS: Final = {INTERNAL_ERROR, Problem.STORAGE, Problem.OUTCOME_UNKNOWN}
CROWDED_PAUSE_S: Final = 60.0
"""Seconds between two lines about connections that are turned away."""
_AGENT_LENGTH: Final = 200
"""Characters of a `User-Agent` that are logged; clients may send kilobytes of it."""


class Audience(Protocol):
    """Counts what clients ask and hear."""

    def began(self, request: web.BaseRequest) -> str:
        """A request has come; the name of the listener it came to."""

    def ended(self, listener: str) -> None:
        """It is being answered no more, however that ended."""

    def answered(
        self, access: Access, request: web.BaseRequest, sent: Sent, took_s: float
    ) -> None:
        """So it was answered, after so many seconds."""

    def unparsed(self, status: int, transport: asyncio.BaseTransport) -> None:
        """What was no request has been answered with `status`."""

    def crowded(self) -> None:
        """A connection was turned away, because there are too many."""


class _Nobody:
    def began(self, request: web.BaseRequest) -> str:
        return ""

    def ended(self, listener: str) -> None:
        return

    def answered(
        self, access: Access, request: web.BaseRequest, sent: Sent, took_s: float
    ) -> None:
        return

    def unparsed(self, status: int, transport: asyncio.BaseTransport) -> None:
        return

    def crowded(self) -> None:
        return


NOBODY: Final[Audience] = _Nobody()


class Access:
    """What is to be said of one request."""

    __slots__ = (
        "_audience",
        "_began",
        "_log",
        "_request",
        "_request_id",
        "_tells_routes",
        "intent",
        "listener",
        "refused",
        "route",
        "span",
        "token",
        "version",
        "visit",
    )

    def __init__(
        self,
        log: FilteringBoundLogger,
        request: web.BaseRequest,
        audience: Audience = NOBODY,
        *,
        tells_routes: bool = False,
    ) -> None:
        """`tells_routes`: there are some, so that the line tells which was taken."""
        self._tells_routes = tells_routes
        self._audience = audience
        self.listener = audience.began(request)
        """The name of the listener it came to."""
        self._log = log
        self._request = request
        self._began = time.monotonic()
        self._request_id = os.urandom(16).hex()
        self.visit: Visit | None = None
        """None when the head could not be read."""
        self.intent: Intent | None = None
        """None when the request was passed through."""
        self.version: int | None = None
        self.token: Token | None = None
        """The upload it was about, or that it began."""
        self.route = ""
        """The route that the request takes, or that its upload took; empty when it is
        about neither."""
        self.span: Span | None = None
        """What is traced of it; None: nothing."""
        self.refused = ""
        """Why the head could not be read."""

    @property
    def request_id(self) -> str:
        return self._request_id if self.visit is None else self.visit.request_id

    def about(self, upload: Upload) -> None:
        """The request has begun this upload, or is about it, whatever comes of it."""
        self.token = upload.token
        self.route = upload.route
        if self.span is not None:
            self.span.about(upload, self.intent)

    def ended(self) -> None:
        """Nothing more is done for the request."""
        self._audience.ended(self.listener)

    def tell(self, sent: Sent) -> None:
        request, level = self._request, _level(sent)
        took_s = time.monotonic() - self._began
        self._audience.answered(self, request, sent, took_s)
        if self.span is not None:
            self._end(self.span, sent)
        if not self._log.is_enabled_for(level):
            return
        self._log.log(
            level,
            "request",
            method=request.method,
            path=_path(request),
            status=sent.status,
            duration_s=round(took_s, 4),
            **self._of_upload(),
            **({"route": self.route} if self.route and self._tells_routes else {}),
            **_of_trouble(sent, self.refused),
            **self._of_visit(),
            bytes_in=request.content.total_bytes,
            bytes_out=request.writer.output_size,
            peer=request.remote or "",
            request_id=self.request_id,
        )

    def _end(self, span: Span, sent: Sent) -> None:
        told: dict[str, str | int] = {}
        if self.intent is not None:
            told["upload.op"] = type(self.intent).__name__.lower()
            told["upload.received"] = self._request.content.total_bytes
        if sent.broke_off:
            span.failed(sent.broke_off)
        else:
            span.answered(sent.status, told)

    def _of_visit(self) -> dict[str, Any]:
        if self.visit is None:
            return {}
        told: dict[str, Any] = {"client": self.visit.front.client}
        agent = self.visit.head.value(b"user-agent")
        if agent is not None:
            said = agent.decode("utf-8", "replace")[:_AGENT_LENGTH]
            told["user_agent"] = without_tokens(said)
        if self.visit.interims_sent:
            told["interims"] = self.visit.interims_sent
        return told

    def _of_upload(self) -> dict[str, Any]:
        if self.intent is None:
            return {}
        told: dict[str, Any] = {"op": type(self.intent).__name__.lower()}
        token = self.token
        if token is None and not isinstance(self.intent, Create):
            token = self.intent.token
        if token is not None:
            told["upload"] = shortened(token)
        if self.version is not None:
            told["version"] = self.version
        return told


def _path(request: web.BaseRequest) -> str:
    """The path asked for: no authority, which may name a user, no query, no token."""
    target = origin_form(request.method, request.raw_path)
    return without_tokens(target.partition("?")[0])


def tell_unparsed(
    log: FilteringBoundLogger, audience: Audience = NOBODY
) -> Callable[[asyncio.BaseTransport, Sent, str], None]:
    """A line for what was no HTTP, such as a TLS handshake on a plain port."""

    def tell(transport: asyncio.BaseTransport, sent: Sent, why: str) -> None:
        audience.unparsed(sent.status, transport)
        peer = transport.get_extra_info("peername")
        log.log(
            _level(sent),
            "request",
            status=sent.status,
            **_of_trouble(sent, why),
            peer=peer[0] if peer else "",
        )

    return tell


def tell_unsealed(log: FilteringBoundLogger) -> Callable[[str, str], None]:
    """A line for a connection on which TLS did not come about."""

    def tell(peer: str, why: str) -> None:
        log.info("no tls", why=why, peer=peer)

    return tell


def tell_crowded(
    log: FilteringBoundLogger,
    now: Callable[[], float] = time.monotonic,
    audience: Audience = NOBODY,
) -> Callable[[], None]:
    """A line for connections over the limit; one a minute at most, with how many have
    been turned away since the one before."""
    turned_away = 0
    silent_until = -math.inf

    def tell() -> None:
        nonlocal turned_away, silent_until
        turned_away += 1
        audience.crowded()
        if now() >= silent_until:
            log.warning("connections turned away", connections=turned_away)
            turned_away, silent_until = 0, now() + CROWDED_PAUSE_S

    return tell


def _level(sent: Sent) -> int:
    if sent.problem in _ERRORS:
        return logging.ERROR
    ours = sent.problem and sent.status in (502, 503, 504, 507)
    return logging.WARNING if ours else logging.INFO


def _of_trouble(sent: Sent, why: str) -> dict[str, str]:
    told = {"problem": sent.problem, "why": why, "broke_off": sent.broke_off}
    return {key: value for key, value in told.items() if value}
