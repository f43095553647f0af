"""100 (Continue) is the origin's to say, and ours where the origin says nothing."""

from __future__ import annotations

import asyncio
import socket

from tests.kit.bounds import BOUND_S
from tests.kit.raw import Connection, request

from .conftest import RunRelay, read_request, serving

EXPECT = (("Expect", "100-continue"), ("Content-Length", "3"))
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


async def test_the_client_hears_100_when_the_origin_has_said_it(
    run_relay: RunRelay,
) -> None:
    goes_on = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"Expect: 100-continue" in await read_request(reader)
        await goes_on.wait()
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await reader.readexactly(3) == b"abc"
        writer.write(CREATED)

    async with serving(serve) as url:
        between = await run_relay(url)
        client = await between.connect()
        await client.send(request("POST", "/", *EXPECT))
        await client.hear_nothing(for_s=0.1)
        goes_on.set()
        assert (await client.hear_interim()).status == 100
        await client.send(b"abc")
        answer = await client.hear()
        assert (answer.status, answer.interims) == (201, ())
        # nothing is left that could be taken for a request
        await client.send(request("GET", "/"))
        await client.close()


async def test_an_origin_that_never_says_it_gets_the_content_all_the_same(
    run_relay: RunRelay,
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        assert await reader.readexactly(3) == b"abc"
        writer.write(CREATED)

    async with serving(serve) as url:
        between = await run_relay(url)
        client = await between.connect()
        await client.send(request("POST", "/", *EXPECT))
        assert (await client.hear_interim()).status == 100
        await client.send(b"abc")
        assert (await client.hear()).status == 201
        await client.close()


async def test_content_that_comes_unasked_needs_no_100(run_relay: RunRelay) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await reader.readexactly(3) == b"abc"
        writer.write(CREATED)

    async with serving(serve) as url:
        between = await run_relay(url)
        client = await between.connect()
        await client.send(request("POST", "/", *EXPECT), b"abc")
        answer = await client.hear()
        assert (answer.status, answer.interims) == (201, ())
        await client.close()


async def test_a_refusal_comes_before_the_content_and_ends_the_connection(
    run_relay: RunRelay,
) -> None:
    seen = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        async with asyncio.timeout(BOUND_S):
            seen.extend(await reader.read())

    async with serving(serve) as url:
        between = await run_relay(url)
        client = await between.connect()
        await client.send(request("PUT", "/", *EXPECT))
        answer = await client.hear()
        assert (answer.status, answer.interims) == (401, ())
        assert answer.one("connection") == "close"
        assert await client.ended() == b""
        await client.close()
    assert not seen


async def test_no_100_when_the_origin_cannot_be_reached(run_relay: RunRelay) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        between = await run_relay(f"http://127.0.0.1:{unused.getsockname()[1]}")
        client = await Connection.open(between.address)
        await client.send(request("POST", "/", *EXPECT))
        answer = await client.hear()
        assert (answer.status, answer.interims) == (502, ())
        await client.close()


async def test_an_expectation_without_content_is_not_passed_on(
    run_relay: RunRelay,
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"expect" not in (await read_request(reader)).lower()
        writer.write(CREATED)

    async with serving(serve) as url:
        between = await run_relay(url)
        client = await between.connect()
        await client.send(request("GET", "/", ("Expect", "100-continue")))
        assert (await client.hear("GET")).status == 201
        await client.close()
