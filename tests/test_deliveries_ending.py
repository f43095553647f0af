"""Deliveries that end otherwise: cancelled, expired, held up, or cut by a stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from proxy.core.errors import (
    OriginCut,
    OriginError,
    OriginLost,
    OriginUnreached,
    Problem,
    UploadMissing,
)
from proxy.core.upload import State, Upload

from .stage import ANSWER, Origin, Stage, Stream, answered, refused, until


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.deliveries.FIRST_PAUSE_S", 0.01)


async def test_an_upload_cancelled_in_flight_is_hidden_and_removed_at_the_end() -> None:
    """R70 under FORWARDING."""
    origin = Origin(Stream())
    origin.go.clear()
    stage = Stage(origin)
    upload = await stage.complete()
    delivery = stage.deliveries.start(upload)
    await origin.asked.wait()
    assert not await stage.deliveries.withdraw(upload.token)
    assert await delivery.hide()
    assert (await stage.spool.load(upload.token)).hidden
    origin.go.set()
    await stage.over(upload.token)
    with pytest.raises(UploadMissing):
        await stage.spool.load(upload.token)


async def test_who_waits_for_an_upload_that_is_given_up_hears_that_there_is_none() -> (
    None
):
    """Not that something went wrong, and that it should come again."""
    origin = Origin(OriginUnreached("refused"))
    origin.go.clear()
    stage = Stage(origin)
    upload = await stage.complete()
    follower = stage.deliveries.follow(upload)
    await origin.asked.wait()
    delivery = stage.deliveries.live(upload.token)
    assert delivery is not None
    await delivery.amend(lambda current: replace(current, hidden=True))
    origin.go.set()
    assert (await refused(follower)).problem is Problem.UNKNOWN_UPLOAD
    await stage.over(upload.token)


@pytest.mark.parametrize("trouble", [OriginLost("reset"), OriginUnreached("refused")])
async def test_a_hidden_upload_is_removed_however_its_forward_ends(
    trouble: OriginError,
) -> None:
    origin = Origin(trouble)
    origin.go.clear()
    stage = Stage(origin)
    upload = await stage.complete()
    delivery = stage.deliveries.start(upload)
    await origin.asked.wait()
    await delivery.amend(lambda current: replace(current, hidden=True))
    origin.go.set()
    await stage.over(upload.token)
    with pytest.raises(UploadMissing):
        await stage.spool.load(upload.token)
    assert origin.connects == 1


async def test_an_upload_cancelled_while_it_is_connected_for_is_not_sent() -> None:
    """R70: the client has been told that it is gone."""
    origin = Origin(Stream())
    stage = Stage(origin)
    upload = await stage.complete()
    delivery = stage.deliveries.start(upload)

    class Slow(Origin):
        async def connect(self, size: int, route: str) -> Origin:
            await delivery.amend(lambda current: replace(current, hidden=True))
            return await super().connect(size, route)

    origin.__class__ = Slow
    await stage.over(upload.token)
    assert (origin.connects, origin.closed, origin.bodies) == (1, 1, [])
    with pytest.raises(UploadMissing):
        await stage.spool.load(upload.token)


async def test_what_has_outlived_its_time_is_not_tried_any_more() -> None:
    origin = Origin(OriginUnreached("refused"))
    stage = Stage(origin)
    upload = await stage.complete()
    stage.deliveries.start(upload)
    await origin.asked.wait()
    stage.now += upload.limits.max_age_s
    await stage.over(upload.token)
    with pytest.raises(UploadMissing):
        await stage.spool.load(upload.token)


async def test_one_cancelled_just_as_an_attempt_fails_is_not_sent_again() -> None:
    """R70: the client has been told that it is gone."""
    origin = Origin(OriginCut("reset"))
    origin.go.clear()
    stage = Stage(origin)
    upload = await stage.complete()
    delivery = stage.deliveries.start(upload)
    await origin.asked.wait()

    def just_failed() -> None:
        hiding.append(asyncio.create_task(delivery.hide()))

    hiding: list[asyncio.Task[bool]] = []
    save = stage.spool.save

    async def slow_save(upload: Upload, *, durable: bool) -> None:
        if upload.state is State.COMPLETE and not hiding:
            just_failed()
            await asyncio.sleep(0)
        await save(upload, durable=durable)

    stage.spool.save = slow_save  # type: ignore[method-assign]
    origin.go.set()
    await stage.over(upload.token)
    await hiding[0]
    assert len(origin.bodies) == 1
    with pytest.raises(UploadMissing):
        await stage.spool.load(upload.token)


async def test_one_cancelled_just_as_its_forward_ends_is_removed() -> None:
    """R70: not left to a round in the spool, which comes much later."""
    asked, go_on = asyncio.Event(), asyncio.Event()
    stream = Stream(b"ok")
    stream.length = b"2"
    stage = Stage(Origin(stream))
    upload = await stage.complete()
    chunks, save = stream.chunks, stage.spool.save

    async def waiting() -> AsyncIterator[bytes]:
        await asked.wait()
        async for chunk in chunks():
            yield chunk

    async def slow_save(upload: Upload, *, durable: bool) -> None:
        if upload.hidden and not asked.is_set():
            asked.set()
            await go_on.wait()
        await save(upload, durable=durable)

    stream.chunks = waiting  # type: ignore[method-assign]
    stage.spool.save = slow_save  # type: ignore[method-assign]
    delivery = stage.deliveries.start(upload)
    await until(lambda: delivery.upload.state is State.RESPONDED)
    hiding = asyncio.create_task(delivery.hide())
    await until(lambda: stream.closed)
    go_on.set()
    assert await hiding
    await stage.over(upload.token)
    with pytest.raises(UploadMissing):
        await stage.spool.load(upload.token)


async def test_whoever_comes_for_the_answer_is_not_held_up_by_one_that_stalls() -> None:
    """P6."""
    stage = Stage(Origin(Stream(*[b"x"] * 50)))
    upload = await stage.complete()
    stalled = stage.deliveries.follow(upload)
    await stalled.answer()
    delivery = stage.deliveries.live(upload.token)
    assert delivery is not None
    delivery.newest_wins()
    async with asyncio.timeout(2):
        await delivery.over.wait()
    with pytest.raises(OriginCut):
        await answered(stalled)


class TestStopping:
    async def test_what_is_in_flight_may_finish(self) -> None:
        origin = Origin(Stream(b"x"))
        origin.go.clear()
        stage = Stage(origin)
        upload = await stage.complete()
        follower = stage.deliveries.follow(upload)
        await origin.asked.wait()
        stopping = asyncio.create_task(stage.deliveries.stop(2))
        await asyncio.sleep(0)
        origin.go.set()
        assert await answered(follower) == (ANSWER, b"x")
        await stopping
        assert (await stage.spool.load(upload.token)).state is State.RESPONDED

    async def test_what_has_not_begun_stays_complete(self) -> None:
        origin = Origin(Stream())
        origin.go.clear()
        stage = Stage(origin, max_forwards=1)
        stage.deliveries.start(await stage.complete("a"))
        await origin.asked.wait()
        waiting = await stage.complete("b")
        follower = stage.deliveries.follow(waiting)
        stopping = asyncio.create_task(stage.deliveries.stop(2))
        assert (await refused(follower)).problem is Problem.UNAVAILABLE
        origin.go.set()
        await stopping
        assert (await stage.spool.load(waiting.token)).state is State.COMPLETE
        assert len(origin.bodies) == 1

    async def test_what_does_not_finish_in_time_is_found_forwarding(self) -> None:
        origin = Origin(Stream())
        origin.go.clear()
        stage = Stage(origin)
        upload = await stage.complete()
        stage.deliveries.start(upload)
        await origin.asked.wait()
        assert stage.deliveries.in_flight == 1
        await stage.deliveries.stop(0.01)
        assert (await stage.spool.load(upload.token)).state is State.FORWARDING

    async def test_nothing_new_begins(self) -> None:
        origin = Origin(Stream())
        stage = Stage(origin)
        await stage.deliveries.stop(0.01)
        follower = stage.deliveries.follow(await stage.complete())
        assert (await refused(follower)).problem is Problem.UNAVAILABLE
        assert origin.bodies == []
