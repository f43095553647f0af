"""Content that is passed through to the origin, as it comes from a client.

aiohttp writes it; here it is read from the client, at the pace at which the origin
takes it. Short content that is all here has nothing to wait for. The one invariant:
content that broke off is never ended as if it were whole.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final, Protocol

from aiohttp import ClientConnectionResetError
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_writer import StreamWriter
from aiohttp.payload import Payload

from proxy.core.errors import ClientGone

_ANSWER_BOUND: Final = 1024 * 1024
"""Bytes rescued from a dead connection: an early answer is short."""


class Source(Protocol):
    """Content that comes from a client."""

    @property
    def arrived(self) -> bool:
        """Some of it, or its end, is here: the first `read` will not wait."""

    @property
    def all_came(self) -> bool:
        """All of it is here: no `read` will wait."""

    def begin(self) -> None:
        """It is wanted now."""

    async def read(self) -> bytes:
        """The next bytes, empty at the end.

        Raises:
            ClientGone: it broke off.
        """


class ShortContent:
    """Content that is all here, to be read like a body in the spool."""

    descriptor: int | None = None
    """There is no file of it."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)

    def read(self, offset: int, size: int) -> bytes:
        return self._content[offset : offset + size]

    def check(self) -> None:
        """See ``Reader``. Memory does not fail so."""

    def close(self) -> None:
        """There is nothing to give back."""


class PassedContent(Payload):
    """Writes one content, once."""

    def __init__(self, source: Source, stall_s: float) -> None:
        """`stall_s`: how long the origin may take nothing at all."""
        super().__init__(None)
        self._source = source
        self._stall_s = stall_s
        self.gone: ClientGone | None = None
        """How the client's content broke off; None when it did not."""

    @property
    def consumed(self) -> bool:
        """True from the start, which keeps aiohttp from sending it again."""
        return True

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise TypeError("content on its way is not text")

    async def write(self, writer: AbstractStreamWriter) -> None:
        assert isinstance(writer, StreamWriter)
        if not self._source.arrived:
            # The head first: the client's content may be long in coming.
            writer.send_headers()
        self._source.begin()
        transport = writer.transport
        try:
            while chunk := await self._source.read():
                await self._give(writer, chunk)
        except ClientGone as exc:
            self.gone = exc
            # The origin must see a cut. Its answer, if there is one, has nobody left.
            if transport is not None:
                transport.abort()
            raise

    async def _give(self, writer: StreamWriter, piece: bytes) -> None:
        """Hand `piece` on, and wait until the transport takes more.

        Raises:
            ConnectionError: the connection is lost.
            TimeoutError: the origin takes nothing.
        """
        transport = writer.transport
        await writer.write(piece, drain=False)
        assert transport is not None, "or it would have raised"
        if transport.is_closing():
            # The kernel refused it. What the origin said before may still be there.
            _rescue_answer(transport, writer)
            raise ClientConnectionResetError("the origin takes no more")
        if not writer.protocol.writing_paused:
            return
        try:
            async with asyncio.timeout(self._stall_s):
                await writer.drain()
        except TimeoutError:
            # An answer that has begun would otherwise be waited for without a bound.
            transport.abort()
            raise


def _rescue_answer(transport: asyncio.WriteTransport, writer: StreamWriter) -> None:
    """Read what lies in the socket of a connection on which writing has just failed.

    asyncio ends such a connection without reading again, so an origin that refuses,
    closes and thereby resets would go unheard. The socket stays open until the protocol
    is told, which has not happened yet. With TLS there is nothing legible in it.
    """
    if transport.get_extra_info("sslcontext") is not None:
        return  # pragma: no cover - before 3.12 a failed TLS transport does not tell
    try:
        said = os.read(transport.get_extra_info("socket").fileno(), _ANSWER_BOUND)
    except OSError:
        return  # nothing is there; that writing failed is told by who called
    if said:
        writer.protocol.data_received(said)
