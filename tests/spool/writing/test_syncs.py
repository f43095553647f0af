"""Syncs: who shares one, and who is told when it fails."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import pytest

from proxy.core.errors import SpoolError
from proxy.spool.disk import DiskSpool
from proxy.spool.threads import DiskThreads
from proxy.spool.writer import DiskWriter

from ..samples import append, body_of
from ..system import BOUND_S, SlowDisk
from .conftest import no_descriptor, token_of


async def test_who_comes_before_a_sync_begins_shares_it(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    writer = spool.writer(await token_of(spool))
    async with asyncio.timeout(BOUND_S), asyncio.TaskGroup() as group:
        writer.write(b"first")
        early = [group.create_task(writer.sync()) for _ in range(3)]
        await disk.arrival()
        # the one under way cannot cover these
        writer.write(b", second")
        late = [group.create_task(writer.sync()) for _ in range(3)]
        disk.let_go(2)
    assert [task.result() for task in early] == [5, 5, 5]
    assert [task.result() for task in late] == [13, 13, 13]
    assert disk.begun == 2
    writer.close()


async def test_who_comes_later_and_has_written_nothing_shares_it_too(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    writer = spool.writer(await token_of(spool))
    writer.write(b"first")
    async with asyncio.timeout(BOUND_S), asyncio.TaskGroup() as group:
        early = group.create_task(writer.sync())
        await disk.arrival()
        late = group.create_task(writer.sync())
        disk.let_go()
    assert (early.result(), late.result(), disk.begun) == (5, 5, 1)
    writer.close()


async def test_who_comes_as_a_sync_ends_does_not_wait_for_ever(
    write_to: Callable[..., DiskWriter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flight is over, and the writer has not been told yet."""
    writer = write_to()
    over: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    monkeypatch.setattr(DiskThreads, "begin", lambda self, act: over)
    first = asyncio.create_task(writer.sync())
    await asyncio.sleep(0)
    over.set_result(0)
    async with asyncio.timeout(BOUND_S):
        assert await writer.sync() == 0
        assert await first == 0
    writer.close()


async def test_a_writer_may_be_closed_while_it_syncs(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    token = await token_of(spool)
    writer = spool.writer(token)
    writer.write(b"first")
    syncing = asyncio.create_task(writer.sync())
    await disk.arrival()
    writer.close()
    append(spool, token, b", second")
    disk.let_go()
    async with asyncio.timeout(BOUND_S):
        assert await syncing == 5
    assert body_of(spool, token) == b"first, second"


async def test_who_is_cancelled_takes_nobody_along(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    writer = spool.writer(await token_of(spool))
    writer.write(b"first")
    impatient = asyncio.create_task(writer.sync())
    patient = asyncio.create_task(writer.sync())
    await disk.arrival()
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    disk.let_go()
    async with asyncio.timeout(BOUND_S):
        assert await patient == 5
    writer.close()


async def test_a_failed_sync_fails_for_all_who_share_it(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    writer = spool.writer(await token_of(spool))
    writer.write(b"first")
    disk.fails = True
    disk.let_go(2)
    async with asyncio.timeout(BOUND_S):
        outcomes = await asyncio.gather(
            writer.sync(), writer.sync(), return_exceptions=True
        )
    assert [str(outcome) for outcome in outcomes] == [
        "the bytes cannot be made durable: Input/output error"
    ] * 2
    with pytest.raises(SpoolError):
        writer.write(b"more")
    with pytest.raises(SpoolError):
        await writer.sync()


async def test_no_descriptor_left_is_a_failed_sync(
    spool: DiskSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = spool.writer(await token_of(spool))
    writer.write(b"first")
    with monkeypatch.context() as patch:
        patch.setattr(os, "dup", no_descriptor)
        with pytest.raises(SpoolError, match="Too many open files"):
            await writer.sync()
    assert await writer.sync() == 5
    writer.close()
