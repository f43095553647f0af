"""A client that waits for an answer and follows its content, or leaves."""

from __future__ import annotations

import asyncio

import pytest

from proxy.core.errors import OriginCut, Problem, Refusal
from proxy.core.upload import Answer
from proxy.followers import Follower

ANSWER = Answer(201, "Created", ())


def never() -> bool:
    return False


def down() -> Refusal:
    return Refusal(Problem.ORIGIN_DOWN, "down")


async def _read(follower: Follower) -> list[bytes]:
    async with asyncio.timeout(2):
        return [chunk async for chunk in follower]


async def test_it_gets_the_head_and_then_the_content_to_its_end() -> None:
    follower = Follower()
    follower.answered(ANSWER)
    assert await follower.answer() is ANSWER
    for chunk in (b"one", b"two", b""):
        await follower.feed(chunk)
    assert await _read(follower) == [b"one", b"two"]


async def test_a_refusal_ends_the_wait() -> None:
    follower = Follower()
    follower.refuse(down())
    with pytest.raises(Refusal):
        await follower.answer()


async def test_a_refusal_after_the_head_changes_nothing() -> None:
    follower = Follower()
    follower.answered(ANSWER)
    follower.refuse(down())
    follower.answered(Answer(500, "", ()))
    assert await follower.answer() is ANSWER


async def test_it_is_held_no_longer_than_it_was_told() -> None:
    follower = Follower()
    follower.hold(0.01, never, down)
    follower.hold(3600, never, down)
    with pytest.raises(Refusal) as refusal:
        async with asyncio.timeout(2):
            await follower.answer()
    assert refusal.value.problem is Problem.ORIGIN_DOWN


async def test_an_answer_in_time_ends_the_holding() -> None:
    follower = Follower()
    follower.hold(0.01, never, down)
    follower.answered(ANSWER)
    assert await follower.answer() is ANSWER
    follower.hold(0, never, down)
    assert await follower.answer() is ANSWER


async def test_a_slow_client_holds_the_feeder_back() -> None:
    follower = Follower()
    fed: list[int] = []

    async def feeder() -> None:
        for number in range(20):
            await follower.feed(b"x")
            fed.append(number)
        await follower.feed(b"")

    task = asyncio.create_task(feeder())
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(fed) < 20
    assert len(await _read(follower)) == 20
    await task


async def test_a_client_that_leaves_does_not_hold_the_feeder_back() -> None:
    follower = Follower()
    task = asyncio.create_task(_feed(follower, 20))
    for _ in range(10):
        await asyncio.sleep(0)
    await follower.aclose()
    async with asyncio.timeout(2):
        await task


async def test_a_client_that_does_not_read_is_dropped_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.followers._PATIENCE_S", 0.01)
    follower = Follower()
    async with asyncio.timeout(2):
        await _feed(follower, 20)
    with pytest.raises(OriginCut):
        await _read(follower)


async def test_content_that_breaks_off_is_a_cut_and_not_an_end() -> None:
    follower = Follower()
    await follower.feed(b"one")
    follower.break_off()
    with pytest.raises(OriginCut):
        await _read(follower)


async def _feed(follower: Follower, chunks: int) -> None:
    for _ in range(chunks):
        await follower.feed(b"x")
    await follower.feed(b"")


async def test_breaking_off_after_the_end_changes_nothing() -> None:
    follower = Follower()
    await follower.feed(b"one")
    await follower.feed(b"")
    follower.break_off()
    assert await _read(follower) == [b"one"]


async def test_one_that_was_refused_holds_nobody_back() -> None:
    follower = Follower()
    follower.refuse(down())
    assert follower.has_left
    async with asyncio.timeout(1):
        await _feed(follower, 20)


async def test_while_an_attempt_is_under_way_nobody_is_told_that_it_is_down() -> None:
    follower = Follower()
    follower.hold(0, lambda: True, down)
    await asyncio.sleep(0.01)
    assert not follower.has_left
    follower.hold(3600, never, down)
    with pytest.raises(Refusal):
        await follower.answer()


async def test_content_that_is_all_here_is_had_at_once() -> None:
    follower = Follower()
    await follower.feed(b"one")
    await follower.feed(b"two")
    assert follower.at_once() is None
    await follower.feed(b"")
    assert follower.at_once() == b"onetwo"


async def test_content_of_no_bytes_that_has_come_is_had_at_once() -> None:
    follower = Follower()
    await follower.feed(b"")
    assert follower.at_once() == b""


async def test_content_that_broke_off_is_not_had_at_once() -> None:
    follower = Follower()
    await follower.feed(b"one")
    follower.break_off()
    assert follower.at_once() is None
    with pytest.raises(OriginCut):
        await _read(follower)
