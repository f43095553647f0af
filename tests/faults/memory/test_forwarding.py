"""What brings an upload in memory to the disk once all of it has come."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.bounds import until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply, Reset, Silence
from tests.kit.process import ProxyProcess

from .conftest import (
    BODY,
    REST,
    VERSION,
    After,
    begun,
    is_in_flight,
    on_disk,
    outcome_is_unknown,
    waiting,
)


async def test_what_is_forwarded_from_memory_is_never_forwarded_again(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P3: its client was told nothing, and starts over."""
    origin.then(Silence())
    upload = await waiting(process, speaker, origin)
    await process.restart()
    assert (await upload.head()).status == 404
    assert (await speaker.create(VERSION, sends=b"again")).answer.status == 200
    assert [request.body for request in origin.requests] == [BODY, b"again"]


@pytest.mark.parametrize("how", ["cut", "reset"])
async def test_a_client_that_leaves_while_the_origin_works(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    how: str,
    after: After,
) -> None:
    """P3, P4: from then on the outcome of its forward is known to the disk."""
    origin.then(Silence())
    upload = await waiting(process, speaker, origin)
    if how == "cut":
        upload.transfer.finish()
    else:
        await upload.transfer.reset()
    await on_disk(process, upload)
    await is_in_flight(after, upload)
    assert len(origin.requests) == 1


async def test_a_client_that_left_before_the_answer(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """P4: it finds the answer, after a kill too."""
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))
    upload = await waiting(process, speaker, origin)
    await upload.transfer.reset()
    await on_disk(process, upload)
    gate.set()
    await upload.finished()
    upload = await after(upload)
    answer = await upload.append(at=100)
    assert (answer.status, answer.content) == (201, b"made")
    assert len(origin.requests) == 1


async def test_a_client_that_leaves_with_its_last_byte(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """R64: all of it had come."""
    upload = await speaker.create(VERSION, length=100, sends=BODY, then="reset")
    await on_disk(process, upload)
    await upload.finished()
    upload = await after(upload)
    answer = await upload.append(at=100)
    assert (answer.status, answer.content) == (200, b"stored")
    assert origin.bodies == [BODY]


async def test_a_client_that_leaves_in_the_middle_of_the_answer(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    body, leaves = bytes(range(256)) * 4000, asyncio.Event()
    origin.then(Reply(200, (), body, half=leaves))
    upload = await begun(process, speaker)
    await upload.transfer.send(REST)
    assert (await upload.transfer.hear_head()).status == 200
    await upload.transfer.reset()
    leaves.set()
    await on_disk(process, upload)

    async def whole() -> bool | None:
        answer = await upload.append(at=100)
        return True if answer.content == body else None

    await until(whole)
    upload = await after(upload)
    assert (await upload.append(at=100)).content == body
    assert len(origin.requests) == 1


async def test_an_origin_that_takes_longer_than_a_second(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """Its client waits on, gets the answer, and can have it again after a kill."""
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))
    upload = await waiting(process, speaker, origin)
    await on_disk(process, upload)
    gate.set()
    answer = await upload.transfer.hear()
    assert (answer.status, answer.content) == (201, b"made")
    upload = await after(upload)
    replay = await upload.append(at=100)
    assert (replay.status, replay.content) == (201, b"made")
    assert len(origin.requests) == 1


async def test_an_origin_that_takes_longer_and_a_kill(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    origin.then(Silence())
    upload = await waiting(process, speaker, origin)
    await on_disk(process, upload)
    await is_in_flight(after, upload)
    assert len(origin.requests) == 1


@pytest.mark.configured(origin={"max_forwards": 1})
async def test_an_upload_that_waits_for_its_turn(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """The origin is busy with another: COMPLETE is on the disk after a second."""
    gate = asyncio.Event()
    origin.then(Reply(once=gate), Reply())
    await waiting(process, speaker, origin)
    upload = await begun(process, speaker, BODY[::-1])
    await on_disk(process, upload)
    upload = await after(upload)
    assert await upload.ask_offset() == 100
    gate.set()
    assert (await origin.received(2)).body == BODY[::-1]
    assert (await upload.finished()).offset == 100
    assert len(origin.requests) == 2


async def test_an_origin_that_is_down(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P5: forwarded after the start, without anybody asking."""
    await origin.stop()
    upload = await begun(process, speaker)
    await upload.transfer.send(REST)
    said = await upload.transfer.hear()
    assert (said.status, said.one("Upload-Offset")) == (503, "100")
    await process.kill()
    await origin.start()
    await process.start()
    assert (await origin.received(bound_s=10)).body == BODY
    assert (await upload.finished()).offset == 100
    answer = await upload.append(at=100)
    assert (answer.status, answer.content) == (200, b"stored")
    assert len(origin.requests) == 1


async def test_an_origin_that_is_lost(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """P3: the outcome is unknown, before a kill and after it."""
    origin.then(Reset())
    upload = await begun(process, speaker)
    await upload.transfer.send(REST)
    assert (await upload.transfer.hear()).status == 502
    await outcome_is_unknown(await after(upload))
    assert len(origin.requests) == 1
