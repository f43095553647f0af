"""A spool in two tiers: what stays in memory, and what is on the disk at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.core.upload import State, Token
from proxy.spool.disk import DiskSpool
from proxy.spool.tiers import TieredSpool

from ..samples import answer_of, body_of, rebooted, stored, tiered, upload
from ..system import Calls
from .conftest import answered, complete, is_below

KEPT = (State.RECEIVING, State.COMPLETE, State.FORWARDING, State.RESPONDED)


async def test_the_whole_short_road_touches_no_file(
    spool: TieredSpool, calls: Calls
) -> None:
    told = await answered(spool)
    assert await spool.load(told.token) == replace(told, offset=5)
    assert answer_of(spool, told.token) == b"answer"
    await spool.delete(told.token, durable=True)
    assert calls.made == []
    assert (spool.held, spool.room.bodies.taken, spool.room.answers.taken) == (0, 0, 0)


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("state", [*State])
async def test_another_state_is_saved_on_the_disk(
    spool: TieredSpool, state: State, durable: bool
) -> None:
    begun = await stored(spool, b"12345")
    await spool.save(replace(begun, state=state, length=5), durable=durable)
    assert is_below(spool, begun.token) is (state not in KEPT)
    assert (await spool.load(begun.token)).state is state


@pytest.mark.parametrize("state", KEPT)
async def test_an_offset_that_is_told_is_on_the_disk(
    spool: TieredSpool, disk: DiskSpool, tmp_path: Path, state: State
) -> None:
    """P1."""
    begun = await stored(spool, b"12345", state=state, length=5)
    writer = spool.writer(begun.token)
    assert await writer.sync() == 5
    writer.close()
    await spool.save(replace(begun, acknowledged=5), durable=True)
    after = rebooted(disk, tmp_path)
    assert (await after.load(begun.token)).acknowledged == 5
    assert body_of(after, begun.token) == b"12345"
    after.close()


async def test_an_upload_too_long_is_on_the_disk_from_the_start(
    disk: DiskSpool,
) -> None:
    spool = tiered(disk, threshold=10)
    for length, below in ((10, False), (11, True), (None, False), (0, False)):
        created = upload(length=length)
        await spool.create(created)
        assert is_below(spool, created.token) is below


async def test_a_route_may_have_a_threshold_of_its_own(disk: DiskSpool) -> None:
    spool = tiered(disk, threshold=10, thresholds={"none": 0, "more": 20})
    for route, length, below in (
        ("default", 10, False),
        ("default", 11, True),
        ("none", 1, True),
        ("more", 20, False),
        ("more", 21, True),
    ):
        created = upload(length=length, route=route)
        await spool.create(created)
        assert is_below(spool, created.token) is below
    await spool.drain()
    created = upload(length=1, route="more")
    await spool.create(created)
    assert is_below(spool, created.token)


async def test_without_a_threshold_nothing_is_in_memory(disk: DiskSpool) -> None:
    spool = tiered(disk, threshold=0)
    empty = upload(length=0)
    await spool.create(empty)
    assert is_below(spool, empty.token)


async def test_lists_can_be_read_in_another_thread(spool: TieredSpool) -> None:
    for _ in range(100):
        await answered(spool)
    listed = spool.tokens()
    found = asyncio.create_task(asyncio.to_thread(list, listed))
    while not found.done():
        await answered(spool)
        await asyncio.sleep(0)
    assert len(found.result()) == 100


async def test_what_has_gone_meanwhile_is_not_listed(spool: TieredSpool) -> None:
    """Else a sweep would look for thousands of answers on the disk."""
    told = [await answered(spool) for _ in range(3)]
    listed = spool.tokens()
    await spool.delete(told[1].token)
    assert list(listed) == [told[0].token, told[2].token]


async def test_what_is_kept_is_told_once_its_writer_has_closed_and_when_it_is_not(
    spool: TieredSpool, disk: DiskSpool
) -> None:
    """Every byte is here or below, whatever becomes of it, as far as is told."""
    here: Counter[Token] = Counter()
    below: Counter[Token] = Counter()

    def kept(token: Token, by: int) -> None:
        here[token] += by

    def changed(token: Token, by: int) -> None:
        below[token] += by

    spool.kept, disk.changed = kept, changed
    one = upload(length=5)
    await spool.create(one)
    writer = spool.writer(one.token)
    writer.write(b"12345")
    assert here[one.token] == 0
    writer.close()
    writer.close()
    assert (here[one.token], below[one.token]) == (5, 0)
    await spool.secure(one.token)
    assert (here[one.token], below[one.token]) == (0, 5)
    told = await answered(spool)
    gone = await complete(spool)
    assert (here[told.token], here[gone.token]) == (0, 5)
    await spool.delete(gone.token)
    await spool.delete(told.token)
    assert (here.total(), below.total()) == (0, 5)
