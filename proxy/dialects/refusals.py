"""What a client is told when it does not get what it wanted: refusals as responses.

The status and the document come from ``problems``, the completeness and the registered
types from the version's profile. An offset is told only of an upload that is alive.

Source: R26 to R32, R38, R42, R49 to R60.
"""

from __future__ import annotations

from typing import Final

from proxy.core.errors import Denial, Problem, Refusal
from proxy.core.upload import Fields, Reply

from . import problems
from .limits import limit_field
from .problems import Kind
from .profiles import Profile, Verdict
from .replies import (
    ACCEPT_PATCH,
    ALLOW_ON_UPLOAD,
    Version,
    completeness_field,
    limits_of,
    offset_field,
    version_fields,
    without_upload_fields,
)

_OVER_LIMITS: Final = frozenset({Problem.TOO_LARGE, Problem.TOO_SMALL})


def refused(refusal: Refusal, profile: Profile, version: Version) -> Reply:
    """The response that says `refusal`.

    Whether the connection can go on after it depends on what was read of the request,
    which only its sender knows (R49, R101).
    """
    if refusal.denial is not None:
        return _denied(refusal, refusal.denial, profile, version)
    kind = problems.KINDS[refusal.problem]
    verdict = _verdict(refusal, kind, profile)
    return Reply(
        verdict.status,
        (
            *version_fields(version),
            *_state_fields(refusal, profile),
            *_limit_fields(refusal, profile),
            *_particular_fields(refusal),
            *problems.FIELDS,
        ),
        _document(refusal, kind, verdict),
        problem=refusal.problem.value,
    )


def _denied(
    refusal: Refusal, denial: Denial, profile: Profile, version: Version
) -> Reply:
    """The answer of who did not let it through, with the state of the upload."""
    answer = denial.answer
    return Reply(
        answer.status,
        (
            *without_upload_fields(answer.fields),
            *version_fields(version),
            *_state_fields(refusal, profile),
        ),
        denial.content,
        answer.reason,
    )


def _verdict(refusal: Refusal, kind: Kind, profile: Profile) -> Verdict:
    """Status and registered type of `refusal` in this version."""
    if refusal.problem is Problem.ALREADY_FINISHED:
        return profile.finished_append.verdict(
            at_total=refusal.provided_offset == refusal.expected_offset,
            has_content=refusal.has_content,
        )
    if kind.registered in profile.problem_types:
        return Verdict(kind.status, kind.registered)
    return Verdict(kind.status)


def _state_fields(refusal: Refusal, profile: Profile) -> Fields:
    """Offset and completeness, as far as there is an upload to tell of."""
    standing = refusal.standing
    # an upload that this request killed was there, but has no offset any more (R56)
    killed = refusal.problem is Problem.OVERRUN and profile.overrun_is_fatal
    if standing is None or killed or refusal.problem is Problem.UNKNOWN_UPLOAD:
        says_open = killed or profile.refusals_always_open
        return (completeness_field(profile, done=False),) if says_open else ()
    done = profile.refusals_tell_state and standing.finished
    return (offset_field(standing.offset), completeness_field(profile, done=done))


def _limit_fields(refusal: Refusal, profile: Profile) -> Fields:
    """What would have been accepted (R29 to R32, R57, R58)."""
    if refusal.problem not in _OVER_LIMITS:
        return ()
    if refusal.standing is not None:
        return limits_of(refusal.standing, profile)
    if refusal.limits is None or profile.lifetime_key is None:
        return ()
    return (limit_field(refusal.limits),)


def _particular_fields(refusal: Refusal) -> Fields:
    """Fields that belong to the status."""
    particular: list[tuple[bytes, bytes]] = []
    if refusal.problem is Problem.METHOD_NOT_ALLOWED:
        particular.append(ALLOW_ON_UPLOAD)
    if refusal.problem is Problem.WRONG_MEDIA_TYPE:
        particular.append(ACCEPT_PATCH)
    if refusal.retry_after_s is not None:
        particular.append((b"Retry-After", b"%d" % refusal.retry_after_s))
    return tuple(particular)


def _document(refusal: Refusal, kind: Kind, verdict: Verdict) -> bytes:
    registered = verdict.registered
    if registered is None:
        uri, title = problems.own_type(refusal.problem.value), kind.title
    else:
        uri, title = registered.uri, registered.title
    return problems.document(
        uri,
        title,
        verdict.status,
        refusal.detail,
        _members(refusal, verdict),
    )


def _members(refusal: Refusal, verdict: Verdict) -> dict[str, int]:
    """Numbers that only this type of problem has; both offsets belong to 409 (R53)."""
    members: dict[str, int | None] = {"original-status": refusal.original_status}
    if verdict.status == 409:
        members["expected-offset"] = refusal.expected_offset
        members["provided-offset"] = refusal.provided_offset
    return {name: value for name, value in members.items() if value is not None}
