"""An upload moves to the disk with all it has, once and for good, or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.core.errors import SpoolError, UploadMissing
from proxy.core.upload import State
from proxy.spool.disk import DiskSpool
from proxy.spool.tiers import TieredSpool

from ..samples import (
    ANSWER,
    answer_of,
    body_of,
    keep_answer,
    rebooted,
    stored,
    tiered,
    upload,
)
from ..system import BOUND_S, Calls, Countdown, SlowDisk
from .conftest import answered, forwarding, is_below, no_space


async def test_a_body_that_grows_too_long_moves_within_one_write(
    disk: DiskSpool,
) -> None:
    spool = tiered(disk, threshold=10)
    created = upload()
    await spool.create(created)
    writer = spool.writer(created.token)
    writer.write(b"0123456789")
    assert (writer.offset, is_below(spool, created.token)) == (10, False)
    writer.write(b"a")
    assert (writer.offset, is_below(spool, created.token)) == (11, True)
    writer.write(b"b")
    writer.close()
    assert body_of(spool, created.token) == b"0123456789ab"
    assert spool.room.bodies.taken == 0


async def test_it_is_secured_when_asked_for(spool: TieredSpool, calls: Calls) -> None:
    """And as often as asked for, here or for another process."""
    begun = await stored(spool, b"12345")
    await spool.secure(begun.token)
    assert is_below(spool, begun.token)
    made = len(calls.made)
    await spool.secure(begun.token)
    assert len(calls.made) == made


async def test_a_forward_that_is_secured_survives_power_loss(
    spool: TieredSpool, disk: DiskSpool, calls: Calls, tmp_path: Path
) -> None:
    """P3. Its body needs no sync: nobody was promised any of it."""
    begun = await forwarding(spool)
    await spool.secure(begun.token)
    assert calls.synced() == [
        "rename T.record.new T.record",
        "fdatasync T.record",
        "fsync unfinished",
        "fsync .",
        "fsync S",
    ]
    after = rebooted(disk, tmp_path)
    found = await after.load(begun.token)
    assert (found.state, found.offset) == (State.FORWARDING, 5)
    after.close()


async def test_an_answer_that_is_secured_survives_power_loss(
    spool: TieredSpool, disk: DiskSpool, calls: Calls
) -> None:
    """Its content before the record that tells it."""
    told = await answered(spool)
    await spool.secure(told.token)
    assert calls.synced() == [
        "rename T.record.new T.record",
        "fdatasync T.answer.new",
        "rename T.answer.new T.answer",
        "fdatasync T.record",
        "fsync .",
        "fsync S",
    ]


async def test_securing_does_not_undo_what_is_saved_meanwhile(
    spool: TieredSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The forward it is in goes on, and its outcome is saved."""
    begun = await forwarding(spool)
    slow = SlowDisk(monkeypatch)
    securing = asyncio.create_task(spool.secure(begun.token))
    await slow.arrival()
    told = replace(begun, state=State.RESPONDED, answer=ANSWER)
    saving = asyncio.create_task(spool.save(told, durable=True))
    slow.let_go(2)
    async with asyncio.timeout(BOUND_S):
        await securing
        await saving
    assert (await spool.load(begun.token)).state is State.RESPONDED


@pytest.mark.parametrize("for_good", [False, True])
@pytest.mark.parametrize("fails_after", range(7))
async def test_what_cannot_be_moved_stays_as_it_was(
    spool: TieredSpool, calls: Calls, fails_after: int, for_good: bool
) -> None:
    """At whichever call it fails, with those that would take the others back or not."""
    begun = await forwarding(spool)
    keep_answer(spool, begun.token, b"answer")
    await spool.secure((await stored(spool)).token)  # makes the directories
    calls.before = failing = Countdown(fails_after, no_space, for_good=for_good)
    with pytest.raises(SpoolError, match="No space"):
        await spool.secure(begun.token)
    assert failing.reached
    calls.before = lambda call: None
    with pytest.raises(UploadMissing):
        await spool.disk.load(begun.token)
    assert for_good or not is_below(spool, begun.token)
    assert await spool.load(begun.token) == replace(begun, offset=5)
    assert answer_of(spool, begun.token) == b"answer"
    await spool.secure(begun.token)
    assert await spool.load(begun.token) == replace(begun, offset=5)
    assert body_of(spool, begun.token) == b"12345"
    assert answer_of(spool, begun.token) == b"answer"


async def test_a_body_that_cannot_be_moved_keeps_what_it_has(
    disk: DiskSpool, calls: Calls
) -> None:
    """P2: the bytes that came are there when the disk is."""
    spool = tiered(disk, threshold=10)
    created = upload()
    await spool.create(created)
    writer = spool.writer(created.token)
    writer.write(b"0123456789")
    calls.before = Countdown(1, no_space, for_good=False)
    with pytest.raises(SpoolError):
        writer.write(b"a")
    assert writer.offset == 10
    writer.write(b"b")
    writer.close()
    assert body_of(spool, created.token) == b"0123456789b"
