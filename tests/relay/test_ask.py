"""Questions of ours to the origin, on behalf of a client (R81)."""

from __future__ import annotations

import asyncio

import pytest

from proxy.core.errors import OriginError
from proxy.core.front import Front
from proxy.core.headers import Passage
from proxy.core.upload import Head
from proxy.origin import Origin
from proxy.relay import Relay
from tests.kit.bounds import BOUND_S
from tests.kit.origin import Framing, RecordingOrigin, Reply

from .conftest import read_request, serving

FRONT = Front("192.0.2.7", "192.0.2.7", "http", "h.test", trusted=False)
QUESTION = Head(
    "OPTIONS",
    "/files?x",
    (
        (b"Host", b"h.test"),
        (b"Max-Forwards", b"3"),
        (b"Upload-Complete", b"?1"),
        (b"Content-Length", b"3"),
    ),
)


async def _ask(url: str) -> tuple[int, bytes | int]:
    """Status and content, or the length of content that was streamed."""
    origin = Origin(url, connect_timeout_s=1.0, response_timeout_s=BOUND_S)
    relay = Relay(origin, Passage(origin.authority, b"us"), idle_timeout_s=1.0)
    try:
        asking = relay.ask(QUESTION, FRONT, "id-1", unwanted={404}, weighed={207, 200})
        async with asking as said:
            content = said.content
            if isinstance(content, bytes):
                return said.status, content
            return said.status, sum([len(chunk) async for chunk in content])
    finally:
        await origin.close()


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
async def test_an_empty_answer_is_known_as_such(
    origin: RecordingOrigin, framing: Framing
) -> None:
    origin.then(Reply(207, (), b"", framing=framing))
    assert await _ask(origin.address) == (207, b"")
    seen = origin.requests[0]
    assert (seen.method, seen.target) == ("OPTIONS", "/files?x")
    assert seen.one("max-forwards") == "2"
    assert not {"upload-complete", "content-length"} & set(seen.names())


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
async def test_an_answer_may_be_long(origin: RecordingOrigin, framing: Framing) -> None:
    said = b"x" * 3_000_000
    origin.then(Reply(200, (), said, framing=framing))
    assert await _ask(origin.address) == (200, len(said))


@pytest.mark.parametrize(
    ("framing", "content"),
    [
        (b"Content-Length: 2\r\n", b"no"),
        (b"Transfer-Encoding: chunked\r\n", b"2\r\nno\r\n0\r\n\r\n"),
        (b"Connection: close\r\n", b"no"),
    ],
    ids=["length", "chunked", "close"],
)
@pytest.mark.parametrize("status", [404, 403])
async def test_content_that_decides_nothing_is_not_waited_for(
    status: int, framing: bytes, content: bytes
) -> None:
    """It may be slow, or come to no end, and is thrown away or passed on."""
    goes_on, was_left = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 %d So\r\n%b\r\n" % (status, framing))
        if status == 404:
            assert not await reader.read()
            was_left.set()
        await goes_on.wait()
        writer.write(content)

    async with serving(serve) as url, asyncio.timeout(BOUND_S):
        origin = Origin(url, connect_timeout_s=1.0, response_timeout_s=BOUND_S)
        relay = Relay(origin, Passage(origin.authority, b"us"), idle_timeout_s=1.0)
        asking = relay.ask(QUESTION, FRONT, "id-1", unwanted={404}, weighed={200})
        async with asking as said:
            assert said.status == status
            if isinstance(said.content, bytes):
                assert (status, said.content) == (404, b"")
                await was_left.wait()
            else:
                goes_on.set()
                assert b"".join([chunk async for chunk in said.content]) == b"no"
        await origin.close()


async def test_an_answer_that_breaks_off_at_once_is_none(
    origin: RecordingOrigin,
) -> None:
    origin.then(Reply(200, (), b"x" * 10, cut_after=0))
    with pytest.raises(OriginError, match="incomplete"):
        await _ask(origin.address)


async def test_an_origin_that_is_down(origin: RecordingOrigin) -> None:
    await origin.stop()
    with pytest.raises(OriginError, match="connection_refused"):
        await _ask(origin.address)
