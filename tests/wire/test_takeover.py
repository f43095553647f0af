"""The newest request wins, at once: an older transfer that hangs is ended for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.kit.answer import Answer
from tests.kit.client import Client, Leaving, Upload
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import NoAnswerError
from tests.kit.words import each_version

pytestmark = pytest.mark.usefixtures("each_way")

WELL_UNDER_A_SECOND_S = 0.5


@pytest.fixture
async def upload(client: Client, version: int) -> Upload:
    """An upload of 100 bytes whose creation hangs after 40."""
    return await client.create(version, length=100, sends=b"a" * 40, then="stall")


async def _promptly(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    async with asyncio.timeout(WELL_UNDER_A_SECOND_S):
        return await ask()


@each_version
@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_a_question_ends_the_hanging_transfer(
    upload: Upload, origin: RecordingOrigin, method: str
) -> None:
    """R45, P6: answered at once, the old connection ends, the told offset holds."""
    answer = await _promptly(lambda: upload.head(method=method))
    assert (answer.status, answer.offset, answer.complete) == (204, 40, False)
    assert await upload.transfer.ended() == b""
    answer = await upload.append(at=40, sends=b"b" * 60)
    assert answer.complete is True
    assert origin.bodies == [b"a" * 40 + b"b" * 60]


@each_version
async def test_an_append_ends_the_hanging_transfer(
    upload: Upload, origin: RecordingOrigin
) -> None:
    """P6: nothing was asked before."""
    answer = await _promptly(lambda: upload.append(at=40, sends=b"b" * 60))
    assert (answer.status, answer.offset, answer.complete) == (200, 100, True)
    assert await upload.transfer.ended() == b""
    assert origin.bodies == [b"a" * 40 + b"b" * 60]


@each_version
async def test_a_cancel_ends_the_hanging_transfer(
    upload: Upload, origin: RecordingOrigin
) -> None:
    """R70, P6."""
    answer = await _promptly(upload.cancel)
    assert answer.status == 204
    assert await upload.transfer.ended() == b""
    assert (await upload.head()).status == 404
    assert origin.requests == []


@each_version
async def test_an_append_at_a_wrong_offset_ends_it_too(upload: Upload) -> None:
    """R53: offsets are compared only when the old transfer has ended."""
    answer = await _promptly(lambda: upload.append(at=39, sends=b"b" * 61))
    assert (answer.status, answer.offset, answer.complete) == (409, 40, False)
    assert await upload.transfer.ended() == b""


@each_version
async def test_late_bytes_of_the_old_transfer_are_not_taken(
    upload: Upload, origin: RecordingOrigin
) -> None:
    """P6: at most one of two writers contributes to any range."""
    assert await upload.ask_offset() == 40
    await upload.transfer.send(b"x" * 60)
    assert await upload.ask_offset() == 40
    await upload.append(at=40, sends=b"b" * 60)
    assert origin.bodies == [b"a" * 40 + b"b" * 60]


@each_version
async def test_a_hanging_append_is_ended_like_a_creation(upload: Upload) -> None:
    """R45."""
    transfer = await upload.begin(at=40, length=60, sends=b"b" * 20, then="stall")
    answer = await _promptly(upload.head)
    assert answer.offset == 60
    assert await transfer.ended() == b""


@each_version
async def test_appends_that_hang_one_after_the_other(
    upload: Upload, origin: RecordingOrigin
) -> None:
    """P6: every newer one ends the one before it, none is refused as busy."""
    for at in range(40, 90, 10):
        await upload.begin(at=at, length=100 - at, sends=b"b" * 10, then="stall")
    assert (await _promptly(upload.head)).offset == 90
    answer = await upload.append(at=90, sends=b"c" * 10)
    assert answer.complete is True
    assert origin.bodies == [b"a" * 40 + b"b" * 50 + b"c" * 10]


@each_version
@pytest.mark.parametrize("then", ["cut", "reset"])
async def test_a_newcomer_that_has_gone_when_its_turn_comes(
    upload: Upload, origin: RecordingOrigin, then: Leaving
) -> None:
    """P2, P6: it was waiting for the older one to end; its bytes had come."""
    await upload.begin(at=40, length=60, sends=b"b" * 20, then=then)
    assert await upload.ask_offset() == 60
    assert (await upload.append(at=60, sends=b"c" * 40)).complete is True
    assert origin.bodies == [b"a" * 40 + b"b" * 20 + b"c" * 40]


@each_version
async def test_a_malformed_request_disturbs_nothing(
    upload: Upload, origin: RecordingOrigin
) -> None:
    """R43, R7, R72: the running transfer goes on to its end."""
    assert (await upload.head(("Upload-Offset", "40"))).status == 400
    assert (await upload.cancel(("Upload-Offset", "40"))).status == 400
    assert (await upload.ask("PATCH", *upload.append_fields(at=40)[1:])).status == 400
    await upload.transfer.send(b"b" * 60)
    assert (await upload.transfer.hear()).status == 200
    assert origin.bodies == [b"a" * 40 + b"b" * 60]


@each_version
async def test_of_many_writers_at_once_exactly_one_counts(
    client: Client, upload: Upload, origin: RecordingOrigin
) -> None:
    """P3, P6: whoever wins, the body is of one piece and the origin gets it once."""

    async def write(number: int) -> Answer | None:
        try:
            return await upload.append(at=40, sends=b"%d" % number * 60)
        except NoAnswerError:
            return None  # ended for a newer one

    answers = await asyncio.gather(*(write(number) for number in range(6)))
    taken = [answer for answer in answers if answer is not None]
    # The one whose bytes counted may have been ended too, once they were all there.
    assert [answer.status for answer in taken].count(200) <= 1
    assert {answer.status for answer in taken} <= {200, 400, 409, 410}
    body = (await origin.received()).body
    assert body[:40] == b"a" * 40
    assert body[40:] in [b"%d" % number * 60 for number in range(6)]
    assert len(origin.requests) == 1


@each_version
async def test_other_uploads_are_not_disturbed(
    client: Client, origin: RecordingOrigin, upload: Upload, version: int
) -> None:
    other = await client.create(version, last=False, sends=b"o")
    await other.ask_offset()
    await upload.transfer.send(b"b" * 60)
    assert (await upload.transfer.hear()).status == 200
    assert origin.bodies == [b"a" * 40 + b"b" * 60]
