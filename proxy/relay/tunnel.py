"""WebSockets: once both ends agree, bytes go through as they are.

No frame is looked at, so extensions and subprotocols are the business of the two ends.
Each end is read only as fast as the other takes it. The one invariant: when one end
closes, the other is closed, after it was given all that came before.

Source: RFC 9110 "Upgrade"; RFC 6455.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.base_protocol import BaseProtocol

from proxy.core.headers import connection_options
from proxy.core.upload import Fields, Head
from proxy.origin import Upgraded
from proxy.wire import Sent, send_switch

_UPGRADE: Fields = ((b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"))


def wants_websocket(head: Head) -> bool:
    """True for a request that asks to speak WebSocket from now on.

    Every other upgrade is ignored, as is one asked for with content: `Upgrade` is then
    dropped with the other fields of one connection.
    """
    return (
        head.method == "GET"
        and not head.http_1_0
        and head.content_length == 0
        and (head.value(b"upgrade") or b"").lower() == b"websocket"
        and b"upgrade" in connection_options(head.fields)
    )


def asking_websocket(head: Head) -> Head:
    """`head` with the fields that ask the origin for what its client asked us."""
    return replace(head, fields=(*head.fields, *_UPGRADE))


async def tunnel(request: web.BaseRequest, origin: Upgraded) -> Sent:
    """Agree to the upgrade, then pass bytes both ways until one end closes."""
    try:
        await send_switch(request, (*origin.answer.fields, *_UPGRADE))
        client, server = request.protocol, origin.protocol
        up = Pipe(client, server, origin.writer)
        down = Pipe(server, client, request.writer)
        # a WebSocketReader by its type, of which only what a Pipe has is called
        client.set_parser(cast("Any", up))
        origin.listen(down)
        async with asyncio.TaskGroup() as group:
            ways = [group.create_task(pipe.run()) for pipe in (up, down)]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
    finally:
        await origin.close()
    return Sent(101, goes_on=False)


class Pipe:
    """One way through: takes what comes from one end, as aiohttp's parsers do."""

    def __init__(
        self, source: BaseProtocol, target: BaseProtocol, writer: AbstractStreamWriter
    ) -> None:
        """`writer`: one that writes to `target`."""
        self._source = source
        self._target = target
        self._writer = writer
        self._ended = False
        self._news = asyncio.Event()
        if not source.connected or not target.connected:
            self.feed_eof()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Pass `data` on at once; when the other end is slow, read no more for now."""
        transport = self._target.transport
        if transport is None or transport.is_closing():
            self.feed_eof()
            return False, b""
        transport.write(data)
        if self._target.writing_paused and self._source.transport is not None:
            self._source.transport.pause_reading()
            self._news.set()
        return False, b""

    def feed_eof(self) -> None:
        """One of the ends is gone."""
        self._ended = True
        self._news.set()

    async def run(self) -> None:
        """Read on whenever the other end has caught up; until one of them closes."""
        while not self._ended:
            await self._news.wait()
            self._news.clear()
            try:
                await self._writer.drain()
            except ConnectionError:
                return
            if self._source.transport is not None:
                self._source.transport.resume_reading()
