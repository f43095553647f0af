"""What a client is told when it gets what it wanted: outcomes as responses.

Every response says as much as any version wants to hear: version, offset, completeness,
length, limits. More than a version asks for never harms, and one place that fills the
fields in cannot mix the polarities up. Refusals are worded in ``refusals``.

Source: R23, R24, R40, R41, R47, R59, R61, R70, R84.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from proxy.core.intents import Answered
from proxy.core.upload import Field, Fields, Reply, Standing, first_of

from . import fields
from .limits import limit_field
from .profiles import Profile
from .requests import UPLOAD_METHODS

ACCEPT_PATCH: Final[Field] = (b"Accept-Patch", b"application/partial-upload")
ALLOW_ON_UPLOAD: Final[Field] = (b"Allow", ", ".join(UPLOAD_METHODS).encode("ascii"))

_NO_STORE: Final[Field] = (b"Cache-Control", b"no-store")

Version: TypeAlias = int | None
"""The version to be named in a response; None: none is (R15, R16)."""


def version_fields(version: Version) -> Fields:
    """The version of the request, said back; nothing where it may not be named."""
    if version is None:
        return ()
    return ((fields.INTEROP_VERSION, fields.integer_text(version)),)


def offset_field(offset: int) -> Field:
    return fields.UPLOAD_OFFSET, fields.integer_text(offset)


def completeness_field(profile: Profile, *, done: bool) -> Field:
    return profile.completeness.name, profile.completeness.text(done=done)


def limits_of(standing: Standing, profile: Profile) -> Fields:
    """The limits and the life left, in versions that know the field."""
    key = profile.lifetime_key
    if key is None:
        return ()
    return (limit_field(standing.limits, key, standing.age_left_s),)


def progress_fields(standing: Standing, profile: Profile, version: Version) -> Fields:
    """How far the upload has come."""
    return (
        *version_fields(version),
        offset_field(standing.offset),
        completeness_field(profile, done=standing.finished),
    )


def _length_and_limits(standing: Standing, profile: Profile) -> Fields:
    """What a client needs to plan the rest."""
    limits = limits_of(standing, profile)
    if standing.length is None:
        return limits
    return ((fields.UPLOAD_LENGTH, fields.integer_text(standing.length)), *limits)


def created(
    standing: Standing, profile: Profile, version: Version, location: str
) -> Reply:
    """A part came with the creation, more is to follow at `location` (R23, R35)."""
    return Reply(
        201,
        (
            location_field(location),
            *progress_fields(standing, profile, version),
            *_length_and_limits(standing, profile),
        ),
    )


def location_field(location: str) -> Field:
    return b"Location", location.encode()


def appended(standing: Standing, profile: Profile, version: Version) -> Reply:
    """A part was appended, more is to follow; it has no Location (R59)."""
    return Reply(profile.part_status, progress_fields(standing, profile, version))


def offset_told(standing: Standing, profile: Profile, version: Version) -> Reply:
    """R40, R41, R47."""
    return Reply(
        204,
        (
            *progress_fields(standing, profile, version),
            *_length_and_limits(standing, profile),
            _NO_STORE,
        ),
    )


def limits_told(standing: Standing, profile: Profile, version: Version) -> Reply:
    """R84. Told in every version: whoever asks for limits knows the field."""
    return Reply(
        200,
        (
            *version_fields(version),
            limit_field(standing.limits, profile.lifetime_key, standing.age_left_s),
            ACCEPT_PATCH,
            ALLOW_ON_UPLOAD,
        ),
    )


def cancelled(version: Version) -> Reply:
    """R70."""
    return Reply(204, version_fields(version))


def answered(
    outcome: Answered, profile: Profile, version: Version, location: str
) -> Reply:
    """The origin's answer as it is, but for the fields of this protocol (R24, R61).

    Its own Location stands. The upload's `location` is added only to the answer of a
    creation that has none, in the versions whose clients look for one.
    """
    answer = outcome.answer
    own = without_upload_fields(answer.fields)
    ours: Fields = (
        *version_fields(version),
        offset_field(outcome.total),
        completeness_field(profile, done=True),
    )
    wanted = outcome.by_creation and profile.location_on_answer
    if wanted and first_of(own, b"location") is None:
        ours = (location_field(location), *ours)
    return Reply(answer.status, own + ours, outcome.content, answer.reason)


def without_upload_fields(own: Fields) -> Fields:
    """The origin's fields without those that only we can know (R24)."""
    kept = [field for field in own if not field[0].lower().startswith(b"upload-")]
    return tuple(kept)
