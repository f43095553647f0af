"""The network between the page and the proxy: it can be slow, be cut, and be down.

A listener of its own that carries connections to the proxy, both ways. To cut it is to
reset every connection there is, at both ends, as a network does that goes away; while
it is down, those to come are reset at once. The one invariant: it changes no byte and
no order, so that whatever goes wrong is the network's doing.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Final
from urllib.parse import urlsplit

CUT_S: Final = 0.5
"""Seconds that a cut takes. With none, a browser that repeats by itself what was on a
connection it had kept gets through, and nothing is seen of the cut."""
_PIECE: Final = 16384
"""Bytes carried at a time."""
_WINDOW: Final = 16384
"""Bytes that may wait in the kernel before the link."""
_SEGMENT: Final = 1460
"""Bytes of a segment, as on Ethernet. On loopback they are 64 KiB, for which the kernel
of a sender buffers megabytes: a browser would count them as sent, and a cut takes them
away."""
_LATE_S: Final = 0.05
"""Seconds that may be caught up with when a sleep took longer than it was asked to."""


class Link:
    """Listens on an ephemeral port of 127.0.0.1 and carries what comes to a server."""

    def __init__(self, rate: int | None = None) -> None:
        self.rate = rate
        """Bytes each second towards the server, of all connections; None: no bound."""
        self.online = True
        """False: what comes is reset, and never reaches the server."""
        self.address = ""
        self._server = ""
        self._listening: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._free_at = 0.0
        """When the next byte may go, on the loop's clock."""
        self._back_at = 0.0
        """When the latest cut is over, on the loop's clock."""

    async def start(self, server: str) -> None:
        """Carry to `server`, a URL, from now on."""
        self._server = server
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT)
        listening.bind(("127.0.0.1", 0))
        self._listening = await asyncio.start_server(self._accept, sock=listening)
        host, port = listening.getsockname()
        self.address = f"http://{host}:{port}"

    async def stop(self) -> None:
        if self._listening is None:
            return
        self._listening.close()
        self.cut()
        await self._listening.wait_closed()

    def cut(self, for_s: float = CUT_S) -> None:
        """Reset every connection there is, and those to come within `for_s` seconds."""
        self._back_at = asyncio.get_running_loop().time() + for_s
        for writer in tuple(self._ends):
            _reset(writer)

    def go(self, *, online: bool) -> None:
        """Be up, or down."""
        self.online = online
        if not online:
            self.cut()

    async def _accept(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        parts = urlsplit(self._server)
        try:
            if not self._carries():
                raise ConnectionError("the link is down")
            from_server, to_server = await asyncio.open_connection(
                parts.hostname, parts.port
            )
        except OSError:
            _reset(to_client)
            return
        ends = {to_client, to_server}
        self._ends |= ends
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forth(from_client, to_server))
                both.create_task(_back(from_server, to_client))
        except* ConnectionError:
            pass  # cut, or one side has left; the other one hears of it below
        finally:
            self._ends -= ends
            to_server.close()
            to_client.close()

    def _carries(self) -> bool:
        return self.online and asyncio.get_running_loop().time() >= self._back_at

    async def _forth(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while piece := await reader.read(_PIECE):
            await self._turn(len(piece))
            writer.write(piece)
            await writer.drain()
        writer.close()

    async def _turn(self, size: int) -> None:
        """Wait until `size` bytes may go."""
        if self.rate is None:
            return
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now - _LATE_S) + size / self.rate
        await asyncio.sleep(self._free_at - now)


async def _back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
    writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End it with a reset, so that its client cannot take it for an orderly end."""
    if not writer.is_closing():  # else its socket may be closed already
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
