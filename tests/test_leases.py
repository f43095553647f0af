"""Leases within one process: the newest request is the one (P6)."""

from __future__ import annotations

import asyncio

import pytest

from proxy.core.errors import Gone, Problem, Refusal
from proxy.core.upload import Token
from proxy.leases import LocalLeases

T = Token("t" * 43)
OTHER = Token("o" * 43)


class Request:
    """A request that holds the lease until it is told to finish, or is ended."""

    def __init__(self, leases: LocalLeases, token: Token = T) -> None:
        self.has_it = asyncio.Event()
        self.finish = asyncio.Event()
        self.asked_to_end = False
        self.task = asyncio.create_task(self._run(leases, token))

    async def _run(self, leases: LocalLeases, token: Token) -> str:
        async with leases.hold(token) as lease:
            self.has_it.set()
            with lease.revocable(self._end):
                await self.finish.wait()
            return "ended" if self.asked_to_end else "done"

    def _end(self, why: Gone) -> None:
        assert why is Gone.SUPERSEDED
        self.asked_to_end = True
        self.finish.set()

    async def outcome(self) -> str:
        async with asyncio.timeout(2):
            return await self.task


async def _settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_newcomer_ends_the_older_request_and_gets_the_lease() -> None:
    leases = LocalLeases()
    old = Request(leases)
    await old.has_it.wait()
    new = Request(leases)
    assert await old.outcome() == "ended"
    async with asyncio.timeout(2):
        await new.has_it.wait()
    new.finish.set()
    assert await new.outcome() == "done"
    assert leases.is_free(T)


async def test_uploads_do_not_disturb_each_other() -> None:
    leases = LocalLeases()
    one, two = Request(leases), Request(leases, OTHER)
    await one.has_it.wait()
    await two.has_it.wait()
    assert not one.asked_to_end
    one.finish.set()
    two.finish.set()
    assert await one.outcome() == await two.outcome() == "done"


async def test_newcomers_get_their_turns_in_order_and_only_the_newest_keeps_it() -> (
    None
):
    leases = LocalLeases()
    let_go = asyncio.Event()

    async def slow_to_let_go() -> None:
        async with leases.hold(T):
            await let_go.wait()

    holder = asyncio.create_task(slow_to_let_go())
    await _settle()
    second, third = Request(leases), Request(leases)
    await _settle()
    assert not second.has_it.is_set()
    let_go.set()
    await holder
    assert await second.outcome() == "ended"
    async with asyncio.timeout(2):
        await third.has_it.wait()
    assert not third.asked_to_end
    third.finish.set()
    assert await third.outcome() == "done"
    assert leases.is_free(T)


async def test_one_that_gives_up_waiting_does_not_let_others_in_early() -> None:
    leases = LocalLeases()
    async with leases.hold(T):
        second, third = Request(leases), Request(leases)
        await _settle()
        second.task.cancel()
        await _settle()
        assert not third.has_it.is_set()
    async with asyncio.timeout(2):
        await third.has_it.wait()
    third.finish.set()
    assert await third.outcome() == "done"
    assert leases.is_free(T)


async def test_a_wish_that_came_before_the_body_ends_it_at_once() -> None:
    leases = LocalLeases()
    ended: list[bool] = []
    newcomers: list[Request] = []

    async with leases.hold(T) as lease:
        newcomers.append(Request(leases))
        await _settle()
        with lease.revocable(lambda why: ended.append(True)):
            assert ended == [True]
    newcomers[0].finish.set()
    assert await newcomers[0].outcome() == "done"


async def test_a_holder_that_does_not_let_go_turns_the_newcomer_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.leases.WAIT_S", 0.01)
    leases = LocalLeases()
    async with leases.hold(T):
        with pytest.raises(Refusal) as refusal:
            async with leases.hold(T):
                raise AssertionError("the lease was given twice")
        assert refusal.value.problem is Problem.UNAVAILABLE
        assert not leases.is_free(T)
    assert leases.is_free(T)


async def test_a_cancelled_newcomer_leaves_no_trace() -> None:
    leases = LocalLeases()
    async with leases.hold(T):
        newcomer = Request(leases)
        await _settle()
        newcomer.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await newcomer.task
        assert not leases.is_free(T)
    assert leases.is_free(T)


async def test_the_lease_is_given_back_when_the_work_fails() -> None:
    leases = LocalLeases()
    with pytest.raises(ZeroDivisionError):
        async with leases.hold(T):
            raise ZeroDivisionError
    assert leases.is_free(T)
