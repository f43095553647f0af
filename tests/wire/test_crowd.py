"""Bodies that are fetched from: whose turn it is, and who is the event loop's again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from proxy.wire.crowd import CROWD, IN_A_ROUND, MUCH, PERIOD_S, SMALL, Crowd
from tests.kit.bounds import until


class Body:
    """Brings so many bytes at each of its turns; nothing when there are no more."""

    def __init__(self, *pieces: int) -> None:
        self._pieces = list(pieces)
        self.turns = 0
        self.woken = 0

    def fetch(self) -> int:
        self.turns += 1
        return self._pieces.pop(0) if self._pieces else 0

    def wake(self) -> None:
        self.woken += 1

    async def is_awake(self) -> bool | None:
        return True if self.woken else None


@pytest.mark.parametrize(
    ("bodies", "size", "since_s", "admitted"),
    [
        (CROWD, SMALL, 0.0, True),
        (CROWD, MUCH, 0.0, True),
        (CROWD, MUCH, PERIOD_S, True),
        (CROWD - 1, SMALL, 0.0, False),
        (CROWD - 1, MUCH, 0.0, False),
        (CROWD, SMALL + 1, 0.0, False),
        (CROWD, MUCH - 1, 0.0, False),
        (CROWD, SMALL, PERIOD_S, False),
    ],
)
async def test_who_is_one_of_the_crowd(
    bodies: int, size: int, since_s: float, admitted: bool
) -> None:
    body, crowd = Body(), Crowd()
    assert crowd.admit(body, bodies, size, since_s) is admitted
    assert crowd.ended(body) is admitted


@pytest.mark.parametrize(
    ("pieces", "turns"),
    [((), 1), ((1, SMALL, MUCH - 1), 4), ((MUCH, 1), 1)],
    ids=["nothing", "small pieces, then nothing", "much"],
)
async def test_it_rests_until_there_is_nothing_or_much(
    pieces: tuple[int, ...], turns: int
) -> None:
    body = Body(*pieces)
    Crowd().rest(body)
    await until(body.is_awake)
    assert (body.turns, body.woken) == (turns, 1)


async def test_each_has_its_turn_before_anybody_has_another() -> None:
    crowd, bodies = Crowd(), [Body(*[1] * 5) for _ in range(50)]
    for body in bodies:
        crowd.rest(body)
    while not all(body.woken for body in bodies):
        await asyncio.sleep(0)
        turns = [body.turns for body in bodies]
        assert max(turns) - min(turns) <= 1
    assert {body.turns for body in bodies} == {6}


async def test_who_has_ended_has_no_turn() -> None:
    crowd, ended, other = Crowd(), Body(1, 1), Body(1, 1)
    crowd.rest(ended)
    crowd.rest(other)
    assert crowd.ended(ended)
    assert not crowd.ended(ended)
    await until(other.is_awake)
    assert (ended.turns, ended.woken) == (0, 0)


async def test_one_that_ends_another_takes_its_turn_away() -> None:
    crowd, other = Crowd(), Body(1)

    class Ending(Body):
        def fetch(self) -> int:
            crowd.ended(other)
            return super().fetch()

    both = [Ending(), *(Body() for _ in range(20))]
    for body in both:
        crowd.rest(body)
        crowd.rest(other)
    await until(both[-1].is_awake)
    assert (other.turns, other.woken) == (0, 0)


@pytest.mark.parametrize(
    ("begin", "pieces"),
    [(Crowd.rest, (1, 1)), (Crowd.queue, (MUCH, MUCH))],
    ids=["rests", "queues"],
)
async def test_one_that_fails_holds_up_nobody(
    begin: Callable[[Crowd, Body], None], pieces: tuple[int, ...]
) -> None:
    """The event loop is told, and looks at it again itself."""
    told: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))

    class Failing(Body):
        def fetch(self) -> int:
            raise RuntimeError("never seen")

    crowd, failing, other = Crowd(), Failing(), Body(*pieces)
    begin(crowd, failing)
    begin(crowd, other)
    await until(other.is_awake)
    assert (failing.woken, other.turns) == (1, 3)
    assert [str(one) for one in told] == ["never seen"]


@pytest.mark.parametrize(
    ("pieces", "turns"),
    [((), 1), ((2 * MUCH, MUCH), 3), ((MUCH - 1, 1), 1)],
    ids=["nothing", "much, then nothing", "less"],
)
async def test_it_queues_as_long_as_it_brings_much(
    pieces: tuple[int, ...], turns: int
) -> None:
    body = Body(*pieces)
    Crowd().queue(body)
    await until(body.is_awake)
    assert (body.turns, body.woken) == (turns, 1)


async def test_a_round_of_the_queue_is_bounded_and_fair() -> None:
    """Others have their turn after it; nobody who queues has two before all had one."""
    a_round, times = IN_A_ROUND // MUCH, 5
    crowd, bodies = Crowd(), [Body(*[MUCH] * times) for _ in range(4 * a_round)]
    for body in bodies:
        crowd.queue(body)
    had = 0
    for _ in range(4 * times):
        await asyncio.sleep(0)
        turns = [body.turns for body in bodies]
        assert sum(turns) == had + a_round
        assert max(turns) - min(turns) <= 1
        had += a_round
    assert {body.turns for body in bodies} == {times}


async def test_turns_without_a_byte_fill_a_round_too() -> None:
    a_round = IN_A_ROUND // SMALL
    crowd, bodies = Crowd(), [Body() for _ in range(2 * a_round)]
    for body in bodies:
        crowd.queue(body)
    await asyncio.sleep(0)
    assert sum(body.turns for body in bodies) == a_round


async def test_a_few_who_queue_have_one_turn_in_a_round() -> None:
    crowd, body = Crowd(), Body(*[MUCH] * 3)
    crowd.queue(body)
    for turns in range(1, 4):
        await asyncio.sleep(0)
        assert body.turns == turns


async def test_who_has_ended_queues_no_more() -> None:
    crowd, ended, other = Crowd(), Body(MUCH), Body(MUCH)
    crowd.queue(ended)
    crowd.queue(other)
    assert crowd.ended(ended)
    assert not crowd.ended(ended)
    await until(other.is_awake)
    assert (ended.turns, ended.woken) == (0, 0)
