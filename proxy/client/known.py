"""What a client knows of its upload, and how patient it is.

Values only. The one invariant: ``offset`` is what the server has acknowledged, and
never goes down but with the upload itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .limits import UNLIMITED, Limits


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient a client is, and what it may do."""

    attempts: int = 10
    """Failures in a row, without progress, after which it gives up."""
    base_s: float = 0.5
    """The first pause is at most this long; each one after may be twice as long."""
    most_s: float = 30.0
    """No pause of our own is longer."""
    longest_s: float = 300.0
    """Seconds that a server may have it wait by Retry-After."""
    stall_s: float = 30.0
    """Seconds in which a piece must be taken; mobile networks pause for ten."""
    answer_s: float = 300.0
    """Seconds for an answer once everything was sent: the application is at work."""
    chunk_size: int | None = None
    """Bytes of one request at most; None: everything in one, if the server allows."""
    repeat: bool = False
    """A creation whose outcome is unknown may be sent again."""
    everywhere: bool = False
    """Upload URLs of other origins, and of plain http after https, get what this server
    would get, credentials too."""

    def __post_init__(self) -> None:
        """Raises ValueError: a number that makes no sense."""
        for name in ("attempts", "base_s", "most_s", "longest_s"):
            _check(name, getattr(self, name), zero=True)
        for name in ("stall_s", "answer_s", "chunk_size"):
            _check(name, getattr(self, name), zero=False)


def _check(name: str, value: float | None, *, zero: bool) -> None:
    """Raises ValueError. zero: it may be 0."""
    if value is None or value > 0 or (value == 0 and zero):
        return
    least = "0 or more" if zero else "more than 0"
    raise ValueError(f"{name}: expected {least}, got {value}")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an upload."""

    url: str
    """Where the caller wants it; what the caller gave is for this server."""
    method: str
    version: int
    fixed: bool = False
    """The caller has chosen the version."""
    length: int | None = None
    """In bytes; None: the source has not ended yet."""
    again: bool = True
    """The source can be read from its beginning again."""
    moved_to: str | None = None
    """Where redirections have led the creation; None: nowhere."""
    upload_url: str | None = None
    """None: not created, as far as is known."""
    offset: int = 0
    """Bytes that the server has acknowledged."""
    limits: Limits = UNLIMITED
    assured: bool = False
    """Somebody there knows resumable uploads."""
    apart: bool = False
    """Create it without content: one with content would not, or did not, work."""
    whole: bool = False
    """A request that would finish it was sent to its end."""
    finished: bool = False
    """The server says that it is complete; only its answer is missing."""
    attempts: int = 0
    """Failures since the last progress."""
    renewals: int = 0
    """How often it was begun anew, or sent elsewhere."""
    most: int | None = None
    """Bytes of one request, as found out from refusals; None: no such bound."""

    def reached(self, offset: int) -> Known:
        """The server has `offset` bytes."""
        if offset <= self.offset:
            return self
        return replace(self, offset=offset, attempts=0)

    @property
    def creation_url(self) -> str:
        return self.moved_to or self.url

    @property
    def repeatable(self) -> bool:
        """A second creation does no harm."""
        return self.method == "PUT"
