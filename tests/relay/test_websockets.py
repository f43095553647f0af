"""WebSockets go through as they are, frames, extensions and all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from tests.kit.bounds import BOUND_S
from tests.kit.origin import RecordingOrigin, Reply, Reset
from tests.kit.raw import chunk, request

from .conftest import RunRelay, dial, heard, read_request, serving

UPGRADE = (
    ("Connection", "keep-alive, Upgrade"),
    ("Upgrade", "WebSocket"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
)
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade"
)


async def _echo(request: web.BaseRequest) -> web.StreamResponse:
    socket = web.WebSocketResponse(protocols=("chat.v2",), max_msg_size=0)
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


@asynccontextmanager
async def _echo_server() -> AsyncIterator[str]:
    door = web.Server(_echo)
    server = await asyncio.get_running_loop().create_server(door, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await door.shutdown(1.0)


@pytest.mark.parametrize("compress", [0, 15])
async def test_messages_go_both_ways_with_extension_and_subprotocol(
    run_relay: RunRelay, compress: int
) -> None:
    async with _echo_server() as url, aiohttp.ClientSession() as session:
        between = await run_relay(url)
        async with (
            asyncio.timeout(2 * BOUND_S),
            session.ws_connect(
                between.address + "/chat?room=%7E",
                compress=compress,
                protocols=("chat.v1", "chat.v2"),
                max_msg_size=0,
            ) as socket,
        ):
            assert socket.protocol == "chat.v2"
            assert socket.compress == compress
            for text in ("hello", "x" * 70_000, "again"):
                await socket.send_str(text)
                assert await socket.receive_str() == text
            large = bytes(range(256)) * 20_000
            await socket.send_bytes(large)
            assert await socket.receive_bytes() == large
        assert socket.close_code == 1000
        assert (await between.handled()).status == 101


async def test_the_handshake_goes_through_field_by_field(run_relay: RunRelay) -> None:
    heads = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_request(reader))
        writer.write(
            SWITCH + b"\r\nSec-WebSocket-Accept: x\r\nX-Own: caf\xe9\r\n\r\nHi"
        )
        assert await reader.readexactly(5) == b"early"
        writer.write(b"Bye")

    async with serving(serve) as url:
        between = await run_relay(url)
        reader, writer = await dial(between.address)
        # what comes behind the request is for the other protocol already
        writer.write(request("GET", "/ws", *UPGRADE, ("X", "1")) + b"early")
        head = await read_request(reader)
        assert head.startswith(b"HTTP/1.1 101 ")
        for line in (
            b"\r\nSec-WebSocket-Accept: x\r\n",
            b"\r\nX-Own: caf\xe9\r\n",
            b"\r\nUpgrade: websocket\r\n",
            b"\r\nConnection: Upgrade\r\n",
        ):
            assert line in head
        assert await heard(reader, 5) == b"HiBye"
        assert await reader.read() == b""
        writer.close()
    assert b"\r\nUpgrade: websocket\r\n" in heads[0]
    assert b"\r\nConnection: Upgrade\r\n" in heads[0]
    assert b"\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" in heads[0]
    assert b"\r\nVia: 1.1 test-proxy\r\n" in heads[0]


async def test_an_origin_that_does_not_want_to_is_answered_for_as_usual(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    origin.then(Reply(403, (), b"no", framing="chunked"))
    client = await between.connect()
    await client.send(request("GET", "/ws", *UPGRADE))
    answer = await client.hear("GET")
    assert (answer.status, answer.content) == (403, b"no")
    # and the connection goes on speaking HTTP
    await client.send(
        request("POST", "/", ("Transfer-Encoding", "chunked")), chunk(b"")
    )
    assert (await client.hear()).status == 200
    await client.close()


async def test_an_origin_that_is_down(run_relay: RunRelay) -> None:
    between = await run_relay("http://127.0.0.1:1")
    client = await between.connect()
    await client.send(request("GET", "/ws", *UPGRADE))
    assert (await client.hear("GET")).status == 502
    await client.close()


async def test_a_handshake_is_sent_once(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    origin.then(Reset(), Reset())
    client = await between.connect()
    await client.send(request("GET", "/ws", *UPGRADE))
    assert (await client.hear("GET")).status == 502
    await client.close()
    assert len(origin.requests) == 1


@pytest.mark.parametrize("first", ["client", "origin"])
async def test_when_one_end_closes_the_other_is_closed(
    run_relay: RunRelay, first: str
) -> None:
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(SWITCH + b"\r\n\r\n")
        if first == "origin":
            writer.write(b"x" * 500_000)
            return
        assert await reader.readexactly(500_000) == b"y" * 500_000
        assert await reader.read() == b""
        closed.set()

    async with serving(serve) as url, asyncio.timeout(2 * BOUND_S):
        between = await run_relay(url)
        reader, writer = await dial(between.address)
        writer.write(request("GET", "/ws", *UPGRADE))
        await read_request(reader)
        if first == "client":
            writer.write(b"y" * 500_000)
            writer.close()
            await closed.wait()
        else:
            assert await reader.read() == b"x" * 500_000
            writer.close()
        await between.handled()


async def test_an_end_that_does_not_read_holds_back_the_other(
    run_relay: RunRelay,
) -> None:
    held: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    bound = 32_000_000

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(SWITCH + b"\r\n\r\n")
        given = 0
        while given < bound:
            writer.write(b"x" * 65536)
            try:
                async with asyncio.timeout(0.5):
                    await writer.drain()
            except TimeoutError:
                break
            given += 65536
        held.set_result(given)
        writer.write(b"end")
        await writer.drain()

    async with serving(serve) as url, asyncio.timeout(4 * BOUND_S):
        between = await run_relay(url)
        reader, writer = await dial(between.address)
        writer.write(request("GET", "/ws", *UPGRADE))
        given = await held
        assert given < bound
        await read_request(reader)
        # once it reads again, everything comes
        rest = await reader.read()
        assert len(rest) == given + 65536 + 3
        assert rest.endswith(b"end")
        writer.close()
