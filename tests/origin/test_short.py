"""Short requests that are passed through, and all here: they may share a connection."""

from __future__ import annotations

import asyncio

import pytest

from proxy.core.upload import Field, Head
from tests.kit.bounds import BOUND_S
from tests.relay.conftest import serving

from .conftest import OpenOrigin, whole

pytestmark = pytest.mark.usefixtures("proven")

BODY = b"abc"
LENGTH: Field = (b"content-LENGTH", b"3")


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

    def __init__(self, *, closes: bool = False) -> None:
        """`closes`: after each answer, without saying so beforehand."""
        self.requests: list[bytes] = []
        self.connections = 0
        self.closed = asyncio.Event()
        self._closes = closes

    async def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            if b"chunked" in request:
                request += await reader.readuntil(b"0\r\n\r\n")
            else:
                request += await reader.readexactly(len(BODY))
            self.requests.append(request)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            if self._closes:
                writer.close()
                self.closed.set()
                return


def asking(*fields: Field) -> Head:
    return Head("POST", "/a?b=%7E", ((b"Host", b"h.test"), *fields, (b"X-Last", b"x")))


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
