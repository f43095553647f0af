"""aiohttp's client with everything turned off that it would do by itself."""

from __future__ import annotations

import asyncio
import ssl
from functools import partial
from typing import Final, NamedTuple

from aiohttp import (
    BaseConnector,
    ClientConnectorError,
    ClientHandlerType,
    ClientMiddlewareType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
    UnixConnector,
    hdrs,
)
from aiohttp.client_proto import ResponseHandler
from multidict import CIMultiDict

from .failures import OnlyOnceError
from .hearing import Hearing

IDLE_S: Final = 4.0
"""Seconds an idle connection is kept: below the five after which common servers close
one, so that few requests meet a connection that is about to be closed."""
CONTINUE_PATIENCE_S: Final = 1.0
"""Seconds an origin may leave `Expect: 100-continue` without a word before the content
is sent all the same: what curl waits, since many servers never say it."""
LINE_LIMIT: Final = 64 * 1024
"""Bytes of one line of an answer's head; a longer one is a broken origin."""
LINES_LIMIT: Final = 512


class Held(NamedTuple):
    """Connections, counted: those that wait for a request, and those that have one."""

    idle: int
    busy: int


_OWN_FIELDS: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


def open_session(
    unix_path: str | None,
    tls: ssl.SSLContext | None,
    connect_timeout_s: float,
    response_timeout_s: float,
    *,
    keep: bool,
) -> ClientSession:
    """A session that keeps connections for the next request, or none."""
    return ClientSession(
        connector=_connector(unix_path, tls, keep=keep),
        timeout=ClientTimeout(
            total=None,
            connect=connect_timeout_s,
            sock_connect=connect_timeout_s,
            sock_read=response_timeout_s,
        ),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        skip_auto_headers=_OWN_FIELDS,
        max_line_size=LINE_LIMIT,
        max_field_size=LINE_LIMIT,
        max_headers=LINES_LIMIT,
    )


def held(session: ClientSession) -> Held:
    """The connections of `session`; none of one that is closed.

    Its connector does not tell: this is where it has them. What is still being
    connected stands among them as something without a connection.
    """
    connector = session.connector
    if connector is None:
        return Held(0, 0)
    kept = [one for pool in connector._conns.values() for one, _ in pool]
    busy = sum(one.transport is not None for one in connector._acquired)
    return Held(idle=sum(one.is_connected() for one in kept), busy=busy)


def middlewares(
    headers: CIMultiDict[str], *, expect: bool
) -> tuple[ClientMiddlewareType, ...]:
    """What stands around one request: see `_exactly`, `_once` and `_patience`."""
    if expect:
        return (_exactly(headers), _patience, _once)
    return (_exactly(headers), _once)


def _exactly(headers: CIMultiDict[str]) -> ClientMiddlewareType:
    """Send `headers` in their order and spelling; what aiohttp has to add follows.

    Its client puts `Host` first, and of two lines whose names differ in case it keeps
    only the last. Where a request has no content, and does not say so, it would.
    """

    async def send_exactly(
        request: ClientRequest, send: ClientHandlerType
    ) -> ClientResponse:
        added = [
            (name, value)
            for name, value in request.headers.items()
            if name not in headers and name != hdrs.CONTENT_LENGTH
        ]
        request.headers = headers.copy()
        request.headers.extend(added)
        return await send(request)

    return send_exactly


def _connector(
    unix_path: str | None, tls: ssl.SSLContext | None, *, keep: bool
) -> BaseConnector:
    # No limit: how many forwards run is the business of whoever starts them.
    idle_s = IDLE_S if keep else None
    connector: BaseConnector
    if unix_path is not None:
        connector = UnixConnector(
            unix_path, limit=0, force_close=not keep, keepalive_timeout=idle_s
        )
    else:
        connector = TCPConnector(
            ssl=tls or True, limit=0, force_close=not keep, keepalive_timeout=idle_s
        )
    # It has no parameter for this.
    connector._factory = partial(_hearing, asyncio.get_running_loop())
    return connector


def _hearing(loop: asyncio.AbstractEventLoop) -> ResponseHandler:
    return Hearing(loop)


async def _once(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
    """Keep aiohttp from sending an idempotent request again, by hiding why it would."""
    try:
        return await send(request)
    except ClientConnectorError:
        raise  # nothing has been sent, and that is no reason to it
    except (ClientOSError, ServerDisconnectedError) as exc:
        raise OnlyOnceError(str(exc)) from exc


async def _patience(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
    """Bound the wait for `100 (Continue)`, which aiohttp leaves without a bound."""
    waiting: asyncio.Future[bool] | None = getattr(request, "_continue", None)
    if waiting is None:
        return await send(request)

    def go_on() -> None:
        if not waiting.done():
            waiting.set_result(True)

    timer = asyncio.get_running_loop().call_later(CONTINUE_PATIENCE_S, go_on)
    try:
        return await send(request)
    finally:
        timer.cancel()
