"""Deliveries withdrawn because the upload is cancelled: nothing of them is saved after.

What is removed then must not come back by a save that was under way, or by one that
somebody else has asked for.
"""

from __future__ import annotations

import asyncio

from proxy.core.errors import Problem
from proxy.core.upload import Token, Upload
from proxy.delivery import Delivery

from .stage import Origin, Stage, Stream, refused


async def test_a_delivery_that_has_not_begun_can_be_withdrawn() -> None:
    origin = Origin(Stream())
    origin.go.clear()
    stage = Stage(origin, max_forwards=1)
    stage.deliveries.start(await stage.complete("a"))
    await origin.asked.wait()
    waiting = await stage.complete("b")
    follower = stage.deliveries.follow(waiting)
    assert await stage.deliveries.withdraw(waiting.token)
    assert (await refused(follower)).problem is Problem.UNKNOWN_UPLOAD
    origin.go.set()
    await stage.over(Token("a" * 43))
    assert len(origin.bodies) == 1


async def test_withdrawing_what_is_not_there_is_no_trouble() -> None:
    assert await Stage(Origin()).deliveries.withdraw(Token("a" * 43))


class Slow:
    """Holds up what a spool saves until it may go on."""

    def __init__(self, stage: Stage) -> None:
        self.saving, self.go_on = asyncio.Event(), asyncio.Event()
        self._save = stage.spool.save
        stage.spool.save = self._slowly  # type: ignore[method-assign]

    async def _slowly(self, upload: Upload, *, durable: bool) -> None:
        self.saving.set()
        await self.go_on.wait()
        await self._save(upload, durable=durable)


async def _waiting(stage: Stage) -> Delivery:
    """The delivery of an upload that waits for the end of another one's."""
    stage.origin.go.clear()
    stage.deliveries.start(await stage.complete("a"))
    await stage.origin.asked.wait()
    delivery = stage.deliveries.start(await stage.complete("b"))
    await asyncio.sleep(0)
    return delivery


async def test_withdrawing_waits_for_what_is_being_saved() -> None:
    """Else the record of a cancelled upload comes back."""
    stage = Stage(Origin(Stream()), max_forwards=1)
    delivery = await _waiting(stage)
    token, slow = delivery.upload.token, Slow(stage)
    acknowledging = asyncio.ensure_future(delivery.acknowledge(4))
    await slow.saving.wait()
    late = asyncio.ensure_future(delivery.hide())
    withdrawing = asyncio.ensure_future(stage.deliveries.withdraw(token))
    for _ in range(20):
        await asyncio.sleep(0)
        assert stage.deliveries.live(token) is delivery
    assert not withdrawing.done()
    joined = stage.deliveries.join(token)
    slow.go_on.set()
    async with asyncio.timeout(2):
        assert await withdrawing
        assert await acknowledging
        assert not await late
    assert stage.deliveries.live(token) is None
    assert not (await stage.spool.load(token)).hidden
    assert joined is not None
    assert (await refused(joined)).problem is Problem.UNKNOWN_UPLOAD
    assert not await delivery.amend(lambda current: current)
    stage.origin.go.set()
    await stage.over(Token("a" * 43))
    assert len(stage.origin.bodies) == 1


async def test_one_that_is_withdrawn_as_it_is_started_ends() -> None:
    """Its task has not begun."""
    stage = Stage(Origin(Stream()))
    delivery = stage.deliveries.start(await stage.complete())
    async with asyncio.timeout(2):
        assert await stage.deliveries.withdraw(delivery.upload.token)
    assert stage.deliveries.live(delivery.upload.token) is None
    assert delivery.over.is_set()
    assert stage.origin.bodies == []


async def test_withdrawing_twice_at_once_is_no_trouble() -> None:
    stage = Stage(Origin(Stream()), max_forwards=1)
    delivery = await _waiting(stage)
    token, slow = delivery.upload.token, Slow(stage)
    acknowledging = asyncio.ensure_future(delivery.acknowledge(4))
    await slow.saving.wait()
    both = [asyncio.ensure_future(stage.deliveries.withdraw(token)) for _ in range(2)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert not any(one.done() for one in both)
    slow.go_on.set()
    assert await asyncio.gather(acknowledging, *both) == [True] * 3
