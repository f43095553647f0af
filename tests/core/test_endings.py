"""How the content of a request ended, and what that makes of its upload."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.core.decide import STORAGE_RETRY_AFTER_S, Receive
from proxy.core.endings import Ending, Settled, settle
from proxy.core.errors import Problem
from proxy.core.lifecycle import Event, next_state
from proxy.core.upload import State

LENGTH = 100
LIMIT = 150
LAST = Receive(True, LENGTH, LENGTH, Problem.OVERRUN, Event.OVERRAN_KEPT)
"""A finishing request to an upload of known length."""
PART = replace(LAST, finishing=False)
OPEN_LAST = Receive(True, None, LIMIT, Problem.TOO_LARGE, Event.LIMIT_REACHED)
"""A finishing request to an upload whose length its end will tell."""
OPEN_PART = replace(OPEN_LAST, finishing=False)
BOUND_LAST = replace(OPEN_LAST, length=200)
"""A finishing request that a limit stops below the known length."""

ENDED, CUT, OVERRAN, FAILED, NO_ROOM = Ending
KEPT = State.INTERRUPTED


@pytest.mark.parametrize(
    ("plan", "offset", "ending", "event", "length", "problem"),
    [
        pytest.param(
            LAST, 100, ENDED, Event.LAST_PART_ENDED, 100, None, id="R61 the end"
        ),
        pytest.param(
            OPEN_LAST, 60, ENDED, Event.LAST_PART_ENDED, 60, None, id="R61 chunked"
        ),
        pytest.param(
            OPEN_LAST, 0, ENDED, Event.LAST_PART_ENDED, 0, None, id="R35 of nothing"
        ),
        pytest.param(
            LAST,
            99,
            ENDED,
            Event.ENDED_SHORT,
            100,
            Problem.LENGTH_CONFLICT,
            id="R28 R54 ended short",
        ),
        pytest.param(
            LAST,
            0,
            ENDED,
            Event.ENDED_SHORT,
            100,
            Problem.LENGTH_CONFLICT,
            id="R28 R54 ended at once",
        ),
        pytest.param(
            BOUND_LAST,
            150,
            ENDED,
            Event.ENDED_SHORT,
            200,
            Problem.LENGTH_CONFLICT,
            id="R54 ended at the limit",
        ),
        pytest.param(PART, 60, ENDED, Event.PART_ENDED, 100, None, id="R59 a part"),
        pytest.param(
            PART, 100, ENDED, Event.PART_ENDED, 100, None, id="R59 up to the length"
        ),
        pytest.param(
            OPEN_PART, 60, ENDED, Event.PART_ENDED, None, None, id="R23 length unknown"
        ),
        pytest.param(
            replace(OPEN_PART, least=60),
            60,
            ENDED,
            Event.PART_ENDED,
            None,
            None,
            id="R58 just enough",
        ),
        pytest.param(
            replace(OPEN_PART, least=60),
            59,
            ENDED,
            Event.PART_ENDED,
            None,
            Problem.TOO_SMALL,
            id="R58 too small, seen at its end",
        ),
        pytest.param(
            replace(OPEN_PART, least=60),
            0,
            ENDED,
            Event.PART_ENDED,
            None,
            None,
            id="R32 empty",
        ),
        pytest.param(
            replace(OPEN_PART, least=60),
            59,
            CUT,
            Event.BODY_CUT,
            None,
            None,
            id="R25 too small, but cut",
        ),
        pytest.param(LAST, 99, CUT, Event.BODY_CUT, 100, None, id="R25 R63 cut"),
        pytest.param(LAST, 0, CUT, Event.BODY_CUT, 100, None, id="R25 cut at once"),
        pytest.param(
            LAST, 100, CUT, Event.LAST_PART_ENDED, 100, None, id="R64 cut at its length"
        ),
        pytest.param(
            OPEN_LAST, 60, CUT, Event.BODY_CUT, None, None, id="R64 unterminated"
        ),
        pytest.param(
            PART, 100, CUT, Event.BODY_CUT, 100, None, id="R64 cut, not finishing"
        ),
        pytest.param(
            BOUND_LAST, 150, CUT, Event.BODY_CUT, 200, None, id="R64 cut at the limit"
        ),
        pytest.param(
            LAST,
            100,
            OVERRAN,
            Event.OVERRAN_KEPT,
            100,
            Problem.OVERRUN,
            id="R56 up to v6",
        ),
        pytest.param(
            PART,
            100,
            OVERRAN,
            Event.OVERRAN_KEPT,
            100,
            Problem.OVERRUN,
            id="R56 up to v6, a part",
        ),
        pytest.param(
            replace(LAST, overrun_event=Event.OVERRAN_FATAL),
            100,
            OVERRAN,
            Event.OVERRAN_FATAL,
            100,
            Problem.OVERRUN,
            id="R56 from v7",
        ),
        pytest.param(
            OPEN_LAST,
            150,
            OVERRAN,
            Event.LIMIT_REACHED,
            None,
            Problem.TOO_LARGE,
            id="R30 R57 over a limit",
        ),
        pytest.param(
            BOUND_LAST,
            150,
            OVERRAN,
            Event.LIMIT_REACHED,
            200,
            Problem.TOO_LARGE,
            id="R57 over a limit, length known",
        ),
        pytest.param(
            LAST,
            60,
            FAILED,
            Event.STORAGE_FAILED,
            100,
            Problem.STORAGE,
            id="R97 storage failed",
        ),
        pytest.param(
            LAST,
            100,
            FAILED,
            Event.STORAGE_FAILED,
            100,
            Problem.STORAGE,
            id="R97 storage failed at the end",
        ),
        pytest.param(
            OPEN_LAST,
            60,
            NO_ROOM,
            Event.STORAGE_FAILED,
            None,
            Problem.NO_ROOM,
            id="R97 no room for more",
        ),
    ],
)
def test_what_the_end_of_the_content_means(
    plan: Receive,
    offset: int,
    ending: Ending,
    event: Event,
    length: int | None,
    problem: Problem | None,
) -> None:
    settled = settle(plan, offset, ending)
    assert (settled.event, settled.length) == (event, length)
    assert (settled.refusal.problem if settled.refusal else None) is problem


@pytest.mark.parametrize("ending", Ending)
@pytest.mark.parametrize("plan", [LAST, PART, OPEN_LAST, OPEN_PART, BOUND_LAST])
def test_whatever_happened_can_happen_while_receiving(
    plan: Receive, ending: Ending
) -> None:
    for offset in range(0, plan.ceiling + 1, 10):
        after = next_state(State.RECEIVING, settle(plan, offset, ending).event)
        assert after in (State.INTERRUPTED, State.COMPLETE)
    assert isinstance(settle(plan, plan.ceiling, ending), Settled)


def test_no_refusal_here_carries_an_event_of_its_own() -> None:
    """The event stands beside it, so that nobody applies it twice."""
    fatal = replace(LAST, overrun_event=Event.OVERRAN_FATAL)
    refusal = settle(fatal, LENGTH, OVERRAN).refusal
    assert refusal is not None
    assert (refusal.event, refusal.standing, refusal.has_content) == (None, None, True)


def test_storage_trouble_asks_to_come_back() -> None:
    """R38, R97."""
    refusal = settle(LAST, 60, FAILED).refusal
    assert refusal is not None
    assert refusal.retry_after_s == STORAGE_RETRY_AFTER_S
