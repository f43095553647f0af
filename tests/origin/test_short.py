"""Short requests that are passed through, and all here: they may share a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from proxy.core.errors import OriginLost
from proxy.core.upload import Field, Head
from tests.kit.bounds import BOUND_S
from tests.relay.conftest import serving

from .conftest import OpenOrigin, Posting, StoredBytes, whole
from .test_outcomes import reset

pytestmark = pytest.mark.usefixtures("proven")

BODY = b"abc"
LENGTH: Field = (b"content-LENGTH", b"3")

Leave = Callable[[asyncio.StreamWriter], None]
each_end = pytest.mark.parametrize("leaves", [asyncio.StreamWriter.close, reset])


class AllHere:
    """Content that has come to its end before anybody reads it."""

    arrived = all_came = True

    def __init__(self) -> None:
        self._pieces = [BODY[:1], BODY[1:]]

    def begin(self) -> None:
        pass

    async def read(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


class Recording:
    """An origin that keeps what it reads, and answers each request."""

    def __init__(self, *, closes: bool = False, leaves: Leave | None = None) -> None:
        """`closes`: after each answer, without saying so beforehand. `leaves`: what it
        does to a connection with the second request on it, which it has read."""
        self.requests: list[bytes] = []
        self.connections = 0
        self.closed = asyncio.Event()
        self._closes = closes
        self._leaves = leaves

    async def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        answered = 0
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            if b"chunked" in request:
                request += await reader.readuntil(b"0\r\n\r\n")
            else:
                request += await reader.readexactly(len(BODY))
            self.requests.append(request)
            if answered and self._leaves is not None:
                self._leaves(writer)
                return
            answered += 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            if self._closes:
                writer.close()
                self.closed.set()
                return


def asking(*fields: Field, method: str = "POST") -> Head:
    return Head(method, "/a?b=%7E", ((b"Host", b"h.test"), *fields, (b"X-Last", b"x")))


async def test_they_share_a_connection_and_leave_as_they_came(
    open_origin: OpenOrigin,
) -> None:
    origin = Recording()
    async with serving(origin) as url:
        to = open_origin(url)
        for _ in range(3):
            assert await whole(await to.exchange(asking(LENGTH), AllHere())) == b"ok"
    sent = (
        b"POST /a?b=%7E HTTP/1.1\r\nHost: h.test\r\n"
        b"content-LENGTH: 3\r\nX-Last: x\r\n\r\nabc"
    )
    assert origin.requests == [sent] * 3
    assert origin.connections == 1


async def test_one_that_met_a_closed_connection_is_sent_on_another(
    open_origin: OpenOrigin,
) -> None:
    origin = Recording(closes=True)
    async with serving(origin) as url, asyncio.timeout(BOUND_S):
        to = open_origin(url)
        for _ in range(3):
            assert await whole(await to.exchange(asking(LENGTH), AllHere())) == b"ok"
            await origin.closed.wait()
    assert len(origin.requests) == origin.connections == 3


async def twice(to: Posting, method: str) -> list[bytes]:
    """What is answered to two such requests, one after the other."""
    head = asking(LENGTH, method=method)
    return [await whole(await to.exchange(head, AllHere())) for _ in range(2)]


@each_end
@pytest.mark.parametrize("method", ["PUT", "DELETE", "GET", "OPTIONS"])
async def test_one_that_may_come_twice_is_sent_again_although_it_was_read(
    open_origin: OpenOrigin, method: str, leaves: Leave
) -> None:
    """RFC 9110 "Idempotent Methods": else an origin that ends idle connections without
    a word costs 502 now and then."""
    origin = Recording(leaves=leaves)
    async with serving(origin) as url, asyncio.timeout(BOUND_S):
        assert await twice(open_origin(url), method) == [b"ok"] * 2
    assert (len(origin.requests), origin.connections) == (3, 2)


@each_end
@pytest.mark.parametrize("method", ["POST", "PATCH", "LOCK"])
async def test_any_other_is_not(
    open_origin: OpenOrigin, method: str, leaves: Leave
) -> None:
    origin = Recording(leaves=leaves)
    async with serving(origin) as url, asyncio.timeout(BOUND_S):
        with pytest.raises(OriginLost, match="connection_terminated"):
            await twice(open_origin(url), method)
    assert len(origin.requests) == 2


@each_end
async def test_nor_is_an_upload_whatever_its_method(
    open_origin: OpenOrigin, leaves: Leave
) -> None:
    """P3."""
    origin = Recording(leaves=leaves)
    async with serving(origin) as url, asyncio.timeout(BOUND_S):
        to = open_origin(url)
        for ends_well in (True, False):
            put = to.post(asking(method="PUT"), StoredBytes(BODY))
            if ends_well:
                assert await whole(await put) == b"ok"
                continue
            with pytest.raises(OriginLost, match="connection_terminated"):
                await put
    assert len(origin.requests) == 2


async def test_it_is_sent_twice_at_most(open_origin: OpenOrigin) -> None:
    """One that fails on a fresh connection, too, has met no end of an old one."""

    class Failing(Recording):
        async def __call__(
            self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            if not self.connections:
                await super().__call__(reader, writer)
                return
            self.connections += 1
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))

    origin = Failing(leaves=asyncio.StreamWriter.close)
    async with serving(origin) as url, asyncio.timeout(BOUND_S):
        with pytest.raises(OriginLost, match="connection_"):
            await twice(open_origin(url), "PUT")
    assert (len(origin.requests), origin.connections) == (3, 2)


@pytest.mark.parametrize(
    "framing", [(), (LENGTH, (b"Expect", b"100-continue"))], ids=["chunked", "expects"]
)
async def test_what_is_chunked_or_waits_for_a_word_goes_alone(
    open_origin: OpenOrigin,
    framing: tuple[Field, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.origin.sessions.CONTINUE_PATIENCE_S", 0.01)
    origin = Recording()
    async with serving(origin) as url:
        to = open_origin(url)
        for _ in range(2):
            assert await whole(await to.exchange(asking(*framing), AllHere())) == b"ok"
    assert origin.connections == 2
