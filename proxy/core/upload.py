"""The data of an upload: its head, its limits, its record, the answer it got.

Only values live here, no rules. Bytes of the wire stay bytes: a field is a pair of
``bytes`` exactly as it was received, so that it can be sent exactly so again.
The one invariant: ``offset`` is measured from the stored body whenever a record is
loaded, never remembered; what is remembered is ``acknowledged``, the part of it that
was told to a client after it had been made durable.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NewType, Protocol

Field = tuple[bytes, bytes]
"""One field line: name as the sender spelled it, value without white space around."""

Fields = tuple[Field, ...]
"""Field lines in the order of the wire, repeats included."""

Token = NewType("Token", str)
"""Names an upload and is the capability to it: 256 random bits in base64url, hence 43
characters."""


def without_tokens(text: str) -> str:
    """`text` for a log: everything in it that may be a token, shortened."""
    if len(text) < _LEAST_LIKE_A_TOKEN:
        return text
    return _LIKE_A_TOKEN.sub(lambda found: shortened(found.group()) + "…", text)


class Stream(Protocol):
    """The content of a message as it comes; an async generator is one."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes: ...

    async def aclose(self) -> None:
        """No more is wanted. Called by who sends it, in every case."""


Content = bytes | Stream
"""The content of a message: at once, or as it comes."""

DEFAULT_ROUTE: Final = "default"
"""The route of whatever fits no other one."""

_LEAST_LIKE_A_TOKEN: Final = 40
_LIKE_A_TOKEN = re.compile(rf"[A-Za-z0-9_-]{{{_LEAST_LIKE_A_TOKEN},}}", re.ASCII)
"""A token, also where a few characters of it were lost or others put around it."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def token_from(text: str) -> Token | None:
    """The token that `text` spells, or None when it cannot be one.

    Checked before a token becomes part of a path: only the base64url alphabet and the
    exact length pass, so no separator, dot or NUL ever reaches the file system.
    """
    return Token(text) if _TOKEN.fullmatch(text) else None


def shortened(token: str) -> str:
    """The first six characters: enough to find a log line, useless as a capability."""
    return token[:6]


def first_of(fields: Fields, name: bytes) -> bytes | None:
    """The value of the first of `fields` with this name (in lower case), or None."""
    for own, value in fields:
        if own.lower() == name:
            return value
    return None


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request: what has to reach the origin as the client sent it."""

    method: str
    target: str
    """The request-target, byte for byte, as ASCII text."""
    fields: Fields
    http_1_0: bool = False
    """True when the client speaks HTTP/1.0, which knows neither interim responses nor
    chunked coding."""
    is_empty: bool = False
    """True when the content is known to have come to its end without a byte: chunked
    content does not announce that, but its end may have come along with the head."""
    _by_name: dict[bytes, list[bytes]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """The values of every field under its name in lower case, once one was asked for:
    a request's head is asked for some twenty."""

    def lines(self, name: bytes) -> Sequence[bytes]:
        """Values of every line of the field `name` (given in lower case), in order."""
        return (self._by_name or self._named()).get(name, [])

    def value(self, name: bytes) -> bytes | None:
        """The combined value of the field `name` (in lower case), or None when absent.

        Source: RFC 9110 "Field Order": lines are joined with a comma.
        """
        lines = (self._by_name or self._named()).get(name)
        if lines is None:
            return None
        return lines[0] if len(lines) == 1 else b", ".join(lines)

    def has(self, name: bytes) -> bool:
        return name in (self._by_name or self._named())

    def has_any(self, names: frozenset[bytes]) -> bool:
        """True when one of the fields `names` (in lower case) is there."""
        return not names.isdisjoint(self._by_name or self._named())

    def forget_names(self) -> None:
        """Keep the fields alone, for as long as nobody asks for one: to find them by
        name takes a kilobyte, which is made again with the next question."""
        self._by_name.clear()

    def _named(self) -> dict[bytes, list[bytes]]:
        by_name = self._by_name
        for name, value in self.fields:
            by_name.setdefault(name.lower(), []).append(value)
        return by_name

    @property
    def path(self) -> str:
        """The path of the target, undecoded, without query; ``*`` for ``OPTIONS *``."""
        target = self.target.partition("?")[0]
        if target.startswith(("/", "*")):
            return target
        # absolute-form, RFC 9112 section "absolute-form"
        _, _, rest = target.partition("://")
        slash = rest.find("/")
        return rest[slash:] if slash >= 0 else "/"

    @property
    def content_length(self) -> int | None:
        """Bytes of content announced; 0 when there is none, None when it is chunked.

        The framing itself (one well-formed length, not both kinds) was checked when the
        head was read.
        """
        if self.has(b"transfer-encoding"):
            return 0 if self.is_empty else None
        value = self.value(b"content-length")
        return 0 if value is None else int(value)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an upload may be. Frozen when it is created, so that they never tighten."""

    max_size: int | None = None
    """Bytes of the whole upload; None: no limit."""
    min_size: int = 0
    """Bytes below which resumability is not offered; never a reason to refuse."""
    max_append_size: int | None = None
    """Bytes of one append; None: no limit."""
    min_append_size: int = 0
    """Bytes of one append that is not the last."""
    max_age_s: float = 24 * 3600.0
    """Seconds without a new byte after which the upload is given up."""


class State(StrEnum):
    """Where an upload stands; what leads from one to another is in ``lifecycle``."""

    CREATED = "created"
    RECEIVING = "receiving"
    INTERRUPTED = "interrupted"
    COMPLETE = "complete"
    FORWARDING = "forwarding"
    UNKNOWN = "unknown"
    RESPONDED = "responded"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Answer:
    """The origin's answer, as it is kept for replay; its content lies in the spool."""

    status: int
    reason: str
    fields: Fields
    """End-to-end fields of the origin, without framing, in order."""
    size: int | None = None
    """Bytes of its content; None while it is still coming, or when it broke off."""
    kept: bool = True
    """False once the content was too large to keep, broke off, or has been dropped."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that has happened to an upload, for who looks at its life later."""

    at: float
    """Seconds of the lifetime clock, to the millisecond."""
    event: str
    """The value of an `Event`."""
    offset: int
    """Bytes in the spool when it had happened."""
    why: str
    """Why, in words; empty where the event says it all."""


MOMENTS = 16
"""Kept of each upload, the latest of them: some hundred bytes each, so that with them,
too, a record fits into the block of 4 KiB that it takes anyway."""

LIFETIME_FACTOR = 7
"""An upload lives at most this many times ``max_age`` in all, however often it is fed.
Picked by hand: a week of daily continuations under the default of a day."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload as its record tells it, with the offset measured beside it."""

    token: Token
    state: State
    request: Head
    """What the origin will get, without its body: the creation request, cleaned."""
    limits: Limits
    created_at: float
    """Seconds of the lifetime clock."""
    fed_at: float
    """When the last byte was accepted, seconds of the lifetime clock."""
    offset: int = 0
    """Bytes in the spool. Measured on load, never saved."""
    acknowledged: int = 0
    """Bytes that were told to a client, hence durable. Never decreases."""
    length: int | None = None
    """Bytes of the whole upload; None while no request has settled it."""
    finishing: bool = False
    """The part being received is the last: once the length is reached, all is in."""
    version: int | None = None
    """Interop version of the creation, for logs; None when it named none."""
    peer: str = ""
    """Address of the client that created it, for logs."""
    route: str = DEFAULT_ROUTE
    """The name of the route that its creation took: it goes to no other origin."""
    principal: str = ""
    """Whose it is, as a hash, see ``auth``; empty: whoever has its URL."""
    denied: bool = False
    """It was not let through to the origin: it is asked for again only when its client
    asks for the answer."""
    parts: int = 0
    """Requests that were taken in: the creation, and appends, empty ones too. 0: not
    known, since an earlier release has had it. Nothing is decided by it."""
    attempts: int = 0
    """How often the forward has been begun."""
    hidden: bool = False
    """Cancelled while being forwarded: nobody may see it, the forward goes on."""
    answer: Answer | None = None
    answered_at: float | None = None
    """When the origin answered, seconds of the lifetime clock; None before."""
    why: str = ""
    """Why the last part or the last attempt ended, for logs and operators."""
    history: tuple[Moment, ...] = field(default=(), compare=False)
    """What has happened to it lately, oldest first, at most `MOMENTS`; for operators.
    Nothing is decided by it."""

    @property
    def deadline(self) -> float:
        """End of life, seconds of the lifetime clock; it only moves later (R94)."""
        age_s = self.limits.max_age_s
        end, latest = self.fed_at + age_s, self.created_at + LIFETIME_FACTOR * age_s
        if latest < end:
            end = latest
        if self.answered_at is None:
            return end
        # However long the forward took: its client is to find out how it went.
        return max(end, self.answered_at + age_s)

    @property
    def finished(self) -> bool:
        """True once the origin has answered: "finished" in R41, R60 and R74."""
        return self.state is State.RESPONDED


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an upload stands, as far as clients may know."""

    token: Token
    offset: int
    """Bytes that are durable: a promise (P1)."""
    finished: bool
    """The origin has answered."""
    length: int | None
    limits: Limits
    age_left_s: float
    """Seconds to the end of its life, never negative."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent to a client: status, fields in order, content."""

    status: int
    fields: Fields = ()
    content: Content = b""
    reason: str = ""
    """Empty: the usual phrase of the status."""
    close: bool = False
    """True when the connection must not be used again."""
    problem: str = ""
    """Name of what went wrong, when the response is an error of ours; for logs."""
