"""The newest request wins, whichever process it lands on (P6), and no byte is lost
(P2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.kit.answer import Answer
from tests.kit.client import Leaving, Upload
from tests.kit.origin import RecordingOrigin

from .conftest import Pair

VERSION = 8
WELL_UNDER_A_SECOND_S = 0.5


async def _promptly(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    async with asyncio.timeout(WELL_UNDER_A_SECOND_S):
        return await ask()


@pytest.fixture
async def hanging(pair: Pair) -> Upload:
    """An upload whose creation hangs in one process, as the other one sees it."""
    upload = await pair.client.create(
        VERSION, length=100, sends=b"a" * 40, then="stall"
    )
    return pair.elsewhere(upload)


async def test_a_question_to_the_other_process_ends_it(
    hanging: Upload, origin: RecordingOrigin
) -> None:
    answer = await _promptly(hanging.head)
    assert (answer.status, answer.offset, answer.complete) == (204, 40, False)
    assert await hanging.transfer.ended() == b""
    assert (await hanging.append(at=40, sends=b"b" * 60)).complete is True
    assert origin.bodies == [b"a" * 40 + b"b" * 60]


async def test_an_append_to_the_other_process_goes_on_from_it(
    hanging: Upload, origin: RecordingOrigin
) -> None:
    answer = await _promptly(lambda: hanging.append(at=40, sends=b"b" * 60))
    assert (answer.status, answer.offset, answer.complete) == (200, 100, True)
    assert origin.bodies == [b"a" * 40 + b"b" * 60]


async def test_a_cancel_at_the_other_process_ends_it(
    hanging: Upload, pair: Pair, origin: RecordingOrigin
) -> None:
    assert (await _promptly(hanging.cancel)).status == 204
    assert (await hanging.head()).status == 404
    assert (await hanging.at(pair.client).head()).status == 404
    assert origin.requests == []


async def test_it_goes_back_and_forth(pair: Pair, origin: RecordingOrigin) -> None:
    upload = await pair.client.create(
        VERSION, length=100, sends=b"a" * 10, then="stall"
    )
    for number in range(1, 9):
        upload = upload.at(pair.other if number % 2 else pair.client)
        assert (await _promptly(upload.head)).offset == 10 * number
        await upload.begin(
            at=10 * number, then="stall", length=100 - 10 * number, sends=b"b" * 10
        )
    answer = await _promptly(
        lambda: upload.at(pair.other).append(at=90, sends=b"c" * 10)
    )
    assert answer.complete is True
    assert origin.bodies == [b"a" * 10 + b"b" * 80 + b"c" * 10]


@pytest.mark.parametrize("leaving", ["cut", "reset", "stall"])
async def test_parts_land_anywhere(
    pair: Pair, origin: RecordingOrigin, leaving: Leaving
) -> None:
    upload = await pair.client.create(
        VERSION, length=100, sends=b"a" * 40, then=leaving
    )
    upload = pair.elsewhere(upload)
    at = await upload.ask_offset()
    assert at == 40
    assert (await upload.append(at=at, sends=b"b" * 60)).complete is True
    assert origin.bodies == [b"a" * 40 + b"b" * 60]


async def test_many_questions_at_once_are_all_answered_or_superseded(
    pair: Pair, hanging: Upload
) -> None:
    """Each of them is newer than another one; nobody waits for ever."""
    asked = [
        upload.head()
        for _ in range(10)
        for upload in (hanging, hanging.at(pair.client))
    ]
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*asked, return_exceptions=True)
    offsets = {one.offset for one in answers if isinstance(one, Answer)}
    assert offsets == {40}
    assert await hanging.ask_offset() == 40


async def test_who_makes_no_sense_or_asks_for_the_limits_finds_it_and_ends_nothing(
    pair: Pair, origin: RecordingOrigin
) -> None:
    """P8: it was in the memory of the process that receives it."""
    upload = await pair.client.create(
        VERSION, length=100, sends=b"a" * 40, then="stall"
    )
    other = pair.elsewhere(upload)
    answer = await other.append(at=0, fields=(("Upload-Offset", "x"),))
    assert (answer.status, answer.offset) == (400, 0)
    assert (await other.ask("OPTIONS")).status == 200
    await upload.transfer.send(b"b" * 60)
    assert (await upload.transfer.hear()).status == 200
    assert origin.bodies == [b"a" * 40 + b"b" * 60]


async def test_one_that_is_not_there_is_looked_for_in_vain(pair: Pair) -> None:
    upload = await pair.client.create(VERSION, sends=b"a")
    assert (await upload.cancel()).status == 204
    answer = await pair.elsewhere(upload).append(at=0, fields=(("Upload-Offset", "x"),))
    assert answer.status == 404
