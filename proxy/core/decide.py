"""What a request gets: (upload, intent, limits, now) to a plan, or a refusal.

Pure, and the same for every version: the intent carries what versions want differently.
Nothing here changes an upload. The order of the checks is the order of the protocol's
append rules: alive, all bytes in or finished, offset, lengths, limits.
The one invariant: a refusal decided here has taken no byte and changed no state, except
an announced overrun, whose event says so (R56).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

from .errors import Problem, Refusal
from .intents import Append, AskLimits, AskOffset, Cancel, Create, Part
from .lengths import (
    check_limits,
    conflict,
    largest,
    length_after,
    length_of_new,
    request_limits,
)
from .lifecycle import TERMINAL, Event
from .upload import Answer, Limits, Standing, State, Upload

STORAGE_RETRY_AFTER_S: Final = 10
"""Seconds a client is asked to wait when the spool cannot take bytes. Picked by hand:
long enough not to hammer a full disk, short enough that a person still waits."""


@dataclass(frozen=True, slots=True)
class Receive:
    """Take the content of the request into the upload."""

    finishing: bool
    length: int | None
    """Bytes of the whole upload from now on; None while still unknown."""
    ceiling: int
    """Bytes to which the body may grow; anything more is an overrun."""
    beyond: Problem
    """What more content is: OVERRUN of the length, or TOO_LARGE for a limit."""
    overrun_event: Event
    bound: str = "Upload-Length"
    """What sets the ceiling, in words of the protocol: for who runs over it."""
    least: int = 0
    """Bytes the body must have grown to when another part is to follow (R32, R58)."""
    announce: bool = False
    """Tell the upload's URL in a 104 before the content is read (R21, R22, R33)."""
    finish_after: bool = False
    """The finishing request will never come: finish when this part is in (R102)."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """All bytes are in: join the forward, or start it."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The origin has answered: give that answer again."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class TellOffset:
    pass


@dataclass(frozen=True, slots=True)
class TellLimits:
    pass


@dataclass(frozen=True, slots=True)
class Drop:
    """Give the upload up; `hide` while a forward is in flight, which ends by itself."""

    hide: bool


Plan = Receive | Deliver | Replay | TellOffset | TellLimits | Drop


def standing(upload: Upload, now: float) -> Standing:
    """What may be told of `upload` at `now`."""
    return Standing(
        token=upload.token,
        offset=upload.offset,
        finished=upload.finished,
        length=upload.length,
        limits=upload.limits,
        age_left_s=max(0.0, upload.deadline - now),
    )


def expired(upload: Upload, now: float) -> bool:
    """True when the lifetime has ended, no body or forward being in flight (R95)."""
    in_flight = upload.state in (State.RECEIVING, State.FORWARDING)
    return not in_flight and now >= upload.deadline


def stalled(upload: Upload, now: float, after_s: float | None) -> bool:
    """True when no request will ever end `upload`, as far as the operator is concerned.

    All bytes of its length are there, and none has come for `after_s` seconds; None:
    only a client ends an upload (R103).
    """
    if after_s is None or upload.state is not State.INTERRUPTED:
        return False
    return upload.offset == upload.length and now >= upload.fed_at + after_s


def answer_is_old(upload: Upload, now: float, keep_answer_s: float) -> bool:
    """True when the content of the answer is to be kept no longer; none has nothing to
    lose."""
    answer, answered_at = upload.answer, upload.answered_at
    if answer is None or answered_at is None or not answer.kept:
        return False
    return answer.size != 0 and now >= answered_at + keep_answer_s


def unknown_upload() -> Refusal:
    """The one answer for unknown, expired, cancelled and dead uploads (R42, R50)."""
    return Refusal(
        Problem.UNKNOWN_UPLOAD, "There is no such upload; it may have expired."
    )


def creation(intent: Create, limits: Limits) -> Receive:
    """The plan for a new upload.

    Raises:
        Refusal: lengths that disagree (R26, R27), a size over a limit (R29, R31), a
            partial content under min-append-size (R32). No resource comes to be.
    """
    length = length_of_new(intent)
    try:
        check_limits(intent, 0, length, limits)
    except Refusal as refusal:
        refusal.limits = limits
        raise
    short = intent.finishing and length is not None and length < limits.min_size
    finish_after = (
        intent.empty_finishes
        and not intent.finishing
        and intent.announced_length == 0
        and not intent.content_length  # chunked: is empty as well, or runs over
    )
    announce = intent.interims and intent.content_length != 0 and not short
    return _receive(
        intent, 0, length, limits, announce=announce, finish_after=finish_after
    )


def request_on(
    upload: Upload, intent: Append | AskOffset | Cancel | AskLimits, now: float
) -> Plan:
    """The plan for a request on an existing upload that no older request works on.

    Raises:
        Refusal: see the rules named beside each check.
    """
    if upload.state in TERMINAL or upload.hidden or expired(upload, now):
        raise unknown_upload()
    match intent:
        case Append():
            try:
                return _append(upload, intent)
            except Refusal as refusal:
                if refusal.event is None:  # else it is no longer alive
                    refusal.standing = standing(upload, now)
                refusal.has_content = intent.content_length != 0
                raise
        case AskOffset():
            return TellOffset()
        case AskLimits():
            return TellLimits()
        case Cancel():
            return Drop(hide=upload.state is State.FORWARDING)
        case _:  # pragma: no cover
            assert_never(intent)


def _append(upload: Upload, intent: Append) -> Plan:
    match upload.state:
        case State.CREATED | State.RECEIVING | State.INTERRUPTED:
            return _more(upload, intent)
        case State.COMPLETE | State.FORWARDING:
            if not _asks_for_answer(upload, intent):
                raise _nothing_to_add(upload, intent)
            return Deliver()
        case State.UNKNOWN:
            raise outcome_unknown()
        case State.RESPONDED:
            if not _asks_for_answer(upload, intent):
                raise _finished(upload, intent)
            return _replay(upload)
        case _:  # pragma: no cover
            raise AssertionError(upload.state)


def _asks_for_answer(upload: Upload, intent: Append) -> bool:
    """True for the empty finishing append at the total: it only wants the answer.

    One that tells another length than the total is none (R55).
    """
    empty = intent.finishing and intent.content_length == 0
    agrees = intent.announced_length in (None, upload.offset)
    return empty and agrees and intent.offset == upload.offset


def _nothing_to_add(upload: Upload, intent: Append) -> Refusal:
    """Why a complete upload takes no append but the empty finishing one."""
    if intent.offset != upload.offset:
        return _mismatch(upload, intent)
    return conflict(
        f"All {upload.offset} bytes have been received; only an empty finishing "
        "append of that length is possible."
    )


def _finished(upload: Upload, intent: Append) -> Refusal:
    """R60, worded by the dialect from the two offsets and whether there is content."""
    return Refusal(
        Problem.ALREADY_FINISHED,
        "The upload is finished.",
        expected_offset=upload.offset,
        provided_offset=intent.offset,
    )


def _replay(upload: Upload) -> Replay:
    """The stored answer, or a refusal that tells at least its status."""
    answer = upload.answer
    assert answer is not None, "saved together with the state RESPONDED"
    if not answer.kept:
        raise answer_not_kept(answer)
    return Replay(answer)


def not_stored() -> Refusal:
    """Our storage is in trouble (R38, R97)."""
    return Refusal(
        Problem.STORAGE,
        "The upload cannot be stored at the moment.",
        retry_after_s=STORAGE_RETRY_AFTER_S,
    )


def outcome_unknown() -> Refusal:
    """The whole request left and nobody knows what the origin did with it (P3)."""
    return Refusal(
        Problem.OUTCOME_UNKNOWN,
        "The whole upload was sent on, but no answer came back; "
        "whether it took effect is not known.",
    )


def answer_not_kept(answer: Answer) -> Refusal:
    """The replay of an answer whose content is not there any more."""
    return Refusal(
        Problem.ANSWER_NOT_KEPT,
        f"The upload was answered with status {answer.status}; "
        "the content of that answer is no longer kept.",
        original_status=answer.status,
    )


def _more(upload: Upload, intent: Append) -> Receive:
    """R53 to R58, in this order."""
    if intent.offset != upload.offset:
        raise _mismatch(upload, intent)
    length = length_after(upload, intent)
    check_limits(intent, upload.offset, length, upload.limits)
    return _receive(intent, upload.offset, length, upload.limits)


def _mismatch(upload: Upload, intent: Append) -> Refusal:
    """R53."""
    return Refusal(
        Problem.OFFSET_MISMATCH,
        f"Upload-Offset must be {upload.offset}, where the upload continues, got "
        f"{intent.offset}.",
        expected_offset=upload.offset,
        provided_offset=intent.offset,
    )


def _receive(
    intent: Part,
    offset: int,
    length: int | None,
    limits: Limits,
    *,
    announce: bool = False,
    finish_after: bool = False,
) -> Receive:
    """The plan to take content at `offset`, up to whatever bound comes first."""
    bounds = request_limits(intent, limits)
    ceiling, bound = largest(limits), "max-size of Upload-Limit"
    most = bounds.max_append_size
    if most is not None and offset + most < ceiling:
        ceiling, bound = offset + most, "max-append-size of Upload-Limit"
    beyond, event = Problem.TOO_LARGE, Event.LIMIT_REACHED
    if length is not None and length <= ceiling:
        ceiling, bound, beyond = length, "Upload-Length", Problem.OVERRUN
        fatal = intent.overrun_is_fatal
        event = Event.OVERRAN_FATAL if fatal else Event.OVERRAN_KEPT
    return Receive(
        intent.finishing,
        length,
        ceiling,
        beyond,
        event,
        bound,
        least=0 if intent.finishing else offset + bounds.min_append_size,
        announce=announce,
        finish_after=finish_after,
    )
