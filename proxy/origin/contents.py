"""The content of a request on its way to the origin.

What matters is not what was written but what the kernel has taken: bytes that still lie
in the transport's buffer are lost with the connection, bytes that the kernel has may
reach the origin whatever happens to us. The transport is therefore told to pause its
protocol whenever it buffers anything at all, and it stays paused when it dies so. The
one invariant: ``all_left`` is False only when part of the request surely never left.
"""

from __future__ import annotations

import asyncio
import os
from abc import abstractmethod
from typing import Final, Protocol

from aiohttp import ClientConnectionResetError
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_writer import StreamWriter
from aiohttp.payload import Payload

from proxy.core.errors import ClientGone, SpoolError
from proxy.spool import Reader

PIECE: Final = 256 * 1024
"""Bytes read from the spool at once, which measured best."""
_COALESCED: Final = 16 * 1024
"""Content up to here is copied behind the head, to leave in one packet with it."""
_ANSWER_BOUND: Final = 1024 * 1024
"""Bytes rescued from a dead connection: an early answer is short."""


class Source(Protocol):
    """Content that comes from a client."""

    @property
    def arrived(self) -> bool:
        """Some of it, or its end, is here: the first `read` will not wait."""

    def begin(self) -> None:
        """It is wanted now."""

    async def read(self) -> bytes:
        """The next bytes, empty at the end.

        Raises:
            ClientGone: it broke off.
        """


class Sending(Payload):
    """Writes one content, once, as fast as the origin takes it."""

    def __init__(self, stall_s: float) -> None:
        """`stall_s`: how long the origin may take nothing at all."""
        super().__init__(None)
        self._stall_s = stall_s
        self._writer: StreamWriter | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._all_given = False
        self.ended = asyncio.Event()
        """Set when nothing more of it is sent, for whatever reason."""

    @property
    def consumed(self) -> bool:
        """True from the start, which keeps aiohttp from sending it again."""
        return True

    @property
    def all_left(self) -> bool:
        """The kernel may have taken the whole request.

        To be asked once nothing more can leave: after the answer, or `give_up`.
        """
        # Paused says that there was something the kernel had not taken; a transport
        # that dies leaves its protocol paused.
        return (
            self._all_given
            and self._writer is not None
            and not self._writer.protocol.writing_paused
        )

    def give_up(self) -> None:
        """Let nothing leave any more, not even what is buffered."""
        if self._transport is not None:
            self._transport.abort()

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise TypeError("content on its way is not text")

    async def write(self, writer: AbstractStreamWriter) -> None:
        assert isinstance(writer, StreamWriter)
        self._writer = writer
        self._transport = writer.transport
        try:
            await self._send(writer)
        finally:
            self.ended.set()

    @abstractmethod
    async def _send(self, writer: StreamWriter) -> None:
        """Write all of it."""

    async def _give(self, writer: StreamWriter, piece: bytes, *, last: bool) -> None:
        """Hand `piece` on, and wait until the kernel has taken it.

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
        self._all_given = last
        if writer.protocol.writing_paused:
            await self._drain(writer)

    async def _drain(self, writer: StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._stall_s):
                await writer.drain()
        except TimeoutError:
            # An answer that has begun would otherwise be waited for without a bound.
            self.give_up()
            raise


class StoredContent(Sending):
    """A complete upload."""

    def __init__(self, body: Reader, stall_s: float) -> None:
        super().__init__(stall_s)
        self._body = body
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.unreadable: SpoolError | None = None
        """Why the body could not be read to its end; None when it could."""

    def stop(self) -> None:
        """Send no more, and leave the connection open for the answer."""
        if self._task is not None and not self.ended.is_set():
            self._stopping = True
            self._task.cancel()

    async def _send(self, writer: StreamWriter) -> None:
        self._task = asyncio.current_task()
        try:
            await self._send_all(writer)
        except asyncio.CancelledError:
            if not self._stopping or self._task is None or self._task.uncancel():
                raise

    async def _send_all(self, writer: StreamWriter) -> None:
        if writer.transport is not None:
            _pause_at_once(writer.transport)
        size = self._body.size
        if size > _COALESCED:
            writer.send_headers()
        offset, last = 0, False
        while not last:
            piece = self._read(offset, min(PIECE, size - offset))
            offset += len(piece)
            last = offset == size
            await self._give(writer, piece, last=last)
            # An origin that takes everything at once must not keep the loop from all
            # else; and that a connection with TLS has failed is heard only in a turn.
            if not last:
                await asyncio.sleep(0)

    def _read(self, offset: int, wanted: int) -> bytes:
        try:
            piece = self._body.read(offset, wanted)
        except SpoolError as exc:
            self.unreadable = exc
            raise
        if wanted and not piece:
            self.unreadable = SpoolError(f"expected {wanted} bytes at {offset}, got 0")
            raise self.unreadable
        return piece


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


def _pause_at_once(transport: asyncio.WriteTransport) -> None:
    """Have the protocol paused whenever anything at all is buffered.

    A plain transport pauses above its high water, one with TLS at it: there, 0 would
    mean paused for ever. What TLS has passed on to the socket's transport counts as
    gone, so that ``all_left`` errs to the safe side by up to 64 KiB.
    """
    encrypted = transport.get_extra_info("sslcontext") is not None
    transport.set_write_buffer_limits(high=1 if encrypted else 0)


class PassedContent(Sending):
    """Content that is passed on as it comes."""

    def __init__(self, source: Source, stall_s: float) -> None:
        super().__init__(stall_s)
        self._source = source
        self.gone: ClientGone | None = None
        """How the client's content broke off; None when it did not."""

    async def _send(self, writer: StreamWriter) -> None:
        if not self._source.arrived:
            # The head first: the client's content may be long in coming.
            writer.send_headers()
        self._source.begin()
        try:
            while chunk := await self._source.read():
                await self._give(writer, chunk, last=False)
        except ClientGone as exc:
            self.gone = exc
            # The origin must see a cut. Its answer, if there is one, has nobody left.
            self.give_up()
            raise
        self._all_given = True
