"""The shortcut of a long body: from its socket into one buffer, and stored from there.

While a body takes it, its connection belongs to a protocol of ours. The event loop
fills one buffer for all bodies of the process; nothing is awaited between filling it
and storing what it holds. aiohttp does not see these bytes; once all have come, its
connection goes on with a parser that begins anew. The one invariant: of what a
connection brings, no byte is taken beyond the end of the body.

A few names that are private in aiohttp are used; ``lacking`` says if one is missing.

Source: RFC 9112 "Content-Length"; P2.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from math import inf
from typing import Any, Final, cast

from aiohttp import StreamReader, hdrs, web
from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.web_protocol import RequestHandler, RequestPayloadError
from multidict import CIMultiDict, CIMultiDictProxy

from proxy.core.errors import SpoolError

from .crowd import Crowd

LEAST: Final = 1024 * 1024
"""Bytes that have to be on their way still: for fewer, changing over costs more than
it saves."""
BUFFER: Final = 1024 * 1024
"""Bytes of the buffer. Measured, CPU per GiB: 256 KiB costs a fifth more; beyond this a
socket rarely has as much at once."""
IN_A_TURN: Final = 4 * 1024 * 1024
"""Bytes that some bodies together may take in one turn of the event loop, before
anybody else gets theirs: some milliseconds. Those of a crowd have rounds of their
own."""
SMALLEST_SHARE: Final = 128 * 1024
"""Bytes that each may take whatever their number: less costs too much per byte."""

Store = Callable[[memoryview], bool]
"""Stores bytes before it returns, and keeps no view of them; False when it would not
take all. May raise SpoolError."""

_NO_FIELDS: Final = CIMultiDictProxy[str](CIMultiDict())

_CONNECTION: Final = ("_loop", "_max_msg_queue_size", "_parser", "_read_bufsize")
_CONTENT: Final = ("_buffer", "_read_nowait", "total_bytes")
_REQUEST: Final = {"_cache", "_headers", "_message"}


def lacking() -> str:
    """What of aiohttp the shortcut needs and is not there; empty when all is."""
    for name in _CONNECTION:
        if not hasattr(RequestHandler, name):
            return f"RequestHandler.{name}"
    for name in _CONTENT:
        if not hasattr(StreamReader, name):
            return f"StreamReader.{name}"
    for name in sorted(_REQUEST - web.BaseRequest.ATTRS):
        return f"BaseRequest.{name}"
    if not hasattr(RawRequestMessage, "_replace"):
        return "RawRequestMessage._replace"
    # Written in C. The other one holds back bytes in a way of its own.
    if HttpRequestParser.__module__ != "aiohttp._http_parser":
        return "the parser written in C"
    try:
        _parser(None, asyncio.get_running_loop(), 1, 1, 1, 1, 1)
    except TypeError as exc:
        return f"HttpRequestParser: {exc}"
    return ""


class Shortcut:
    """The shortcut of one process: its buffer, and how many take it just now."""

    def __init__(
        self,
        *,
        least: int = LEAST,
        size: int = BUFFER,
        crowd: Crowd | None = None,
    ) -> None:
        """`least`: bytes that have to be missing still. `size`: bytes of the buffer.
        `crowd`: None: one of the usual kind."""
        self._least = least
        self.crowd = Crowd() if crowd is None else crowd
        self.view = memoryview(bytearray(size))
        self.share = size
        """Bytes that a body may take in one turn of the event loop."""
        self.bodies = 0
        """How many take it just now."""

    def suits(self, request: web.BaseRequest) -> bool:
        """True while enough of the content of `request` is missing, and its framing
        says how much that is."""
        content, length = request.content, request.content_length
        return (
            length is not None
            and length - content.total_bytes >= self._least
            and content.exception() is None
            and hdrs.TRANSFER_ENCODING not in request.headers
            and hdrs.UPGRADE not in request.headers
        )

    def enter(self, request: web.BaseRequest, store: Store) -> Pour | None:
        """Have what is missing of the content stored as it comes; None when that cannot
        be done here. Nothing of the content waits to be read."""
        connection, transport = request.protocol, request.transport
        if transport is None or transport.is_closing() or not self.suits(request):
            return None
        if transport.get_protocol() is not connection:
            return None
        if transport.get_extra_info("sslcontext") is not None:
            # There the loop decrypts more than it gives us in one turn, and forgets
            # what is left when the connection is lost in between.
            return None
        self.joined()
        return Pour(self, request, transport, store)

    def joined(self) -> None:
        """One more takes it."""
        self._count(1)

    def left(self) -> None:
        """One takes it no longer."""
        self._count(-1)

    def _count(self, more: int) -> None:
        self.bodies += more
        share = max(SMALLEST_SHARE, IN_A_TURN // max(1, self.bodies))
        self.share = min(len(self.view), share)


class Pour(asyncio.BufferedProtocol):
    """One body on the shortcut."""

    __slots__ = (
        "_connection",
        "_content",
        "_failure",
        "_last_at",
        "_missing",
        "_refused",
        "_shortcut",
        "_store",
        "_takes",
        "_transport",
        "over",
    )

    def __init__(
        self,
        shortcut: Shortcut,
        request: web.BaseRequest,
        transport: asyncio.Transport,
        store: Store,
    ) -> None:
        assert request.content_length is not None
        self._shortcut = shortcut
        self._content = request.content
        self._connection = request.protocol
        self._transport = transport
        self._store = store
        self._missing = request.content_length - request.content.total_bytes
        self._last_at = -inf
        """When a piece came last, in seconds of the event loop."""
        self._takes = True
        """It is one of those that take the shortcut: what comes is stored."""
        self._refused = False
        self._failure: SpoolError | None = None
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when nothing more will be stored, for whatever reason."""
        self._let_go(request)
        _hand_over(transport, self)

    def _let_go(self, request: web.BaseRequest) -> None:
        """Drop what aiohttp keeps for bytes that it will not see: a parser, and a queue
        with room for 64 chunks; and the fields of the request in its own form, as we
        have them in ours. They are a tenth of what a slow upload costs."""
        self._connection._parser = None  # `_leave` makes another
        content: Any = self._content
        content._buffer = ()
        request._headers = _NO_FIELDS
        request._message = request._message._replace(headers=_NO_FIELDS)
        request._cache.clear()  # everything that has been asked of it, fields as well

    def result(self) -> bool:
        """False when `store` would not take all.

        Raises:
            SpoolError: from `store`.
        """
        if self._failure is not None:
            raise self._failure
        return not self._refused

    def stop(self) -> None:
        """Take no more. What has not been taken stays with the kernel."""
        if self._shortcut.crowd.ended(self):
            self.fetch()  # the event loop would have brought it by now
        if not self._takes:
            return
        if not self._transport.is_closing():  # other event loops refuse that then
            self._transport.pause_reading()
        self._end()

    def get_buffer(self, sizehint: int) -> memoryview:
        shortcut = self._shortcut
        return shortcut.view[: min(shortcut.share, self._missing)]

    def buffer_updated(self, nbytes: int) -> None:
        self._came(nbytes)
        if not self._takes:
            return
        since, self._last_at = self._last_at, self.over.get_loop().time()
        shortcut, since_s = self._shortcut, self._last_at - since
        if shortcut.crowd.admit(self, shortcut.bodies, nbytes, since_s):
            self._transport.pause_reading()

    def catch_up(self) -> None:
        """Take what has come by now, be it nobody's turn: before the client is judged
        by it."""
        if self._shortcut.crowd.ended(self):
            try:
                self.fetch()
            finally:
                self.wake()

    def fetch(self) -> int:
        """Take what has come while nobody looked; see ``crowd``."""
        if not self._takes or self._transport.is_closing():
            return 0
        descriptor = self._transport.get_extra_info("socket").fileno()
        try:
            nbytes = os.readv(descriptor, [self.get_buffer(-1)])
        except OSError:
            # Nothing is there; or a connection is lost, which the event loop finds out.
            return 0
        if nbytes:
            self._came_or_breaks(nbytes)
        return 0 if self.over.done() else nbytes

    def _came_or_breaks(self, nbytes: int) -> None:
        """As when the event loop brings it: what fails in an unforeseen way ends the
        connection, or what has come would be missing before what follows."""
        try:
            self._came(nbytes)
        except BaseException:  # a cancelled turn leaves the same hole
            self._transport.abort()
            raise

    def wake(self) -> None:
        """Have the event loop look again, for more, or for the end."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _came(self, nbytes: int) -> None:
        self._missing -= nbytes
        # What comes after a refusal is thrown away, so that the client reads why.
        if self._takes:
            self._put(self._shortcut.view[:nbytes])
        if not self._missing:
            self._leave()

    def eof_received(self) -> None:
        self._connection.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.connection_lost(exc)
        self._end()

    def pause_writing(self) -> None:
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._connection.resume_writing()

    def _put(self, chunk: memoryview) -> None:
        try:
            self._refused = not self._store(chunk)
        except SpoolError as exc:
            self._failure = exc
        if self._refused or self._failure is not None:
            self._end()

    def _leave(self) -> None:
        """All of the body has come: what follows is the next request."""
        connection = self._connection
        connection._parser = _parser(
            connection,
            connection._loop,
            connection._read_bufsize,
            connection.max_line_size,
            connection.max_field_size,
            connection.max_headers,
            connection._max_msg_queue_size,
        )
        _hand_over(self._transport, connection)
        self._content.feed_eof()
        self._end()

    def _end(self) -> None:
        if self._takes:
            self._takes = False
            self._shortcut.left()
        if not self.over.done():  # else: who waited for it was cancelled
            self.over.set_result(None)


def _hand_over(transport: asyncio.Transport, to: asyncio.BaseProtocol) -> None:
    """From now on `to` gets what comes."""
    # Other event loops look at the protocol only where reading begins.
    transport.pause_reading()
    transport.set_protocol(to)
    transport.resume_reading()


def _parser(
    connection: RequestHandler | None,
    loop: asyncio.AbstractEventLoop,
    buffered: int,
    line: int,
    field: int,
    fields: int,
    messages: int,
) -> HttpRequestParser:
    """A parser for `connection`, as aiohttp makes it; None: to see that it can be made.

    `buffered`: bytes of content that may wait. `line`, `field`: the most bytes of one.
    `fields`, `messages`: how many there may be of a head, and waiting.
    """
    return HttpRequestParser(
        cast("RequestHandler", connection),
        loop,
        buffered,
        max_line_size=line,
        max_field_size=field,
        max_headers=fields,
        payload_exception=RequestPayloadError,
        auto_decompress=False,
        max_msg_queue_size=messages,
    )
