"""Why an upload did not come to its end, as the caller is told.

The one invariant: whoever could go on later has what is needed in ``resume_data``.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .resumption import ResumeData


class Reason(Enum):
    """What ended it."""

    PAUSED = "paused"
    """By ``cancel_by_producing_resume_data``."""
    CANCELLED = "cancelled"
    """By ``cancel``."""
    UNREACHABLE = "unreachable"
    """No connection, no answer, or no progress, as often as was to be tried."""
    BUSY = "busy"
    """The server says to come back later than was to be waited."""
    UNKNOWN_OUTCOME = "unknown outcome"
    """The connection was lost with no upload to ask for, and the request may have been
    processed: it is not repeated unless ``repeat`` says so."""
    REFUSED = "refused"
    """An answer that no other request would change."""
    GONE = "gone"
    """The server does not have the upload any more."""
    TOO_LARGE = "too large"
    """Over a limit of the server."""
    CHANGED = "changed"
    """The source is not what it was when the upload began."""
    UNREADABLE = "unreadable"
    """The caller's iterator or open file has raised; what it raised is the cause."""
    CANNOT_GO_BACK = "cannot go back"
    """The source cannot give again what the server has not got."""
    ELSEWHERE = "elsewhere"
    """The server leads somewhere that is not to be followed."""
    BROKEN_PROMISE = "broken promise"
    """The server took back an offset, or says what cannot be."""
    DIGEST = "digest"
    """The server has other bytes than those that were sent."""


class UploadFailed(Exception):
    """The upload did not come to its end; caught by the caller."""

    def __init__(
        self,
        reason: Reason,
        words: str,
        *,
        status: int | None = None,
        resume_data: ResumeData | None = None,
    ) -> None:
        super().__init__(words)
        self.reason = reason
        self.status = status
        """Of the response that ended it; None when none did."""
        self.resume_data = resume_data
        """To go on later; None when there is no upload that could be resumed."""


class UploadPaused(UploadFailed):
    """It was paused, by the caller."""

    def __init__(self, resume_data: ResumeData | None) -> None:
        super().__init__(Reason.PAUSED, "paused", resume_data=resume_data)


class SourceFailed(Exception):
    """The source cannot give what is asked of it; caught in ``upload``."""

    def __init__(self, reason: Reason, words: str) -> None:
        super().__init__(words)
        self.reason = reason
