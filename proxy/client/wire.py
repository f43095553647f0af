"""Raw HTTP/1.1 over one connection: every head is seen, interim ones as well.

Nothing is hidden, mended or tried again, since it is what goes wrong that is looked
for. The one invariant: every wait has a bound.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from .target import Target

Lines = tuple[tuple[str, str], ...]

CONNECT_S: Final = 10.0
ANSWER_S: Final = 30.0
"""Seconds for an answer; fronts give an application 15 to 60."""
_MOST_CONTENT: Final = 1 << 20
"""Bytes of an answer that are read; nothing here needs more."""
_PIECE: Final = 65536
_NO_CONTENT: Final = frozenset({204, 304})
_ENDED: Final = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)


class Unreached(Exception):
    """No connection came about; caught by whoever asks."""

    def __init__(self, why: str, *, certificate: bool = False) -> None:
        super().__init__(why)
        self.certificate = certificate
        """Somebody is there, with a certificate that is not believed."""


class NoAnswer(Exception):
    """The connection ended, or gave no HTTP, or nothing in time; caught by whoever
    asks."""


@dataclass(frozen=True, slots=True)
class Said:
    """A response."""

    status: int
    fields: Lines
    content: bytes = b""
    interims: tuple[Said, ...] = ()

    def value(self, name: str) -> str | None:
        """Lines of the field `name`, joined; None when there are none."""
        lines = [value for key, value in self.fields if key.lower() == name.lower()]
        return ", ".join(lines) if lines else None


@dataclass(frozen=True, slots=True)
class Secrecy:
    """What TLS came to."""

    version: str
    certificate: Mapping[str, Any]
    """As ``ssl.SSLSocket.getpeercert`` tells it."""


class Connection:
    """One connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str
    ) -> None:
        self._reader, self._writer, self._host = reader, writer, host

    @classmethod
    async def open(cls, target: Target) -> Self:
        """Raises:
        Unreached: nobody is there, or somebody who cannot be believed.
        """
        tls = ssl.create_default_context() if target.scheme == "https" else None
        try:
            async with asyncio.timeout(CONNECT_S):
                streams = await asyncio.open_connection(
                    target.host, target.port, ssl=tls, limit=_MOST_CONTENT
                )
        except TimeoutError:
            raise Unreached(f"no connection within {CONNECT_S:g} s") from None
        except ssl.SSLCertVerificationError as exc:
            raise Unreached(exc.verify_message, certificate=True) from exc
        except OSError as exc:  # ssl.SSLError among them
            raise Unreached(exc.strerror or str(exc) or type(exc).__name__) from exc
        return cls(*streams, target.authority)

    @property
    def secrecy(self) -> Secrecy | None:
        """None without TLS."""
        tls = self._writer.get_extra_info("ssl_object")
        if tls is None:
            return None
        return Secrecy(tls.version() or "", tls.getpeercert() or {})

    async def begin(self, method: str, path: str, fields: Lines) -> None:
        """Send a head. Raises NoAnswer."""
        lines = (("Host", self._host), *fields)
        text = "".join(f"{name}: {value}\r\n" for name, value in lines)
        await self.send(f"{method} {path} HTTP/1.1\r\n{text}\r\n".encode("latin-1"))

    async def send(self, data: bytes, bound_s: float = ANSWER_S) -> None:
        """Send content.

        Raises:
            NoAnswer: the connection has ended, or takes nothing.
        """
        try:
            async with asyncio.timeout(bound_s):
                self._writer.write(data)
                await self._writer.drain()
        except TimeoutError:
            raise NoAnswer(f"nothing was taken for {bound_s:g} s") from None
        except _ENDED as exc:
            raise NoAnswer("the connection ended") from exc

    async def hear(self, method: str, bound_s: float = ANSWER_S) -> Said:
        """The final response to a request of `method`, with the interims before it.

        Raises:
            NoAnswer: there was none, or what came is no HTTP.
        """
        interims: list[Said] = []
        try:
            async with asyncio.timeout(bound_s):
                while (head := await self._head()).status < 200:
                    interims.append(head)
                content = await self._content(head, method)
        except TimeoutError:
            raise NoAnswer(f"no answer within {bound_s:g} s") from None
        except _ENDED as exc:
            raise NoAnswer("the connection ended without an answer") from exc
        return replace(head, content=content, interims=tuple(interims))

    async def hear_head(self, bound_s: float) -> Said | None:
        """The next head, interim or final; None when none comes within `bound_s`.

        Raises:
            NoAnswer: the connection ended, or what came is no HTTP.
        """
        try:
            async with asyncio.timeout(bound_s):
                return await self._head()
        except TimeoutError:
            return None
        except _ENDED as exc:
            raise NoAnswer("the connection ended without an answer") from exc

    async def close(self) -> None:
        """End it, without waiting for the other side to agree."""
        self._writer.transport.abort()
        try:
            await self._writer.wait_closed()
        except _ENDED:
            pass  # it has ended either way

    async def _head(self) -> Said:
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as exc:
            raise NoAnswer("what came is no HTTP") from exc
        first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        protocol, _, rest = first.partition(" ")
        if not protocol.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise NoAnswer("what came is no HTTP")
        pairs = (line.partition(":") for line in lines)
        fields = tuple((name, value.strip(" \t")) for name, _, value in pairs)
        return Said(int(rest[:3]), fields)

    async def _content(self, head: Said, method: str) -> bytes:
        if method == "HEAD" or head.status in _NO_CONTENT:
            return b""
        if head.value("transfer-encoding") is not None:
            return await self._chunked()
        length = head.value("content-length")
        if length is None:
            return await self._reader.read(_MOST_CONTENT)
        if not length.isdigit():
            raise NoAnswer("what came is no HTTP")
        return await self._reader.readexactly(min(int(length), _MOST_CONTENT))

    async def _chunked(self) -> bytes:
        content = bytearray()
        while len(content) < _MOST_CONTENT:
            try:
                size = int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16)
            except ValueError as exc:
                raise NoAnswer("what came is no HTTP") from exc
            piece = await self._reader.readexactly(size + 2)
            content += piece[:-2]
            if not size:
                break
        return bytes(content)
