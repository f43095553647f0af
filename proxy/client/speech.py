"""How each interop version spells what a client says, and reads what it hears.

Pure. What differs between versions is a row of ``_SPELLINGS`` and nowhere else. The one
invariant: a field that is not what the protocol says counts as absent, never as a
number that was nearly meant.

Source: draft -01 to -13; RFC 9651 for the values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, cast

import http_sf

from .limits import Limits, limits
from .wire import Lines, Said

VERSIONS: Final = range(3, 11)
NEWEST: Final = VERSIONS[-1]
VERSION_FIELD: Final = "Upload-Draft-Interop-Version"
PART: Final = "application/partial-upload"
_PROBLEMS: Final = "https://iana.org/assignments/http-problem-types#"


@dataclass(frozen=True, slots=True)
class _Spelling:
    """What differs between versions, as a client sees it."""

    completeness: str = "Upload-Complete"
    complete: bool = True
    """What that field says of an upload that is complete."""
    media_type: bool = True
    """Appends have a media type of their own."""
    length: bool = True
    """Upload-Length is a field of this version."""
    digests: bool = False
    """The answer to a creation may tell the digest of what was uploaded."""
    answers: bool = False
    """What says that it is complete is the answer of the application; before: that
    the upload is, whatever the answer means."""


_SPELLINGS: Final[Mapping[int, _Spelling]] = {
    3: _Spelling("Upload-Incomplete", complete=False, media_type=False, length=False),
    4: _Spelling(media_type=False, length=False),
    5: _Spelling(media_type=False, length=False),
    6: _Spelling(digests=True),
    **dict.fromkeys((7, 8), _Spelling(digests=True, answers=True)),
    **dict.fromkeys((9, 10), _Spelling(answers=True)),
}


def creation(version: int, *, last: bool, length: int | None) -> Lines:
    """Fields of a creation; `length` in bytes, None when it is not known yet."""
    return (
        _version(version),
        _completeness(version, last=last),
        *_length(version, length),
    )


def append(version: int, offset: int, *, last: bool) -> Lines:
    """Fields of an append at `offset`.

    Upload-Length is said by creations only: it was told there, or the last part tells
    it, and some servers refuse to hear it twice.
    """
    media_type = (("Content-Type", PART),) if _SPELLINGS[version].media_type else ()
    return (
        _version(version),
        _completeness(version, last=last),
        ("Upload-Offset", str(offset)),
        *media_type,
    )


def asking(version: int) -> Lines:
    """Fields of OPTIONS, HEAD and DELETE."""
    return (_version(version),)


def digests(version: int) -> bool:
    """A Repr-Digest of the final answer is of what was uploaded, if it was wanted."""
    return _SPELLINGS[version].digests


def answers(version: int) -> bool:
    """An upload may be complete before all of it came: the application has answered."""
    return _SPELLINGS[version].answers


def _version(version: int) -> tuple[str, str]:
    return VERSION_FIELD, str(version)


def _completeness(version: int, *, last: bool) -> tuple[str, str]:
    spelling = _SPELLINGS[version]
    return spelling.completeness, "?1" if last is spelling.complete else "?0"


def _length(version: int, length: int | None) -> Lines:
    if length is None or not _SPELLINGS[version].length:
        return ()
    return (("Upload-Length", str(length)),)


@dataclass(frozen=True, slots=True)
class Heard:
    """A response, as far as it is about uploads. None: nothing, or nothing valid."""

    status: int
    offset: int | None = None
    complete: bool | None = None
    length: int | None = None
    limits: Limits | None = None
    location: str | None = None
    version: int | None = None
    problem: str | None = None
    """The registered problem type, without what they all begin with."""
    retry_after_s: float | None = None
    answers: bool = False
    """`complete` is said of this answer: it is the application's."""
    parts: bool = False
    """Accept-Patch names the media type of appends."""

    @property
    def speaks(self) -> bool:
        """True for a response of somebody who knows resumable uploads."""
        told = (self.offset, self.complete, self.limits, self.version)
        return self.parts or any(value is not None for value in told)


def heard(said: Said, version: int, now: float) -> Heard:
    """`said`, read as an answer in `version`; `now` is the wall clock in seconds."""
    spelling = _SPELLINGS[version]
    complete = _item(said.value(spelling.completeness), bool)
    named = _item(said.value(VERSION_FIELD), int)
    return Heard(
        said.status,
        offset=_count(said, "upload-offset"),
        complete=None if complete is None else complete is spelling.complete,
        length=_count(said, "upload-length"),
        limits=limits(said.value("upload-limit")),
        location=said.value("location"),
        version=named if named in VERSIONS else None,
        problem=_problem(said),
        retry_after_s=_pause(said.value("retry-after"), now),
        answers=spelling.answers and complete is True,
        parts=PART in (said.value("accept-patch") or "").lower(),
    )


def _count(said: Said, name: str) -> int | None:
    number = _item(said.value(name), int)
    return None if number is None or number < 0 else number


def _item(value: str | None, kind: type[bool] | type[int]) -> int | None:
    """The Boolean or the Integer that `value` is; None when it is none."""
    if value is None:
        return None
    try:
        parsed = http_sf.parse(value.strip(" \t").encode("latin-1"), tltype="item")
    except http_sf.StructuredFieldError:
        return None
    bare, _parameters = cast("tuple[object, object]", parsed)
    # not isinstance: a Boolean is an int to Python
    return bare if type(bare) is kind else None


def _problem(said: Said) -> str | None:
    if "problem+json" not in (said.value("content-type") or ""):
        return None
    try:
        told = json.loads(said.content)
    except (ValueError, RecursionError):
        return None
    kind = told.get("type") if isinstance(told, dict) else None
    if not isinstance(kind, str) or not kind.startswith(_PROBLEMS):
        return None
    return kind.removeprefix(_PROBLEMS)


def _pause(value: str | None, now: float) -> float | None:
    """Seconds until the time of a Retry-After, which is a number or a date."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        return max(0.0, date.timestamp() - now)
    except (ValueError, OverflowError):
        return None
