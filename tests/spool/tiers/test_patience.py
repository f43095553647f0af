"""What is not over in time moves to the disk, and is tried again where it cannot."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from proxy.core.errors import SpoolError
from proxy.core.upload import State
from proxy.spool import patience
from proxy.spool.disk import DiskSpool
from proxy.spool.tiers import TieredSpool

from ..samples import stored, tiered
from ..system import BOUND_S, Calls, Countdown
from .conftest import answered, complete, forwarding, is_below, no_space, until


async def test_what_is_not_over_in_time_is_on_the_disk(
    spool: TieredSpool, impatient: None
) -> None:
    waits = {(await complete(spool)).token, (await forwarding(spool)).token}
    told = await answered(spool)
    receiving = await stored(spool, b"1")
    await until(lambda: waits <= set(spool.disk.tokens()))
    assert set(spool.disk.tokens()) == waits
    assert not is_below(spool, told.token)
    assert not is_below(spool, receiving.token)


async def test_time_counts_from_the_last_byte_on(
    spool: TieredSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not from the last change of state."""
    monkeypatch.setattr(patience, "PATIENCE_S", 0.2)
    begun = await complete(spool)
    loop = asyncio.get_running_loop()
    since = loop.time()
    while not is_below(spool, begun.token):
        begun = replace(begun, attempts=begun.attempts + 1)
        await spool.save(begun, durable=False)
        await asyncio.sleep(0)
        assert loop.time() - since < BOUND_S
    assert loop.time() - since >= 0.2


async def test_many_that_wait_move_one_by_one(
    spool: TieredSpool, impatient: None
) -> None:
    """Others get their turn in between."""
    waits = {(await forwarding(spool)).token for _ in range(20)}
    seen = set()
    async with asyncio.timeout(BOUND_S):
        while spool.held:
            seen.add(spool.held)
            await asyncio.sleep(0)
    assert len(seen) > 10
    assert set(spool.disk.tokens()) == waits


async def test_what_cannot_be_moved_is_tried_again(
    spool: TieredSpool, calls: Calls, impatient: None
) -> None:
    begun = await forwarding(spool)
    calls.before = failing = Countdown(0, no_space)
    await until(lambda: failing.reached)
    assert (await spool.load(begun.token)).state is State.FORWARDING
    calls.before = lambda call: None
    await until(lambda: is_below(spool, begun.token))


async def test_a_part_whose_end_could_not_be_saved_does_not_stay_in_memory(
    disk: DiskSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may ever ask for it again, nor sweep it in a process that does not."""

    def full(*_: object) -> None:
        raise SpoolError("no room left")

    monkeypatch.setattr(patience, "PATIENCE_S", 0.01)
    spool = tiered(disk, shared=True)
    begun = await stored(spool, b"12345", state=State.RECEIVING)
    with monkeypatch.context() as trouble:
        trouble.setattr(disk, "adopt", full)
        with pytest.raises(SpoolError):
            await spool.save(replace(begun, state=State.INTERRUPTED), durable=False)
        await asyncio.sleep(0.05)
        assert spool.held == 1
    async with asyncio.timeout(BOUND_S):
        while spool.held:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
    assert spool.room.bodies.taken == 0
    assert (await disk.load(begun.token)).offset == 5
    spool.close()
