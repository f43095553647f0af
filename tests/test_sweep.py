"""The sweep: unfinished uploads first, then everything, in small batches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import LogCapture

from proxy.core.errors import SpoolError
from proxy.core.upload import Token
from proxy.sweep import BATCH, Sweep


def tokens(count: int, letter: str = "t") -> list[Token]:
    return [Token(f"{letter}{number:042}") for number in range(count)]


class Shelf:
    def __init__(self, unfinished: list[Token], everything: list[Token]) -> None:
        self._unfinished = unfinished
        self._everything = everything
        self.broken: Exception | None = None
        self.listed = asyncio.Event()

    def tokens(self) -> Iterator[Token]:
        self.listed.set()
        if self.broken is not None:
            raise self.broken
        yield from self._everything

    def unfinished(self) -> Iterator[Token]:
        yield from self._unfinished


class Road:
    """Notes what is tidied, and when the loop had a chance in between."""

    def __init__(self) -> None:
        self.tidied: list[Token] = []
        self.thorough: list[bool] = []
        self.fails_on: set[Token] = set()

    async def tidy(self, token: Token, *, thorough: bool = False) -> None:
        self.thorough.append(thorough)
        if token in self.fails_on:
            raise SpoolError("no space left on device")
        self.tidied.append(token)


class Rounds:
    """Runs a sweep for so many rounds."""

    def __init__(self, shelf: Shelf, road: Road) -> None:
        self.captured = LogCapture()
        self._done = asyncio.Semaphore(0)
        self._sweep = Sweep(
            shelf,
            road,
            after_round=self._rounded,
            log=structlog.wrap_logger(None, processors=[self.captured]),
        )

    async def _rounded(self) -> None:
        self._done.release()

    async def run(self, rounds: int) -> None:
        task = asyncio.create_task(self._sweep.run())
        async with asyncio.timeout(5):
            for _ in range(rounds):
                await self._done.acquire()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.sweep.BATCH_PAUSE_S", 0)
    monkeypatch.setattr("proxy.sweep.ROUND_PAUSE_S", 0)


async def test_the_unfinished_come_first_and_then_everything() -> None:
    unfinished, everything = tokens(2, "u"), tokens(3)
    road = Road()
    await Rounds(Shelf(unfinished, everything), road).run(2)
    assert road.tidied[:5] == [*unfinished, *everything]
    assert road.thorough[:5] == [False, False, True, True, True]
    assert not any(road.thorough[5:])


async def test_others_get_their_turn_between_two_batches() -> None:
    road = Road()
    seen: list[int] = []
    rounds = asyncio.create_task(Rounds(Shelf([], tokens(3 * BATCH)), road).run(2))
    while not rounds.done():
        seen.append(len(road.tidied))
        await asyncio.sleep(0)
    assert {BATCH, 2 * BATCH} <= set(seen)


async def test_one_that_cannot_be_swept_does_not_stop_the_rest() -> None:
    everything = tokens(3)
    road = Road()
    road.fails_on = {everything[1]}
    rounds = Rounds(Shelf([], everything), road)
    await rounds.run(2)
    assert road.tidied[:2] == [everything[0], everything[2]]
    line = rounds.captured.entries[0]
    assert (line["event"], line["upload"]) == ("not swept", everything[1][:6])


@pytest.mark.parametrize(
    "failure", [SpoolError("the directory cannot be read"), RuntimeError("a bug")]
)
async def test_a_spool_that_cannot_be_listed_is_tried_again_next_round(
    failure: Exception,
) -> None:
    """While we have the lock of the sweep nobody else does it. And as thoroughly: a
    process that has ended has not been looked after yet."""
    shelf = Shelf([], tokens(1))
    shelf.broken = failure
    road = Road()
    rounds = Rounds(shelf, road)
    running = asyncio.create_task(rounds.run(2))
    async with asyncio.timeout(2):
        await shelf.listed.wait()
    shelf.broken = None
    await running
    assert rounds.captured.entries[0]["event"] == "sweep interrupted"
    assert road.tidied
    assert road.thorough[0]


async def test_one_waits_for_its_turn_to_sweep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.sweep.TURN_PAUSE_S", 0)
    turns = iter([False, False, True])
    road, rounded = Road(), asyncio.Event()
    seen: list[int] = []

    def is_ours() -> bool:
        seen.append(len(road.tidied))
        return next(turns)

    async def after_round() -> None:
        rounded.set()

    sweep = Sweep(
        Shelf(tokens(1), []),
        road,
        after_round=after_round,
        log=structlog.wrap_logger(None, processors=[LogCapture()]),
        is_ours=is_ours,
    )
    task = asyncio.create_task(sweep.run())
    async with asyncio.timeout(5):
        await rounded.wait()
    task.cancel()
    assert seen == [0, 0, 0]
    assert road.tidied == tokens(1)


async def test_one_that_cannot_know_whose_turn_it_is_asks_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.sweep.TURN_PAUSE_S", 0)
    turns: Iterator[bool | SpoolError] = iter(
        [SpoolError("no locks"), SpoolError("no locks"), True]
    )
    rounded, captured = asyncio.Event(), LogCapture()

    def is_ours() -> bool:
        turn = next(turns)
        if isinstance(turn, SpoolError):
            raise turn
        return turn

    async def after_round() -> None:
        rounded.set()

    sweep = Sweep(
        Shelf([], []),
        Road(),
        after_round=after_round,
        log=structlog.wrap_logger(None, processors=[captured]),
        is_ours=is_ours,
    )
    task = asyncio.create_task(sweep.run())
    async with asyncio.timeout(5):
        await rounded.wait()
    task.cancel()
    assert [entry["event"] for entry in captured.entries] == ["sweep not begun"]


async def test_when_a_process_has_died_the_unfinished_are_looked_at_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.sweep.ROUND_PAUSE_S", 3600)
    monkeypatch.setattr("proxy.sweep.LOOK_PAUSE_S", 3600)
    road, rounds = Road(), asyncio.Semaphore(0)

    async def after_round() -> None:
        rounds.release()

    sweep = Sweep(
        Shelf(tokens(1), []),
        road,
        after_round=after_round,
        log=structlog.wrap_logger(None, processors=[LogCapture()]),
    )
    task = asyncio.create_task(sweep.run())
    async with asyncio.timeout(5):
        for _ in range(2):  # the unfinished, then everything
            await rounds.acquire()
        assert road.tidied == tokens(1)
        sweep.process_ended()
        await rounds.acquire()
    task.cancel()
    assert road.tidied == tokens(1) * 2


async def test_the_next_round_is_thorough_only_when_a_process_has_died(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may have left the body of an upload that was answered."""
    monkeypatch.setattr("proxy.sweep.LOOK_PAUSE_S", 3600)
    road, rounds = Road(), asyncio.Semaphore(0)
    seen: list[list[bool]] = []

    async def after_round() -> None:
        seen.append(road.thorough)
        road.thorough = []
        rounds.release()

    sweep = Sweep(
        Shelf([], tokens(1)),
        road,
        after_round=after_round,
        log=structlog.wrap_logger(None, processors=[LogCapture()]),
    )
    task = asyncio.create_task(sweep.run())
    async with asyncio.timeout(5):
        for _ in range(3):  # the unfinished, then everything twice
            await rounds.acquire()
        sweep.look_soon()
        for _ in range(3):  # the look, and a round that has begun after it was asked
            await rounds.acquire()
        assert seen.count([True]) == 1
        sweep.process_ended()
        while seen.count([True]) < 2:
            await rounds.acquire()
    task.cancel()
    assert seen[:3] == [[], [True], [False]]
