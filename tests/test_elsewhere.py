"""Beside a process that hangs: what is asked of it is refused in time, with 503."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import structlog

from proxy.asks import Ask, Said, Word
from proxy.core.errors import Problem, Refusal
from proxy.core.upload import Token
from proxy.elsewhere import Elsewhere
from proxy.peers import Peers
from proxy.spool.claims import Claims
from proxy.tasks import Tasks

T = Token("t" * 43)
LOG: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
    structlog.ReturnLogger(),
    processors=[],
    wrapper_class=structlog.make_filtering_bound_logger(50),
)


class Deliverer:
    """Another process that delivers the upload: answers when it may."""

    def __init__(self, directory: Path, tasks: Tasks) -> None:
        self.claims = Claims(str(directory))
        self.claims.deliveries.try_lock(T)
        self.peers = Peers(str(directory), tasks.spawn, LOG)
        self.says = asyncio.Event()

    async def answer(self, ask: Ask) -> Said:
        await self.says.wait()
        return Said(Word.DONE)


@pytest.fixture
async def deliverer(tmp_path: Path) -> AsyncIterator[Deliverer]:
    tasks = Tasks(LOG)
    other = Deliverer(tmp_path, tasks)
    yield other
    await tasks.cancel_all()
    await other.peers.close()
    other.claims.close()


@pytest.fixture
async def elsewhere(tmp_path: Path, deliverer: Deliverer) -> AsyncIterator[Elsewhere]:
    claims, peers = Claims(str(tmp_path)), Peers(str(tmp_path), Tasks(LOG).spawn, LOG)
    yield Elsewhere(claims.deliveries, peers)
    await peers.close()
    claims.close()


Act = Callable[[Elsewhere], Awaitable[object]]
each_wish = pytest.mark.parametrize(
    "act",
    [
        lambda elsewhere: elsewhere.acknowledge(T),
        lambda elsewhere: elsewhere.cancel(T),
        lambda elsewhere: elsewhere.over(T),
        lambda elsewhere: elsewhere.show(T),
    ],
    ids=["acknowledge", "cancel", "over", "show"],
)


async def _refused(act: Awaitable[object]) -> Refusal:
    async with asyncio.timeout(1):
        with pytest.raises(Refusal) as refusal:
            await act
    return refusal.value


@each_wish
async def test_one_bound_for_all_rounds(
    act: Act,
    elsewhere: Elsewhere,
    deliverer: Deliverer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However patient each of them is."""
    monkeypatch.setattr("proxy.peers.PATIENCE_S", 0.15)
    monkeypatch.setattr("proxy.elsewhere.ANSWER_S", 0.2)
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(str(tmp_path / "peers/hanging"))
        hanging.listen()
        refusal = await _refused(act(elsewhere))
    assert refusal.problem is Problem.UNAVAILABLE
    assert refusal.retry_after_s == 1


async def test_who_waits_for_the_end_waits_as_long_as_there_are_signs_of_life(
    elsewhere: Elsewhere, deliverer: Deliverer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.peers.STILL_S", 0.05)
    monkeypatch.setattr("proxy.elsewhere.ANSWER_S", 0.3)
    await deliverer.peers.listen(deliverer.answer)
    over = asyncio.ensure_future(elsewhere.over(T))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(over), 1)
    deliverer.says.set()
    await asyncio.wait_for(over, 1)


@each_wish
async def test_other_wishes_have_their_time_whatever_is_told_meanwhile(
    act: Act,
    elsewhere: Elsewhere,
    deliverer: Deliverer,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """A disk that does not take it holds up nobody for longer."""
    monkeypatch.setattr("proxy.peers.STILL_S", 0.05)
    monkeypatch.setattr("proxy.elsewhere.ANSWER_S", 0.2)
    await deliverer.peers.listen(deliverer.answer)
    if "over" in request.node.name.partition("[")[2]:
        deliverer.says.set()
        await act(elsewhere)
        return
    assert (await _refused(act(elsewhere))).problem is Problem.UNAVAILABLE


@each_wish
async def test_when_nobody_has_it_that_is_known_at_once(
    act: Act, elsewhere: Elsewhere, deliverer: Deliverer
) -> None:
    deliverer.claims.deliveries.unlock(T)
    async with asyncio.timeout(1):
        await act(elsewhere)
