"""A connection that ends although its client has said more: the last answer arrives."""

from __future__ import annotations

import asyncio
import gc
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

from proxy.core.upload import Reply
from proxy.listening import Listening
from proxy.wire import Body, Door, send
from proxy.wire.door import Handler
from proxy.wire.gate import Gate, Terms
from tests.kit.bounds import BOUND_S, until
from tests.kit.raw import chunk, request
from tests.origin.closing import RESET
from tests.origin.keeping import sealed as contexts

from .conftest import TERMS

LARGE = b"x" * 6_000_000
"""More than the kernel takes of an answer."""
SMALL_WINDOW = 32 * 1024
LAST = (
    request("POST", "/", ("Transfer-Encoding", "chunked")) + chunk(b"abc") + chunk(b"")
)
"""A request after which the connection ends, of which its client knows nothing yet."""
MORE = [
    request("GET", "/more") * 100_000,
    request("PUT", "/", ("Content-Length", "3000000")) + b"y" * 3_000_000,
]

Open = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


def _door(
    content: bytes = LARGE,
    *,
    keepalive_timeout_s: float = 5.0,
    handler: Handler | None = None,
) -> Door:
    async def answering(request: web.BaseRequest) -> web.StreamResponse:
        body = Body(request, BOUND_S)
        while await body.read():
            pass
        return await send(request, Reply(200, (), content))

    terms = replace(TERMS, keepalive_timeout_s=keepalive_timeout_s)
    return Door(handler or answering, terms)


def _unsealed(peer: str, why: str) -> None:
    raise AssertionError(f"no TLS with {peer}: {why}")


@asynccontextmanager
async def _by_tcp(door: Door, *, sealed: bool = False) -> AsyncIterator[Open]:
    loop = asyncio.get_running_loop()
    accept: Callable[[], asyncio.BaseProtocol] = door
    ours = None
    if sealed:
        theirs, ours = contexts()
        accept = partial(Gate, door, Terms(lambda: theirs, 5.0, _unsealed), set())
    server = await loop.create_server(accept, "127.0.0.1", 0)

    async def open_() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_WINDOW)
        await loop.sock_connect(sock, server.sockets[0].getsockname())
        name = "localhost" if sealed else None
        return await asyncio.open_connection(sock=sock, ssl=ours, server_hostname=name)

    yield open_
    server.close()
    await door.shutdown(1.0)


@asynccontextmanager
async def _by_path(door: Door, path: Path) -> AsyncIterator[Open]:
    server = await asyncio.get_running_loop().create_unix_server(door, path)

    async def open_() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(path)

    yield open_
    server.close()
    await door.shutdown(1.0)


@pytest.mark.parametrize("more", MORE, ids=["requests", "content"])
@pytest.mark.parametrize("way", ["tcp", "tls", "unix"])
async def test_who_has_said_more_gets_the_whole_answer(
    way: str, more: bytes, tmp_path: Path
) -> None:
    """Unread bytes make the kernel end a connection with a reset, which overtakes what
    the client has not read yet."""
    door = _door()
    served = (
        _by_path(door, tmp_path / "door")
        if way == "unix"
        else _by_tcp(door, sealed=way == "tls")
    )
    async with served as open_, asyncio.timeout(BOUND_S):
        reader, writer = await open_()
        writer.write(LAST + more)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"\r\nConnection: close\r\n" in head
        assert await reader.readexactly(len(LARGE)) == LARGE
        assert await reader.read() == b""
        writer.close()


async def test_who_takes_its_time_over_tls_gets_the_whole_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not late with its goodbye as long as there is more to take."""
    monkeypatch.setattr("proxy.wire.gate.GOODBYE_S", 0.05)
    async with _by_tcp(_door(), sealed=True) as open_, asyncio.timeout(BOUND_S):
        reader, writer = await open_()
        writer.write(request("GET", "/", ("Connection", "close")))
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.3)  # many times as long as a goodbye may take
        assert await reader.readexactly(len(LARGE)) == LARGE
        writer.close()


async def test_who_takes_nothing_over_tls_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.wire.gate.GOODBYE_S", 0.05)
    monkeypatch.setattr("proxy.wire.gate.STALL_S", 0.2)
    door = _door()
    async with _by_tcp(door, sealed=True) as open_:
        reader, writer = await open_()
        writer.write(request("GET", "/", ("Connection", "close")))
        await reader.readuntil(b"\r\n\r\n")
        await until(partial(_left, door))
        writer.transport.abort()


@pytest.mark.parametrize("way", ["idle", "half closed"])
async def test_who_does_not_take_the_end_of_an_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """P9: it would have its place among the connections for ever."""
    monkeypatch.setattr("proxy.wire.door.STALL_S", 0.2)
    # Little enough that nobody waits until it is taken.
    door = _door(b"x" * 30_000, keepalive_timeout_s=0.2 if way == "idle" else BOUND_S)

    async def unsent() -> bool | None:
        if door.has_unsent:
            return True
        if len(door.rests):
            writer.write(request("GET", "/"))
        return None

    async with _by_tcp(door) as open_:
        _, writer = await open_()
        writer.write(request("GET", "/"))
        await until(unsent)
        if way == "half closed":
            writer.write_eof()
        await until(partial(_left, door))
        writer.transport.abort()


@pytest.mark.parametrize("sealed", [False, True], ids=["tcp", "tls"])
async def test_a_stop_waits_for_what_was_said_to_be_taken(sealed: bool) -> None:
    """As far as it has the time: what the kernel has not got is gone with a process."""
    door = _door()
    listening = Listening(door, None, at_once=100)
    async with _by_tcp(door, sealed=sealed) as open_, asyncio.timeout(BOUND_S):
        reader, writer = await open_()
        writer.write(request("GET", "/", ("Connection", "close")))
        await reader.readuntil(b"\r\n\r\n")
        assert door.has_unsent
        await listening.see_out(0.05)
        assert door.has_unsent
        seen_out = asyncio.create_task(listening.see_out(BOUND_S))
        assert await reader.readexactly(len(LARGE)) == LARGE
        await seen_out
        assert not door.has_unsent
        writer.close()


async def test_who_resets_what_ends_is_no_trouble() -> None:
    """Unread bytes keep the reset from being seen before the end that comes then."""
    faults: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: faults.append(context))

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        sent = await send(request, Reply(200, (), b"stored"))
        assert request.transport is not None
        sock = request.transport.get_extra_info("socket")
        poll = select.poll()
        poll.register(sock.fileno(), 0)
        await until(partial(_is_reset, poll))
        return sent

    door = _door(handler=handler)
    async with _by_tcp(door) as open_, asyncio.timeout(BOUND_S):
        reader, writer = await open_()
        writer.write(LAST + MORE[0])
        await reader.readuntil(b"stored")
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()
        await until(partial(_left, door))
    gc.collect()
    assert faults == []


async def _is_reset(poll: select.poll) -> bool | None:
    return True if poll.poll(0) else None


async def _go_on(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(MORE[0])
        await writer.drain()


async def test_who_goes_on_and_on_is_not_heard_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.wire.door.LINGER_S", 0.2)
    door = _door()
    async with _by_tcp(door) as open_, asyncio.timeout(BOUND_S):
        reader, writer = await open_()
        writer.write(LAST + MORE[0])
        await reader.readexactly(len(LARGE))
        with pytest.raises(ConnectionError):
            await _go_on(writer)
        assert door.open == 0


async def _left(door: Door) -> bool | None:
    return None if door.open else True


async def test_a_stop_does_not_wait_for_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.wire.door.LINGER_S", 2 * BOUND_S)
    door = _door()
    async with _by_tcp(door) as open_, asyncio.timeout(BOUND_S):
        reader, writer = await open_()
        writer.write(LAST + MORE[0])
        assert (await reader.read()).endswith(LARGE)
        assert door.open == 1
        await door.shutdown(BOUND_S)
        await until(partial(_left, door))
        writer.close()
