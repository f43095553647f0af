"""Who does not read holds back who writes, and nothing piles up between them."""

from __future__ import annotations

import asyncio

from tests.kit.bounds import BOUND_S
from tests.kit.raw import request

from .conftest import RunRelay, dial, read_request, serving

FULL_S = 0.5
"""Seconds without a byte taken after which a writer counts as held back."""
PIECE = b"x" * 65536
BOUND = 32_000_000
"""Bytes that may lie on the way: the buffers of four sockets in the kernel, up to 6 MB
each, and ours. Without back-pressure it would go on to a gigabyte."""
ENDLESS = ("Content-Length", "1000000000")


async def _pour(writer: asyncio.StreamWriter) -> int:
    """Write until nothing more is taken; how much was."""
    given = 0
    while given < BOUND:
        writer.write(PIECE)
        try:
            async with asyncio.timeout(FULL_S):
                await writer.drain()
        except TimeoutError:
            return given
        given += len(PIECE)
    return given


async def test_a_client_that_does_not_read_holds_back_the_origin(
    run_relay: RunRelay,
) -> None:
    given: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        given.set_result(await _pour(writer))
        writer.transport.abort()

    async with serving(serve) as url:
        between = await run_relay(url)
        _, writer = await dial(between.address)
        writer.write(request("GET", "/"))
        async with asyncio.timeout(2 * BOUND_S):
            assert await given < BOUND
        writer.transport.abort()


async def test_an_origin_that_does_not_read_holds_back_the_client(
    run_relay: RunRelay,
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serving(serve) as url:
        between = await run_relay(url)
        _, writer = await dial(between.address)
        writer.write(request("POST", "/", ENDLESS))
        async with asyncio.timeout(2 * BOUND_S):
            assert await _pour(writer) < BOUND
        writer.transport.abort()
