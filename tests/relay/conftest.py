"""A relay between a raw client and a raw origin, without anything else of the proxy."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import web

from proxy.core.errors import ClientGone
from proxy.core.front import Trust
from proxy.core.headers import Passage
from proxy.origin import Origin
from proxy.relay import Relay
from proxy.wire import (
    BadRequest,
    Door,
    DoorTerms,
    Sent,
    abort,
    front_of_request,
    read_head,
    send,
)
from tests.kit.bounds import BOUND_S
from tests.kit.raw import Connection

TERMS = DoorTerms(keepalive_timeout_s=5.0, header_timeout_s=5.0, header_limit=8192)

PSEUDONYM = b"test-proxy"
HEAD_LIMIT = 16 * 1024

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Between:
    """A running relay, and what it did."""

    address: str
    sent: list[Sent]
    """What the handler gave for each request, in order."""
    news: asyncio.Condition

    async def connect(self) -> Connection:
        return await Connection.open(self.address)

    async def handled(self, count: int = 1) -> Sent:
        """Wait until `count` requests are over; the last of them."""
        async with self.news, asyncio.timeout(BOUND_S):
            await self.news.wait_for(lambda: len(self.sent) >= count)
        return self.sent[count - 1]


@dataclass(frozen=True)
class Settings:
    """What a test may want otherwise."""

    preserve_host: bool = True
    trusted: str | None = None
    connect_timeout_s: float = 2.0
    response_timeout_s: float = BOUND_S
    idle_timeout_s: float = BOUND_S
    tls: ssl.SSLContext | None = None
    unix_listener: Path | None = None


RunRelay = Callable[..., "Awaitable[Between]"]


@pytest.fixture
async def run_relay() -> AsyncIterator[RunRelay]:
    """Starts relays before the origin at a URL, and stops them at the end."""
    async with _Runner() as runner:
        yield runner.start


class _Runner:
    def __init__(self) -> None:
        self._origins: list[Origin] = []
        self._servers: list[asyncio.Server] = []
        self._doors: list[Door] = []

    async def __aenter__(self) -> _Runner:
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
        for door in self._doors:
            await door.shutdown(1.0)
        for origin in self._origins:
            await origin.close()

    async def start(self, url: str, settings: Settings = Settings()) -> Between:
        origin = Origin(
            url,
            connect_timeout_s=settings.connect_timeout_s,
            response_timeout_s=settings.response_timeout_s,
            tls=settings.tls,
        )
        passage = Passage(
            origin.authority, PSEUDONYM, preserve_host=settings.preserve_host
        )
        relay = Relay(origin, passage, idle_timeout_s=settings.idle_timeout_s)
        networks = (ip_network(settings.trusted),) if settings.trusted else ()
        between = Between("", [], asyncio.Condition())
        handler = _handler(relay, Trust(networks), between)
        door = Door(handler, TERMS)
        loop = asyncio.get_running_loop()
        if settings.unix_listener is not None:
            server = await loop.create_unix_server(door, settings.unix_listener)
        else:
            server = await loop.create_server(door, "127.0.0.1", 0)
            host, port = server.sockets[0].getsockname()
            between.address = f"http://{host}:{port}"
        self._origins.append(origin)
        self._servers.append(server)
        self._doors.append(door)
        return between


def _handler(
    relay: Relay, trust: Trust, between: Between
) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    async def answer(request: web.BaseRequest) -> Sent:
        try:
            head = read_head(request, HEAD_LIMIT)
            front = front_of_request(request, head, trust)
            return await relay.pass_through(request, head, front, "id-1")
        except BadRequest as bad:
            return await send(request, bad.reply())
        except ClientGone as gone:
            return abort(request, gone.why.value)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        sent = await answer(request)
        async with between.news:
            between.sent.append(sent)
            between.news.notify_all()
        return sent

    return handle


Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
RunDoor = Callable[[Handler], Awaitable[str]]


@pytest.fixture
async def run_door() -> AsyncIterator[RunDoor]:
    """Starts doors with handlers of a test's own; each gives its address."""
    doors: list[tuple[Door, asyncio.Server]] = []

    async def start(handler: Handler) -> str:
        door = Door(handler, TERMS)
        server = await asyncio.get_running_loop().create_server(door, "127.0.0.1", 0)
        doors.append((door, server))
        host, port = server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    yield start
    for door, server in doors:
        server.close()
        await door.shutdown(1.0)


async def dial(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A bare connection to a relay."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    async with asyncio.timeout(BOUND_S):
        return await asyncio.open_connection(host, int(port))


async def heard(reader: asyncio.StreamReader, size: int) -> bytes:
    """The next `size` bytes."""
    async with asyncio.timeout(BOUND_S):
        return await reader.readexactly(size)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """One request without content, as an origin reads it."""
    async with asyncio.timeout(BOUND_S):
        return await reader.readuntil(b"\r\n\r\n")


def answering(*pieces: bytes) -> Serve:
    """An origin that reads a head, says these bytes, and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"".join(pieces))
        await writer.drain()

    return serve


@asynccontextmanager
async def serving(
    serve: Serve, *, path: Path | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """An origin that treats each connection with `serve`; its URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the relay ended the connection, as it may
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(run(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    if path is not None:
        server: asyncio.Server = await asyncio.start_unix_server(accept, path)
        url = f"unix:{path}"
    else:
        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    try:
        yield url
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        failures = [end for end in ends if isinstance(end, Exception)]
        assert not failures, failures
