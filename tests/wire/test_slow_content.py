"""Content that comes too slowly: `uploads.minimum_rate`, and who is not to blame."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from proxy.wire import pace
from proxy.wire.pace import ContentPace
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import Connection, request
from tests.kit.words import each_version

pytestmark = pytest.mark.usefixtures("each_way")

WINDOW_S = 0.3
QUIET = 3
"""A version whose uploads are not told their progress."""
asking = pytest.mark.configured(uploads={"minimum_rate": 1000})


@pytest.fixture(autouse=True)
def short_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "WINDOW_S", WINDOW_S)


@asynccontextmanager
async def _dripping(connection: Connection, piece: bytes) -> AsyncIterator[None]:
    """`piece` again and again, far more often than `idle_timeout` asks for."""

    async def drip() -> None:
        while True:
            await connection.send(piece)
            await asyncio.sleep(WINDOW_S / 10)

    task = asyncio.ensure_future(drip())
    try:
        yield
    finally:
        task.cancel()


@each_version
@asking
async def test_content_that_drips_is_cut_and_its_bytes_are_kept(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R96, R25: and the upload goes on."""
    upload = await client.create(version, length=5000, sends=b"a" * 40, then="stall")
    async with _dripping(upload.transfer, b"a"):
        assert await upload.transfer.ended() == b""
    offset = await upload.ask_offset()
    assert offset >= 40
    answer = await upload.append(at=offset, sends=b"a" * (5000 - offset))
    assert (answer.status, answer.complete) == (200, True)
    assert origin.bodies == [b"a" * 5000]


@asking
async def test_content_that_comes_fast_enough_is_taken_for_as_long_as_it_takes(
    client: Client,
) -> None:
    upload = await client.create(QUIET, length=10**6, then="stall")
    async with _dripping(upload.transfer, b"a" * 400):
        await upload.transfer.hear_nothing(for_s=WINDOW_S * 4)


async def test_without_a_rate_any_will_do(client: Client) -> None:
    upload = await client.create(QUIET, length=10**6, then="stall")
    async with _dripping(upload.transfer, b"a"):
        await upload.transfer.hear_nothing(for_s=WINDOW_S * 4)


@asking
async def test_what_is_passed_through_may_not_drip_either(client: Client) -> None:
    connection = await client.connect()
    await connection.send(request("POST", "/", ("Content-Length", "5000")))
    async with _dripping(connection, b"a"):
        assert await connection.ended() == b""


def test_a_window_is_judged_when_it_has_been_waited_for() -> None:
    ten = ContentPace(10)
    assert not ten.too_slow(WINDOW_S / 2, 0)
    assert ten.left_s(WINDOW_S / 2) == pytest.approx(WINDOW_S / 2)
    assert not ten.too_slow(WINDOW_S, 3)
    assert ten.left_s(WINDOW_S) == pytest.approx(WINDOW_S)
    assert ten.too_slow(WINDOW_S * 2, 5)


def test_what_one_window_brought_is_not_counted_in_the_next() -> None:
    ten = ContentPace(10)
    assert not ten.too_slow(WINDOW_S, 10**6)
    assert ten.too_slow(WINDOW_S * 2, 10**6)


def test_while_nobody_reads_a_look_is_not_taken_all_the_time() -> None:
    assert ContentPace(10).next_look_s(WINDOW_S) == pytest.approx(WINDOW_S / 10)
    assert ContentPace(0).next_look_s(10**9) == float("inf")
