"""Which connections are used again: those of small requests, where it can be known
what becomes of a request that they lose.
"""

from __future__ import annotations

import asyncio
import random
import socket
import sys

import pytest

from proxy.core.errors import OriginCut
from proxy.origin import SHARED, idle
from proxy.origin.evidence import taken
from tests.kit.bounds import BOUND_S
from tests.kit.origin import RecordingOrigin, Reply
from tests.relay.conftest import read_request, serving

from .conftest import CREATION, OpenOrigin, StoredBytes, whole
from .keeping import ANSWER, BODY, Counting, post, sealed

pytestmark = pytest.mark.usefixtures("proven")


async def test_small_requests_one_after_the_other_share_a_connection(
    open_origin: OpenOrigin,
) -> None:
    origin = Counting()
    async with serving(origin) as url:
        to = open_origin(url)
        for size in (0, 3, SHARED, 3):
            assert await post(to, b"x" * size) == b"ok"
    assert (origin.connections, origin.requests) == (1, 4)


async def test_a_large_one_gets_a_connection_of_its_own(
    open_origin: OpenOrigin,
) -> None:
    origin = Counting()
    async with serving(origin) as url:
        to = open_origin(url)
        for size in (3, SHARED + 1, 3, SHARED + 1):
            await post(to, b"x" * size)
    assert origin.connections == 3


async def test_requests_at_the_same_time_get_a_connection_each(
    open_origin: OpenOrigin,
) -> None:
    origin = Counting()
    async with serving(origin) as url:
        to = open_origin(url)
        for _ in range(2):
            assert await asyncio.gather(*(post(to) for _ in range(5))) == [b"ok"] * 5
    assert (origin.connections, origin.requests) == (5, 10)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=0\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + ANSWER,
    ],
    ids=["close", "1.0", "no time", "half an answer more", "half a line", "an answer"],
)
async def test_what_an_answer_may_say_against_another_request(
    open_origin: OpenOrigin, answer: bytes
) -> None:
    origin = Counting(answer)
    async with serving(origin) as url:
        to = open_origin(url)
        for _ in range(2):
            assert await post(to) == b"ok"
    assert (origin.connections, origin.requests) == (2, 2)


async def test_an_answer_that_is_left_unread_ends_its_connection(
    open_origin: OpenOrigin, origin: RecordingOrigin
) -> None:
    """A new request must not meet the rest of an old answer."""
    origin.then(Reply(200, (), b"x" * 5_000_000))
    to = open_origin(origin.address)
    stream = await to.post(CREATION, StoredBytes(BODY))
    await stream.close()
    assert await post(to) == b"stored"


async def test_an_answer_that_is_read_slowly_frees_its_connection_all_the_same(
    open_origin: OpenOrigin,
) -> None:
    """Read by us to its end, though not by who it is for."""
    content = random.Random(1).randbytes(300_000)
    origin = Counting(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + content)
    async with serving(origin) as url:
        to = open_origin(url)
        streams = [await to.post(CREATION, StoredBytes(BODY)) for _ in range(3)]
        for stream in streams:
            assert await whole(stream) == content
    assert origin.requests == 3


async def test_a_way_that_is_not_used_is_closed(open_origin: OpenOrigin) -> None:
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert not await reader.read()
        left.set()

    async with serving(serve) as url, asyncio.timeout(BOUND_S):
        channel = await open_origin(url).connect(3)
        channel.close()
        await left.wait()


async def test_a_fresh_connection_that_has_ended_is_made_again(
    open_origin: OpenOrigin,
) -> None:
    """It dies while the forward is recorded."""
    accepted = 0
    first = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        if accepted == 1:
            first.set()
            return
        await read_request(reader)
        await reader.readexactly(len(BODY))
        writer.write(ANSWER)

    async with serving(serve) as url, asyncio.timeout(BOUND_S):
        channel = await open_origin(url).connect(len(BODY))
        await first.wait()
        while channel._connection.is_open:  # type: ignore[union-attr]  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert await whole(await channel.send(CREATION, StoredBytes(BODY))) == b"ok"
    assert accepted == 2


async def test_a_body_that_fails_on_a_connection_used_again_is_a_cut(
    open_origin: OpenOrigin,
) -> None:
    origin = Counting()
    async with serving(origin) as url:
        to = open_origin(url)
        await post(to)
        with pytest.raises(OriginCut, match="the disk is gone"):
            await to.post(CREATION, StoredBytes(BODY, fails_at=0))
    assert origin.requests == 1


async def test_without_evidence_no_connection_is_kept(
    open_origin: OpenOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as on a kernel that does not count."""
    monkeypatch.setattr("proxy.origin.connection.taken", lambda sock: None)
    origin = Counting()
    async with serving(origin) as url:
        to = open_origin(url)
        for _ in range(2):
            await post(to)
    assert origin.connections == 2


async def test_a_kernel_that_counts_nothing_is_not_believed(
    open_origin: OpenOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some that imitate Linux say 0 for what they do not know."""

    class Zeros:
        size = 148

        def unpack(self, told: bytes) -> tuple[int, int, int]:
            return 0, 0, 0

    monkeypatch.setattr("proxy.origin.evidence._COUNTS", Zeros())
    origin = Counting()
    async with serving(origin) as url:
        to = open_origin(url)
        for _ in range(2):
            await post(to)
    assert origin.connections == 2


def test_there_is_no_evidence_but_on_linux_and_by_tcp(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert taken(ours) is None  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "platform", "darwin")
    with socket.socket() as sock:
        assert taken(sock) is None  # type: ignore[arg-type]


async def test_through_tls_it_is_the_same(open_origin: OpenOrigin) -> None:
    theirs, ours = sealed()
    origin = Counting()
    async with serving(origin, tls=theirs) as url:
        to = open_origin(url, tls=ours)
        for size in (0, 3, SHARED, 3):
            assert await post(to, b"x" * size) == b"ok"
    assert (origin.connections, origin.requests) == (1, 4)


async def test_not_more_connections_are_kept_than_are_of_use(
    open_origin: OpenOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "MOST", 2)
    origin = Counting()
    async with serving(origin) as url:
        to = open_origin(url)
        for _ in range(2):
            await asyncio.gather(*(post(to) for _ in range(5)))
    assert origin.connections == 8
