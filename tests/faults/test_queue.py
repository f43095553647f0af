"""``max_forwards``: so many at a time, the rest wait, oldest first."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.answer import Answer
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin, Reply


async def _complete(client: Client, body: bytes) -> Upload:
    """An upload with all its bytes, whose client waits for the answer."""
    upload = await client.create(9, length=len(body), sends=body, then="stall")

    async def all_there() -> Answer | None:
        answer = await upload.head()
        return answer if answer.offset == len(body) else None

    await until(all_there)
    return upload


@pytest.mark.configured(origin={"max_forwards": 2})
async def test_no_more_than_so_many_at_a_time(
    client: Client, origin: RecordingOrigin
) -> None:
    gate = asyncio.Event()
    origin.then(*[Reply(once=gate)] * 3)
    uploads = [await _complete(client, body) for body in (b"one", b"two", b"three")]
    await origin.received(2)
    answer = await uploads[2].head()
    assert (answer.status, answer.offset, answer.complete) == (204, 5, False)
    assert len(origin.requests) == 2
    gate.set()
    for upload in uploads:
        assert (await upload.transfer.hear()).status == 200
    assert sorted(origin.bodies) == [b"one", b"three", b"two"]


@pytest.mark.configured(origin={"max_forwards": 1})
async def test_the_oldest_goes_first(client: Client, origin: RecordingOrigin) -> None:
    gate = asyncio.Event()
    origin.then(Reply(once=gate))
    bodies = [b"first", b"second", b"third", b"fourth"]
    uploads = [await _complete(client, body) for body in bodies]
    await origin.received()
    assert len(origin.requests) == 1
    gate.set()
    for upload in uploads:
        assert (await upload.transfer.hear()).status == 200
    assert origin.bodies == bodies


@pytest.mark.configured(origin={"max_forwards": 1})
async def test_who_waits_in_the_queue_can_still_be_cancelled(
    client: Client, origin: RecordingOrigin
) -> None:
    """R70."""
    gate = asyncio.Event()
    origin.then(Reply(once=gate))
    first = await _complete(client, b"first")
    second = await _complete(client, b"second")
    assert (await second.cancel()).status == 204
    gate.set()
    assert (await first.transfer.hear()).status == 200
    assert (await client.create(9, sends=b"third")).answer.status == 200
    assert origin.bodies == [b"first", b"third"]
