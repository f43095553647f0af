"""Forwards that ended lately, as one process remembers them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.core.lifecycle import Event
from proxy.core.upload import Answer, Moment, State, Upload
from proxy.lately import MOST, Lately
from proxy.ledger import NOBODY
from tests.spool.samples import upload

BEGAN = Moment(10.0, Event.FORWARD_BEGAN.value, 100, "")
FORWARDED = upload(
    state=State.FORWARDING, length=100, attempts=2, history=(BEGAN,), why=""
)


def heard(before: Upload, after: Upload, event: Event) -> Lately:
    lately = Lately(NOBODY, lambda: 12.5)
    lately.changed(before, after, event)
    return lately


def test_an_answer_is_remembered_with_what_it_took() -> None:
    answered = replace(
        FORWARDED, state=State.RESPONDED, answer=Answer(201, "Created", ())
    )
    (one,) = heard(FORWARDED, answered, Event.ORIGIN_ANSWERED).forwards
    assert (one.outcome, one.status, one.attempt) == ("origin_answered", 201, 2)
    assert (one.at, one.took_s, one.size, one.why) == (12.5, 2.5, 100, "")
    assert one.name == FORWARDED.token[:6]


@pytest.mark.parametrize("event", [Event.ORIGIN_LOST, Event.ORIGIN_CUT])
def test_so_is_an_attempt_without_one(event: Event) -> None:
    after = replace(FORWARDED, state=State.UNKNOWN, why="reset")
    (one,) = heard(FORWARDED, after, event).forwards
    assert (one.outcome, one.status, one.why) == (event.value, None, "reset")


def test_one_that_never_left_took_no_time() -> None:
    waits = replace(FORWARDED, state=State.COMPLETE, why="refused")
    (one,) = heard(waits, waits, Event.ORIGIN_UNREACHED).forwards
    assert (one.took_s, one.why) == (None, "refused")


@pytest.mark.parametrize(
    "event", [Event.BODY_ATTACHED, Event.BODY_CUT, Event.LAST_PART_ENDED]
)
def test_nothing_else_is(event: Event) -> None:
    received = replace(FORWARDED, state=State.RECEIVING)
    assert heard(received, received, event).forwards == ()


def test_it_is_bounded_and_the_latest_stay() -> None:
    lately = Lately(NOBODY, lambda: 0.0)
    for number in range(MOST + 3):
        one = replace(FORWARDED, attempts=number + 1)
        lately.changed(one, one, Event.ORIGIN_LOST)
    assert len(lately.forwards) == MOST
    assert lately.forwards[-1].attempt == MOST + 3
