"""The content of a request: no byte is lost, and its reader is never left waiting."""

from __future__ import annotations

import asyncio
import gc
import weakref
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from aiohttp import web

from proxy.core.errors import ClientGone, Gone
from proxy.core.upload import Reply
from proxy.wire import Body, Shortcut, abort, send
from tests.kit.bounds import BOUND_S, until
from tests.kit.raw import Connection, chunk, request

from .conftest import RunDoor

THOUSAND = ("Content-Length", "1000")
CHUNKED = ("Transfer-Encoding", "chunked")


@dataclass
class Taker:
    """A handler that takes a body as `hold` lets it, and keeps what it got."""

    shortcut: ClassVar[Shortcut | None] = None
    idle_timeout_s: float = BOUND_S
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the handler may begin to read."""
    requests: list[web.BaseRequest] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)
    got: bytearray = field(default_factory=bytearray)
    gone: Gone | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        body = Body(request, self.idle_timeout_s, shortcut=self.shortcut)
        self.requests.append(request)
        self.bodies.append(body)
        await self.hold.wait()
        try:
            body.begin()
            await body.pour(self.take)
            while piece := await body.read():
                self.got += piece
        except ClientGone as gone:
            self.gone = gone.why
            self.got += body.leftover()
            self.over.set()
            return abort(request)
        self.over.set()
        return await send(request, Reply(200))

    def take(self, chunk: memoryview) -> bool:
        self.got += chunk
        return True

    async def holds(self, size: int) -> None:
        """Wait until so many bytes have arrived and lie here."""

        async def enough() -> bool | None:
            there = self.requests and self.requests[0].content.total_bytes >= size
            return True if there else None

        await until(enough)

    async def left_alone(self) -> None:
        """Wait until the client's end has been noticed."""

        async def alone() -> bool | None:
            return True if self.requests[0].transport is None else None

        await until(alone)

    async def finished(self) -> Body:
        async with asyncio.timeout(BOUND_S):
            await self.over.wait()
        return self.bodies[0]


@pytest.fixture(autouse=True, params=["ordinary", "shortcut"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test twice: bodies that are read, and on the shortcut from the start."""
    shortcut = Shortcut(least=1) if request.param == "shortcut" else None
    monkeypatch.setattr(Taker, "shortcut", shortcut)


@pytest.mark.parametrize("chunked", [True, False])
async def test_content_that_comes_whole(run_door: RunDoor, *, chunked: bool) -> None:
    taker = Taker()
    taker.hold.set()
    client = await Connection.open(await run_door(taker))
    content = b"x" * 1000
    if chunked:
        await client.send(request("POST", "/", CHUNKED), chunk(content), chunk(b""))
    else:
        await client.send(request("POST", "/", THOUSAND), content)
    assert (await client.hear()).status == 200
    body = await taker.finished()
    assert taker.got == content
    assert body.consumed
    assert body.gone is None
    assert body.leftover() == b""
    body.end(Gone.SUPERSEDED)  # too late to mean anything
    assert body.gone is None
    await client.close()


async def test_a_request_without_content_has_an_empty_body(run_door: RunDoor) -> None:
    taker = Taker()
    taker.hold.set()
    client = await Connection.open(await run_door(taker))
    await client.send(request("GET", "/"))
    assert (await client.hear("GET")).status == 200
    body = await taker.finished()
    assert body.consumed
    assert body.leftover() == b""
    await client.close()


@pytest.mark.parametrize("by", ["fin", "reset"])
@pytest.mark.parametrize("size", [1, 1000, 100_000, 400_000])
async def test_every_byte_that_came_before_a_cut_is_there(
    run_door: RunDoor, by: str, size: int
) -> None:
    """Although nobody had read any of it yet."""
    taker = Taker()
    client = await Connection.open(await run_door(taker))
    head = request("POST", "/", ("Content-Length", "1000000"))
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    await client.send(head, content)
    await taker.holds(size)
    await (client.close() if by == "fin" else client.reset())
    taker.hold.set()
    body = await taker.finished()
    assert taker.got == content
    assert taker.gone is body.gone is Gone.CUT
    assert not body.consumed


async def test_a_cut_while_a_read_waits(run_door: RunDoor) -> None:
    taker = Taker()
    taker.hold.set()
    client = await Connection.open(await run_door(taker))
    await client.send(request("POST", "/", THOUSAND), b"abc")
    await client.hear_nothing(for_s=0.05)
    await client.close()
    await taker.finished()
    assert (bytes(taker.got), taker.gone) == (b"abc", Gone.CUT)


@pytest.mark.parametrize("broken", [b"zz\r\n", b"3\r\nabcXX", b"\r\n\r\n"])
async def test_broken_framing_is_told_at_once(run_door: RunDoor, broken: bytes) -> None:
    taker = Taker()
    taker.hold.set()
    client = await Connection.open(await run_door(taker))
    await client.send(request("POST", "/", CHUNKED), chunk(b"abc"))
    await taker.holds(3)
    await client.send(broken)
    await taker.finished()
    assert taker.got[:3] == b"abc"
    assert taker.gone is Gone.CUT
    assert await client.ended() == b""
    await client.close()


@pytest.mark.parametrize("why", [Gone.SUPERSEDED, Gone.STOPPING])
async def test_a_body_can_be_ended_without_losing_a_byte(
    run_door: RunDoor, why: Gone
) -> None:
    taker = Taker()
    client = await Connection.open(await run_door(taker))
    content = b"x" * 700_000  # more than aiohttp holds before it stops reading
    await client.send(request("POST", "/", ("Content-Length", "1000000")))
    async with asyncio.TaskGroup() as group:
        group.create_task(client.send(content))
        await taker.holds(500_000)
        taker.bodies[0].end(why)
        taker.bodies[0].end(Gone.CUT)  # the first reason stays
        taker.hold.set()
        await taker.finished()
    assert taker.gone is why
    assert len(taker.got) >= 500_000
    assert await client.ended() == b""
    await client.close()


async def test_ending_wakes_a_read_that_waits(run_door: RunDoor) -> None:
    taker = Taker()
    taker.hold.set()
    client = await Connection.open(await run_door(taker))
    await client.send(request("POST", "/", THOUSAND), b"abc")
    await client.hear_nothing(for_s=0.05)
    taker.bodies[0].end(Gone.SUPERSEDED)
    body = await taker.finished()
    assert (bytes(taker.got), taker.gone) == (b"abc", Gone.SUPERSEDED)
    with pytest.raises(ClientGone, match="superseded"):
        await body.read()
    await client.close()


async def test_silence_ends_a_body(run_door: RunDoor) -> None:
    taker = Taker(idle_timeout_s=0.2)
    taker.hold.set()
    client = await Connection.open(await run_door(taker))
    await client.send(request("POST", "/", THOUSAND), b"abc")
    body = await taker.finished()
    assert (bytes(taker.got), taker.gone) == (b"abc", Gone.IDLE)
    now = asyncio.get_running_loop().time()
    assert 0.15 < now - body.last_byte_at < BOUND_S
    await client.close()


async def test_slow_is_not_silent(run_door: RunDoor) -> None:
    taker = Taker(idle_timeout_s=0.2)
    taker.hold.set()
    client = await Connection.open(await run_door(taker))
    await client.send(request("POST", "/", ("Content-Length", "6")))
    for _ in range(6):
        await client.hear_nothing(for_s=0.08)
        await client.send(b"x")
    assert (await client.hear()).status == 200
    assert taker.got == b"xxxxxx"
    await client.close()


async def test_a_reader_that_takes_its_time_does_not_make_the_client_silent(
    run_door: RunDoor,
) -> None:
    got = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        body = Body(request, 0.1)
        got.append(await body.read())
        await asyncio.sleep(0.3)
        while piece := await body.read():
            got.append(piece)
        return await send(request, Reply(200))

    client = await Connection.open(await run_door(handler))
    await client.send(request("POST", "/", ("Content-Length", "2")), b"a")
    await client.hear_nothing(for_s=0.05)
    await client.send(b"b")
    assert (await client.hear()).status == 200
    assert got == [b"a", b"b"]
    await client.close()


@pytest.mark.parametrize("rest", [b"", b"bc"])
async def test_a_body_that_nobody_reads_to_its_end_is_let_go(
    run_door: RunDoor, rest: bytes
) -> None:
    """Its timer would otherwise keep the request for ever."""

    class Watched(Body):
        __slots__ = ("__weakref__",)

    bodies: list[weakref.ref[Body]] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        body = Watched(request, 0.05)
        bodies.append(weakref.ref(body))
        await body.read()
        return await send(request, Reply(413, close=not rest))

    async def gone() -> bool | None:
        gc.collect()
        return True if bodies and bodies[0]() is None else None

    client = await Connection.open(await run_door(handler))
    await client.send(request("POST", "/", ("Content-Length", "3")), b"a")
    assert (await client.hear()).status == 413
    await client.send(rest)
    await until(gone)
    await client.close()


EXPECT = ("Expect", "100-Continue")


async def test_100_is_said_once_when_the_content_is_wanted(run_door: RunDoor) -> None:
    taker = Taker()
    client = await Connection.open(await run_door(taker))
    await client.send(request("POST", "/", ("Content-Length", "3"), EXPECT))
    await client.hear_nothing(for_s=0.05)
    taker.hold.set()
    assert (await client.hear_interim()).status == 100
    taker.bodies[0].begin()
    await client.send(b"abc")
    answer = await client.hear()
    assert (answer.status, answer.interims) == (200, ())
    await client.close()


@pytest.mark.parametrize(
    "said",
    [
        request("POST", "/", ("Content-Length", "3")),
        request("POST", "/", ("Content-Length", "3"), EXPECT, protocol="HTTP/1.0"),
    ],
)
async def test_100_is_not_said_to_who_does_not_wait_for_it(
    run_door: RunDoor, said: bytes
) -> None:
    taker = Taker()
    taker.hold.set()
    client = await Connection.open(await run_door(taker))
    await client.send(said)
    await client.hear_nothing(for_s=0.05)
    await client.send(b"abc")
    assert (await client.hear()).interims == ()
    await client.close()


async def test_100_is_not_said_when_content_has_come(run_door: RunDoor) -> None:
    taker = Taker()
    client = await Connection.open(await run_door(taker))
    await client.send(request("POST", "/", ("Content-Length", "3"), EXPECT), b"a")
    await client.hear_nothing(for_s=0.05)
    taker.hold.set()
    await client.send(b"bc")
    assert (await client.hear()).interims == ()
    await client.close()


async def test_a_client_that_is_gone_is_told_nothing(run_door: RunDoor) -> None:
    taker = Taker()
    client = await Connection.open(await run_door(taker))
    await client.send(request("POST", "/", ("Content-Length", "3"), EXPECT))
    await taker.holds(0)
    await client.close()
    await taker.left_alone()
    taker.hold.set()
    await taker.finished()
    assert taker.gone is Gone.CUT


async def test_framing_that_is_broken_from_the_start_has_no_request(
    run_door: RunDoor,
) -> None:
    """aiohttp finds the error before it gives the request to anybody."""
    taker = Taker()
    client = await Connection.open(await run_door(taker))
    await client.send(request("POST", "/", CHUNKED) + chunk(b"abc") + b"zz\r\n")
    answer = await client.hear()
    assert (answer.status, answer.one("connection")) == (400, "close")
    assert await client.ended() == b""
    assert not taker.requests
    await client.close()
