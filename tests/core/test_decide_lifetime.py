"""When an upload expires: on the second, and never under what is in flight (R95)."""

from __future__ import annotations

import math

import pytest

from proxy.core.decide import Plan, expired, standing, unknown_upload
from proxy.core.errors import Problem, Refusal
from proxy.core.intents import Append, AskLimits, AskOffset, Cancel
from proxy.core.lifecycle import Event, next_state
from proxy.core.upload import LIFETIME_FACTOR, Limits, State

from .samples import ANSWER, TOKEN, append, asked, refused, upload

FED_AT, AGE = 1000.0, 60.0
DEADLINE = FED_AT + AGE
LIMITS = Limits(max_age_s=AGE)

IN_FLIGHT = (State.RECEIVING, State.FORWARDING)
AT_REST = (
    State.CREATED,
    State.INTERRUPTED,
    State.COMPLETE,
    State.UNKNOWN,
    State.RESPONDED,
)
INTENTS: tuple[Append | AskOffset | AskLimits | Cancel, ...] = (
    AskOffset(TOKEN),
    AskLimits(TOKEN),
    Cancel(TOKEN),
    append(content_length=0),
)
TIMES = (
    pytest.param(FED_AT, False, id="fed just now"),
    pytest.param(math.nextafter(DEADLINE, 0), False, id="just before the deadline"),
    pytest.param(DEADLINE, True, id="at the deadline"),
    pytest.param(DEADLINE + 1e9, True, id="long past it"),
)


def get(
    state: State, intent: Append | AskOffset | AskLimits | Cancel, now: float
) -> Plan | Refusal:
    """What `intent` gets from an upload last fed at FED_AT, all bytes in."""
    one = upload(
        state=state,
        created_at=FED_AT,
        fed_at=FED_AT,
        limits=LIMITS,
        length=40,
        answer=ANSWER,
    )
    return asked(one, intent, now)


@pytest.mark.parametrize("state", AT_REST)
@pytest.mark.parametrize(("now", "over"), TIMES)
def test_at_rest_it_expires_on_its_deadline(
    state: State, now: float, *, over: bool
) -> None:
    one = upload(state=state, created_at=FED_AT, fed_at=FED_AT, limits=LIMITS)
    assert expired(one, now) is over
    assert next_state(state, Event.LIFETIME_ENDED) is State.EXPIRED


@pytest.mark.parametrize("state", AT_REST)
@pytest.mark.parametrize("intent", INTENTS, ids=lambda intent: type(intent).__name__)
@pytest.mark.parametrize(("now", "over"), TIMES)
def test_an_expired_upload_is_unknown_to_everybody(
    state: State,
    intent: Append | AskOffset | AskLimits | Cancel,
    now: float,
    *,
    over: bool,
) -> None:
    """R42, R50, R71, R95."""
    got = get(state, intent, now)
    if over:
        told = refused(got)
        assert told.problem is Problem.UNKNOWN_UPLOAD
        assert (told.standing, told.event) == (None, None)
    else:
        assert not (isinstance(got, Refusal) and got.problem is Problem.UNKNOWN_UPLOAD)


@pytest.mark.parametrize("state", IN_FLIGHT)
@pytest.mark.parametrize(("now", "over"), TIMES)
def test_never_under_a_body_or_a_forward_in_flight(
    state: State, now: float, *, over: bool
) -> None:
    del over
    one = upload(state=state, created_at=FED_AT, fed_at=FED_AT, limits=LIMITS)
    assert not expired(one, now)
    for intent in INTENTS:
        got = get(state, intent, now)
        assert not isinstance(got, Refusal), got


def test_feeding_it_moves_the_end_up_to_the_cap() -> None:
    created_at = 0.0
    for fed_at in range(0, 600, 59):
        one = upload(created_at=created_at, fed_at=float(fed_at), limits=LIMITS)
        end = min(fed_at + AGE, LIFETIME_FACTOR * AGE)
        assert not expired(one, end - 0.5)
        assert expired(one, end)


@pytest.mark.parametrize(
    ("now", "left"), [(FED_AT, AGE), (DEADLINE - 0.5, 0.5), (DEADLINE, 0.0)]
)
def test_the_seconds_left_are_told(now: float, left: float) -> None:
    one = upload(created_at=FED_AT, fed_at=FED_AT, limits=LIMITS)
    assert standing(one, now).age_left_s == left


def test_the_seconds_left_are_never_negative() -> None:
    """In flight an upload outlives its deadline, and may be told of meanwhile."""
    one = upload(
        state=State.FORWARDING, created_at=FED_AT, fed_at=FED_AT, limits=LIMITS
    )
    assert standing(one, DEADLINE + 5).age_left_s == 0.0


def test_unknown_is_worded_alike_whatever_the_reason() -> None:
    """R42, R50: nothing tells an expired upload from one that never was."""
    reasons = {
        refused(asked(upload(state=State.CANCELLED), AskOffset(TOKEN), FED_AT)).detail,
        refused(asked(upload(state=State.FAILED), append(), FED_AT)).detail,
        refused(asked(upload(hidden=True), AskOffset(TOKEN), FED_AT)).detail,
        refused(get(State.COMPLETE, AskOffset(TOKEN), DEADLINE)).detail,
        unknown_upload().detail,
    }
    assert len(reasons) == 1
