"""The IETF's resumable uploads, spoken in one version for one request.

The profile says what the version wants; beside it stands what only the request can
tell: whether it named the version (then it is named in every response, R12), whether a
104 may be sent, and whether content follows the head. Reading is in ``requests``,
writing in ``replies`` and ``refusals``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from proxy.core.intents import (
    Answered,
    Appended,
    Cancelled,
    Created,
    Intent,
    Interim,
    LimitsTold,
    OffsetTold,
    Outcome,
    Progress,
    Refused,
    Resumable,
)
from proxy.core.upload import Fields, Head, Reply

from . import refusals, replies, requests
from .dialect import Locate
from .limits import limit_field
from .profiles import Profile


@dataclass(frozen=True, slots=True)
class Rufh:
    """One version of the protocol, for requests that speak alike."""

    profile: Profile
    uploads: str
    """Path under which all upload URLs lie, with a slash at both ends."""
    spoken: bool
    """The request is in this very version, not only answered in it (R13 to R16)."""
    interims: bool
    """A 104 may be sent to this request (R13 to R16, R22)."""

    @property
    def version(self) -> int | None:
        return self.profile.version if self.spoken else None

    def read(self, head: Head) -> Intent | None:
        """What the client wants; None when the request is an ordinary one."""
        path = head.path
        if path.startswith(self.uploads):
            return requests.on_upload(
                head,
                path.removeprefix(self.uploads),
                self.profile,
                spoken=self.spoken,
                interims=self.interims,
            )
        return requests.creation(
            head, self.profile, spoken=self.spoken, interims=self.interims
        )

    def write(self, outcome: Outcome, locate: Locate) -> Reply:
        """The final response that says `outcome`."""
        profile, version = self.profile, self.version
        match outcome:
            case Created(standing):
                location = locate(standing.token)
                return replies.created(standing, profile, version, location)
            case Appended(standing):
                return replies.appended(standing, profile, version)
            case OffsetTold(standing):
                return replies.offset_told(standing, profile, version)
            case LimitsTold(standing):
                return replies.limits_told(standing, profile, version)
            case Cancelled():
                return replies.cancelled(version)
            case Answered(token):
                return replies.answered(outcome, profile, version, locate(token))
            case Refused(refusal):
                return refusals.refused(refusal, profile, version)
            case _:  # pragma: no cover
                assert_never(outcome)

    def interim(self, interim: Interim, locate: Locate) -> Fields | None:
        """Fields of the 104 that says `interim`; None when there must be none.

        Only the first one has a Location, only later ones an offset (R21, R66).
        """
        if not self.interims:
            return None
        version = replies.version_fields(self.version)
        match interim:
            case Resumable(token, limits, age_left_s):
                key = self.profile.lifetime_key
                told = () if key is None else (limit_field(limits, key, age_left_s),)
                return (*version, replies.location_field(locate(token)), *told)
            case Progress(offset):
                if not self.profile.progress:
                    return None
                return (*version, replies.offset_field(offset))
            case _:  # pragma: no cover
                assert_never(interim)
