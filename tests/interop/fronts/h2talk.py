"""HTTP/2 over TLS: one connection, one request, everything that comes back.

It answers as the client of the kit does over HTTP/1.1, so that a test need not know
which of the two it speaks. The one invariant: nothing here waits longer than the bound.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)

from tests.kit.bounds import BOUND_S
from tests.kit.raw import Lines, NoAnswerError, Response
from tests.kit.sealed import authority

_STREAM = 1


class H2Talk:
    """One request over a connection of its own."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str
    ) -> None:
        self._reader, self._writer, self._authority = reader, writer, authority
        self._h2 = H2Connection(H2Configuration(client_side=True))
        self._interims: list[Response] = []
        self._final: Response | None = None
        self._content = bytearray()
        self._over = False

    @classmethod
    async def open(cls, address: str) -> Self:
        """Connect to an https `address`.

        Raises:
            AssertionError: the server does not choose HTTP/2.
        """
        parts = urlsplit(address)
        context = ssl.create_default_context()
        authority().configure_trust(context)
        context.set_alpn_protocols(["h2"])
        async with asyncio.timeout(BOUND_S):
            reader, writer = await asyncio.open_connection(
                parts.hostname, parts.port, ssl=context
            )
        tls = writer.get_extra_info("ssl_object")
        assert tls.selected_alpn_protocol() == "h2"
        talk = cls(reader, writer, parts.netloc)
        talk._h2.initiate_connection()
        talk._flush()
        return talk

    async def begin(
        self, method: str, path: str, *fields: tuple[str, str], ends: bool = False
    ) -> None:
        """Send the head of the request; `ends`: it has no content."""
        pseudo = (
            (":method", method),
            (":scheme", "https"),
            (":authority", self._authority),
            (":path", path),
        )
        lower = tuple((name.lower(), value) for name, value in fields)
        self._h2.send_headers(_STREAM, [*pseudo, *lower], end_stream=ends)
        self._flush()

    async def send(self, content: bytes, *, last: bool = False) -> None:
        """Send content as fast as it is let."""
        left = memoryview(content)
        async with asyncio.timeout(BOUND_S):
            while left and not self._over:
                window = self._h2.local_flow_control_window(_STREAM)
                room = min(window, self._h2.max_outbound_frame_size)
                if not room:
                    await self._take()
                    continue
                self._h2.send_data(_STREAM, bytes(left[:room]))
                left = left[room:]
                self._flush()
                await self._writer.drain()
            if last and not self._over:
                self._h2.end_stream(_STREAM)
                self._flush()

    async def hear_interim(self) -> Response:
        """The first interim response."""
        await self._until(lambda: bool(self._interims or self._final))
        assert self._interims, f"a final response came: {self._final}"
        return self._interims[0]

    async def hear(self) -> Response:
        """The final response, with the interims before it.

        Raises:
            NoAnswerError: the stream or the connection ended without one.
        """
        await self._until(lambda: False)
        if self._final is None:
            raise NoAnswerError("the stream ended")
        final = self._final
        content, interims = bytes(self._content), tuple(self._interims)
        return Response(
            final.protocol, final.status, "", final.fields, content, True, interims
        )

    async def close(self) -> None:
        """End the connection as one whose client has died."""
        self._writer.transport.abort()
        try:
            await self._writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            pass  # it ends either way

    async def _until(self, seen: Callable[[], bool]) -> None:
        async with asyncio.timeout(BOUND_S):
            while not self._over and not seen():
                await self._take()

    async def _take(self) -> None:
        piece = await self._reader.read(65536)
        if not piece:
            self._over = True
            return
        for event in self._h2.receive_data(piece):
            self._note(event)
        self._flush()

    def _note(self, event: Event) -> None:
        match event:
            case InformationalResponseReceived():
                self._interims.append(_response(event.headers))
            case ResponseReceived():
                self._final = _response(event.headers)
            case DataReceived():
                self._content += event.data
                size = event.flow_controlled_length
                self._h2.acknowledge_received_data(size, _STREAM)
            case StreamEnded() | StreamReset() | ConnectionTerminated():
                self._over = True

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._writer.write(data)


def _response(headers: object) -> Response:
    assert isinstance(headers, list)
    lines: Lines = tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in headers
    )
    status = int(dict(lines)[":status"])
    fields = tuple(line for line in lines if not line[0].startswith(":"))
    return Response("HTTP/2", status, "", fields)
