"""What a client can do next, and what can come of a request.

Values only; ``decide`` chooses among them, ``upload`` does them.
"""

from __future__ import annotations

from dataclasses import dataclass

from .failures import Reason
from .known import Known


@dataclass(frozen=True, slots=True)
class Discover:
    """OPTIONS."""


@dataclass(frozen=True, slots=True)
class Create:
    """The creation, with what ``parts.creation`` says."""


@dataclass(frozen=True, slots=True)
class Ask:
    """HEAD."""


@dataclass(frozen=True, slots=True)
class Append:
    """PATCH, with what ``parts.append`` says."""

    offset: int


@dataclass(frozen=True, slots=True)
class Collect:
    """An append without content to a complete upload, whose answer is missing."""


@dataclass(frozen=True, slots=True)
class Done:
    """It is complete; the last response is the answer, if `answered`."""

    answered: bool = True


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It is not going to be."""

    reason: Reason
    words: str


Request = Discover | Create | Ask | Append | Collect


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause, and then `act`."""

    seconds: float
    act: Request
    why: str


Act = Request | Wait | Done | GiveUp


@dataclass(frozen=True, slots=True)
class Lost:
    """There was no answer."""

    why: str
    reached: bool = True
    """Something of the request may have reached the server."""


Step = tuple[Known, Act]
