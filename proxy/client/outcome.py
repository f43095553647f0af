"""What a caller is told: how far an upload is, and what became of it.

Values only.
"""

from __future__ import annotations

from dataclasses import dataclass

from .wire import Lines


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload is; in bytes."""

    sent: int
    """Where in the source the sending is."""
    acknowledged: int
    length: int | None
    """None: not known yet."""
    saved: int
    """What would have been sent again without resumption."""
    doing: str
    """In words: sending, or why it is not."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """An upload that is complete."""

    status: int | None
    """Of the answer, which is the application's, whatever it says; None: the upload is
    complete, and the answer is lost."""
    fields: Lines
    content: bytes
    """The first mebibyte of it."""
    length: int
    saved: int
    upload_url: str | None
    """None: it went in one ordinary request."""
