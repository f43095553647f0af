"""An origin that refuses, stalls, resets, or answers early: no byte is lost for it.

One version stands for all; what differs is in the words, which ``wire`` checks.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.answer import Answer
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import Early, RecordingOrigin, Reply, Reset, Silence
from tests.kit.words import each_version

LARGE = b"x" * 20_000_000
"""More than two kernels take at once: the proxy is still sending when something
happens to the connection."""


@each_version
async def test_a_refused_connection_costs_no_bytes(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """P5: held for retry_for, then 503 with Retry-After, and tried on."""
    await origin.stop()
    upload = await client.create(version, sends=b"a" * 40)
    answer = upload.answer
    assert (answer.status, answer.offset, answer.complete) == (503, 40, False)
    assert int(answer.one("Retry-After") or "") > 0
    answer = await upload.head()
    assert (answer.status, answer.offset, answer.complete) == (204, 40, False)
    await origin.start()
    await origin.received()
    await upload.finished()
    assert (await upload.append(at=40)).status == 200
    assert origin.bodies == [b"a" * 40]


@each_version
async def test_who_comes_back_joins_the_forward(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """P5: the empty finishing append does not wait for the next background try."""
    await origin.stop()
    upload = await client.create(version, sends=b"a" * 40)
    assert (await upload.append(at=40)).status == 503
    await origin.start()
    answer = await upload.append(at=40)
    assert (answer.status, answer.offset, answer.complete) == (200, 40, True)
    assert len(origin.requests) == 1


@pytest.mark.configured(origin={"retry_for": "10s"})
async def test_a_client_is_held_until_the_origin_is_back(
    client: Client, origin: RecordingOrigin
) -> None:
    """P5: the short restart of an origin is not noticed by the client."""
    await origin.stop()
    upload = await client.create(9, length=40, sends=b"a" * 40, then="stall")
    await upload.transfer.hear_nothing(0.2)
    await origin.start()
    response = await upload.transfer.hear()
    assert (response.status, response.content) == (200, b"stored")
    assert origin.bodies == [b"a" * 40]


@pytest.mark.configured(origin={"retry_for": "10s"})
async def test_a_question_during_the_hold_is_answered(
    client: Client, origin: RecordingOrigin
) -> None:
    """COMPLETE: HEAD says total, open."""
    await origin.stop()
    upload = await client.create(9, length=40, sends=b"a" * 40, then="stall")

    async def all_there() -> Answer | None:
        answer = await upload.head()
        return answer if answer.offset == 40 else None

    answer = await until(all_there)
    assert (answer.status, answer.complete) == (204, False)


async def test_a_cancelled_upload_is_not_tried_any_more(
    client: Client, origin: RecordingOrigin
) -> None:
    """R70 in COMPLETE."""
    await origin.stop()
    upload = await client.create(9, sends=b"a" * 40)
    assert (await upload.cancel()).status == 204
    await origin.start()
    other = await client.create(9, sends=b"other")
    assert other.answer.status == 200
    assert (await upload.head()).status == 404
    assert origin.bodies == [b"other"]


async def _outcome_is_unknown(answer: Answer, total: int) -> None:
    assert (answer.status, answer.offset, answer.complete) == (502, total, False)
    assert "outcome-unknown" in answer.problem["type"]


async def _stays_unknown(upload: Upload, origin: RecordingOrigin, total: int) -> None:
    answer = await upload.head()
    assert (answer.status, answer.offset, answer.complete) == (204, total, False)
    await _outcome_is_unknown(await upload.append(at=total), total)
    assert len(origin.requests) == 1


@each_version
async def test_a_reset_after_the_whole_body(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """P3: it may have taken effect, so it is not repeated; every append hears so."""
    origin.then(Reset())
    upload = await client.create(version, sends=b"a" * 40)
    await _outcome_is_unknown(upload.answer, 40)
    await _stays_unknown(upload, origin, 40)
    await _outcome_is_unknown(await upload.append(at=40, sends=b"x"), 40)
    await _outcome_is_unknown(await upload.append(at=39), 40)
    assert (await upload.cancel()).status == 204
    assert (await upload.head()).status == 404
    assert len(origin.requests) == 1


@pytest.mark.configured(origin={"unknown_outcome": "repeat", "retry_for": "5s"})
async def test_a_reset_after_the_whole_body_where_repeating_is_declared(
    client: Client, origin: RecordingOrigin
) -> None:
    """P3: the same Idempotency-Key from the first attempt on."""
    origin.then(Reset(), Reply(201, (), b"made"))
    upload = await client.create(9, sends=b"a" * 40)
    assert (upload.answer.status, upload.answer.content) == (201, b"made")
    keys = {request.one("Idempotency-Key") for request in origin.requests}
    assert len(keys) == 1
    assert None not in keys


@pytest.mark.configured(origin={"response_timeout": "300ms"})
async def test_an_origin_that_never_answers(
    client: Client, origin: RecordingOrigin
) -> None:
    """P3: the whole request left, nothing came within response_timeout."""
    origin.then(Silence())
    upload = await client.create(9, sends=b"a" * 40)
    await _outcome_is_unknown(upload.answer, 40)
    await _stays_unknown(upload, origin, 40)


@pytest.mark.configured(origin={"retry_for": "5s"})
async def test_a_reset_before_the_whole_body(
    client: Client, origin: RecordingOrigin
) -> None:
    """P5: it cannot have seen a complete request, so it is tried again."""
    origin.then(Reset(after=1000))
    upload = await client.create(9, sends=LARGE)
    assert (upload.answer.status, upload.answer.complete) == (200, True)
    assert [request.complete for request in origin.requests] == [False, True]
    assert origin.bodies == [LARGE]


@pytest.mark.configured(origin={"response_timeout": "2s", "retry_for": "10s"})
async def test_an_origin_that_stops_reading(
    client: Client, origin: RecordingOrigin
) -> None:
    """P5: given up after a while and tried again, as it was not complete."""
    origin.then(Silence(after=1000))
    upload = await client.create(9, sends=LARGE)
    assert (upload.answer.status, upload.answer.complete) == (200, True)
    assert [request.complete for request in origin.requests] == [False, True]


@pytest.mark.parametrize("version", [3, 6, 9])
async def test_an_early_answer_is_the_answer(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """The origin's early answer is honoured; not asked again for the rest."""
    origin.then(Early(1000, Reply(413, (), b"too much")))
    upload = await client.create(version, sends=LARGE)
    answer = upload.answer
    assert (answer.status, answer.content) == (413, b"too much")
    assert (answer.offset, answer.complete) == (len(LARGE), True)
    answer = await upload.append(at=len(LARGE))
    assert (answer.status, answer.content) == (413, b"too much")
    assert len(origin.requests) == 1


async def test_an_early_answer_that_is_followed_by_a_reset(
    client: Client, origin: RecordingOrigin
) -> None:
    """Heard or not, by luck of the network; never two complete requests (P3)."""
    origin.then(Early(1000, Reply(413, (), b"too much"), linger=False))
    upload = await client.create(9, sends=LARGE)
    if upload.answer.status == 413:
        assert upload.answer.content == b"too much"
        assert len(origin.requests) == 1
    else:
        await origin.received()
    assert len(origin.complete) <= 1


async def test_an_answer_that_broke_off_is_not_replayed_as_whole(
    client: Client, origin: RecordingOrigin
) -> None:
    """The upload is finished, but its answer was not kept: told plainly."""
    origin.then(Reply(201, (), b"0123456789", cut_after=5))
    upload = await client.create(9, sends=b"a")
    assert upload.answer.response.whole is False
    answer = await upload.append(at=1)
    assert (answer.status, answer.offset) == (410, 1)
    assert 201 in answer.problem.values()
    assert (await upload.head()).complete is True
    assert len(origin.requests) == 1


async def test_a_kept_connection_that_the_origin_has_closed(
    client: Client, origin: RecordingOrigin
) -> None:
    """P3, P5: a stale connection is no reason to lose an upload or to doubt it."""
    assert (await client.create(9, sends=b"one")).answer.status == 200
    await origin.stop()
    await origin.start()
    assert (await client.create(9, sends=b"two")).answer.status == 200
    assert origin.bodies == [b"one", b"two"]


async def test_what_is_no_upload_is_not_held(
    client: Client, origin: RecordingOrigin
) -> None:
    """Passed through: 502 at once, as a problem document."""
    await origin.stop()
    async with asyncio.timeout(1):
        answer = await client.ask("GET", "/page")
    assert answer.status == 502
    assert answer.problem["status"] == 502
