"""How many connections there are, and which of them carry a request."""

from __future__ import annotations

import asyncio

import pytest

from proxy.core.upload import Head
from proxy.origin import Held, Origin, Upgraded
from tests.kit.bounds import until
from tests.kit.origin import RecordingOrigin, Reply, Silence
from tests.relay.conftest import read_request, serving

from .conftest import CREATION, OpenOrigin, StoredBytes, whole
from .keeping import Counting, post, sealed

QUESTION = Head("GET", "/", ((b"Host", b"h.test"),))
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
)


async def becomes(origin: Origin, *, idle: int, busy: int) -> None:
    async def so() -> bool | None:
        return origin.held == Held(idle, busy) or None

    await until(so)


@pytest.mark.usefixtures("proven")
@pytest.mark.parametrize("through", ["tcp", "tls"])
async def test_of_uploads(open_origin: OpenOrigin, through: str) -> None:
    theirs, ours = sealed() if through == "tls" else (None, None)
    async with serving(Counting(), tls=theirs) as url:
        to = open_origin(url, tls=ours)
        assert to.held == Held(0, 0)
        stream = await to.post(CREATION, StoredBytes(b"abc"))
        await whole(stream)
        await becomes(to, idle=1, busy=0)
        channel = await to.connect(3)
        assert to.held == Held(0, 1)
        channel.close()
        assert to.held == Held(0, 0)
        await asyncio.gather(*(post(to) for _ in range(3)))
        await becomes(to, idle=3, busy=0)
        await to.close()
        await becomes(to, idle=0, busy=0)


@pytest.mark.usefixtures("proven")
async def test_one_that_the_origin_has_ended_is_none(
    open_origin: OpenOrigin, origin: RecordingOrigin
) -> None:
    to = open_origin(origin.address)
    await post(to)
    await whole(await to.exchange(QUESTION, None))
    await becomes(to, idle=2, busy=0)
    await origin.stop()
    await becomes(to, idle=0, busy=0)


async def test_of_what_is_passed_through(
    open_origin: OpenOrigin, origin: RecordingOrigin
) -> None:
    to = open_origin(origin.address)
    go = asyncio.Event()
    origin.then(Reply(once=go))
    asking = asyncio.create_task(to.exchange(QUESTION, None))
    await becomes(to, idle=0, busy=1)
    go.set()
    await whole(await asking)
    await becomes(to, idle=1, busy=0)
    origin.then(Silence())
    asking = asyncio.create_task(to.exchange(QUESTION, None))
    await becomes(to, idle=0, busy=1)
    asking.cancel()
    await becomes(to, idle=0, busy=0)


async def test_a_tunnel_keeps_its_connection_busy(open_origin: OpenOrigin) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(SWITCH)
        await reader.read()

    async with serving(serve) as url:
        to = open_origin(url)
        tunnel = await to.upgrade(QUESTION)
        assert isinstance(tunnel, Upgraded)
        assert to.held == Held(0, 1)
        await tunnel.close()
        await becomes(to, idle=0, busy=0)
