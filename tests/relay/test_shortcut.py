"""The shortcut of long bodies: taken where it may be, left without a byte too many.

That its bodies end as all bodies do is told by ``test_bodies``, which runs both ways.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
import trustme
from aiohttp import web

from proxy.core.errors import ClientGone, Gone, SpoolError
from proxy.core.upload import Reply
from proxy.wire import Body, Door, Shortcut, abort, send, shortcut
from tests.kit.bounds import BOUND_S, until
from tests.kit.raw import Connection, chunk, request

from .conftest import TERMS, RunDoor

BUFFER = 4096
MANY = bytes(range(251)) * 80
"""20,080 bytes: some buffers full, and none of their ends where the pattern ends."""
FOLLOWING = request("GET", "/next")


@dataclass
class Taker:
    """A handler that stores bodies as the spool does, and answers with their size."""

    shortcut: Shortcut | None = field(default_factory=lambda: Shortcut(least=1))
    room: int | None = None
    """Bytes that are taken; then no more is."""
    fails: SpoolError | None = None
    """What is raised where there is no room, instead."""
    got: list[bytearray] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    tasks: list[asyncio.Task[object]] = field(default_factory=list)
    gone: Gone | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a body was refused, failed or has broken off."""

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        body = Body(request, BOUND_S, shortcut=self.shortcut)
        self.targets.append(request.raw_path)
        self.bodies.append(body)
        self.got.append(bytearray())
        task = asyncio.current_task()
        assert task is not None
        self.tasks.append(task)
        try:
            return await self._answer(request, body)
        except ClientGone as gone:
            self.gone = gone.why
            self.take(memoryview(body.leftover()))
            self.over.set()
            return abort(request)

    async def _answer(self, request: web.BaseRequest, body: Body) -> web.StreamResponse:
        body.begin()
        try:
            taken = await body.pour(self.take)
        except SpoolError:
            self.over.set()
            return await send(request, Reply(507, close=not body.all_came))
        if not taken:
            self.over.set()
            return await send(request, Reply(413, close=not body.all_came))
        while piece := await body.read():
            self.take(memoryview(piece))
        size = str(len(self.got[-1])).encode()
        return await send(request, Reply(200, content=size))

    def take(self, piece: memoryview) -> bool:
        room = len(piece) if self.room is None else self.room - len(self.got[-1])
        self.got[-1] += piece[:room]
        if room >= len(piece):
            return True
        if self.fails is not None:
            raise self.fails
        return False

    async def holds(self, size: int) -> None:
        async def enough() -> bool | None:
            return True if self.got and len(self.got[-1]) >= size else None

        await until(enough)

    async def ended(self) -> bytes:
        async with asyncio.timeout(BOUND_S):
            await self.over.wait()
        return bytes(self.got[-1])


@pytest.fixture(autouse=True)
def entered(monkeypatch: pytest.MonkeyPatch) -> list[web.BaseRequest]:
    """The requests whose bodies took the shortcut."""
    requests: list[web.BaseRequest] = []
    enter = Shortcut.enter

    def noted(
        self: Shortcut, request: web.BaseRequest, store: shortcut.Store
    ) -> shortcut.Pour | None:
        pour = enter(self, request, store)
        if pour is not None:
            requests.append(request)
        return pour

    monkeypatch.setattr(Shortcut, "enter", noted)
    return requests


def head(size: int, target: str = "/", *fields: tuple[str, str]) -> bytes:
    return request("POST", target, ("Content-Length", str(size)), *fields)


SIZES = [1, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER - 1, 3 * BUFFER, len(MANY)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("first", [0, 1, 100])
async def test_what_follows_a_body_is_the_next_request(
    run_door: RunDoor, entered: list[web.BaseRequest], size: int, first: int
) -> None:
    """Glued to its last byte, and again behind the next body: nothing over-read."""
    taker = Taker(Shortcut(least=1, size=BUFFER))
    client = await Connection.open(await run_door(taker))
    first = min(first, size - 1)
    for turn in (1, 2):
        body = MANY[:size]
        await client.send(head(size), body[:first])
        await taker.holds(0)
        await client.hear_nothing(for_s=0.02)
        await client.send(body[first:] + FOLLOWING)
        assert (await client.hear()).content == str(size).encode()
        assert (await client.hear("GET")).content == b"0"
        assert taker.got == [body, b""] * turn
    assert len(entered) == 2
    await client.close()


async def test_two_long_bodies_in_one_breath(run_door: RunDoor) -> None:
    taker = Taker(Shortcut(least=1, size=BUFFER))
    client = await Connection.open(await run_door(taker))
    said = head(len(MANY)) + MANY + head(7, "/second") + b"another" + FOLLOWING
    await client.send(said[:1000])
    await client.hear_nothing(for_s=0.02)
    await client.send(said[1000:])
    for method, size in (("POST", len(MANY)), ("POST", 7), ("GET", 0)):
        assert (await client.hear(method)).content == str(size).encode()
    assert taker.got == [MANY, b"another", b""]
    assert taker.targets == ["/", "/second", "/next"]
    await client.close()


async def test_nonsense_behind_a_body_is_answered_as_such(run_door: RunDoor) -> None:
    taker = Taker()
    client = await Connection.open(await run_door(taker))
    await client.send(head(6), b"abc")
    await client.hear_nothing(for_s=0.02)
    await client.send(b"def" + b"\x00\x01\x02\r\n\r\n")
    assert (await client.hear()).content == b"6"
    assert (await client.hear()).status == 400
    assert await client.ended() == b""
    await client.close()


@pytest.mark.parametrize("by", ["fin", "reset", "end"])
@pytest.mark.parametrize("size", [0, *SIZES])
async def test_every_byte_before_the_end_is_there(
    run_door: RunDoor, entered: list[web.BaseRequest], by: str, size: int
) -> None:
    taker = Taker(Shortcut(least=1, size=BUFFER))
    client = await Connection.open(await run_door(taker))
    await client.send(head(len(MANY) + 1), MANY[:size])
    await taker.holds(size)
    match by:
        case "fin":
            await client.close()
        case "reset":
            await client.reset()
        case _:
            taker.bodies[0].end(Gone.SUPERSEDED)
            await client.send(MANY[size:])  # too late for this body
    assert await taker.ended() == MANY[:size]
    assert taker.gone is (Gone.SUPERSEDED if by == "end" else Gone.CUT)
    assert len(entered) == 1
    await client.close()


@pytest.mark.parametrize("size", [BUFFER, 10 * len(MANY)])
async def test_a_client_that_leaves_while_its_bytes_are_on_their_way(
    run_door: RunDoor, size: int
) -> None:
    """Nobody waited for them: the end comes behind them all the same."""
    taker = Taker()
    client = await Connection.open(await run_door(taker))
    content = MANY * 10
    await client.send(head(size + 1) + content[:size])
    await client.close()
    assert await taker.ended() == content[:size]
    assert taker.gone is Gone.CUT


@pytest.mark.parametrize("fails", [None, SpoolError("full")])
@pytest.mark.parametrize("room", [0, 100, BUFFER, BUFFER + 1])
async def test_what_is_refused_is_thrown_away_and_the_answer_is_read(
    run_door: RunDoor, fails: SpoolError | None, room: int
) -> None:
    """By a client that says it all before it listens; the rest is no request."""
    taker = Taker(Shortcut(least=1, size=BUFFER), room=room, fails=fails)
    client = await Connection.open(await run_door(taker))
    content = MANY * 100
    await client.send(head(len(content)), content[:50])
    await client.hear_nothing(for_s=0.02) if room >= 50 else None
    await client.send(content[50:], FOLLOWING)
    assert (await client.hear()).status == (413 if fails is None else 507)
    await client.ended()
    assert await taker.ended() == content[:room]
    assert "/next" not in taker.targets or taker.bodies[0].all_came
    await client.close()


async def test_a_handler_that_is_cancelled_leaves_the_shortcut(
    run_door: RunDoor,
) -> None:
    way = Shortcut(least=1, size=BUFFER)
    client = await Connection.open(await run_door(taker := Taker(way)))
    await client.send(head(10), b"abc")
    await taker.holds(3)
    taker.tasks[0].cancel()
    await client.ended()
    assert way.share == BUFFER
    await client.close()


@pytest.mark.parametrize(
    "said",
    [
        request("POST", "/", ("Transfer-Encoding", "chunked")) + chunk(b"a" * 99),
        head(99, "/") + b"a" * 99,
        head(199, "/") + b"a" * 100,
        request("GET", "/"),
    ],
)
async def test_bodies_that_are_short_or_chunked_are_read(
    run_door: RunDoor, entered: list[web.BaseRequest], said: bytes
) -> None:
    taker = Taker(Shortcut(least=100))
    client = await Connection.open(await run_door(taker))
    await client.send(said)
    await taker.holds(0)
    await client.hear_nothing(for_s=0.02) if b"199" in said else None
    await client.send(chunk(b"") if b"chunked" in said else b"a" * 99)
    assert (await client.hear("GET" if said[:3] == b"GET" else "POST")).status == 200
    assert not entered
    await client.close()


async def test_what_waited_unread_comes_first(
    run_door: RunDoor, entered: list[web.BaseRequest]
) -> None:
    """Even more than aiohttp holds before it stops to read."""
    begin = asyncio.Event()
    taker = Taker()

    async def late(request: web.BaseRequest) -> web.StreamResponse:
        await begin.wait()
        return await taker(request)

    client = await Connection.open(await run_door(late))
    content = MANY * 100
    async with asyncio.TaskGroup() as group:
        group.create_task(client.send(head(len(content)), content))
        await client.hear_nothing(for_s=0.1)
        begin.set()
        assert (await client.hear()).content == str(len(content)).encode()
    assert taker.got == [content]
    assert len(entered) == 1
    await client.close()


@pytest.fixture
async def run_tls_door() -> AsyncIterator[Callable[[Taker], Awaitable[Connection]]]:
    """Starts a door behind TLS, and connects to it."""
    authority = trustme.CA()
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    theirs = ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(ours)
    authority.configure_trust(theirs)
    doors: list[tuple[Door, asyncio.Server]] = []

    async def start(taker: Taker) -> Connection:
        door = Door(taker, TERMS)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(door, "127.0.0.1", 0, ssl=ours)
        doors.append((door, server))
        port = server.sockets[0].getsockname()[1]
        return Connection(*await asyncio.open_connection("localhost", port, ssl=theirs))

    yield start
    for door, server in doors:
        server.close()
        await door.shutdown(1.0)


@pytest.mark.parametrize("size", [BUFFER, 50 * len(MANY)])
@pytest.mark.parametrize("ends", ["well", "fin", "reset", "end"])
async def test_it_is_not_taken_through_tls(
    run_tls_door: Callable[[Taker], Awaitable[Connection]],
    entered: list[web.BaseRequest],
    size: int,
    ends: str,
) -> None:
    taker = Taker(Shortcut(least=1, size=BUFFER))
    client = await run_tls_door(taker)
    content = (MANY * 50)[:size]
    if ends == "well":
        await client.send(head(size))
        await taker.holds(0)
        await client.send(content + FOLLOWING)
        assert (await client.hear()).content == str(size).encode()
        assert (await client.hear("GET")).content == b"0"
        assert taker.got == [content, b""]
    else:
        await client.send(head(size + 1), content)
        await taker.holds(size)
        if ends == "end":
            taker.bodies[0].end(Gone.STOPPING)
        await (client.close() if ends == "fin" else client.reset())
        assert await taker.ended() == content
    assert entered == []
    await client.close()


def test_the_more_take_it_the_less_each_gets_in_a_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shortcut, "IN_A_TURN", 1000)
    monkeypatch.setattr(shortcut, "SMALLEST_SHARE", 100)
    way = Shortcut(size=400)
    shares = [way.share]
    for _ in range(12):
        way.joined()
        shares.append(way.share)
    assert shares == [400, 400, 400, 333, 250, 200, 166, 142, 125, 111, *[100] * 3]
    for _ in range(12):
        way.left()
    assert way.share == 400
