"""Two vocabularies: what a client can want, and what is said back.

A dialect reads a request into an ``Intent`` and writes an ``Outcome`` or an ``Interim``
as a response. Between the two nobody knows the words of any version: where versions
want different behaviour (not different words) the intent carries it as a value.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import Problem, Refusal
from .upload import Answer, Content, Limits, Standing, Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What any request says whose content is a part of an upload."""

    finishing: bool
    """The content is the last there is: complete when it has been received."""
    content_length: int | None
    """Bytes of content; None when it is chunked."""
    announced_length: int | None = None
    """Bytes of the whole upload by `Upload-Length`; None when not said."""
    version: int | None = None
    """Interop version spoken; None: none that we may name (R15)."""
    append_limits: bool = False
    """The limits of one append bind this content: that of an append from v6 on (R57,
    R58), that of a creation from v9 on (R31, R32)."""
    overrun_is_fatal: bool = False
    """Running over the length invalidates the upload (v7 and later, R56)."""
    progress: bool = False
    """The client understands 104s that tell an offset (R66)."""
    interims: bool = True
    """A 104 may be sent: the client named a version that we speak (R13 to R16, R22)."""
    cut_on_storage_failure: bool = False
    """The client resumes after a cut, never after a 5xx (R97)."""
    last_if_empty: bool = False
    """The content is the last after all if it turns out that there is none (R52)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(Part):
    """Start an upload with the request at hand; its content is the first part."""

    empty_finishes: bool = False
    """An empty partial creation of length 0 is finished internally (R102)."""


@dataclass(frozen=True, slots=True)
class Append(Part):
    """Add the request's content to an upload, at `offset`."""

    token: Token
    offset: int


@dataclass(frozen=True, slots=True)
class AskOffset:
    token: Token


@dataclass(frozen=True, slots=True)
class Cancel:
    token: Token


@dataclass(frozen=True, slots=True)
class AskLimits:
    """Discovery on an upload's own URL."""

    token: Token


@dataclass(frozen=True, slots=True)
class Malformed:
    """A request that says something impossible. It disturbs nothing.

    `token` is None when it addresses no upload: a creation that must not reach the
    origin, or an upload URL whose last segment cannot be a token.
    """

    token: Token | None
    problem: Problem
    detail: str


Intent = Create | Append | AskOffset | Cancel | AskLimits | Malformed


@dataclass(frozen=True, slots=True)
class Created:
    """A part was received with the creation, and more is to come."""

    standing: Standing


@dataclass(frozen=True, slots=True)
class Appended:
    """A part was received, and more is to come."""

    standing: Standing


@dataclass(frozen=True, slots=True)
class OffsetTold:
    standing: Standing


@dataclass(frozen=True, slots=True)
class LimitsTold:
    standing: Standing


@dataclass(frozen=True, slots=True)
class Cancelled:
    pass


@dataclass(frozen=True, slots=True)
class Answered:
    """The origin's answer, live or replayed."""

    token: Token
    total: int
    """Bytes of the whole upload."""
    answer: Answer
    content: Content
    by_creation: bool = False
    """It answers the creation request itself (R24)."""
    length: int | None = None
    """Bytes of the content, when they are known beforehand."""


@dataclass(frozen=True, slots=True)
class Refused:
    refusal: Refusal


Outcome = Created | Appended | OffsetTold | LimitsTold | Cancelled | Answered | Refused


@dataclass(frozen=True, slots=True)
class Resumable:
    """The upload exists: its URL and limits, before its content is read (R21, R91).

    It tells no offset, hence needs no sync."""

    token: Token
    limits: Limits
    age_left_s: float


@dataclass(frozen=True, slots=True)
class Progress:
    """So many bytes are durable (R66)."""

    offset: int


Interim = Resumable | Progress
