"""An upload as an operator sees it: its record, or why that cannot be read.

Pure values. The one invariant: an upload that is damaged has an entry like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from proxy.core.errors import SpoolError, UploadLost, UploadMissing
from proxy.core.upload import State, Token, Upload

if TYPE_CHECKING:
    from .guest import Guest

DAMAGED: Final = "damaged"
"""Beside the states of uploads: its record or its body is not what was stored."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One upload, as it stood when it was looked at."""

    token: Token
    short: str
    """The beginning of its token, by which every command finds it again."""
    upload: Upload | None
    """None when its record cannot be read."""
    problem: str
    """What is damaged; empty when nothing is."""
    created_at: float
    """Seconds of the lifetime clock; when its record was written last, where that
    cannot be read."""
    at_work: bool
    """A process of the proxy receives it, sends it on, or waits to."""

    @property
    def state(self) -> str:
        if self.problem or self.upload is None:
            return DAMAGED
        return self.upload.state.value

    @property
    def client(self) -> str:
        return self.upload.peer if self.upload else ""

    @property
    def size(self) -> int:
        """Bytes announced, or received."""
        if self.upload is None:
            return 0
        return max(self.upload.length or 0, self.upload.offset)

    @property
    def is_left(self) -> bool:
        """It says that somebody works on it, and nobody does: its process has ended."""
        busy = self.state in (State.RECEIVING, State.FORWARDING)
        return busy and not self.at_work


def entry_of(guest: Guest, token: Token, short: str) -> Entry | None:
    """The upload of `token` as it stands; None when there is none any more."""
    upload, problem = None, ""
    try:
        upload = guest.looks.look(token)
    except UploadMissing:
        return None
    except UploadLost as exc:
        upload, problem = exc.upload, str(exc)
        if upload is not None:
            upload = replace(upload, offset=guest.looks.size(token) or 0)
    except SpoolError as exc:
        problem = str(exc)
    at_work = guest.is_received(token) or guest.is_delivered(token)
    if upload is not None:
        created_at = upload.created_at
    else:
        written_at = guest.looks.written_at(token)
        # the two clocks differ by the same at every moment
        created_at = guest.now() + (written_at or 0.0) - guest.wall(guest.now())
    return Entry(token, short, upload, problem, created_at, at_work)
