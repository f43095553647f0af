"""Writing responses: status line, fields and framing by us, byte for byte.

aiohttp would add fields the origin never sent and lose bytes that are not UTF-8, so its
response classes are not used; it only learns, by ``Sent``, that all is done and whether
the connection goes on. The one invariant: a response whose content broke off never
looks like one that came to its end.

Source: RFC 9112 "Message Body", "Connection Management"; RFC 9110 "Date", 6.4, 15.3.5.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from contextlib import aclosing
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_writer import StreamWriter

from proxy.core.errors import ClientGone, Gone, OriginError, SpoolError
from proxy.core.upload import Content, Field, Fields, Reply, Stream, first_of

from .turns import Turns

STALL_S: Final = 300.0
"""Seconds a client may take nothing of a response before it counts as gone. Picked by
hand: ten times what a bad mobile network needs, and far from forever."""

_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_NO_CONTENT: Final = frozenset({204, 304})
_RESET: Final = struct.pack("ii", 1, 0)
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding", b"connection"})


class Sent(web.StreamResponse):
    """Tells aiohttp that the response has been written, and whether to go on."""

    def __init__(
        self, status: int, *, goes_on: bool, problem: str = "", broke_off: str = ""
    ) -> None:
        super().__init__(status=status)
        self._goes_on = goes_on
        self.problem = problem
        """Name of what went wrong, when it is an error of ours; for logs."""
        self.broke_off = broke_off
        """Why the content came to no end, for logs; empty when all is well."""

    @property
    def keep_alive(self) -> bool:
        return self._goes_on

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return


@dataclass(frozen=True, slots=True)
class _Framing:
    """How the end of one response is told."""

    content: bool
    """There is content to write."""
    length: bytes | None
    chunked: bool
    goes_on: bool
    """The connection can be used again."""
    modern: bool
    """HTTP/1.1, where connections go on without a word, and chunked is known."""

    @property
    def by_close(self) -> bool:
        """The end of the connection is the end of the content."""
        return self.content and self.length is None and not self.chunked

    @property
    def fields(self) -> Fields:
        fields: list[Field] = []
        if self.length is not None:
            fields.append((b"Content-Length", self.length))
        if self.chunked:
            fields.append((b"Transfer-Encoding", b"chunked"))
        if not self.goes_on:
            fields.append((b"Connection", b"close"))
        elif not self.modern:
            fields.append((b"Connection", b"keep-alive"))
        return tuple(fields)


async def send(
    request: web.BaseRequest, reply: Reply, *, head_only: bool = False
) -> Sent:
    """Answer `request`; `head_only` for HEAD.

    Content that comes as a stream is sent as it comes, at the client's pace, and closed
    in every case. When it breaks off, so does the connection. A `Content-Length` among
    the fields is the framing of a stream, and is told with HEAD and 304; of content
    that is here the length is measured.

    Raises:
        ClientGone: the client does not take it.
        ValueError: a field holds CR, LF or NUL; nothing was sent.
    """
    content = reply.content
    if isinstance(content, bytes):
        return await _send(request, reply, content, head_only=head_only)
    async with aclosing(content):
        return await _send(request, reply, content, head_only=head_only)


async def _send(
    request: web.BaseRequest, reply: Reply, content: Content, *, head_only: bool
) -> Sent:
    framing = _framing(request, reply, head_only=head_only)
    head = _head(reply, framing)
    try:
        if not framing.content:
            await _write(request, head)
        elif isinstance(content, bytes):
            await _write(request, head + content)
        else:
            await _write(request, head)
            await _write_stream(request, content, framing)
    except ConnectionError as exc:
        raise ClientGone(Gone.CUT) from exc
    except (OriginError, SpoolError) as exc:
        return abort(request, str(exc), reset=framing.by_close)
    return Sent(reply.status, goes_on=framing.goes_on, problem=reply.problem)


def send_interim(request: web.BaseRequest, status: str, fields: Fields) -> bool:
    """Send an interim response in one write; False when it must not be sent now.

    `status` with its phrase, such as ``103 Early Hints``. Never to HTTP/1.0, never
    after the final response has begun, never to a client that does not read: they would
    pile up without bound.
    """
    transport = request.transport
    if transport is None or transport.is_closing() or request.version < HttpVersion11:
        return False
    if request.protocol.writing_paused or request.writer.output_size:
        return False
    # By the transport: see `Body.begin`.
    transport.write(_lines(b"HTTP/1.1 " + status.encode("ascii"), fields))
    return True


async def send_switch(request: web.BaseRequest, fields: Fields) -> None:
    """Say that another protocol begins; what follows is no business of this room.

    Raises:
        ClientGone: the client does not take it.
    """
    try:
        await _write(request, _lines(b"HTTP/1.1 101 Switching Protocols", fields))
    except ConnectionError as exc:
        raise ClientGone(Gone.CUT) from exc


def abort(request: web.BaseRequest, why: str = "", *, reset: bool = False) -> Sent:
    """End the connection at once, without a response or in the middle of one.

    `reset`: by RST, for a client that takes the end of the connection for the end of
    the content.
    """
    transport = request.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        if reset and sock is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
    # Otherwise aiohttp would go on to read what is left of the content.
    request.protocol.force_close()
    return Sent(499, goes_on=False, broke_off=why or "aborted")


def rendered(reply: Reply) -> bytes:
    """A whole response with content of bytes, after which the connection ends."""
    assert isinstance(reply.content, bytes)
    length = str(len(reply.content)).encode()
    framing = _Framing(True, length, chunked=False, goes_on=False, modern=True)
    return _head(reply, framing) + reply.content


def _framing(request: web.BaseRequest, reply: Reply, *, head_only: bool) -> _Framing:
    content = not head_only and reply.status not in _NO_CONTENT
    length = _length(reply, content=content)
    modern = request.version >= HttpVersion11
    chunked = content and length is None and modern
    # An unread body would be taken for the next request by one of the two. And after
    # chunked content the parser (aiohttp 3.14.5, in C) takes the last trailer field for
    # the first field of the next head, which another user may have sent.
    goes_on = (
        request.keep_alive
        and hdrs.TRANSFER_ENCODING not in request.headers
        and not reply.close
        and not (isinstance(request.protocol, Turns) and request.protocol.ends)
        and request.content.is_eof()
        and (not content or length is not None or chunked)
    )
    return _Framing(content, length, chunked, goes_on, modern)


def _length(reply: Reply, *, content: bool) -> bytes | None:
    """What `Content-Length` says; None for none. `content`: some may be written."""
    if reply.status == 204:
        return None
    if content and isinstance(reply.content, bytes):
        return b"%d" % len(reply.content)
    told = first_of(reply.fields, b"content-length")
    if told is None and isinstance(reply.content, bytes) and reply.status != 304:
        return b"%d" % len(reply.content)
    return told


def _head(reply: Reply, framing: _Framing) -> bytes:
    phrase = reply.reason or _PHRASES.get(reply.status, "")
    line = f"HTTP/1.1 {reply.status} {phrase}".encode("utf-8", "surrogateescape")
    fields, dated = [], False
    for field in reply.fields:
        name = field[0].lower()
        if name not in _FRAMING:
            fields.append(field)
            dated = dated or name == b"date"
    if not dated:
        fields.append((b"Date", _date(int(time.time()))))
    return _lines(line, (*fields, *framing.fields))


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    """The value of `Date`, written once a second."""
    return formatdate(second, usegmt=True).encode()


def _lines(first: bytes, fields: Fields) -> bytes:
    """The bytes of a head.

    Raises:
        ValueError: something in it would end a line early.
    """
    lines = [name + b": " + value for name, value in fields]
    lines = [first, *lines, b"", b""]
    head = b"\r\n".join(lines)
    breaks = len(lines) - 1
    if head.count(b"\r") != breaks or head.count(b"\n") != breaks or b"\0" in head:
        raise ValueError("a field of the response holds CR, LF or NUL")
    return head


async def _write_stream(
    request: web.BaseRequest, content: Stream, framing: _Framing
) -> None:
    """Write what comes.

    Raises:
        OriginError, SpoolError: it broke off before its end.
        OriginError: it is not as long as its head said, which has been sent.
    """
    told = None if framing.length is None else int(framing.length)
    sent = 0
    try:
        async for chunk in content:
            sent += len(chunk)
            if not chunk:
                continue  # in chunked coding it would be the end
            if told is not None and sent > told:
                break
            if framing.chunked:
                await _write(request, b"%x\r\n%b\r\n" % (len(chunk), chunk))
            else:
                await _write(request, chunk)
    except (OriginError, SpoolError):
        # The client has all that its head promised: nothing can take that from it,
        # be it a newer request for the same answer that ended this one.
        if sent != told:
            raise
    if told is not None and sent != told:
        raise OriginError(f"expected {told} bytes of content, got {sent}")
    if framing.chunked:
        await _write(request, b"0\r\n\r\n")


async def _write(request: web.BaseRequest, data: bytes) -> None:
    """Write, and wait until the client has taken enough of it.

    Raises:
        ConnectionError: the connection is lost.
        ClientGone: nothing was taken for too long.
    """
    writer = request.writer
    assert isinstance(writer, StreamWriter)
    await writer.write(data, drain=False)  # it would drain without a bound
    if not request.protocol.writing_paused:
        return
    try:
        async with asyncio.timeout(STALL_S):
            await writer.drain()
    except TimeoutError:
        raise ClientGone(Gone.IDLE) from None
