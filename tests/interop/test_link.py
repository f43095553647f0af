"""The link against itself, before real clients go through it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.kit.bounds import BOUND_S
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import Connection, NoAnswerError, request

from .link import Breaking, Link

HEAD = request("POST", "/", ("Content-Length", "100"))
WHOLE = HEAD + b"x" * 100

StartLink = Callable[[int, Breaking], Awaitable[Link]]


@pytest.fixture
async def start_link(origin: RecordingOrigin) -> AsyncIterator[StartLink]:
    started: list[Link] = []

    async def start(breaks_after: int, breaking: Breaking) -> Link:
        link = Link(origin.address, breaks_after, breaking)
        await link.start()
        started.append(link)
        return link

    yield start
    for link in started:
        await link.stop()


async def test_it_carries_both_ways_until_it_breaks(
    start_link: StartLink, origin: RecordingOrigin
) -> None:
    link = await start_link(1000, "reset")
    connection = await Connection.open(link.address)
    await connection.send(WHOLE)
    assert (await connection.hear()).status == 200
    await connection.close()
    assert origin.bodies == [b"x" * 100]
    assert not link.broken.is_set()


async def test_a_reset_ends_both_sides_at_its_byte_and_only_once(
    start_link: StartLink, origin: RecordingOrigin
) -> None:
    link = await start_link(len(HEAD) + 40, "reset")
    connection = await Connection.open(link.address)
    await connection.send(WHOLE)
    with pytest.raises(NoAnswerError):
        await connection.hear()
    await connection.close()
    first = await origin.begun()
    await first.ended.wait()
    assert (first.body, first.complete) == (b"x" * 40, False)
    again = await Connection.open(link.address)
    await again.send(WHOLE)
    assert (await again.hear()).status == 200
    await again.close()


async def test_a_stall_says_nothing_until_the_client_gives_up(
    start_link: StartLink, origin: RecordingOrigin
) -> None:
    link = await start_link(len(HEAD) + 40, "stall")
    connection = await Connection.open(link.address)
    await connection.send(WHOLE)
    await link.breaks(BOUND_S)
    await connection.hear_nothing(0.1)
    await origin.holds(40)
    assert not origin.requests[0].ended.is_set()
    await connection.close()
    await origin.requests[0].ended.wait()
    assert origin.requests[0].body == b"x" * 40
