"""Who is let in, and who has been, when a process stops serving."""

from __future__ import annotations

import asyncio
import socket
import struct
from pathlib import Path

from aiohttp import web

from proxy.core.upload import Reply
from proxy.listening import Listening
from proxy.sockets import BACKLOG
from proxy.wire import Door, DoorTerms, send
from tests.kit.raw import Connection, request


def kernels_bound() -> int:
    """On how many may wait."""
    return int(Path("/proc/sys/net/core/somaxconn").read_text())


async def _hello(request: web.BaseRequest) -> web.StreamResponse:
    return await send(request, Reply(200, (), b"hello"))


async def test_who_was_accepted_in_the_turn_before_the_stop_is_answered() -> None:
    """The event loop makes connections of them in its next turn."""
    door = Door(_hello, DoorTerms(10, 10, 65536))
    listening = Listening(door, None, at_once=100)
    with socket.create_server(("127.0.0.1", 0)) as public:
        public.setblocking(False)
        await listening.serve([public])
        # in this order: connected, accepted with the next turn, stopped within it
        clients = [socket.create_connection(public.getsockname()) for _ in range(5)]
        loop = asyncio.get_running_loop()
        stop: asyncio.Future[asyncio.Task[None]] = loop.create_future()
        loop.call_soon(
            lambda: stop.set_result(asyncio.create_task(listening.accept_no_more()))
        )
        await (await stop)
    waiting = asyncio.create_task(listening.hear_out())
    for client in clients:
        client.setblocking(False)
        speaking = Connection(*await asyncio.open_connection(sock=client))
        await speaking.send(request("GET", "/", ("Host", "x")))
        response = await speaking.hear("GET")
        assert (response.status, response.one("connection")) == (200, "close")
        await speaking.close()
    await waiting
    await listening.close()
    assert door.open == 0


async def test_more_may_wait_to_be_accepted_than_are_at_once() -> None:
    """Of a crowd that comes back in the same moment none is left to TCP's patience."""
    listening = Listening(Door(_hello, DoorTerms(10, 10, 65536)), None, at_once=8)
    with socket.create_server(("127.0.0.1", 0)) as public:
        await listening.serve([public])
        told = public.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        # of a listener, tcpi_sacked is how many may wait
        (may_wait,) = struct.unpack_from("I", told, 28)
        await listening.accept_no_more()
    await listening.close()
    assert may_wait == min(BACKLOG, kernels_bound())
    assert BACKLOG >= 4096
