"""The life of an upload: the table written down a second time, and every pair asked."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from proxy.core.lifecycle import (
    TERMINAL,
    TRANSITIONS,
    Event,
    IllegalEvent,
    event_after_crash,
    next_state,
    parts_after,
    remembered,
)
from proxy.core.upload import MOMENTS, Answer, Moment, State

from .samples import upload

TABLE = {
    "created": {
        "body_attached": "receiving",
        "finished_internally": "complete",
        "overran_fatal": "failed",
        "spool_lost": "failed",
        "lifetime_ended": "expired",
        "cancel_asked": "cancelled",
    },
    "receiving": {
        "part_ended": "interrupted",
        "body_cut": "interrupted",
        "ended_short": "interrupted",
        "limit_reached": "interrupted",
        "overran_kept": "interrupted",
        "storage_failed": "interrupted",
        "last_part_ended": "complete",
        "overran_fatal": "failed",
        "spool_lost": "failed",
        "cancel_asked": "cancelled",
    },
    "interrupted": {
        "body_attached": "receiving",
        "finished_internally": "complete",
        "overran_fatal": "failed",
        "spool_lost": "failed",
        "lifetime_ended": "expired",
        "cancel_asked": "cancelled",
    },
    "complete": {
        "forward_began": "forwarding",
        "origin_unreached": "complete",
        "auth_silent": "complete",
        "forward_denied": "complete",
        "spool_lost": "failed",
        "lifetime_ended": "expired",
        "cancel_asked": "cancelled",
        "body_doubted": "interrupted",
    },
    "forwarding": {
        "origin_answered": "responded",
        "origin_unreached": "complete",
        "origin_cut": "complete",
        "origin_lost": "unknown",
        "origin_lost_repeatable": "complete",
        "body_doubted": "interrupted",
        "spool_lost": "failed",
    },
    "unknown": {
        "resend_asked": "complete",
        "spool_lost": "failed",
        "lifetime_ended": "expired",
        "cancel_asked": "cancelled",
    },
    "responded": {
        "answer_replayed": "responded",
        "spool_lost": "failed",
        "lifetime_ended": "expired",
        "cancel_asked": "cancelled",
    },
    "expired": {},
    "cancelled": {},
    "failed": {},
}
"""State and event to the next state, by their names, without any computing."""

LEGAL = {
    (State(state), Event(event)): State(after)
    for state, row in TABLE.items()
    for event, after in row.items()
}
PAIRS = list(itertools.product(State, Event))


def test_the_table_names_every_state_and_every_event() -> None:
    assert set(TABLE) == set(State)
    assert {event for row in TABLE.values() for event in row} == set(Event)


def test_nothing_is_legal_but_the_table() -> None:
    assert {pair: TRANSITIONS[pair] for pair in TRANSITIONS if pair not in LEGAL} == {}


def test_all_of_the_table_is_legal() -> None:
    assert {pair: LEGAL[pair] for pair in LEGAL if pair not in TRANSITIONS} == {}
    assert dict(TRANSITIONS) == LEGAL


@pytest.mark.parametrize(
    ("state", "event"), [pair for pair in PAIRS if pair in LEGAL], ids=str
)
def test_a_legal_pair_leads_where_the_table_says(state: State, event: Event) -> None:
    assert next_state(state, event) is LEGAL[state, event]


@pytest.mark.parametrize(
    ("state", "event"), [pair for pair in PAIRS if pair not in LEGAL], ids=str
)
def test_any_other_pair_is_a_bug_of_ours(state: State, event: Event) -> None:
    with pytest.raises(IllegalEvent, match=f"{event.value} .* {state.value}"):
        next_state(state, event)


def test_what_is_over_stays_over() -> None:
    assert {state for state in State if not TABLE[state]} == TERMINAL


def test_nobody_changes_the_table() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[State.EXPIRED, Event.RESEND_ASKED] = State.COMPLETE  # type: ignore[index]


class TestWhatNeverHappens:
    @pytest.mark.parametrize("state", [State.RECEIVING, State.FORWARDING])
    def test_a_life_does_not_end_under_a_body_or_a_forward(self, state: State) -> None:
        """R95."""
        assert (state, Event.LIFETIME_ENDED) not in TRANSITIONS

    def test_a_forward_is_not_cancelled_but_hidden(self) -> None:
        assert (State.FORWARDING, Event.CANCEL_ASKED) not in TRANSITIONS

    def test_a_forward_begins_only_when_surely_none_reached_the_origin(self) -> None:
        """P3, R98: from COMPLETE alone, and only an operator leads UNKNOWN back."""
        begins = {state for state, event in TRANSITIONS if event is Event.FORWARD_BEGAN}
        back = {event for state, event in TRANSITIONS if state is State.UNKNOWN}
        assert begins == {State.COMPLETE}
        assert {
            event for event in back if TRANSITIONS[State.UNKNOWN, event] not in TERMINAL
        } == {Event.RESEND_ASKED}

    def test_an_answered_upload_is_never_forwarded_again(self) -> None:
        reached = {State.RESPONDED}
        for _ in State:
            reached |= {
                after for (at, _), after in TRANSITIONS.items() if at in reached
            }
        assert reached == {State.RESPONDED, *TERMINAL}

    def test_bytes_come_in_only_while_they_are_being_received(self) -> None:
        """Nothing leads back from COMPLETE or later to RECEIVING."""
        before = {at for (at, _), to in TRANSITIONS.items() if to is State.RECEIVING}
        assert before == {State.CREATED, State.INTERRUPTED}


class TestAfterACrash:
    CASES = (
        (State.RECEIVING, False, Event.BODY_CUT, State.INTERRUPTED),
        (State.RECEIVING, True, Event.BODY_CUT, State.INTERRUPTED),
        (State.FORWARDING, False, Event.ORIGIN_LOST, State.UNKNOWN),
        (State.FORWARDING, True, Event.ORIGIN_LOST_REPEATABLE, State.COMPLETE),
    )

    @pytest.mark.parametrize(("state", "repeatable", "event", "after"), CASES)
    def test_what_was_in_flight_has_ended(
        self, state: State, event: Event, after: State, *, repeatable: bool
    ) -> None:
        """P3."""
        found = upload(state=state)
        assert event_after_crash(found, repeatable=repeatable) is event
        assert next_state(state, event) is after

    @pytest.mark.parametrize("repeatable", [False, True])
    @pytest.mark.parametrize(
        "state", [s for s in State if s not in (State.RECEIVING, State.FORWARDING)]
    )
    def test_every_other_state_stands(self, state: State, *, repeatable: bool) -> None:
        found = upload(state=state)
        assert event_after_crash(found, repeatable=repeatable) is None

    @pytest.mark.parametrize(
        ("finishing", "length", "event"),
        [
            (True, 40, Event.LAST_PART_ENDED),
            (True, 41, Event.BODY_CUT),
            (True, None, Event.BODY_CUT),
            (False, 40, Event.BODY_CUT),
        ],
    )
    def test_a_last_part_whose_bytes_are_all_there_has_ended(
        self, length: int | None, event: Event, *, finishing: bool
    ) -> None:
        """R64: its client may never come again."""
        found = upload(state=State.RECEIVING, finishing=finishing, length=length)
        assert event_after_crash(found, repeatable=False) is event


def test_what_happens_is_remembered_with_its_time_its_offset_and_why() -> None:
    before = upload(offset=40, why="cut")
    (cut,) = remembered(before, Event.BODY_CUT, 1000.00049)
    assert cut == Moment(1000.0, "body_cut", 40, "cut")
    answered = upload(offset=40, answer=Answer(201, "Created", ()))
    (moment,) = remembered(answered, Event.ORIGIN_ANSWERED, 1001)
    assert moment.why == "status 201"


def test_parts_are_counted_from_the_creation_on() -> None:
    one = upload(state=State.CREATED)
    for event, parts in (
        (Event.BODY_ATTACHED, 1),
        (Event.BODY_CUT, 1),
        (Event.BODY_ATTACHED, 2),
        (Event.LAST_PART_ENDED, 2),
    ):
        counted = parts_after(one, event)
        one = replace(one, state=next_state(one.state, event), parts=counted)
        assert one.parts == parts


def test_parts_of_which_the_first_were_not_counted_are_not_known() -> None:
    one = upload(state=State.INTERRUPTED, parts=0)
    assert parts_after(one, Event.BODY_ATTACHED) == 0


def test_an_attempt_that_begins_is_not_told_with_how_the_one_before_went() -> None:
    one = upload(state=State.COMPLETE, why="refused")
    (moment,) = remembered(one, Event.FORWARD_BEGAN, 1.0)
    assert (moment.event, moment.why) == ("forward_began", "")


def test_only_the_latest_is_remembered_and_only_so_much_of_a_reason() -> None:
    one = upload(why="x" * 1000)
    for at in range(MOMENTS + 4):
        one = replace(one, history=remembered(one, Event.BODY_CUT, at))
    assert [moment.at for moment in one.history] == list(range(4, MOMENTS + 4))
    assert {moment.why for moment in one.history} == {"x" * 80}
