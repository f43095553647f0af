"""What follows from the answers before there is an upload: to OPTIONS, to a creation.

Pure. A creation may meet somebody who knows nothing of resumable uploads; then it was
an ordinary request, and its answer is the result. The one invariant: an ordinary
request that may have been processed is not sent again, unless that is allowed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .acts import Append, Ask, Create, Discover, Done, GiveUp, Lost, Step
from .failures import Reason
from .known import Known, Policy
from .limits import Limits
from .parts import creation
from .speech import NEWEST, Heard
from .steps import (
    comes_back,
    complete,
    go_on,
    pause,
    refused,
    said,
    smaller,
    told,
    too_large,
)

_COMMON: Final = 6
"""The version that most servers know which do not know the newest."""
DISCOVERIES: Final = 3
"""How often OPTIONS is repeated; not everybody who takes uploads answers it well."""
_BUSY: Final = frozenset({408, 425, 429, 502, 503, 504})
"""Answers to OPTIONS that say nothing of who gives others."""
RENEWALS: Final = 3
"""How often one follows a redirection."""


def discovered(known: Known, heard: Heard, policy: Policy, dice: float) -> Step:
    """The answer to OPTIONS: in which version to speak, and what is taken.

    Whoever is busy is asked again, since the parts depend on the answer.
    """
    if heard.status in _BUSY and known.attempts < min(DISCOVERIES, policy.attempts):
        pause_s = heard.retry_after_s
        return pause(known, Discover(), said(heard), policy, dice, pause_s)
    known = replace(known, attempts=0)
    if not heard.speaks and not known.fixed:
        if known.version == NEWEST:
            return replace(known, version=_COMMON), Discover()
        return replace(known, version=NEWEST), Create()
    if heard.speaks and heard.status < 400:
        known = replace(
            known,
            assured=True,
            limits=heard.limits or Limits(),
            version=heard.version or known.version,
        )
    return known, too_large(known) or Create()


def undiscovered(known: Known, lost: Lost, policy: Policy, dice: float) -> Step:
    """OPTIONS without an answer: once more; who gives none may still answer a POST."""
    if not lost.reached or known.attempts < min(1, policy.attempts):
        return pause(known, Discover(), lost.why, policy, dice)
    return replace(known, attempts=0), Create()


def created(before: Known, heard: Heard, policy: Policy, dice: float) -> Step:
    """The final answer to a creation."""
    part = creation(before, policy)
    known = told(before, heard)
    if heard.status in (307, 308):
        return _moved(known, heard)
    if heard.answers or (heard.complete and heard.status < 300):
        return complete(known, heard)
    if comes_back(heard.status):
        pause_s = heard.retry_after_s
        if known.upload_url is not None:
            return pause(known, Ask(), said(heard), policy, dice, pause_s)
        unprocessed = heard.status in (429, 503) or heard.complete is False
        if unprocessed or not part.last:
            return pause(known, Create(), said(heard), policy, dice, pause_s)
    if heard.status == 413 and before.assured and part.last:
        return smaller(known, Create(), heard, policy)
    if heard.status >= 400 and (heard.complete is False or not part.last):
        return known, too_large(known) or refused(heard)
    if heard.status < 300 and heard.speaks:
        return _begun(known, heard, last=part.last)
    if part.last:
        return known, Done()
    words = (
        f"a creation of an upload was answered with {heard.status}, as if it were one"
    )
    return known, GiveUp(Reason.REFUSED, words + " of something else")


def creation_lost(before: Known, lost: Lost, policy: Policy, dice: float) -> Step:
    """A creation without an answer, and without the URL of an upload."""
    harmless = not lost.reached or not creation(before, policy).last
    # a part of it went to somebody who keeps parts as parts
    partial = before.assured and not before.whole
    if harmless or partial or before.repeatable or policy.repeat:
        apart = before.apart or (partial and lost.reached)
        known = replace(before, apart=apart, whole=False)
        return pause(known, Create(), lost.why, policy, dice)
    words = f"{lost.why}, and nothing tells whether the request was processed"
    return before, GiveUp(Reason.UNKNOWN_OUTCOME, words)


def _begun(known: Known, heard: Heard, *, last: bool) -> Step:
    """A creation that was taken, by somebody who knows uploads."""
    if last and heard.complete is not False and heard.offset in (None, known.length):
        return known, Done()
    if known.upload_url is None:
        words = "the upload was created, and its Location is missing"
        return known, GiveUp(Reason.REFUSED, words)
    known = replace(known, attempts=0)
    if heard.offset is not None:
        return go_on(known, heard.offset)
    return known, Ask() if last else Append(0)


def _moved(known: Known, heard: Heard) -> Step:
    if heard.location is None or known.renewals >= RENEWALS:
        words = f"{said(heard)}, and leads nowhere"
        return known, GiveUp(Reason.ELSEWHERE, words)
    moved = replace(known, moved_to=heard.location, upload_url=None, whole=False)
    return replace(moved, renewals=known.renewals + 1), Create()
