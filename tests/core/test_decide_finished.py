"""What each intent gets in each state; the end of an upload, asked for again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxy.core.decide import (
    Deliver,
    Drop,
    Plan,
    Receive,
    Replay,
    TellLimits,
    TellOffset,
    standing,
)
from proxy.core.errors import Problem, Refusal
from proxy.core.intents import Append, AskLimits, AskOffset, Cancel
from proxy.core.lifecycle import TERMINAL, Event, next_state
from proxy.core.upload import State, Upload

from .samples import ANSWER, NOW, TOKEN, append, asked, refused, upload

TOTAL = 100

INTENTS: dict[str, Append | AskOffset | AskLimits | Cancel] = {
    "HEAD": AskOffset(TOKEN),
    "OPTIONS": AskLimits(TOKEN),
    "DELETE": Cancel(TOKEN),
    "the end": append(offset=TOTAL, content_length=0),
    "the end elsewhere": append(offset=TOTAL - 1, content_length=0),
    "an empty part": append(offset=TOTAL, content_length=0, finishing=False),
    "more": append(offset=TOTAL, content_length=5),
    "more elsewhere": append(offset=0, content_length=5),
}

Gets = type[Receive] | Plan | Problem

MISMATCH, CONFLICT = Problem.OFFSET_MISMATCH, Problem.LENGTH_CONFLICT
FINISHED, UNKNOWN = Problem.ALREADY_FINISHED, Problem.OUTCOME_UNKNOWN
TELL: list[Gets] = [TellOffset(), TellLimits()]
OPEN: list[Gets] = [*TELL, Drop(hide=False)]
OPEN += [Receive, MISMATCH, Receive, Receive, MISMATCH]
ALL_IN: list[Gets] = [Deliver(), MISMATCH, CONFLICT, CONFLICT, MISMATCH]
OVER: list[Gets] = [Problem.UNKNOWN_UPLOAD] * len(INTENTS)

MATRIX: dict[State, list[Gets]] = {
    State.CREATED: OPEN,
    State.RECEIVING: OPEN,
    State.INTERRUPTED: OPEN,
    State.COMPLETE: [*TELL, Drop(hide=False), *ALL_IN],
    State.FORWARDING: [*TELL, Drop(hide=True), *ALL_IN],
    State.UNKNOWN: [*TELL, Drop(hide=False), *[UNKNOWN] * 5],
    State.RESPONDED: [*TELL, Drop(hide=False), Replay(ANSWER), *[FINISHED] * 4],
    State.EXPIRED: OVER,
    State.CANCELLED: OVER,
    State.FAILED: OVER,
}
"""State to what every intent gets, in the order of INTENTS."""

ALL_BYTES_IN = (State.COMPLETE, State.FORWARDING, State.UNKNOWN, State.RESPONDED)


def whole(state: State, **changes: Any) -> Upload:
    """An upload in `state`, with all its bytes where that is what the state means."""
    one = upload(state=state, offset=TOTAL, **changes)
    if state in ALL_BYTES_IN:
        one = replace(one, length=TOTAL)
    return replace(one, answer=ANSWER) if state is State.RESPONDED else one


def gets(got: Plan | Refusal) -> Gets:
    """What the matrix names of `got`."""
    match got:
        case Receive():
            return Receive
        case Refusal():
            return got.problem
        case _:
            return got


@pytest.mark.parametrize(
    ("state", "name", "expected"),
    [
        pytest.param(state, name, expected, id=f"{state.value}, {name}")
        for state in State
        for name, expected in zip(INTENTS, MATRIX[state], strict=True)
    ],
)
class TestWhatEachIntentGets:
    def test_in_each_state(self, state: State, name: str, expected: Gets) -> None:
        assert gets(asked(whole(state), INTENTS[name])) == expected

    def test_a_refusal_changes_nothing(
        self, state: State, name: str, expected: Gets
    ) -> None:
        """Even of content that would run over, where overruns are fatal (R56)."""
        intent = INTENTS[name]
        if isinstance(intent, Append):
            intent = replace(intent, overrun_is_fatal=True)
        got = asked(whole(state), intent)
        if isinstance(got, Refusal):
            assert got.event is None
            assert (got.standing is None) is (expected is Problem.UNKNOWN_UPLOAD)

    def test_a_hidden_upload_is_unknown(
        self, state: State, name: str, expected: Gets
    ) -> None:
        """R70: cancelled under a forward, whose end nobody hears of."""
        got = refused(asked(whole(state, hidden=True), INTENTS[name]))
        assert got.problem is Problem.UNKNOWN_UPLOAD
        assert (got.standing, got.event) == (None, None)


@pytest.mark.parametrize("state", [s for s in State if s not in TERMINAL])
def test_cancelling_is_legal_or_hides(state: State) -> None:
    """R70, R74."""
    plan = asked(whole(state), Cancel(TOKEN))
    assert isinstance(plan, Drop)
    if not plan.hide:
        assert next_state(state, Event.CANCEL_ASKED) is State.CANCELLED


@pytest.mark.parametrize("state", [s for s in State if s not in TERMINAL])
def test_only_an_answered_upload_stands_as_finished(state: State) -> None:
    """R40, R41: open until the origin has answered, all bytes in or not."""
    told = standing(whole(state), NOW)
    assert told.finished is (state is State.RESPONDED)
    assert told.offset == TOTAL


class TestTheEndAskedForAgain:
    """The empty finishing append at the total, and what is not quite one."""

    @pytest.mark.parametrize("announced", [None, TOTAL])
    @pytest.mark.parametrize("state", [State.COMPLETE, State.FORWARDING])
    def test_it_joins_or_starts_the_delivery(
        self, state: State, announced: int | None
    ) -> None:
        end = append(offset=TOTAL, content_length=0, announced_length=announced)
        assert asked(whole(state), end) == Deliver()

    @pytest.mark.parametrize("announced", [None, TOTAL])
    def test_it_gets_the_stored_answer(self, announced: int | None) -> None:
        """R60, in every version."""
        end = append(offset=TOTAL, content_length=0, announced_length=announced)
        assert asked(whole(State.RESPONDED), end) == Replay(ANSWER)

    @pytest.mark.parametrize("announced", [0, TOTAL - 1, TOTAL + 1])
    @pytest.mark.parametrize(
        ("state", "problem"),
        [
            (State.COMPLETE, Problem.LENGTH_CONFLICT),
            (State.FORWARDING, Problem.LENGTH_CONFLICT),
            (State.RESPONDED, Problem.ALREADY_FINISHED),
        ],
    )
    def test_it_is_none_when_it_tells_another_length(
        self, state: State, problem: Problem, announced: int
    ) -> None:
        """R55: the client means a representation that this is not."""
        end = append(offset=TOTAL, content_length=0, announced_length=announced)
        assert refused(asked(whole(state), end)).problem is problem

    @pytest.mark.parametrize(
        ("intent", "has_content"),
        [
            pytest.param({"offset": 0, "content_length": 0}, False, id="offset"),
            pytest.param({"offset": TOTAL, "content_length": 5}, True, id="content"),
            pytest.param(
                {"offset": TOTAL, "content_length": None}, True, id="perhaps content"
            ),
            pytest.param({"offset": 200, "content_length": 5}, True, id="both"),
        ],
    )
    def test_a_finished_upload_refuses_with_all_its_dialect_asks_for(
        self, intent: dict[str, Any], *, has_content: bool
    ) -> None:
        """R60 tells offsets and content apart; the words are the dialect's."""
        refusal = refused(asked(whole(State.RESPONDED), append(**intent)))
        assert refusal.problem is Problem.ALREADY_FINISHED
        assert refusal.expected_offset == TOTAL
        assert refusal.provided_offset == intent["offset"]
        assert refusal.has_content is has_content
        assert refusal.standing is not None
        assert refusal.standing.finished

    def test_an_answer_that_is_no_longer_kept_tells_its_status(self) -> None:
        tombstone = replace(ANSWER, kept=False, size=None)
        one = replace(whole(State.RESPONDED), answer=tombstone)
        refusal = refused(asked(one, append(offset=TOTAL, content_length=0)))
        assert refusal.problem is Problem.ANSWER_NOT_KEPT
        assert refusal.original_status == 201
        assert "201" in refusal.detail
        assert refusal.standing is not None
        assert refusal.standing.finished

    def test_an_answer_not_kept_is_no_reason_before_the_request_is_valid(self) -> None:
        one = replace(whole(State.RESPONDED), answer=replace(ANSWER, kept=False))
        refusal = refused(asked(one, append(offset=0, content_length=0)))
        assert refusal.problem is Problem.ALREADY_FINISHED
