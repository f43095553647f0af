"""Acts on one upload: one at a time, in order, and seen through to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.core.upload import State, Upload
from proxy.spool.disk import DiskSpool

from .samples import BOOT, stored
from .system import BOUND_S, SlowDisk


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[DiskSpool]:
    disk = DiskSpool(tmp_path, boot_id=BOOT)
    yield disk
    disk.close()


@pytest.fixture
async def disk(monkeypatch: pytest.MonkeyPatch) -> SlowDisk:
    return SlowDisk(monkeypatch)


async def test_a_save_that_is_cancelled_ends_before_it_is_over(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    """Otherwise it could overwrite what the next holder of the lease has saved."""
    saved = await stored_slowly(spool, disk)
    saving = asyncio.create_task(
        spool.save(replace(saved, why="cancelled"), durable=True)
    )
    await disk.arrival()
    for _ in range(3):
        saving.cancel()
        await asyncio.sleep(0)
    assert not saving.done()
    disk.let_go()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(BOUND_S):
            await saving
    assert (await spool.load(saved.token)).why == "cancelled"


async def test_a_save_that_fails_after_it_was_cancelled_is_cancelled(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    saved = await stored_slowly(spool, disk)
    saving = asyncio.create_task(spool.save(replace(saved, why="lost"), durable=True))
    await disk.arrival()
    saving.cancel()
    disk.fails = True
    disk.let_go()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(BOUND_S):
            await saving
    assert await spool.load(saved.token) == saved


async def test_acts_on_one_upload_happen_in_the_order_they_were_asked_for(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    saved = await stored_slowly(spool, disk)
    async with asyncio.timeout(BOUND_S), asyncio.TaskGroup() as group:
        for attempt in range(1, 5):
            changed = replace(saved, attempts=attempt)
            group.create_task(spool.save(changed, durable=attempt % 2 == 1))
        loading = group.create_task(spool.load(saved.token))
        await disk.arrival()
        disk.let_go(2)
    assert loading.result().attempts == 4


async def test_acts_on_two_uploads_do_not_wait_for_each_other(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    one, other = await stored_slowly(spool, disk), await stored_slowly(spool, disk)
    saving = asyncio.create_task(spool.save(one, durable=True))
    await disk.arrival()
    async with asyncio.timeout(BOUND_S):
        assert await spool.load(other.token) == other
    disk.let_go()
    await saving


async def stored_slowly(spool: DiskSpool, disk: SlowDisk) -> Upload:
    """An upload whose first durable save the disk has let pass."""
    disk.let_go()
    saved = await stored(spool, state=State.INTERRUPTED)
    await disk.arrival()
    return saved
