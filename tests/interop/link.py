"""A network between a client and a server that breaks once, at a chosen byte.

It carries connections both ways. When `breaks_after` bytes in all have gone towards the
server, it stalls (what the client says then is lost) or resets the connection at both
ends; from then on it carries everything again. The one invariant: exactly that many
bytes reach the server, unless the client says less.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Literal
from urllib.parse import urlsplit

from tests.kit.bounds import BOUND_S

Breaking = Literal["stall", "reset"]

_PIECE = 16384
"""Bytes carried at a time."""


class Link:
    """Listens on an ephemeral port of 127.0.0.1 and carries what comes to a server."""

    def __init__(self, server: str, breaks_after: int, breaking: Breaking) -> None:
        self._server = urlsplit(server)
        self._left: int | None = breaks_after
        """Bytes to go before it breaks; None: it has broken."""
        self._breaking = breaking
        self._listening: asyncio.Server | None = None
        self._carrying: set[asyncio.Task[None]] = set()
        self.broken = asyncio.Event()
        self.address = ""

    async def start(self) -> None:
        self._listening = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._listening.sockets[0].getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"

    async def breaks(self, within_s: float) -> None:
        """Wait until it has broken."""
        async with asyncio.timeout(within_s):
            await self.broken.wait()

    async def stop(self) -> None:
        """Carry nothing more."""
        assert self._listening is not None
        self._listening.close()
        await self.cut()

    async def cut(self) -> None:
        """End every connection there is; those to come are carried."""
        carrying = list(self._carrying)
        for task in carrying:
            task.cancel()
        async with asyncio.timeout(BOUND_S):
            await asyncio.gather(*carrying, return_exceptions=True)

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def _carry(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        try:
            from_server, to_server = await asyncio.open_connection(
                self._server.hostname, self._server.port
            )
        except ConnectionError:
            to_client.close()
            return
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._back(from_server, to_client))
                both.create_task(self._forth(from_client, to_server, to_client))
        except* ConnectionError:
            pass  # one side is gone; the other one hears of it below
        finally:
            to_server.close()
            to_client.close()

    async def _back(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
        writer.close()

    async def _forth(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        to_client: asyncio.StreamWriter,
    ) -> None:
        while piece := await reader.read(_PIECE):
            carried = piece[: self._left]
            writer.write(carried)
            await writer.drain()
            if self._left is None:
                continue
            self._left -= len(carried)
            if self._left == 0:
                await self._break(reader, writer, to_client)
                return
        writer.close()

    async def _break(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        to_client: asyncio.StreamWriter,
    ) -> None:
        """Leave this connection as a broken network does."""
        self._left = None
        self.broken.set()
        if self._breaking == "reset":
            _reset(to_client)
        else:
            while await reader.read(_PIECE):
                pass  # said into the void, until the client gives up
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
