"""What is told of an upload whose delivery ends just then (P1, P3)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from proxy.core.errors import Problem, Refusal
from proxy.core.upload import State, Token, Upload
from proxy.leases import LocalLeases
from proxy.ledger import Ledger
from proxy.log import logger
from proxy.standings import Standings
from proxy.tally import Tally

from .stage import Origin, Stage, Stream, until

DOWN = Refusal(Problem.ORIGIN_DOWN, "it is tried on")


@pytest.fixture
async def stage() -> Stage:
    """One forward is in flight, and the next has to wait for it."""
    stage = Stage(Origin(Stream(b"x")), max_forwards=1)
    stage.origin.go.clear()
    stage.deliveries.start(await stage.complete("a"))
    await stage.origin.asked.wait()
    return stage


async def waiting(stage: Stage) -> Upload:
    """An upload that waits for its turn to be sent on."""
    upload = await stage.complete("b")
    stage.deliveries.start(upload)
    await asyncio.sleep(0)
    return upload


def while_syncing(stage: Stage, act: Callable[[], Awaitable[object]]) -> None:
    """Have `act` happen while the body is synced."""
    sync = stage.ledger.sync_body

    async def slow_sync(upload: Upload) -> int:
        synced = await sync(upload)
        await act()
        return synced

    stage.ledger.sync_body = slow_sync  # type: ignore[method-assign]


async def test_a_live_delivery_acknowledges_for_who_has_no_lease(stage: Stage) -> None:
    upload = await waiting(stage)
    told = await stage.standings.after(DOWN, upload.token)
    assert told is not None
    assert told.offset == 4
    assert (await stage.spool.load(upload.token)).acknowledged == 4


@pytest.mark.parametrize("acknowledged", [0, 4])
async def test_a_delivery_that_has_ended_saves_nothing_over_another_process(
    stage: Stage, acknowledged: int
) -> None:
    """P3: that may have begun to send it on."""
    upload = await waiting(stage)
    theirs = replace(upload, state=State.FORWARDING, acknowledged=acknowledged)

    async def goes_elsewhere() -> None:
        stage.origin.go.set()
        await stage.deliveries.stop(2)
        assert stage.deliveries.live(upload.token) is None
        await stage.spool.save(theirs, durable=True)

    while_syncing(stage, goes_elsewhere)
    told = await stage.standings.after(DOWN, upload.token)
    assert await stage.spool.load(upload.token) == theirs
    assert (None if told is None else told.offset) == (acknowledged or None)


async def test_with_the_lease_it_is_told_as_the_delivery_has_left_it(
    stage: Stage,
) -> None:
    token = Token("a" * 43)

    async def ends() -> None:
        stage.origin.go.set()
        await until(lambda: stage.deliveries.live(token) is None)

    while_syncing(stage, ends)
    told = await stage.standings.acknowledge(await stage.standings.load(token))
    assert told.state is State.RESPONDED


async def test_with_the_lease_one_whose_delivery_was_stopped_is_acknowledged(
    stage: Stage,
) -> None:
    upload = await waiting(stage)
    stopped = False

    async def stops() -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            stage.origin.go.set()
            await stage.deliveries.stop(2)

    while_syncing(stage, stops)
    told = await stage.standings.acknowledge(upload)
    assert (told.state, told.acknowledged) == (State.COMPLETE, 4)
    assert await stage.spool.load(upload.token) == told


async def test_one_that_was_cancelled_meanwhile_is_told_as_gone(stage: Stage) -> None:
    token = Token("a" * 43)
    delivery = stage.deliveries.live(token)
    assert delivery is not None

    async def is_cancelled() -> None:
        await delivery.amend(lambda current: replace(current, hidden=True))
        stage.origin.go.set()
        await until(lambda: stage.deliveries.live(token) is None)

    while_syncing(stage, is_cancelled)
    with pytest.raises(Refusal) as refusal:
        await stage.standings.acknowledge(delivery.upload)
    assert refusal.value.problem is Problem.UNKNOWN_UPLOAD


async def test_a_delivery_keeps_its_claim_until_the_last_save_has_ended(
    stage: Stage,
) -> None:
    """P3: another process must not be overtaken by what we had saved before."""
    upload = await waiting(stage)
    delivery = stage.deliveries.live(upload.token)
    assert delivery is not None
    saving, go_on = asyncio.Event(), asyncio.Event()
    save = stage.spool.save

    async def slow_save(upload: Upload, *, durable: bool) -> None:
        saving.set()
        await go_on.wait()
        await save(upload, durable=durable)

    stage.spool.save = slow_save  # type: ignore[method-assign]
    acknowledging = asyncio.create_task(delivery.acknowledge(4))
    await saving.wait()
    stopping = asyncio.create_task(stage.deliveries.stop(2))
    stage.origin.go.set()
    for _ in range(20):
        await asyncio.sleep(0)
        assert stage.deliveries.live(upload.token) is delivery
    go_on.set()
    assert await acknowledging
    await stopping
    assert stage.deliveries.live(upload.token) is None
    assert not await delivery.acknowledge(4)


async def test_one_that_is_not_stored_yet_keeps_its_place(stage: Stage) -> None:
    """Who begins it has been counted first, and holds its lease."""
    log, leases = logger("error", "json"), LocalLeases()
    ledger = Ledger(stage.spool, lambda: stage.now, log, Tally(1))
    standings = Standings(
        stage.spool, ledger, stage.deliveries, stage.courses, log, leases=leases
    )
    known = replace(await stage.complete("b"), peer="192.0.2.1")
    begun = replace(known, token=Token("x" * 43))
    other = replace(known, token=Token("y" * 43))
    async with leases.hold(begun.token):
        ledger.admit(begun)
        await standings.recount(other)
        with pytest.raises(Refusal):
            ledger.admit(other)
    await standings.recount(other)
    ledger.admit(other)
