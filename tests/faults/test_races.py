"""Two things at once: whatever comes first, the upload ends where it has to.

Each test lets the same two things meet many times, on a disk whose syncs take longer
or shorter as seeded chance will have it, so that every order of them comes up.
"""

from __future__ import annotations

import asyncio
import os
import random
import time

import pytest

from tests.kit.answer import VERSION_FIELD, Answer
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import Behaviour, RecordingOrigin, Reply, Reset
from tests.kit.raw import NoAnswerError, request

TIMES = 40
"""Picked by hand: enough for every order of two things."""

SYNCS_S = (0.0, 0.0, 0.0, 0.04)
"""How long a sync takes, as on a disk that now and then has something else to do."""

crowded = pytest.mark.configured(origin={"max_forwards": TIMES})


@pytest.fixture(autouse=True)
def _uneven_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Syncs of uneven length. They run in threads, where waiting harms nobody."""
    sync, chance = os.fdatasync, random.Random(1)

    def slow(descriptor: int) -> None:
        time.sleep(chance.choice(SYNCS_S))
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", slow)


async def _forwarded(
    client: Client, origin: RecordingOrigin, reply: Behaviour
) -> Upload:
    """An upload that the origin has got, and will treat so."""
    origin.then(reply)
    upload = await client.create(9, length=40, sends=b"a" * 40, then="reset")
    await origin.received(len(origin.requests) + 1)
    return upload


async def _is_answered(upload: Upload) -> None:
    async def done() -> Answer | None:
        answer = await upload.head()
        assert (answer.status, answer.offset) == (204, 40)
        return answer if answer.complete else None

    await until(done)
    answer = await upload.append(at=40)
    assert (answer.status, answer.content) == (201, b"made")


async def test_a_question_just_as_the_origin_answers(
    client: Client, origin: RecordingOrigin
) -> None:
    """P1, P4: telling the offset must not undo what the delivery has saved."""
    for _ in range(TIMES):
        gate = asyncio.Event()
        upload = await _forwarded(client, origin, Reply(201, (), b"made", once=gate))
        connection = await client.connect()
        version = (VERSION_FIELD, str(upload.version))
        await connection.send(request("HEAD", upload.path, version))
        gate.set()
        assert (await connection.hear("HEAD")).status == 204
        await _is_answered(upload)
    assert len(origin.requests) == TIMES


async def test_a_refusal_just_as_the_origin_answers(
    client: Client, origin: RecordingOrigin
) -> None:
    """P1, P4: nor may a refusal, which tells the offset too."""
    for _ in range(TIMES):
        gate = asyncio.Event()
        upload = await _forwarded(client, origin, Reply(201, (), b"made", once=gate))
        connection = await upload.begin(at=39, then="stall")
        gate.set()
        assert (await connection.hear("PATCH")).status == 409
        await _is_answered(upload)
    assert len(origin.requests) == TIMES


async def test_a_cancel_just_as_the_origin_resets(
    client: Client, origin: RecordingOrigin
) -> None:
    """R70: what is hidden stays hidden, whatever else is saved of it."""
    for _ in range(TIMES):
        upload = await _forwarded(client, origin, Reset())
        assert (await upload.cancel()).status == 204
        assert (await upload.head()).status == 404
    assert len(origin.requests) == TIMES


@crowded
async def test_cancels_just_as_the_origin_answers(
    client: Client, origin: RecordingOrigin
) -> None:
    """R70, R74: gone in any case, and sent once."""
    gate = asyncio.Event()
    reply = Reply(201, (), b"made", once=gate)
    uploads = [await _forwarded(client, origin, reply) for _ in range(TIMES)]
    gate.set()
    cancelled = await asyncio.gather(*(upload.cancel() for upload in uploads))
    assert {answer.status for answer in cancelled} == {204}
    for upload in uploads:
        assert (await upload.head()).status == 404
    assert len(origin.requests) == TIMES


@pytest.mark.parametrize("last", [True, False])
async def test_a_question_just_as_the_last_byte_comes(
    client: Client, origin: RecordingOrigin, last: bool
) -> None:
    """P2, P3, P6: the transfer ends by itself or by the question, never half."""
    for _ in range(TIMES):
        upload = await client.create(
            9, last=last, length=40, sends=b"a" * 39, then="stall"
        )
        await upload.transfer.send(b"b")
        answer = await upload.head()
        assert answer.status == 204
        assert answer.offset in (39, 40)
        try:
            response = await upload.transfer.hear()
            assert response.status == (200 if last else 201)
        except NoAnswerError:
            pass  # ended for the question
        at = answer.offset
        answer = await upload.append(at=at, sends=b"b" * (40 - at))
        if answer.status == 409:  # the byte arrived after all
            answer = await upload.append(at=40)
        assert (answer.status, answer.complete) == (200, True)
    assert origin.bodies == [b"a" * 39 + b"b"] * TIMES


async def test_two_who_come_back_at_once(
    client: Client, origin: RecordingOrigin
) -> None:
    """P3, P5: one forward, whoever asks for it."""
    await origin.stop()
    waiting = [client.create(9, sends=b"a" * 40) for _ in range(TIMES)]
    uploads = await asyncio.gather(*waiting)
    await origin.start()

    async def come_back(upload: Upload) -> int | None:
        try:
            return (await upload.append(at=40)).status
        except NoAnswerError:
            return None  # ended for the other one

    for upload in uploads:
        heard = await asyncio.gather(come_back(upload), come_back(upload))
        assert 200 in heard
    assert len(origin.requests) == TIMES
