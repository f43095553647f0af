"""One forward, whichever process the client comes to meanwhile (P3, P4)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.kit.answer import Answer
from tests.kit.bounds import until
from tests.kit.client import Upload
from tests.kit.origin import RecordingOrigin, Reply, Reset

from .conftest import Pair

VERSION = 8


@pytest.fixture
def gate() -> asyncio.Event:
    """The origin answers when it is set."""
    return asyncio.Event()


@pytest.fixture
async def under_way(pair: Pair, origin: RecordingOrigin, gate: asyncio.Event) -> Upload:
    """An upload that one process sends on, as the other one sees it."""
    origin.then(Reply(201, (("X-App", "1"),), b"made", once=gate))
    upload = await pair.client.create(VERSION, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    return pair.elsewhere(upload)


def _records(directory: Path) -> list[Path]:
    return list((directory / "spool").rglob("*.record"))


async def _is_told_of(pair: Pair, count: int) -> None:
    """Wait until `count` clients wait at the process that sends the upload on."""

    async def waiting() -> bool | None:
        live = pair.here._road.deliveries._live.values()
        followers = sum(len(delivery.followers) for delivery in live)
        return True if followers >= count else None

    await until(waiting)


@pytest.mark.configured(spool={"memory_threshold": 0})
async def test_the_answer_is_replayed_by_the_other_process(
    pair: Pair, origin: RecordingOrigin
) -> None:
    origin.then(Reply(422, (("X-App", "1"),), b"no" * 1000))
    upload = await pair.client.create(VERSION, sends=b"a" * 40)
    answer = await pair.elsewhere(upload).append(at=40)
    assert (answer.status, answer.content) == (422, b"no" * 1000)
    assert (answer.one("X-App"), answer.offset, answer.complete) == ("1", 40, True)
    assert len(origin.requests) == 1


async def test_a_part_here_the_last_one_there_the_answer_here(
    pair: Pair, origin: RecordingOrigin
) -> None:
    upload = await pair.client.create(VERSION, last=False, sends=b"a" * 40)
    assert (await pair.elsewhere(upload).append(at=40, sends=b"b")).status == 200
    assert (await upload.append(at=41)).content == b"stored"
    assert origin.bodies == [b"a" * 40 + b"b"]


async def test_its_offset_is_the_total_and_durable(under_way: Upload) -> None:
    answer = await under_way.head()
    assert (answer.status, answer.offset, answer.complete) == (204, 40, False)


async def test_an_empty_append_waits_for_the_same_answer(
    pair: Pair, under_way: Upload, origin: RecordingOrigin, gate: asyncio.Event
) -> None:
    joined = asyncio.ensure_future(under_way.append(at=40))
    await _is_told_of(pair, 2)
    gate.set()
    answer = await asyncio.wait_for(joined, 2)
    assert (answer.status, answer.content) == (201, b"made")
    assert (answer.offset, answer.complete) == (40, True)
    first = await under_way.transfer.hear()
    assert (first.status, first.content) == (201, b"made")
    assert len(origin.requests) == 1


async def test_any_other_append_is_refused(
    under_way: Upload, origin: RecordingOrigin
) -> None:
    answer = await under_way.append(at=40, sends=b"b")
    assert (answer.status, answer.offset) == (400, 40)
    assert (await under_way.append(at=39, sends=b"b")).status == 409
    assert len(origin.requests) == 1


async def test_a_cancel_hides_it_and_the_forward_ends_by_itself(
    under_way: Upload, pair: Pair, gate: asyncio.Event, tmp_path: Path
) -> None:
    assert (await under_way.cancel()).status == 204
    assert (await under_way.head()).status == 404
    assert (await under_way.at(pair.client).head()).status == 404
    gate.set()

    async def gone() -> bool | None:
        return None if _records(tmp_path) else True

    await until(gone)


@pytest.mark.configured(origin={"retry_for": "100ms"})
async def test_an_origin_that_is_down_is_told_by_the_other_process_too(
    pair: Pair, origin: RecordingOrigin
) -> None:
    """P5."""
    await origin.stop()
    upload = await pair.client.create(VERSION, sends=b"a" * 40)
    assert upload.answer.status == 503
    answer = await pair.elsewhere(upload).append(at=40)
    assert (answer.status, answer.offset, answer.complete) == (503, 40, False)
    assert answer.one("Retry-After") is not None


@pytest.mark.configured(origin={"retry_for": "5s"})
async def test_who_waits_at_the_other_process_ends_the_pause(
    pair: Pair, origin: RecordingOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P5: an origin that is back is found while somebody waits, wherever."""
    monkeypatch.setattr("proxy.deliveries.FIRST_PAUSE_S", 0.1)
    await origin.stop()
    upload = await pair.client.create(VERSION, length=40, sends=b"a" * 40, then="reset")
    there = pair.elsewhere(upload)
    await until(lambda: _tried(pair, 5))  # the pause is seconds by now
    await origin.start()
    answer = await asyncio.wait_for(there.append(at=40), 1)
    assert answer.content == b"stored"
    assert origin.bodies == [b"a" * 40]


async def _tried(pair: Pair, attempts: int) -> bool | None:
    live = list(pair.here._road.deliveries._live.values())
    return True if live and live[0].upload.attempts >= attempts else None


async def test_an_upload_that_waits_for_the_origin_is_cancelled_anywhere(
    pair: Pair, origin: RecordingOrigin, tmp_path: Path
) -> None:
    await origin.stop()
    upload = await pair.client.create(VERSION, sends=b"a" * 40)

    async def cancelled() -> Answer:
        return await pair.elsewhere(upload).cancel()

    assert (await cancelled()).status == 204
    assert (await cancelled()).status == 404
    assert _records(tmp_path) == []
    await origin.start()
    assert (await upload.append(at=40)).status == 404
    assert origin.requests == []


async def test_an_unknown_outcome_is_told_where_it_is_waited_for(
    under_way: Upload, pair: Pair, origin: RecordingOrigin
) -> None:
    upload = await pair.client.create(VERSION, last=False, sends=b"a" * 40)
    origin.then(Reset())
    answer = await pair.elsewhere(upload).append(at=40, sends=b"b")
    assert answer.status == 502
    assert (await upload.append(at=41)).status == 502
    assert len(origin.requests) == 2


@pytest.mark.configured(uploads={"keep_answer_size": 10})
async def test_an_answer_too_large_to_keep_is_had_once(
    under_way: Upload, pair: Pair, gate: asyncio.Event, origin: RecordingOrigin
) -> None:
    """Who waits at another process is told that it is not kept: 410."""
    origin.will.clear()
    upload = await pair.client.create(VERSION, last=False, sends=b"a" * 40)
    large = asyncio.Event()
    origin.then(Reply(201, (), b"x" * 11, once=large))
    finishing = asyncio.ensure_future(upload.append(at=40, sends=b"b"))
    await origin.received(2)
    joined = asyncio.ensure_future(pair.elsewhere(upload).append(at=41))
    await _is_told_of(pair, 3)
    large.set()
    assert (await finishing).content == b"x" * 11
    assert (await joined).status == 410


async def test_stopping_hands_the_upload_to_the_other_process(
    pair: Pair, origin: RecordingOrigin, running: list[object]
) -> None:
    """P5: whoever waits there does not even notice."""
    await origin.stop()
    upload = await pair.client.create(VERSION, sends=b"a" * 40)
    assert upload.answer.status == 503
    await pair.here.stop()
    running.remove(pair.here)
    await origin.start()
    answer = await pair.elsewhere(upload).append(at=40)
    assert answer.content == b"stored"
    assert origin.bodies == [b"a" * 40]


async def test_what_a_stopped_process_leaves_is_sent_on_unasked(
    pair: Pair,
    origin: RecordingOrigin,
    running: list[object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One sweeper: the other one takes over from it."""
    await origin.stop()
    upload = await pair.client.create(VERSION, sends=b"a" * 40)
    assert upload.answer.status == 503
    await pair.here.stop()
    running.remove(pair.here)
    await origin.start()
    await origin.received(bound_s=10)
    assert origin.bodies == [b"a" * 40]


@pytest.mark.configured(
    uploads={"limits": {"max_age": "300ms"}, "keep_answer": "0s"},
    spool={"memory_threshold": 0},
)
async def test_nothing_under_way_is_swept_by_the_other_process(
    pair: Pair, origin: RecordingOrigin, tmp_path: Path
) -> None:
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))
    upload = await pair.other.create(VERSION, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    await asyncio.sleep(0.4)  # its lifetime, which passes by itself
    token = upload.path.rpartition("/")[2]
    await pair.here._road.sweep._upkeep.tidy(token)  # type: ignore[arg-type]
    assert len(_records(tmp_path)) == 1
    gate.set()
    assert (await upload.transfer.hear()).content == b"made"


async def test_who_makes_no_sense_or_asks_for_the_limits_finds_it(
    under_way: Upload, gate: asyncio.Event
) -> None:
    """P8: it is in the memory of the process that sends it on."""
    answer = await under_way.append(at=0, fields=(("Upload-Offset", "x"),))
    assert (answer.status, answer.offset) == (400, 0)
    assert (await under_way.ask("OPTIONS")).status == 200
    gate.set()
