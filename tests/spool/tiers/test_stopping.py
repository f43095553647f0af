"""A process that is about to end: what of its memory is on the disk by then."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.core.upload import State
from proxy.spool import tiers
from proxy.spool.disk import DiskSpool
from proxy.spool.tiers import TieredSpool

from ..samples import answer_of, append, body_of, rebooted, stored
from ..system import Calls, Countdown
from .conftest import answered, complete, forwarding, is_below, no_space


async def test_all_that_is_there_is_on_the_disk(
    spool: TieredSpool, disk: DiskSpool, tmp_path: Path
) -> None:
    receiving = await stored(spool, b"1")
    waits, sent = await complete(spool), await forwarding(spool)
    told = await answered(spool)
    await spool.drain()
    everything = {receiving.token, waits.token, sent.token, told.token}
    assert set(disk.tokens()) == everything
    assert answer_of(spool, told.token) == b"answer"
    after = rebooted(disk, tmp_path)
    assert (await after.load(sent.token)).state is State.FORWARDING
    after.close()


async def test_of_the_answers_that_were_given_the_latest_are(
    spool: TieredSpool, disk: DiskSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its client may have lost it, and asks the next process."""
    monkeypatch.setattr(tiers, "LATEST", 2)
    _, second, third = [await answered(spool) for _ in range(3)]
    await spool.drain()
    assert set(disk.tokens()) == {second.token, third.token}
    assert answer_of(disk, third.token) == b"answer"


async def test_earlier_answers_are_not_moved_however_often_it_is_asked(
    spool: TieredSpool, disk: DiskSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is files that are made while others wait."""
    monkeypatch.setattr(tiers, "LATEST", 2)
    _, _, third, fourth = [await answered(spool) for _ in range(4)]
    for _ in range(3):
        await spool.drain()
    assert set(disk.tokens()) == {third.token, fourth.token}


async def test_answers_that_cannot_be_moved_hold_up_nobody(
    spool: TieredSpool, calls: Calls
) -> None:
    told = [await answered(spool) for _ in range(3)]
    made = len(calls.made)
    calls.before = Countdown(0, no_space, for_good=True)
    await spool.drain()
    assert not any(is_below(spool, one.token) for one in told)
    assert len(calls.made) < made + 20


async def test_nothing_is_kept_in_memory_any_more(spool: TieredSpool) -> None:
    begun = await stored(spool, b"1")
    await spool.drain()
    append(spool, begun.token, b"2")
    later = await stored(spool, b"3", state=State.COMPLETE, length=1)
    assert is_below(spool, later.token)
    assert body_of(spool, begun.token) == b"12"
    assert spool.held == 0


async def test_what_could_not_be_moved_is_moved_the_second_time(
    spool: TieredSpool, calls: Calls
) -> None:
    begun = await forwarding(spool)
    calls.before = Countdown(0, no_space, for_good=False)
    await spool.drain()
    assert not is_below(spool, begun.token)
    await spool.drain()
    assert is_below(spool, begun.token)
