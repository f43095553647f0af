"""A message that broke off is never taken for a whole one, on either side."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from tests.kit.bounds import BOUND_S
from tests.kit.origin import Framing, RecordingOrigin, Reply
from tests.kit.raw import chunk, request

from .conftest import RunRelay, Settings, dial, read_request, serving

CHUNKED = ("Transfer-Encoding", "chunked")
TEN = ("Content-Length", "10")


@pytest.mark.parametrize("by", ["fin", "reset"])
@pytest.mark.parametrize("chunked", [True, False])
async def test_a_client_that_cuts_its_content_makes_the_origin_see_a_cut(
    run_relay: RunRelay, origin: RecordingOrigin, by: str, *, chunked: bool
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    content = chunk(b"abc") if chunked else b"abc"
    await client.send(request("POST", "/", CHUNKED if chunked else TEN), content)
    seen = await origin.holds(3)
    await (client.close() if by == "fin" else client.reset())
    async with asyncio.timeout(BOUND_S):
        await seen.ended.wait()
    assert not seen.complete
    assert (await between.handled()).broke_off


@pytest.mark.parametrize("broken", [b"zz\r\nabc\r\n", b"3\r\nabcXX"])
async def test_broken_framing_makes_the_origin_see_a_cut_at_once(
    run_relay: RunRelay, origin: RecordingOrigin, broken: bytes
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    await client.send(request("POST", "/", CHUNKED), chunk(b"abc"))
    seen = await origin.holds(3)
    await client.send(broken)
    assert await client.ended() == b""
    async with asyncio.timeout(BOUND_S):
        await seen.ended.wait()
    assert not seen.complete
    await client.close()


async def test_a_client_that_stalls_is_given_up(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address, Settings(idle_timeout_s=0.2))
    client = await between.connect()
    await client.send(request("POST", "/", TEN), b"abc")
    seen = await origin.holds(3)
    assert await client.ended() == b""
    async with asyncio.timeout(BOUND_S):
        await seen.ended.wait()
    assert not seen.complete
    assert (await between.handled()).broke_off == "idle"
    await client.close()


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_an_answer_that_breaks_off_reaches_the_client_as_cut(
    run_relay: RunRelay, origin: RecordingOrigin, framing: Framing
) -> None:
    between = await run_relay(origin.address)
    origin.then(Reply(200, (), b"x" * 1000, framing=framing, cut_after=500))
    client = await between.connect()
    await client.send(request("GET", "/"))
    answer = await client.hear("GET")
    await client.close()
    assert answer.status == 200
    assert not answer.whole
    assert (await between.handled()).broke_off == "http_response_incomplete"


@pytest.mark.parametrize("content", [b"", b"abc"], ids=["asked", "sent"])
@pytest.mark.parametrize("protocol", [b"HTTP/1.1", b"HTTP/1.0"])
async def test_a_reset_is_not_the_end_of_an_answer(
    run_relay: RunRelay, content: bytes, protocol: bytes
) -> None:
    """Although the end of the connection would be."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.readexactly(len(content))
        writer.write(protocol + b" 200 OK\r\n\r\nhalf of it")
        await client_hears.wait()
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    client_hears = asyncio.Event()
    async with serving(serve) as url:
        between = await run_relay(url)
        reader, writer = await dial(between.address)
        writer.write(_asking(content))
        async with asyncio.timeout(BOUND_S):
            await reader.readuntil(b"half of it")
            client_hears.set()
            assert b"\r\n0\r\n" not in await reader.read()
        assert (await between.handled()).broke_off == "http_response_incomplete"
        writer.close()


@pytest.mark.parametrize("content", [b"", b"abc"], ids=["asked", "sent"])
async def test_an_answer_whose_framing_breaks_is_a_cut_at_once(
    run_relay: RunRelay, content: bytes
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await client_hears.wait()
        writer.write(b"3\r\nabc\r\nno chunk\r\n")
        await reader.read()

    client_hears = asyncio.Event()
    async with serving(serve) as url:
        between = await run_relay(url)
        reader, writer = await dial(between.address)
        writer.write(_asking(content))
        async with asyncio.timeout(BOUND_S):
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            client_hears.set()
            assert b"\r\n0\r\n" not in await reader.read()
        assert (await between.handled()).broke_off == "http_protocol_error"
        writer.close()


async def test_http_1_0_sees_a_reset_where_the_end_would_look_whole(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    origin.then(Reply(200, (), b"x" * 1000, framing="chunked", cut_after=500))
    reader, writer = await dial(between.address)
    writer.write(request("GET", "/", protocol="HTTP/1.0"))
    async with asyncio.timeout(BOUND_S):
        with pytest.raises(ConnectionResetError):
            await reader.read()
    writer.close()


async def test_a_silent_origin_in_the_middle_of_an_answer_is_a_cut(
    run_relay: RunRelay,
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await reader.read()

    async with serving(serve) as url:
        between = await run_relay(url, Settings(response_timeout_s=0.2))
        client = await between.connect()
        await client.send(request("GET", "/"))
        answer = await client.hear("GET")
        await client.close()
    assert (answer.content, answer.whole) == (b"abc", False)
    assert (await between.handled()).broke_off == "http_response_timeout"


async def test_a_client_that_leaves_while_the_origin_thinks_ends_the_exchange(
    run_relay: RunRelay,
) -> None:
    arrived, left = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        assert await reader.read() == b""
        left.set()

    async with serving(serve) as url:
        between = await run_relay(url, Settings(response_timeout_s=60))
        client = await between.connect()
        await client.send(request("GET", "/"))
        async with asyncio.timeout(BOUND_S):
            await arrived.wait()
            await client.close()
            await left.wait()
        assert (await between.handled()).broke_off == "cut"


async def test_a_client_that_leaves_a_silent_stream_ends_the_exchange(
    run_relay: RunRelay,
) -> None:
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(chunk(b"event"))
        assert await reader.read() == b""
        left.set()

    async with serving(serve) as url:
        between = await run_relay(url, Settings(response_timeout_s=60))
        client = await between.connect()
        await client.send(request("GET", "/events"))
        await client.hear_head()
        await client.close()
        async with asyncio.timeout(BOUND_S):
            await left.wait()


async def test_the_answer_to_unread_content_ends_the_connection(
    run_relay: RunRelay,
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        await reader.read()

    async with serving(serve) as url:
        between = await run_relay(url)
        client = await between.connect()
        await client.send(request("POST", "/", ("Content-Length", "1000")), b"x")
        answer = await client.hear()
        assert (answer.status, answer.content) == (413, b"big")
        assert answer.one("connection") == "close"
        # what it still sends is not taken for a request
        await client.send(request("GET", "/"))
        assert await client.ended() == b""
        await client.close()


def _asking(content: bytes) -> bytes:
    """A request with `content`, of whatever method has that or none."""
    length = ("Content-Length", str(len(content)))
    method, fields = ("POST", (length,)) if content else ("GET", ())
    return request(method, "/", *fields) + content
