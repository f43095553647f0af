"""Syncs of directories: who waits at the same time shares one, and hears the truth."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.core.upload import State
from proxy.spool.disk import DiskSpool
from proxy.spool.names import Names

from .samples import BOOT, new_token, stored, upload
from .system import BOUND_S, Calls, Doorway, SlowNames

MANY = 8
"""Fewer than there are threads, so that all can wait at the same time."""
LEADER = 2
"""Times that the one who leads passes the doorway before it syncs."""


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowNames:
    return SlowNames(monkeypatch)


@pytest.fixture
def doorway(monkeypatch: pytest.MonkeyPatch) -> Doorway:
    found = Doorway()
    monkeypatch.setattr("proxy.spool.names.Lock", lambda: found)
    return found


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(MANY) as threads:
        yield threads


def test_who_comes_while_one_is_in_the_air_shares_the_next(
    tmp_path: Path, slow: SlowNames, pool: ThreadPoolExecutor, doorway: Doorway
) -> None:
    names = Names()
    first = pool.submit(names.sync, str(tmp_path))
    slow.arrival()
    # the one in the air may have left too early for these
    doorway.passed(LEADER)
    later = [pool.submit(names.sync, str(tmp_path)) for _ in range(MANY - 1)]
    doorway.passed(MANY - 1)
    slow.let_go()
    first.result(BOUND_S)
    slow.arrival()
    assert not any(act.done() for act in later)
    slow.let_go()
    for act in later:
        act.result(BOUND_S)
    assert slow.begun == 2


def test_two_directories_do_not_wait_for_each_other(
    tmp_path: Path, slow: SlowNames, pool: ThreadPoolExecutor, doorway: Doorway
) -> None:
    names = Names()
    (tmp_path / "other").mkdir()
    acts = [
        pool.submit(names.sync, str(path)) for path in (tmp_path, tmp_path / "other")
    ]
    slow.arrival()
    slow.arrival()
    slow.let_go(2)
    for act in acts:
        act.result(BOUND_S)


def test_a_failure_is_told_to_those_who_shared_it_and_to_nobody_else(
    tmp_path: Path, slow: SlowNames, pool: ThreadPoolExecutor, doorway: Doorway
) -> None:
    names = Names()
    first = pool.submit(names.sync, str(tmp_path))
    slow.arrival()
    doorway.passed(LEADER)
    later = [pool.submit(names.sync, str(tmp_path)) for _ in range(3)]
    doorway.passed(3)
    slow.let_go()
    first.result(BOUND_S)
    slow.arrival()
    slow.fails = True
    slow.let_go()
    failures = [_failure(act) for act in later]
    assert [failure.errno for failure in failures] == [errno.EIO] * 3
    assert len({id(failure) for failure in failures}) == 3
    slow.fails = False
    slow.let_go()
    names.sync(str(tmp_path))


def _failure(act: Future[None]) -> OSError:
    with pytest.raises(OSError, match=os.strerror(errno.EIO)) as raised:
        act.result(BOUND_S)
    return raised.value


async def test_saves_at_the_same_time_share_what_syncs_they_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doorway: Doorway
) -> None:
    """One sync of the content for each; the marks of all who wait at the same time are
    synced together."""
    calls = Calls(tmp_path, monkeypatch)
    spool = DiskSpool(tmp_path, boot_id=BOOT)
    uploads = [upload(state=State.COMPLETE) for _ in range(MANY)]
    for created in uploads:
        await spool.create(created)
    calls.synced()
    slow = SlowNames(monkeypatch, only="/unfinished")
    async with asyncio.timeout(BOUND_S), asyncio.TaskGroup() as group:
        for created in uploads:
            forwarding = replace(created, state=State.FORWARDING)
            group.create_task(spool.save(forwarding, durable=True))
        await asyncio.to_thread(slow.arrival)
        await asyncio.to_thread(doorway.passed, LEADER + MANY - 1)
        slow.let_go(2)
    synced = calls.synced()
    assert synced.count("fdatasync T.record.new") == MANY
    assert synced.count("fsync unfinished") == 2
    assert synced.count("fsync S") <= MANY
    assert synced.count("fsync .") <= MANY
    spool.close()


async def test_one_save_costs_three_syncs_and_the_next_one_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on the way of a small upload through the disk: FORWARDING, its answer."""
    calls = Calls(tmp_path, monkeypatch)
    spool = DiskSpool(tmp_path, boot_id=BOOT)
    before = await stored(spool, state=State.INTERRUPTED)  # the shard is known then
    created = upload(token=new_token(before.token[:2]), state=State.COMPLETE)
    await spool.create(created)
    calls.synced()
    for state, syncs in ((State.FORWARDING, 3), (State.RESPONDED, 2)):
        await spool.save(replace(created, state=state), durable=True)
        assert len([call for call in calls.synced() if "sync" in call]) == syncs
    spool.close()
