"""Bodies that rest: whose turn it is, and who goes back to the event loop."""

from __future__ import annotations

import asyncio

import pytest

from proxy.wire.coalescing import CROWD, MUCH, PERIOD_S, SMALL, Coalescing
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
    ("bodies", "size", "since_s", "suits"),
    [
        (CROWD, SMALL, 0.0, True),
        (CROWD - 1, SMALL, 0.0, False),
        (CROWD, SMALL + 1, 0.0, False),
        (CROWD, SMALL, PERIOD_S, False),
    ],
)
def test_who_may_rest(bodies: int, size: int, since_s: float, suits: bool) -> None:
    assert Coalescing().suits(bodies, size, since_s) is suits


@pytest.mark.parametrize(
    ("pieces", "turns"),
    [((), 1), ((1, SMALL, MUCH - 1), 4), ((MUCH, 1), 1)],
    ids=["nothing", "small pieces, then nothing", "much"],
)
async def test_it_rests_until_there_is_nothing_or_much(
    pieces: tuple[int, ...], turns: int
) -> None:
    body = Body(*pieces)
    Coalescing().rest(body)
    await until(body.is_awake)
    assert (body.turns, body.woken) == (turns, 1)


async def test_each_has_its_turn_before_anybody_has_another() -> None:
    coalescing, bodies = Coalescing(), [Body(*[1] * 5) for _ in range(50)]
    for body in bodies:
        coalescing.rest(body)
    while not all(body.woken for body in bodies):
        await asyncio.sleep(0)
        turns = [body.turns for body in bodies]
        assert max(turns) - min(turns) <= 1
    assert {body.turns for body in bodies} == {6}


async def test_who_has_ended_has_no_turn() -> None:
    coalescing, ended, other = Coalescing(), Body(1, 1), Body(1, 1)
    coalescing.rest(ended)
    coalescing.rest(other)
    assert coalescing.ended(ended)
    assert not coalescing.ended(ended)
    await until(other.is_awake)
    assert (ended.turns, ended.woken) == (0, 0)


async def test_one_that_ends_another_takes_its_turn_away() -> None:
    coalescing, other = Coalescing(), Body(1)

    class Ending(Body):
        def fetch(self) -> int:
            coalescing.ended(other)
            return super().fetch()

    both = [Ending(), *(Body() for _ in range(20))]
    for body in both:
        coalescing.rest(body)
        coalescing.rest(other)
    await until(both[-1].is_awake)
    assert (other.turns, other.woken) == (0, 0)


async def test_one_that_fails_holds_up_nobody() -> None:
    """The event loop is told, and looks at it again itself."""
    told: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))

    class Failing(Body):
        def fetch(self) -> int:
            raise RuntimeError("never seen")

    coalescing, failing, other = Coalescing(), Failing(), Body(1, 1)
    coalescing.rest(failing)
    coalescing.rest(other)
    await until(other.is_awake)
    assert (failing.woken, other.turns) == (1, 3)
    assert [str(one) for one in told] == ["never seen"]
