"""Leases among processes: the newest request is the one, anywhere (P6)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from proxy.asks import Ask, Said, Wish, Word
from proxy.core.errors import ClientGone, Gone, Problem, Refusal
from proxy.core.upload import Token
from proxy.peers import Peers
from proxy.shared_leases import SharedLeases
from proxy.spool.claims import Claims
from proxy.tasks import Tasks

T = Token("t" * 43)
LOG: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
    structlog.ReturnLogger(),
    processors=[],
    wrapper_class=structlog.make_filtering_bound_logger(50),
)


class Process:
    """As much of a process as leases need."""

    def __init__(self, directory: Path, tasks: Tasks) -> None:
        self.claims = Claims(str(directory))
        self.peers = Peers(str(directory), tasks.spawn, LOG)
        self.leases = SharedLeases(self.claims.leases, self.peers)
        self.asked = asyncio.Event()

    async def answer(self, ask: Ask) -> Said:
        assert ask.wish is Wish.LET_GO
        self.asked.set()
        return Said(await self.leases.let_go(ask.token, ask.since))

    async def die(self) -> None:
        await self.peers.close()
        self.claims.close()


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[Process, Process]]:
    tasks = Tasks(LOG)
    both = Process(tmp_path, tasks), Process(tmp_path, tasks)
    for one in both:
        await one.peers.listen(one.answer)
    yield both
    await tasks.cancel_all()
    for one in both:
        await one.die()


async def _works(process: Process, holds: asyncio.Event, end: asyncio.Event) -> None:
    async with process.leases.hold(T) as lease:
        holds.set()
        with lease.revocable(lambda why: end.set()):
            await end.wait()


async def _holder(process: Process) -> asyncio.Task[None]:
    holds, end = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(_works(process, holds, end))
    async with asyncio.timeout(2):
        await holds.wait()
    return task


async def test_a_newcomer_ends_the_request_in_the_other_process(
    two: tuple[Process, Process],
) -> None:
    here, there = two
    older = await _holder(here)
    async with asyncio.timeout(2), there.leases.hold(T):
        await older
        assert not here.leases.is_free(T)
    assert here.leases.is_free(T)


async def test_a_polite_one_disturbs_nobody(two: tuple[Process, Process]) -> None:
    here, there = two
    older = await _holder(here)
    with pytest.raises(Refusal):
        async with there.leases.hold(T, politely=True):
            pass
    assert not older.done()
    async with asyncio.timeout(2), there.leases.hold(T):
        await older


async def test_a_polite_one_gives_way_to_whoever_comes(
    two: tuple[Process, Process],
) -> None:
    here, there = two
    async with here.leases.hold(T, politely=True):
        waiting = asyncio.create_task(_holder(there))
        async with asyncio.timeout(2):
            await here.asked.wait()
    task = await asyncio.wait_for(waiting, 2)
    async with asyncio.timeout(2), here.leases.hold(T):
        await task


@pytest.fixture
def read_late(two: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch) -> Process:
    """A process whose next request came before all others, but asks after them."""
    _, there = two
    monkeypatch.setattr(there.leases._local, "now", lambda: 1.0)
    return there


async def test_a_request_with_content_gives_way_to_a_newer_one_elsewhere(
    two: tuple[Process, Process], read_late: Process
) -> None:
    newer = await _holder(two[0])
    with pytest.raises(ClientGone) as gone:
        async with read_late.leases.hold(T):
            pass
    assert gone.value.why is Gone.SUPERSEDED
    assert not newer.done()
    async with asyncio.timeout(2), two[1].leases.hold(T, brief=True):
        await newer


async def test_a_request_without_content_has_its_turn_in_any_case(
    two: tuple[Process, Process], read_late: Process
) -> None:
    """A part that its client has given up may be read after the question that it asked
    instead."""
    newer = await _holder(two[0])
    async with asyncio.timeout(2), read_late.leases.hold(T, brief=True):
        await newer


async def test_who_asks_too_late_is_told_of_the_newer_request(
    two: tuple[Process, Process],
) -> None:
    here, _ = two
    newer = await _holder(here)
    assert await here.leases.let_go(T, since=1.0) is Word.NEWER
    assert not newer.done()
    assert await here.leases.let_go(T, since=float("inf")) is Word.DONE
    await asyncio.wait_for(newer, 2)
    assert await here.leases.let_go(T, since=float("inf")) is Word.NONE


async def test_the_lease_of_a_dead_process_is_free(
    two: tuple[Process, Process], tmp_path: Path
) -> None:
    _, there = two
    dead = Process(tmp_path, Tasks(LOG))
    assert dead.claims.leases.try_lock(T)
    waiting = asyncio.create_task(_holder(there))
    async with asyncio.timeout(2):
        await two[0].asked.wait()
    assert not waiting.done()
    await dead.die()
    task = await asyncio.wait_for(waiting, 2)
    async with asyncio.timeout(2), there.leases.hold(T):
        await task


async def test_a_process_that_hangs_is_not_waited_for_longer_than_the_bound(
    two: tuple[Process, Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.shared_leases.WAIT_S", 0.1)
    _, there = two
    hanging = Process(tmp_path, Tasks(LOG))
    assert hanging.claims.leases.try_lock(T)
    with pytest.raises(Refusal) as refused:
        async with there.leases.hold(T):
            pass
    assert refused.value.problem is Problem.UNAVAILABLE
    await hanging.die()
