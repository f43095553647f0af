"""The steps that several answers lead to: go on, pause, send less, give up.

Pure. The one invariant: whatever leads back to where it was counts as an attempt, so
that nothing goes round for ever.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .acts import Append, Ask, Done, GiveUp, Request, Step, Wait
from .failures import Reason
from .known import Known, Policy
from .parts import piece
from .speech import Heard

_SMALLEST: Final = 16384
"""Bytes; a server that refuses so few as too many refuses something else."""


def told(known: Known, heard: Heard) -> Known:
    """What any response may tell besides: where the upload is, and its limits."""
    if heard.status == 104 or (heard.status == 201 and heard.speaks):
        known = replace(known, assured=True)
        if heard.location is not None and known.upload_url is None:
            known = replace(known, upload_url=heard.location)
    if heard.limits is not None:
        known = replace(known, limits=heard.limits)
    return known


def go_on(known: Known, offset: int) -> Step:
    """Append from `offset`, if the server may say so."""
    if offset < known.offset:
        words = f"the offset went back from {known.offset} to {offset}"
        return known, GiveUp(Reason.BROKEN_PROMISE, words)
    if known.length is not None and offset > known.length:
        words = f"the offset is {offset}, and there are {known.length} bytes"
        return known, GiveUp(Reason.BROKEN_PROMISE, words)
    known = replace(known.reached(offset), whole=False)
    return known, too_large(known) or Append(offset)


def untrue(known: Known, offset: int | None) -> GiveUp | None:
    """The end, when it counts as complete with less than all, or more; None: it does
    not, as far as is told."""
    if offset in (None, known.length):
        return None
    there = "more to come" if known.length is None else f"{known.length} bytes"
    words = f"it is said to be complete at {offset}, and there are {there}"
    return GiveUp(Reason.BROKEN_PROMISE, words)


def complete(known: Known, heard: Heard) -> Step:
    """It has its answer. What is no success may come early, and is the application's;
    a success is one only with all of the bytes."""
    end = untrue(known, heard.offset) if heard.status < 300 else None
    return known, end or Done()


def ask_now(known: Known, why: str, policy: Policy) -> Step:
    """Ask for the offset without a pause: nothing has failed."""
    counted = replace(known, attempts=known.attempts + 1)
    if counted.attempts > policy.attempts:
        return known, no_progress(why, policy)
    return counted, Ask()


def pause(
    known: Known,
    act: Request,
    why: str,
    policy: Policy,
    dice: float,
    told_s: float | None = None,
) -> Step:
    """Back off with full jitter, or as many seconds as the server told."""
    counted = replace(known, attempts=known.attempts + 1)
    if counted.attempts > policy.attempts:
        return known, no_progress(why, policy)
    if told_s is not None and told_s > policy.longest_s:
        words = f"{why}; the server says to come back in {told_s:.0f} s"
        return known, GiveUp(Reason.BUSY, words)
    at_most = min(policy.most_s, policy.base_s * 2**known.attempts)
    return counted, Wait(dice * at_most if told_s is None else told_s, act, why)


def no_progress(why: str, policy: Policy) -> GiveUp:
    words = f"{why}; no progress in {policy.attempts} attempts"
    return GiveUp(Reason.UNREACHABLE, words)


def too_large(known: Known, least: int = 0) -> GiveUp | None:
    """The end, when the server has said that it does not take so much. least: bytes
    that there are at least, when the length is not known."""
    size = least if known.length is None else known.length
    bound = known.limits.max_size
    if bound is None or size <= bound:
        return None
    words = f"{size} bytes or more, and the server takes {bound} at most"
    return GiveUp(Reason.TOO_LARGE, words)


def smaller(known: Known, act: Request, heard: Heard, policy: Policy) -> Step:
    """Too much in one request: less, as far as that makes sense."""
    end = too_large(known)
    if end is not None:
        return known, end
    left = known.length
    tried = piece(known, policy) if left is None else left - known.offset
    if known.most is not None:
        tried = min(tried, known.most)
    bound = known.limits.max_append_size
    most = bound if bound is not None and bound < tried else tried // 2
    if most < _SMALLEST and most != bound:
        words = f"too large for the server ({heard.status}), in small parts too"
        return known, GiveUp(Reason.TOO_LARGE, words)
    return replace(known, most=most, whole=False, apart=True), act


def comes_back(status: int) -> bool:
    """Statuses after which the same may succeed."""
    return status in (408, 423, 425, 429) or 500 <= status < 600


def said(heard: Heard) -> str:
    return f"the server answers {heard.status}"


def refused(heard: Heard) -> GiveUp:
    return GiveUp(Reason.REFUSED, f"refused with {heard.status}")
