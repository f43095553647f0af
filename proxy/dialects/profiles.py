"""What differs between the versions of the protocol: one table, one row each.

Each row is written as what it changes of the row above it, with the draft that changed
it; the whole table is spelled out in ``tests/dialects/test_profiles.py``. Nothing else
in the program compares version numbers. Where one behaviour satisfies every version
there is no column for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from . import fields
from .problems import Registered

RFC: Final = "rfc"
"""Name of the row for requests without a version field, as the RFC will have them."""


@dataclass(frozen=True, slots=True)
class Completeness:
    """A field that says whether a request ends its upload."""

    name: bytes
    key: bytes
    """The name in lower case."""
    finished: bool
    """Its value for "this is all"."""

    def text(self, *, done: bool) -> bytes:
        return fields.boolean_text(done is self.finished)


INCOMPLETE: Final = Completeness(fields.UPLOAD_INCOMPLETE, b"upload-incomplete", False)
COMPLETE: Final = Completeness(fields.UPLOAD_COMPLETE, b"upload-complete", True)


class Unsaid(Enum):
    """What an append is that does not say whether it is the last (R52)."""

    FINISHING = auto()
    BY_CONTENT = auto()
    """The last when it has no content, else not."""
    REFUSED = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A status, and the registered problem type that goes with it, if one does."""

    status: int
    registered: Registered | None = None


@dataclass(frozen=True, slots=True)
class FinishedAppend:
    """What an append to a finished upload is told (R60).

    The empty finishing one at the total is none of these: it gets the stored answer.
    """

    elsewhere_with_content: Verdict
    elsewhere_empty: Verdict
    at_total_with_content: Verdict
    at_total_empty: Verdict

    def verdict(self, *, at_total: bool, has_content: bool) -> Verdict:
        if at_total:
            return self.at_total_with_content if has_content else self.at_total_empty
        return self.elsewhere_with_content if has_content else self.elsewhere_empty


@dataclass(frozen=True, slots=True)
class Profile:
    """One version's ways."""

    version: int | None
    """Interop version; None where requests and responses carry none."""
    completeness: Completeness
    """The field in use and its polarity (R1, R9)."""
    opposite: Completeness
    """The field of the other polarity, which this version does not have (R9)."""
    interims: bool
    """A 104 may be sent at all (R13, R21)."""
    progress: bool
    """104s may tell an offset (R66)."""
    append_media_type: bytes | None
    """What an append's content has to be; None: anything (R51)."""
    unsaid: Unsaid
    """An append without a completeness field (R52)."""
    part_status: int
    """Status of a partial append that was received in full (R59)."""
    not_on_offset_request: frozenset[bytes]
    """Fields, in lower case, that a HEAD or GET must not have (R43)."""
    lifetime_key: str | None
    """Member of `Upload-Limit` for the seconds of life left; None where the version
    knows no such field (R23, R40, R94)."""
    append_limits: bool
    """min-append-size and max-append-size bind appends (R57, R58)."""
    creation_limits: bool
    """They bind the content of a creation as well (R31, R32)."""
    overrun_is_fatal: bool
    """Content past the known length invalidates the upload (R56)."""
    empty_finishes: bool
    """An empty creation of length 0 is never followed by a finishing request (R102)."""
    location_on_answer: bool
    """The upload's URL goes with an answer to a creation that has no Location (R24)."""
    cut_on_storage_failure: bool
    """The clients resume after a cut but not after a 5xx (R97)."""
    refusals_tell_state: bool
    """Refusals on an upload tell its state; otherwise always "open" (R49)."""
    refusals_always_open: bool
    """Refusals without an upload say "open" too (R26, R29, R31, R38, R50)."""
    problem_types: frozenset[Registered]
    """The registered types that the version has (R26, R53, R60)."""
    finished_append: FinishedAppend
    """R60."""


_NOT_WITH_HEAD: Final = frozenset(
    {b"upload-offset", b"upload-complete", b"upload-incomplete"}
)
_PLAIN: Final = Verdict(400)
_COMPLETED: Final = Verdict(400, Registered.COMPLETED)
_LENGTH: Final = Verdict(400, Registered.LENGTH)
_OFFSET: Final = Verdict(409, Registered.OFFSET)

_V3: Final = Profile(  # draft-01
    version=3,
    completeness=INCOMPLETE,
    opposite=COMPLETE,
    interims=True,
    progress=False,
    append_media_type=None,
    unsaid=Unsaid.FINISHING,
    part_status=201,
    not_on_offset_request=_NOT_WITH_HEAD,
    lifetime_key=None,
    append_limits=False,
    creation_limits=False,
    overrun_is_fatal=False,
    empty_finishes=False,
    location_on_answer=True,
    cut_on_storage_failure=True,
    refusals_tell_state=True,
    refusals_always_open=False,
    problem_types=frozenset(),
    finished_append=FinishedAppend(Verdict(409), Verdict(409), _PLAIN, _PLAIN),
)
_V4: Final = replace(  # draft-02: the field is renamed and inverted
    _V3,
    version=4,
    completeness=COMPLETE,
    opposite=INCOMPLETE,
    unsaid=Unsaid.BY_CONTENT,
)
_V5: Final = replace(  # draft-03: several 104s; tus-js-client speaks it
    _V4, version=5, progress=True, empty_finishes=True
)
_V6: Final = replace(  # draft-04 and -05: media type, problem types, limits, length
    _V5,
    version=6,
    append_media_type=b"application/partial-upload",
    not_on_offset_request=_NOT_WITH_HEAD | {b"upload-length"},
    lifetime_key="expires",
    append_limits=True,
    problem_types=frozenset({Registered.OFFSET, Registered.COMPLETED}),
    finished_append=FinishedAppend(_COMPLETED, _COMPLETED, _COMPLETED, _COMPLETED),
)
_V7: Final = replace(  # draft-06 to -08: the rewrite; -08: an overrun is the end
    _V6,
    version=7,
    unsaid=Unsaid.REFUSED,
    part_status=204,
    lifetime_key="max-age",
    overrun_is_fatal=True,
    empty_finishes=False,
    location_on_answer=False,
    cut_on_storage_failure=False,
    refusals_tell_state=False,
    problem_types=frozenset(Registered),
)
_V8: Final = replace(  # draft-09 to -11; -10: what a finished upload answers
    _V7,
    version=8,
    finished_append=FinishedAppend(
        elsewhere_with_content=_LENGTH,
        elsewhere_empty=Verdict(410, Registered.COMPLETED),
        at_total_with_content=_LENGTH,
        at_total_empty=Verdict(410, Registered.COMPLETED),
    ),
)
_V9: Final = replace(  # draft-12: completeness on every refusal, limits on creation
    _V8,
    version=9,
    creation_limits=True,
    refusals_always_open=True,
    problem_types=frozenset({Registered.OFFSET, Registered.LENGTH}),
    finished_append=FinishedAppend(_OFFSET, _OFFSET, _LENGTH, _PLAIN),
)
_V10: Final = replace(_V9, version=10)  # draft-13 to -15: nothing a server must change
_RFC: Final = replace(  # the drafts forbid its 104s until the RFC exists
    _V10, version=None, interims=False, progress=False
)

PROFILES: Final = MappingProxyType[int | str, Profile](
    {
        3: _V3,
        4: _V4,
        5: _V5,
        6: _V6,
        7: _V7,
        8: _V8,
        9: _V9,
        10: _V10,
        RFC: _RFC,
    }
)
"""Every version that can be spoken, by its number or as ``RFC``."""
