"""Random uploads and requests against the invariants that hold for all of them.

What is written and read is only counted here: a part stores as many bytes as were sent
and fit under the ceiling, as the rooms above do with real ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from proxy.core.decide import (
    Deliver,
    Drop,
    Receive,
    Replay,
    TellLimits,
    TellOffset,
)
from proxy.core.endings import Ending, Settled, settle
from proxy.core.errors import Problem, Refusal
from proxy.core.intents import Append, AskLimits, AskOffset, Cancel, Create
from proxy.core.lengths import largest
from proxy.core.lifecycle import TERMINAL, Event, next_state
from proxy.core.upload import Limits, State, Upload

from ..kit.effort import effort
from .samples import ANSWER, NOW, TOKEN, asked, created, planned, upload

SIZES = st.integers(0, 60)
MAYBE_SIZES = st.none() | SIZES
OPEN = (State.CREATED, State.INTERRUPTED)
ALL_BYTES_IN = (State.COMPLETE, State.FORWARDING, State.UNKNOWN, State.RESPONDED)

often = effort(200)

limits_ = st.builds(
    Limits,
    max_size=MAYBE_SIZES,
    min_size=SIZES,
    max_append_size=MAYBE_SIZES,
    min_append_size=SIZES,
    max_age_s=st.sampled_from([1.0, 60.0, 1e6]),
)
creates = st.builds(
    Create,
    finishing=st.booleans(),
    content_length=MAYBE_SIZES,
    announced_length=MAYBE_SIZES,
    append_limits=st.booleans(),
    overrun_is_fatal=st.booleans(),
    empty_finishes=st.booleans(),
    interims=st.booleans(),
)


@st.composite
def uploads(draw: st.DrawFn) -> Upload:
    """Any upload that the rules can lead to."""
    state = draw(st.sampled_from(State))
    limits = draw(limits_)
    top = min(60, largest(limits))
    offset = 0 if state is State.CREATED else draw(st.integers(0, top))
    length = draw(st.none() | st.integers(offset, top))
    return upload(
        state=state,
        limits=limits,
        offset=offset,
        length=offset if state in ALL_BYTES_IN else length,
        fed_at=draw(st.floats(900.0, NOW)),
        hidden=state is State.FORWARDING and draw(st.booleans()),
        answer=replace(ANSWER, kept=draw(st.booleans())),
    )


@st.composite
def appends(draw: st.DrawFn, near: int) -> Append:
    """An append, every other time at the offset `near`."""
    return Append(
        TOKEN,
        offset=draw(st.just(near) | SIZES),
        finishing=draw(st.booleans()),
        content_length=draw(MAYBE_SIZES),
        announced_length=draw(MAYBE_SIZES),
        append_limits=draw(st.booleans()),
        overrun_is_fatal=draw(st.booleans()),
    )


others: st.SearchStrategy[AskOffset | AskLimits | Cancel] = st.sampled_from(
    [AskOffset(TOKEN), AskLimits(TOKEN), Cancel(TOKEN)]
)


@dataclass(frozen=True)
class Content:
    """What a client really sends, within what its framing lets it."""

    size: int
    whole: bool
    storage_fails: bool

    def into(self, plan: Receive, offset: int) -> tuple[int, Ending]:
        """The offset after it was received, and how it ended."""
        if self.storage_fails:
            return min(offset + self.size // 2, plan.ceiling), Ending.STORAGE_FAILED
        if offset + self.size > plan.ceiling:
            return plan.ceiling, Ending.OVERRAN
        return offset + self.size, Ending.ENDED if self.whole else Ending.CUT


@st.composite
def contents(draw: st.DrawFn, declared: int | None) -> Content:
    size = draw(SIZES if declared is None else st.integers(0, declared))
    whole = draw(st.booleans()) if declared in (None, size) else False
    return Content(size, whole, draw(st.integers(0, 9)) == 0)


@often
@given(intent=creates, limits=limits_)
def test_a_creation_gets_a_plan_or_a_refusal_that_leaves_nothing(
    intent: Create, limits: Limits
) -> None:
    got = created(intent, limits)
    if isinstance(got, Refusal):
        assert (got.event, got.standing) == (None, None)
        return
    check_plan(got, 0, intent, limits)
    assert got.announce <= (intent.interims and intent.content_length != 0)
    if got.finish_after:
        assert (got.length, got.ceiling, got.finishing) == (0, 0, False)


@often
@given(data=st.data(), one=uploads(), late=st.floats(0, 1e9))
def test_a_request_gets_a_plan_that_fits_or_a_refusal_that_changes_nothing(
    data: st.DataObject, one: Upload, late: float
) -> None:
    now = NOW + late if data.draw(st.booleans()) else NOW
    intent = data.draw(appends(one.offset) | others)
    got = asked(one, intent, now)
    match got:
        case Refusal():
            check_refusal(got, one, intent)
        case Receive():
            assert isinstance(intent, Append)
            check_plan(got, one.offset, intent, one.limits)
            assert one.length in (None, got.length)
            if one.state is not State.RECEIVING:  # which a crash has to settle first
                assert next_state(one.state, Event.BODY_ATTACHED) is State.RECEIVING
        case Deliver():
            assert one.state in (State.COMPLETE, State.FORWARDING)
        case Replay():
            assert one.state is State.RESPONDED
            assert got.answer.kept
        case Drop():
            assert got.hide or next_state(one.state, Event.CANCEL_ASKED)
        case TellOffset() | TellLimits():
            assert one.state not in TERMINAL


def check_refusal(
    refusal: Refusal, one: Upload, intent: Append | AskOffset | AskLimits | Cancel
) -> None:
    """A refusal before content changes nothing, but for R56 from v7 on."""
    if refusal.problem is Problem.UNKNOWN_UPLOAD:
        assert (refusal.standing, refusal.event) == (None, None)
        return
    assert isinstance(intent, Append)
    assert (refusal.standing is None) is (refusal.event is not None)
    if refusal.standing is not None:
        assert refusal.standing.offset == one.offset
    if refusal.event is not None:
        assert refusal.problem is Problem.OVERRUN
        assert intent.overrun_is_fatal
        assert one.length is not None
        assert intent.content_length is not None
        assert one.offset + intent.content_length > one.length
        assert next_state(one.state, refusal.event) is State.FAILED


def check_plan(
    plan: Receive, offset: int, intent: Create | Append, limits: Limits
) -> None:
    """No plan lets a body grow past any bound, and each fits what was declared."""
    assert offset <= plan.ceiling <= largest(limits)
    assert plan.finishing is intent.finishing
    if plan.length is not None:
        assert offset <= plan.length <= largest(limits)
        assert plan.ceiling <= plan.length
    if intent.content_length is not None:
        assert offset + intent.content_length <= plan.ceiling
    if intent.append_limits and limits.max_append_size is not None:
        assert plan.ceiling <= offset + limits.max_append_size
    if plan.overrun_event is Event.OVERRAN_FATAL:
        assert intent.overrun_is_fatal
        assert plan.ceiling == plan.length


def check_settled(
    settled: Settled, plan: Receive, offset: int, intent: Create | Append
) -> None:
    """The last part has ended only where the upload is as long as it is to be."""
    assert next_state(State.RECEIVING, settled.event)
    assert plan.length in (None, settled.length)
    if settled.event is Event.LAST_PART_ENDED:
        assert intent.finishing
        assert settled.length == offset
        assert settled.refusal is None
    if settled.event is Event.OVERRAN_FATAL:
        assert intent.overrun_is_fatal
    if settled.refusal is None:
        assert settled.event in (
            Event.LAST_PART_ENDED,
            Event.PART_ENDED,
            Event.BODY_CUT,
        )


@often
@given(data=st.data(), limits=limits_, first=creates)
def test_a_whole_conversation_keeps_the_promises(
    data: st.DataObject, limits: Limits, first: Create
) -> None:
    """The offset never decreases, the length settles once, complete means whole."""
    if isinstance(created(first, limits), Refusal):
        first = Create(finishing=False, content_length=None)  # which fits any limits
    plan = planned(created(first, limits))
    one = fed(data, upload(state=State.CREATED, offset=0, limits=limits), plan, first)
    for _ in range(data.draw(st.integers(0, 8))):
        intent = data.draw(appends(one.offset))
        got = asked(one, intent)
        if isinstance(got, Receive):
            one = fed(data, one, got, intent)
        elif isinstance(got, Refusal) and got.event is not None:
            one = replace(one, state=next_state(one.state, got.event))
    if one.state is State.COMPLETE:
        assert one.offset == one.length
        assert one.length <= largest(limits)
    else:
        assert one.state in (*OPEN, State.FAILED)


def fed(
    data: st.DataObject, one: Upload, plan: Receive, intent: Create | Append
) -> Upload:
    """`one` after a part was received as planned."""
    state = next_state(one.state, Event.BODY_ATTACHED)
    content = data.draw(contents(intent.content_length))
    offset, ending = content.into(plan, one.offset)
    settled = settle(plan, offset, ending)
    check_settled(settled, plan, offset, intent)
    after = replace(
        one,
        state=next_state(state, settled.event),
        offset=offset,
        length=settled.length,
    )
    assert after.offset >= one.offset
    assert one.length in (None, after.length)
    if plan.finish_after and settled.event is Event.PART_ENDED:
        return replace(after, state=next_state(after.state, Event.FINISHED_INTERNALLY))
    return after
