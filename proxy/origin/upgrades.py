"""A connection to the origin that has stopped speaking HTTP (RFC 9110 "Upgrade")."""

from __future__ import annotations

import asyncio
from typing import Protocol

from aiohttp.http_writer import StreamWriter

from proxy.core.errors import OriginLost

from .answers import AnswerStream


class Listener(Protocol):
    """What takes the bytes of a connection that aiohttp parses no more."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take `data`; never the end, never anything left, hence (False, b"")."""

    def feed_eof(self) -> None:
        """Nothing more will come."""


class Upgraded:
    """The origin's end of such a connection, with the answer that agreed to it."""

    def __init__(self, stream: AnswerStream) -> None:
        """Raises:
        OriginLost: it is closed already.
        """
        connection = stream.response.connection
        if connection is None or connection.protocol is None:
            raise OriginLost("connection_terminated")
        self._stream = stream
        self.protocol = connection.protocol
        # Silence is no failure any more.
        self.protocol.read_timeout = None
        self.answer = stream.answer
        self.writer = StreamWriter(self.protocol, asyncio.get_running_loop())

    def listen(self, listener: Listener) -> None:
        """Give what comes to `listener`, and first what came with the answer."""
        self.protocol.set_parser(listener, None)

    async def close(self) -> None:
        await self._stream.close()
