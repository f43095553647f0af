"""A client that says exactly the bytes it is given and hears exactly what comes back.

It knows HTTP/1.1 framing and nothing of uploads. A connection is left in one of three
ways: by FIN (``finish``, ``close``), by RST (``reset``), or not at all, which is a
stall. The one invariant: nothing here waits longer than the bound.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from ssl import SSLContext
from typing import Self
from urllib.parse import urlsplit

from .bounds import BOUND_S
from .sealed import trusting

Lines = tuple[tuple[str, str], ...]
"""Field lines in the order of the wire, decoded as Latin-1."""

_NO_CONTENT = frozenset({204, 304})
"""Final statuses that never have content (RFC 9112 "Message Body Length")."""


class NoAnswerError(Exception):
    """The server ended the connection where a response was expected."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response, interim or final."""

    protocol: str
    status: int
    reason: str
    fields: Lines
    content: bytes = b""
    whole: bool = True
    """False when the connection ended before the content did."""
    interims: tuple[Response, ...] = ()
    """The interim responses that came before it, in order."""

    def all(self, name: str) -> list[str]:
        """Values of every line of the field `name`."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def one(self, name: str) -> str | None:
        """Value of the field `name`, None when absent; two lines are a failure."""
        lines = self.all(name)
        assert len(lines) < 2, f"{name} came {len(lines)} times: {lines}"
        return lines[0] if lines else None


class Connection:
    """One connection to a server."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, address: str, tls: SSLContext | None = None) -> Self:
        """Connect to `address`, such as ``http://127.0.0.1:8080``; with https to who
        shows a certificate of the kit, by `tls` if that is given."""
        parts = urlsplit(address)
        tls = tls or trusting() if parts.scheme == "https" else None
        async with asyncio.timeout(BOUND_S):
            return cls(
                *await asyncio.open_connection(parts.hostname, parts.port, ssl=tls)
            )

    async def send(self, *pieces: bytes) -> None:
        """Say these bytes. An ended connection swallows them, as networks do."""
        async with asyncio.timeout(BOUND_S):
            for piece in pieces:
                if not self._writer.is_closing():
                    self._writer.write(piece)
            try:
                await self._writer.drain()
            except (ConnectionResetError, BrokenPipeError):
                pass  # what the server said before is still to be heard

    async def hear_head(self) -> Response:
        """The next head, interim or final, without content.

        Raises:
            NoAnswerError: the connection ended instead.
        """
        async with asyncio.timeout(BOUND_S):
            try:
                head = await self._reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError) as exc:
                raise NoAnswerError(repr(exc)) from exc
        return _parse_head(head.decode("latin-1"))

    async def hear_interim(self) -> Response:
        """The next head, which must be an interim one."""
        head = await self.hear_head()
        assert 100 <= head.status < 200, f"a final {head.status} came: {head.fields}"
        return head

    async def hear(
        self,
        method: str = "POST",
        on_interim: Callable[[Response], object] | None = None,
    ) -> Response:
        """The final response to a request of `method`, with the interims before it.

        on_interim: given each interim as it comes, for who needs them even when no
        final response follows.

        Raises:
            NoAnswerError: the connection ended before a final head.
        """
        interims: list[Response] = []
        while (head := await self.hear_head()).status < 200:
            interims.append(head)
            if on_interim is not None:
                on_interim(head)
        async with asyncio.timeout(BOUND_S):
            content, whole = await self._content(head, method)
        return replace(head, content=content, whole=whole, interims=tuple(interims))

    async def hear_nothing(self, for_s: float) -> None:
        """Fail when the server says anything, or ends, within `for_s` seconds."""
        try:
            async with asyncio.timeout(for_s):
                said = await self._reader.read(1)
        except TimeoutError:
            return
        raise AssertionError(f"nothing was expected, {said!r} came")

    async def ended(self) -> bytes:
        """Wait until the server ends the connection; what it said before that."""
        said = bytearray()
        async with asyncio.timeout(BOUND_S):
            try:
                while piece := await self._reader.read(65536):
                    said += piece
            except ConnectionError:
                pass  # a reset is an end as well
        return bytes(said)

    def finish(self) -> None:
        """Half-close: a FIN, after which the server can still be heard.

        With TLS the FIN comes without its goodbye, as from a process that died.
        """
        try:
            if self._writer.can_write_eof():
                self._writer.write_eof()
            else:
                self._writer.get_extra_info("socket").shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server was faster

    async def close(self) -> None:
        """Close, by FIN unless something unheard waits."""
        self._writer.close()
        await self._closed()

    async def reset(self) -> None:
        """Close by RST, unless it is closed already."""
        if self._writer.is_closing():
            return
        sock = self._writer.get_extra_info("socket")
        linger = struct.pack("ii", 1, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()
        await self._closed()

    async def _closed(self) -> None:
        async with asyncio.timeout(BOUND_S):
            try:
                await self._writer.wait_closed()
            except (ConnectionError, BrokenPipeError):
                pass  # closed by the other side is closed

    async def _content(self, head: Response, method: str) -> tuple[bytes, bool]:
        if method == "HEAD" or head.status in _NO_CONTENT:
            return b"", True
        if head.one("transfer-encoding") is not None:
            return await self._chunked()
        length = head.one("content-length")
        if length is None:
            return await self.ended(), True
        try:
            return await self._reader.readexactly(int(length)), True
        except asyncio.IncompleteReadError as exc:
            return exc.partial, False
        except ConnectionError:
            return b"", False

    async def _chunked(self) -> tuple[bytes, bool]:
        content = bytearray()
        try:
            while size := int(await self._reader.readuntil(b"\r\n"), 16):
                content += await self._reader.readexactly(size)
                await self._reader.readexactly(2)
            await self._reader.readexactly(2)
        except (asyncio.IncompleteReadError, ConnectionError):
            return bytes(content), False
        return bytes(content), True


def _parse_head(text: str) -> Response:
    status_line, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
    protocol, status, reason = (*status_line.split(" ", 2), "")[:3]
    pairs = (line.partition(":") for line in lines)
    fields = tuple((name, value.strip(" \t")) for name, _, value in pairs)
    return Response(protocol, int(status), reason, fields)


def request(
    method: str, target: str, *fields: tuple[str, str], protocol: str = "HTTP/1.1"
) -> bytes:
    """The bytes of a request's head; a ``Host`` is put first unless one is given."""
    if not any(name.lower() == "host" for name, _ in fields):
        fields = (("Host", "upload.test"), *fields)
    lines = [f"{method} {target} {protocol}", *(f"{n}: {v}" for n, v in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    """One chunk of chunked coding; that of no bytes is the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)
