"""Heads that take their time: `header_timeout`, and what is none of its business."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.kit.client import Client
from tests.kit.raw import Connection, request

HEAD = request("GET", "/after")
short = pytest.mark.configured(header_timeout="200ms", keepalive_timeout="30s")


async def _drip(connection: Connection, data: bytes) -> None:
    """Say `data` byte by byte, never pausing for long; cancelled when heard enough."""
    for value in data * 1000:
        await connection.send(bytes((value,)))
        await asyncio.sleep(0.02)


@short
async def test_a_head_that_drips_is_answered_when_its_time_is_over(
    client: Client,
) -> None:
    """Bytes do not buy time."""
    connection = await client.connect()
    await connection.send(b"GET / HTTP/1.1\r\nX-Slow: ")
    dripping = asyncio.ensure_future(_drip(connection, b"a"))
    answer = await connection.hear("GET")
    dripping.cancel()
    assert (answer.status, answer.one("Connection")) == (408, "close")
    assert answer.one("Content-Type") == "application/problem+json"
    assert json.loads(answer.content)["type"].endswith(":head-too-slow")


@short
async def test_a_connection_that_says_nothing_is_closed_without_a_word(
    client: Client,
) -> None:
    connection = await client.connect()
    assert await connection.ended() == b""
    connection = await client.connect()
    await connection.send(b"\r\n")
    assert await connection.ended() == b""


@short
async def test_between_requests_a_connection_may_be_idle_for_longer(
    client: Client,
) -> None:
    """That is the business of `keepalive_timeout`."""
    connection = await client.connect()
    for end in (b"", b"\r\n"):
        await connection.send(HEAD + end)
        assert (await connection.hear("GET")).status == 200
        await connection.hear_nothing(for_s=0.5)


@short
async def test_a_later_head_has_its_time_from_its_first_byte(client: Client) -> None:
    connection = await client.connect()
    await connection.send(HEAD)
    assert (await connection.hear("GET")).status == 200
    await connection.hear_nothing(for_s=0.3)
    await connection.send(HEAD[:9])
    await connection.hear_nothing(for_s=0.05)
    await connection.send(HEAD[9:])
    assert (await connection.hear("GET")).status == 200
    await connection.send(HEAD[:9])
    assert (await connection.hear("GET")).status == 408
    assert await connection.ended() == b""


@short
async def test_content_has_other_times_than_heads(client: Client) -> None:
    connection = await client.connect()
    await connection.send(request("POST", "/", ("Content-Length", "2")), b"a")
    await connection.hear_nothing(for_s=0.5)
    await connection.send(b"b")
    assert (await connection.hear()).status == 200


@pytest.mark.configured(header_timeout="30s", keepalive_timeout="100ms")
async def test_a_head_that_has_begun_is_not_ended_as_idle(client: Client) -> None:
    """Neither on a new connection nor on one that is kept."""
    connection = await client.connect()
    for _ in range(2):
        await connection.send(HEAD[:9])
        await connection.hear_nothing(for_s=0.3)
        await connection.send(HEAD[9:])
        assert (await connection.hear("GET")).status == 200
    assert await connection.ended() == b""
