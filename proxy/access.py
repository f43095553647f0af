"""One log line for every request, written when it has been answered.

It says who asked for what, what came of it and how long it took, without the query of
the target (it may hold secrets) and without the token of an upload URL (it is a
capability).
"""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from proxy.core.intents import (
    Answered,
    Create,
    Created,
    Intent,
    Malformed,
    Outcome,
    Refused,
)
from proxy.core.upload import Token, shortened
from proxy.visit import Visit
from proxy.wire import Sent


class Access:
    """What is to be said of one request."""

    def __init__(self, log: FilteringBoundLogger, request: web.BaseRequest) -> None:
        self._log = log
        self._request = request
        self._began = time.monotonic()
        self.visit: Visit | None = None
        """None when the head could not be read."""
        self.intent: Intent | None = None
        """None when the request was passed through."""
        self.version: int | None = None
        self.outcome: Outcome | None = None

    @property
    def request_id(self) -> str:
        return "" if self.visit is None else self.visit.request_id

    def tell(self, sent: web.StreamResponse) -> None:
        say = self._log.error if sent.status >= 500 else self._log.info
        say(
            "request",
            request_id=self.request_id,
            peer=self._request.remote or "",
            method=self._request.method,
            status=sent.status,
            bytes_in=self._request.content.total_bytes,
            bytes_out=self._request.writer.output_size,
            duration_s=round(time.monotonic() - self._began, 4),
            **self._of_visit(),
            **self._of_upload(),
            **_broken_off(sent),
        )

    def _of_visit(self) -> dict[str, Any]:
        if self.visit is None:
            return {}
        told: dict[str, Any] = {"client": self.visit.front.client, "path": self._path()}
        agent = self.visit.head.value(b"user-agent")
        if agent is not None:
            told["user_agent"] = agent.decode("utf-8", "replace")[:200]
        if self.visit.interims_sent:
            told["interims"] = self.visit.interims_sent
        return told

    def _path(self) -> str:
        assert self.visit is not None
        path, base = self.visit.head.path, self.visit.manners.upload_path
        return base + "…" if path.startswith(base) else path

    def _token(self, intent: Intent) -> Token | None:
        match self.outcome, intent:
            case Answered(token), _:
                return token
            case Created(standing), _:
                return standing.token
            case _, Create():
                return None
            case _:
                return intent.token

    def _of_upload(self) -> dict[str, Any]:
        if self.intent is None:
            return {}
        told: dict[str, Any] = {"op": type(self.intent).__name__.lower()}
        token = self._token(self.intent)
        if token is not None:
            told["upload"] = shortened(token)
        if self.version is not None:
            told["version"] = self.version
        if isinstance(self.outcome, Refused):
            told["problem"] = self.outcome.refusal.problem.value
        elif isinstance(self.intent, Malformed):
            told["problem"] = self.intent.problem.value
        return told


def _broken_off(sent: web.StreamResponse) -> dict[str, Any]:
    if isinstance(sent, Sent) and sent.broke_off:
        return {"broke_off": sent.broke_off}
    return {}
