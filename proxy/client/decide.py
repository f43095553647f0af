"""What a client does next: an answer or a failure goes in, an act comes out.

Pure: time and chance come in as values. A failure is followed by a pause and a question
for the offset, or by the end. The one invariant: without progress there are
``Policy.attempts`` acts at most.

Source: draft-12 "Retry", draft-13 "Upload Append" and "Offset Retrieval"; before them
the client rules of draft-01 to -11, which say less.
"""

from __future__ import annotations

from dataclasses import replace

from .acts import (
    Act,
    Append,
    Ask,
    Collect,
    Create,
    Discover,
    Done,
    GiveUp,
    Lost,
    Request,
    Step,
)
from .creating import RENEWALS, created, creation_lost, discovered, undiscovered
from .failures import Reason
from .known import Known, Policy
from .speech import Heard, answers
from .steps import (
    ask_now,
    comes_back,
    complete,
    go_on,
    no_progress,
    pause,
    refused,
    said,
    smaller,
    told,
    untrue,
)


def beginning(known: Known) -> Act:
    """What is done first; of an upload that is resumed, the offset is asked for."""
    return Discover() if known.upload_url is None else Ask()


def interim(known: Known, heard: Heard) -> Known:
    """What a 104 tells: where the upload is, and how far it got.

    Of a 104 in another version, or in none, nothing is believed.

    Source: draft-01 to -12, on interop versions.
    """
    if heard.status != 104 or heard.version != known.version:
        return known
    known = told(known, heard)
    return known if heard.offset is None else known.reached(heard.offset)


def after(
    known: Known, did: Request, came: Heard | Lost, policy: Policy, dice: float
) -> Step:
    """What follows from `came`, which came of `did`. dice: chance, from 0 to 1."""
    if isinstance(came, Lost):
        return _lost(known, did, came, policy, dice)
    match did:
        case Discover():
            return discovered(known, came, policy, dice)
        case Create():
            return created(known, came, policy, dice)
        case Ask():
            return _asked(told(known, came), came, policy, dice)
        case Collect():
            return _collected(told(known, came), came, policy, dice)
        case Append():
            return _appended(told(known, came), did, came, policy, dice)


def _lost(known: Known, did: Request, lost: Lost, policy: Policy, dice: float) -> Step:
    if isinstance(did, Discover):
        return undiscovered(known, lost, policy, dice)
    if known.upload_url is not None:
        return pause(known, Ask(), lost.why, policy, dice)
    if isinstance(did, Create):
        return creation_lost(known, lost, policy, dice)
    return pause(known, did, lost.why, policy, dice)


def _asked(known: Known, heard: Heard, policy: Policy, dice: float) -> Step:
    if not 200 <= heard.status < 300:
        return _elsewise(known, Ask(), heard, policy, dice)
    if heard.offset is None:
        words = f"asked for the offset, it answers {heard.status} without one"
        return known, GiveUp(Reason.BROKEN_PROMISE, words)
    if heard.complete:
        return _finished(known, heard.offset)
    return go_on(known, heard.offset)


def _finished(known: Known, offset: int) -> Step:
    """It is complete, and its answer may still be there."""
    end = untrue(known, offset)
    if end is not None and (offset < known.offset or not answers(known.version)):
        return known, end
    return replace(known.reached(offset), finished=True), Collect()


def _collected(known: Known, heard: Heard, policy: Policy, dice: float) -> Step:
    """The answer, or that there is none any more."""
    if heard.answers and heard.status >= 300:
        return known, Done()
    if comes_back(heard.status) and known.attempts < policy.attempts:
        return pause(known, Collect(), said(heard), policy, dice, heard.retry_after_s)
    success = 200 <= heard.status < 300 and heard.complete is not False
    return known, untrue(known, known.offset) or Done(answered=success)


def _appended(
    known: Known, did: Append, heard: Heard, policy: Policy, dice: float
) -> Step:
    if heard.answers or (heard.complete and heard.status < 300):
        return complete(known, heard)
    if heard.complete or heard.problem == "completed-upload":
        return ask_now(known, said(heard), policy)
    if 200 <= heard.status < 300:
        return _taken(known, did, heard, policy)
    if heard.status == 409:
        return _mismatched(known, did, heard, policy, dice)
    return _elsewise(known, did, heard, policy, dice)


def _taken(known: Known, did: Append, heard: Heard, policy: Policy) -> Step:
    """An append was answered with a 2xx that is not the end, or does not say so."""
    if known.whole and heard.complete is None and heard.offset in (None, known.length):
        return known, Done()
    if heard.offset is None or heard.offset == did.offset:
        return ask_now(known, f"{said(heard)}, and no new offset", policy)
    return go_on(known, heard.offset)


def _mismatched(
    known: Known, did: Append, heard: Heard, policy: Policy, dice: float
) -> Step:
    if heard.offset is None or heard.offset == did.offset:
        return pause(known, Ask(), said(heard), policy, dice)
    if known.attempts >= policy.attempts:
        return known, no_progress(said(heard), policy)
    return go_on(replace(known, attempts=known.attempts + 1), heard.offset)


def _elsewise(
    known: Known, did: Request, heard: Heard, policy: Policy, dice: float
) -> Step:
    """An answer of the upload's URL that is no success, and no clash of offsets."""
    if heard.status in (404, 410):
        return _gone(known, heard, policy)
    if heard.status == 413:
        return smaller(known, Ask(), heard, policy)
    if comes_back(heard.status) or (isinstance(did, Ask) and heard.status == 409):
        return pause(known, Ask(), said(heard), policy, dice, heard.retry_after_s)
    if heard.status in (307, 308) and heard.location and known.renewals < RENEWALS:
        moved = replace(known, upload_url=heard.location, renewals=known.renewals + 1)
        return moved, Ask()
    if 300 <= heard.status < 400:
        words = f"the upload's URL answers {heard.status}, which is not to be followed"
        return known, GiveUp(Reason.ELSEWHERE, words)
    return known, refused(heard)


def _gone(known: Known, heard: Heard, policy: Policy) -> Step:
    """Anew, when it cannot have been completed and all of it is still there."""
    harmless = not (known.whole or known.finished)
    allowed = harmless or known.repeatable or policy.repeat
    if allowed and known.again and known.renewals < 1:
        anew = replace(known, upload_url=None, offset=0, whole=False, finished=False)
        return replace(anew, renewals=1), Create()
    words = f"the server does not have the upload any more ({heard.status})"
    return known, GiveUp(Reason.GONE, words)
