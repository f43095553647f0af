"""HTTP/1.1 over one connection, by h11: every head is seen, interim ones as well.

Nothing is hidden, mended or tried again, since whoever asks wants to know what went
wrong. Half a request may be sent and left. The one invariant: every wait has a bound.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import h11

from .target import Target

Lines = tuple[tuple[str, str], ...]

CONNECT_S: Final = 10.0
ANSWER_S: Final = 30.0
"""Seconds for an answer; fronts give an application 15 to 60."""
_MOST_CONTENT: Final = 1 << 20
"""Bytes of an answer that are read; nothing here needs more."""
_MOST_HEAD: Final = 65536
_MOST_INTERIMS: Final = 1_000_000
"""Heads before the final one; one a second of an upload that takes a week is less."""
_KEPT_INTERIMS: Final = 100
"""Of these heads, so many are kept; they may be long."""
_PIECE: Final = 65536
_REFUSED: Final = re.compile(r"\[Errno (\d+)\] Connect call failed")
_SILENT: Final = "the connection ended without an answer"
_ENDED: Final = (OSError,)
"""What a socket ends with: ETIMEDOUT, EHOSTUNREACH, ENETDOWN as well, and errors of
TLS. TimeoutError is one of them, so each is caught inside of our own bounds."""


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
        self._http = h11.Connection(h11.CLIENT, _MOST_HEAD)

    @classmethod
    async def open(cls, target: Target) -> Self:
        """Raises:
        Unreached: nobody is there, or somebody who cannot be believed.
        """
        tls = ssl.create_default_context() if target.scheme == "https" else None
        try:
            async with asyncio.timeout(CONNECT_S):
                streams = await asyncio.open_connection(
                    target.host, target.port, ssl=tls
                )
        except TimeoutError:
            raise Unreached(f"no connection within {CONNECT_S:g} s") from None
        except ssl.SSLCertVerificationError as exc:
            raise Unreached(exc.verify_message, certificate=True) from exc
        except OSError as exc:  # ssl.SSLError among them
            raise Unreached(_why(exc)) from exc
        return cls(*streams, target.authority)

    @property
    def secrecy(self) -> Secrecy | None:
        """None without TLS."""
        tls = self._writer.get_extra_info("ssl_object")
        if tls is None:
            return None
        return Secrecy(tls.version() or "", tls.getpeercert() or {})

    async def begin(self, method: str, path: str, fields: Lines) -> None:
        """Send a head. Its content follows by ``send``, framed as `fields` say.

        Raises:
            NoAnswer: the connection has ended.
            h11.LocalProtocolError: `fields` are not to be sent.
        """
        lines = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in (("Host", self._host), *fields)
        ]
        head = h11.Request(method=method, target=path, headers=lines)
        await self._write(self._http.send(head), ANSWER_S)

    async def send(self, data: bytes, bound_s: float = ANSWER_S) -> None:
        """Send content.

        Raises:
            NoAnswer: the connection has ended, or takes nothing.
            h11.LocalProtocolError: it is more than was announced.
        """
        await self._write(self._http.send(h11.Data(data=data)), bound_s)

    async def end(self, bound_s: float = ANSWER_S) -> None:
        """The content is complete: what chunked content needs, and the next request.

        Raises:
            NoAnswer: the connection has ended, or takes nothing.
            h11.LocalProtocolError: it is less than was announced.
        """
        await self._write(self._http.send(h11.EndOfMessage()), bound_s)

    async def hear(
        self,
        method: str,
        bound_s: float | None = ANSWER_S,
        heard: Callable[[Said], None] = lambda head: None,
    ) -> Said:
        """The final response to a request of `method`, with the interims before it.

        bound_s: None where somebody else bounds it. heard: called with each head,
        before the content of the last one is there. Of many interims, the first ones
        are kept.

        Raises:
            NoAnswer: there was none, or what came is no HTTP.
        """
        interims: list[Said] = []
        count = 0
        try:
            async with asyncio.timeout(bound_s):
                heard(head := await self._head())
                while head.status < 200:
                    if count < _KEPT_INTERIMS:
                        interims.append(head)
                    if (count := count + 1) > _MOST_INTERIMS:
                        raise NoAnswer(f"{count} interim responses, and no answer")
                    heard(head := await self._head())
                content = await self._content()
        except TimeoutError:
            raise NoAnswer(f"no answer within {bound_s:g} s") from None
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

    def renew(self) -> bool:
        """Ready for another request; False when this connection takes none."""
        states = self._http.states
        if states != {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            return False
        if self._reader.at_eof() or self._http.trailing_data[0]:
            return False
        self._http.start_next_cycle()
        return True

    async def close(self) -> None:
        """End it, without waiting for the other side to agree."""
        self._writer.transport.abort()
        try:
            await self._writer.wait_closed()
        except _ENDED:
            pass  # it has ended either way

    async def _write(self, data: bytes | None, bound_s: float) -> None:
        try:
            async with asyncio.timeout(bound_s):
                await self._put(data or b"")
        except TimeoutError:
            raise NoAnswer(f"nothing was taken for {bound_s:g} s") from None

    async def _put(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except _ENDED as exc:
            raise NoAnswer("the connection ended") from exc

    async def _head(self) -> Said:
        event = await self._event()
        while not isinstance(event, h11.InformationalResponse | h11.Response):
            event = await self._event()
        return Said(event.status_code, _lines(event))

    async def _content(self) -> bytes:
        """What follows the head of a final response, as far as it is wanted."""
        content = bytearray()
        while len(content) < _MOST_CONTENT:
            event = await self._event()
            if isinstance(event, h11.EndOfMessage):
                break
            if isinstance(event, h11.Data):
                content += event.data
        return bytes(content[:_MOST_CONTENT])

    async def _event(self) -> h11.Event:
        """What comes next. Raises NoAnswer, also at the end of the connection."""
        ended = False
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                data = await self._reader.read(_PIECE)
                ended = not data
                self._http.receive_data(data)
        except _ENDED as exc:
            raise NoAnswer(_SILENT) from exc
        except h11.RemoteProtocolError as exc:
            raise NoAnswer(_SILENT if ended else "what came is no HTTP") from exc
        if isinstance(event, h11.ConnectionClosed) or not isinstance(event, h11.Event):
            raise NoAnswer(_SILENT)
        return event


def _lines(event: h11.InformationalResponse | h11.Response) -> Lines:
    """Its fields, with their names as they came."""
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in event.headers.raw_items()
    )


def _why(exc: OSError) -> str:
    """Why there is no connection. The event loop has words of its own for that, and
    several of them where a name has several addresses; the system's are clearer."""
    numbers = dict.fromkeys(map(int, _REFUSED.findall(str(exc))))
    if numbers:
        return ", ".join(map(os.strerror, numbers))
    return exc.strerror or str(exc) or type(exc).__name__
