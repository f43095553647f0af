"""Bytes that answer nothing: whatever an origin says between two answers ends the
connection, so that nobody's answer is ever taken for that of somebody else.
"""

from __future__ import annotations

import asyncio

import pytest

from proxy.origin.hearing import Hearing
from tests.kit.bounds import BOUND_S
from tests.relay.conftest import read_request, serving

from .conftest import OpenOrigin, whole
from .keeping import BODY
from .test_hearing import Ask, each_way, passed_through

pytestmark = pytest.mark.usefixtures("proven")

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ANOTHER = b"HTTP/1.1 200 OK\r\nX-Of: another\r\nContent-Length: 3\r\n\r\nbad"
MORE = [
    ANOTHER,
    ANOTHER[:-1],
    ANOTHER[:4],
    ANOTHER[:17],
    ANOTHER[:25],
    b"HTTP/1.1 102 Processing\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n" + ANOTHER,
    b"what is no answer at all",
]


class SayingMore:
    """An origin that says more than was asked for, on its first connection."""

    def __init__(self, first: bytes, then: bytes) -> None:
        """`then`: what is said in another packet, when `goes_on` is set."""
        self._first = first
        self._then = then
        self.goes_on = asyncio.Event()
        self.was_left = asyncio.Event()
        """The connection on which that was has ended."""
        self.connections = 0

    async def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        if self.connections > 1:
            await self._request(reader)
            writer.write(HEAD + b"ok")
            return
        await self._request(reader)
        writer.write(self._first)
        await self.goes_on.wait()
        writer.write(self._then)
        try:
            await reader.read()
        finally:
            self.was_left.set()

    @staticmethod
    async def _request(reader: asyncio.StreamReader) -> None:
        if (await read_request(reader)).startswith(b"POST"):
            await reader.readexactly(len(BODY))


@each_way
@pytest.mark.parametrize("more", MORE)
async def test_what_comes_on_an_idle_connection_ends_it(
    open_origin: OpenOrigin, ask: Ask, more: bytes
) -> None:
    origin = SayingMore(HEAD + b"ok", more)
    async with serving(origin) as url, asyncio.timeout(BOUND_S):
        to = open_origin(url)
        assert await whole(await ask(to)) == b"ok"
        assert to.held.idle == 1
        origin.goes_on.set()
        await origin.was_left.wait()
        assert await whole(await ask(to)) == b"ok"
    assert origin.connections == 2


@each_way
@pytest.mark.parametrize("more", MORE)
@pytest.mark.parametrize(
    ("first", "rest"),
    [(HEAD, b"ok"), (HEAD + b"o", b"k"), (CHUNKED, b"2\r\nok\r\n0\r\n\r\n")],
)
async def test_what_comes_with_the_end_of_an_answer_does_too(
    open_origin: OpenOrigin, ask: Ask, more: bytes, first: bytes, rest: bytes
) -> None:
    """The answer that was asked for is whole, and stands."""
    origin = SayingMore(first, rest + more)
    async with serving(origin) as url, asyncio.timeout(BOUND_S):
        to = open_origin(url)
        stream = await ask(to)
        origin.goes_on.set()
        assert await whole(stream) == b"ok"
        assert await whole(await ask(to)) == b"ok"
    assert origin.connections == 2


@pytest.mark.parametrize("more", MORE)
@pytest.mark.parametrize(
    "answer", [HEAD + b"ok", CHUNKED + b"0\r\n\r\n", b"HTTP/1.1 204 So\r\n\r\n"]
)
async def test_and_what_comes_in_one_packet_with_all_of_it(
    open_origin: OpenOrigin, answer: bytes, more: bytes
) -> None:
    origin = SayingMore(answer + more, b"")
    async with serving(origin) as url, asyncio.timeout(BOUND_S):
        to = open_origin(url)
        first = await passed_through(to)
        assert await whole(first) == (b"ok" if answer.endswith(b"ok") else b"")
        assert await whole(await passed_through(to)) == b"ok"
    assert origin.connections == 2


@pytest.mark.parametrize("cut", range(1, len(ANOTHER)))
async def test_no_beginning_of_a_head_is_overlooked(cut: int) -> None:
    """The parser of the next request would take the rest."""
    hearing = Hearing(asyncio.get_running_loop())
    hearing.set_response_params(read_until_eof=True)
    hearing.data_received(HEAD)
    message, content = await hearing.read()
    assert (message.code, hearing.exception()) == (200, None)
    hearing.data_received(b"ok" + ANOTHER[:cut])
    assert content.read_nowait() == b"ok"
    assert hearing.should_close


async def test_an_answer_alone_leaves_its_connection_to_the_next() -> None:
    hearing = Hearing(asyncio.get_running_loop())
    for answer in (HEAD + b"ok", CHUNKED + b"0\r\n\r\n", b"HTTP/1.1 304 So\r\n\r\n"):
        hearing.set_response_params(read_until_eof=True)
        for byte in answer:
            hearing.data_received(bytes([byte]))
        await hearing.read()
        assert not hearing.should_close
