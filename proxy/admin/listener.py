"""The handler behind the admin listener: a few fixed paths, answered from memory.

No framework and no router: a few paths. What it asks of the process comes in as a
``Vitals``, so that it can be tested without one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from aiohttp import hdrs, web

from proxy.metrics.exposition import Page
from proxy.reloaded import Reloaded, Result

from .guards import is_ours

if TYPE_CHECKING:
    from .desk import Desk

PROBE_TIMEOUT_S: Final = 2.0
"""Seconds the spool may take to write a few bytes; probes give up after about three."""

_PATHS: Final = "/livez, /readyz, /metrics, /drain and /reload"
_STATUS: Final = {Result.APPLIED: 200, Result.WRONG: 422, Result.REFUSED: 409}


class Vitals(Protocol):
    """What the process knows of itself."""

    @property
    def draining(self) -> bool: ...

    async def in_flight(self) -> dict[str, int]:
        """How many there are just now of `requests` being answered, `bodies` being
        received, `forwards` under way."""

    async def serving(self) -> bool:
        """True while there is somebody to serve clients."""

    async def spool_writable(self) -> bool: ...

    def spool_above_floor(self) -> bool:
        """Whether as much of its file system is free as is to stay free."""

    async def metrics(self, accept: str) -> Page:
        """All numbers, in the form that `accept` prefers."""

    async def reload(self) -> Reloaded:
        """Read the configuration again."""

    def drain(self) -> None:
        """Be unready from now on."""


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    passed: bool
    why: str = ""


class AdminHandler:
    """Answers ``/livez``, ``/readyz``, ``/metrics``, ``/drain`` and ``/reload``; the
    desk does for the uploads page."""

    def __init__(
        self,
        vitals: Vitals,
        desk: Desk | None = None,
        hosts: frozenset[str] | None = None,
    ) -> None:
        """`desk`: None where there is no page. `hosts`: names of ours, by which figures
        are asked for beside addresses and localhost; None: by any name."""
        self._vitals = vitals
        self._desk = desk
        self._hosts = hosts

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        match request.path, request.method:
            case "/livez", "GET" | "HEAD":
                return _report([Check("loop", passed=True)], request)
            case "/readyz", "GET" | "HEAD":
                return _report(await self._checks(), request)
            case "/metrics" | "/drain", "GET" | "HEAD" if not self._is_ours(request):
                return _text(403, "the name in Host is not in admin.hosts")
            case "/metrics", "GET" | "HEAD":
                return await self._measured(request)
            case "/drain", "GET" | "HEAD":
                return await self._drained()
            case "/drain" | "/reload", "POST" if hdrs.ORIGIN in request.headers:
                # Only browsers send it: a page that somebody on this machine looks at
                # is no operator.
                return _text(403, "not for pages")
            case "/drain", "POST":
                self._vitals.drain()
                return await self._drained()
            case "/reload", "POST":
                return await self._reloaded()
            case "/reload", _:
                return _text(405, "only POST here", Allow="POST")
            case "/livez" | "/readyz" | "/metrics", _:
                return _text(405, "only GET here", Allow="GET, HEAD")
            case "/drain", _:
                return _text(405, "only GET and POST here", Allow="GET, HEAD, POST")
            case path, _ if self._desk is not None and self._desk.has(path):
                return await self._desk(request)
            case _:
                page = "" if self._desk is None else self._desk.root + ", "
                return _text(404, f"there are {page}{_PATHS} here")

    def _is_ours(self, request: web.BaseRequest) -> bool:
        """Not by a name that was made to point here: browsers read it then to whoever
        did that. They always say one; some that collect figures say none."""
        host = request.headers.get(hdrs.HOST)
        return host is None or self._hosts is None or is_ours(host, self._hosts)

    async def _checks(self) -> list[Check]:
        draining = self._vitals.draining
        writable = await self._spool_writable()
        serving = await self._vitals.serving()
        roomy = self._vitals.spool_above_floor()
        return [
            Check("workers", serving, "" if serving else "none of them serves"),
            Check("draining", not draining, "it is being drained" if draining else ""),
            Check("spool", writable, "" if writable else "it cannot be written"),
            Check("floor", roomy, "" if roomy else "too little is free on the disk"),
        ]

    async def _spool_writable(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                return await self._vitals.spool_writable()
        except TimeoutError:
            return False

    async def _measured(self, request: web.BaseRequest) -> web.Response:
        accept = ",".join(request.headers.getall(hdrs.ACCEPT, ()))
        page = await self._vitals.metrics(accept)
        return web.Response(
            body=page.content,
            headers={"Content-Type": page.content_type, "Cache-Control": "no-store"},
        )

    async def _drained(self) -> web.Response:
        counts = await self._vitals.in_flight()
        return _json(200, {"draining": self._vitals.draining, **counts})

    async def _reloaded(self) -> web.Response:
        outcome = await self._vitals.reload()
        return _json(_STATUS[outcome.result], outcome.told())


def _json(status: int, told: Mapping[str, Any]) -> web.Response:
    return web.Response(
        status=status,
        text=json.dumps(dict(told)) + "\n",
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _report(checks: list[Check], request: web.BaseRequest) -> web.Response:
    """200 or 503; the failed checks, or with ``?verbose`` all of them."""
    passed = all(check.passed for check in checks)
    verbose = "verbose" in request.query
    lines = [
        f"[{'+' if check.passed else '-'}] {check.name}"
        + (f": {check.why}" if check.why else "")
        for check in checks
        if verbose or not check.passed
    ]
    lines.append("ok" if passed else "not ready")
    return _text(200 if passed else 503, "\n".join(lines))


def _text(status: int, text: str, **fields: str) -> web.Response:
    headers = {"Cache-Control": "no-store", **fields}
    return web.Response(status=status, text=text + "\n", headers=headers)
