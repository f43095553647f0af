"""The life of an upload: states, events, and the one table of what leads where.

A pair that is not in the table is not a request to refuse but a bug of ours, and
``next_state`` raises ``IllegalEvent``. What a client may ask for in which state is
decided before, in ``decide``. The table knows no protocol versions: where they differ
(an overrun that keeps the upload or kills it) the event already says which.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from .upload import MOMENTS, Moment, State, Upload


class IllegalEvent(Exception):
    """An event met a state in which it cannot happen: a bug of ours."""


class Event(StrEnum):
    """What has happened to an upload."""

    BODY_ATTACHED = "body_attached"
    PART_ENDED = "part_ended"
    LAST_PART_ENDED = "last_part_ended"
    BODY_CUT = "body_cut"
    ENDED_SHORT = "ended_short"
    """A finishing request ended properly before the known length (R28, R54)."""
    LIMIT_REACHED = "limit_reached"
    OVERRAN_KEPT = "overran_kept"
    OVERRAN_FATAL = "overran_fatal"
    STORAGE_FAILED = "storage_failed"
    FINISHED_INTERNALLY = "finished_internally"
    """No finishing request came, and none will (R102, R103)."""
    FORWARD_BEGAN = "forward_began"
    ORIGIN_ANSWERED = "origin_answered"
    ORIGIN_UNREACHED = "origin_unreached"
    AUTH_SILENT = "auth_silent"
    """Who decides about it did not say whether it may be sent on."""
    FORWARD_DENIED = "forward_denied"
    """Who decides about it has not let it through: it waits for other credentials."""
    ORIGIN_CUT = "origin_cut"
    """The exchange ended before the kernel had taken the whole request."""
    ORIGIN_LOST = "origin_lost"
    """The whole request left, no answer came: nobody knows what the origin did."""
    ORIGIN_LOST_REPEATABLE = "origin_lost_repeatable"
    """The same where the operator declared that the request may be repeated."""
    BODY_DOUBTED = "body_doubted"
    """The disk has failed under the body before all of it left: what is not
    acknowledged has to come again."""
    RESEND_ASKED = "resend_asked"
    ANSWER_REPLAYED = "answer_replayed"
    SPOOL_LOST = "spool_lost"
    LIFETIME_ENDED = "lifetime_ended"
    CANCEL_ASKED = "cancel_asked"


TERMINAL: Final = frozenset({State.EXPIRED, State.CANCELLED, State.FAILED})
"""States in which an upload is over: 404 for everybody, swept later."""

_S, _E = State, Event

_TRANSITIONS: dict[tuple[State, Event], State] = {
    (_S.CREATED, _E.BODY_ATTACHED): _S.RECEIVING,
    (_S.CREATED, _E.FINISHED_INTERNALLY): _S.COMPLETE,
    (_S.CREATED, _E.OVERRAN_FATAL): _S.FAILED,
    (_S.RECEIVING, _E.PART_ENDED): _S.INTERRUPTED,
    (_S.RECEIVING, _E.BODY_CUT): _S.INTERRUPTED,
    (_S.RECEIVING, _E.ENDED_SHORT): _S.INTERRUPTED,
    (_S.RECEIVING, _E.LIMIT_REACHED): _S.INTERRUPTED,
    (_S.RECEIVING, _E.OVERRAN_KEPT): _S.INTERRUPTED,
    (_S.RECEIVING, _E.STORAGE_FAILED): _S.INTERRUPTED,
    (_S.RECEIVING, _E.LAST_PART_ENDED): _S.COMPLETE,
    (_S.RECEIVING, _E.OVERRAN_FATAL): _S.FAILED,
    (_S.INTERRUPTED, _E.BODY_ATTACHED): _S.RECEIVING,
    (_S.INTERRUPTED, _E.FINISHED_INTERNALLY): _S.COMPLETE,
    (_S.INTERRUPTED, _E.OVERRAN_FATAL): _S.FAILED,
    (_S.COMPLETE, _E.FORWARD_BEGAN): _S.FORWARDING,
    (_S.COMPLETE, _E.ORIGIN_UNREACHED): _S.COMPLETE,
    (_S.COMPLETE, _E.AUTH_SILENT): _S.COMPLETE,
    (_S.COMPLETE, _E.FORWARD_DENIED): _S.COMPLETE,
    (_S.COMPLETE, _E.BODY_DOUBTED): _S.INTERRUPTED,
    (_S.FORWARDING, _E.ORIGIN_ANSWERED): _S.RESPONDED,
    (_S.FORWARDING, _E.ORIGIN_UNREACHED): _S.COMPLETE,
    (_S.FORWARDING, _E.ORIGIN_CUT): _S.COMPLETE,
    (_S.FORWARDING, _E.ORIGIN_LOST): _S.UNKNOWN,
    (_S.FORWARDING, _E.ORIGIN_LOST_REPEATABLE): _S.COMPLETE,
    (_S.FORWARDING, _E.BODY_DOUBTED): _S.INTERRUPTED,
    (_S.UNKNOWN, _E.RESEND_ASKED): _S.COMPLETE,
    (_S.RESPONDED, _E.ANSWER_REPLAYED): _S.RESPONDED,
}
for _state in State:
    if _state in TERMINAL:
        continue
    _TRANSITIONS[_state, _E.SPOOL_LOST] = _S.FAILED
    if _state not in (_S.RECEIVING, _S.FORWARDING):
        # never under a body or a forward in flight
        _TRANSITIONS[_state, _E.LIFETIME_ENDED] = _S.EXPIRED
    if _state is not _S.FORWARDING:
        # there the upload is hidden instead and its delivery removes it
        _TRANSITIONS[_state, _E.CANCEL_ASKED] = _S.CANCELLED

TRANSITIONS: Final = MappingProxyType(_TRANSITIONS)
"""State and event to the next state: every legal pair there is."""


_LONGEST_WHY: Final = 80
"""Characters of a reason in the history; picked by hand, the log has all of it."""


def next_state(state: State, event: Event) -> State:
    """The state after `event`.

    Raises:
        IllegalEvent: the pair is not in the table; a bug of ours, never a client's.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalEvent(
            f"{event.value} cannot happen to an upload that is {state.value}"
        ) from None


def remembered(upload: Upload, event: Event, at: float) -> tuple[Moment, ...]:
    """The history of `upload` with `event`, which has happened to it at that moment of
    the lifetime clock."""
    why = upload.why
    if event is Event.FORWARD_BEGAN:
        why = ""  # what is known says how the attempt before went
    elif event is Event.ORIGIN_ANSWERED and upload.answer is not None:
        why = f"status {upload.answer.status}"
    moment = Moment(round(at, 3), str(event), upload.offset, why[:_LONGEST_WHY])
    return (*upload.history[1 - MOMENTS :], moment)


def parts_after(upload: Upload, event: Event) -> int:
    """How many requests have brought content of `upload` once `event` has happened to
    it; 0: nobody knows, since those before have not been counted."""
    if event is not Event.BODY_ATTACHED:
        return upload.parts
    counted = upload.parts or upload.state is State.CREATED
    return upload.parts + 1 if counted else upload.parts


def event_after_crash(upload: Upload, *, repeatable: bool) -> Event | None:
    """What must have happened to `upload`, found in a state that nobody is working on.

    None when the state can stand as it is. `repeatable`: the operator declared that the
    origin may get the request twice. A last part whose bytes are all there has ended,
    whether we lived to see its end or not (R64): its client may never come again.

    Source: P3; recovery of RECEIVING and FORWARDING.
    """
    if upload.state is State.RECEIVING:
        whole = upload.finishing and upload.offset == upload.length
        return Event.LAST_PART_ENDED if whole else Event.BODY_CUT
    if upload.state is State.FORWARDING:
        return Event.ORIGIN_LOST_REPEATABLE if repeatable else Event.ORIGIN_LOST
    return None
