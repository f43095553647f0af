"""The request that an act is: method, fields, and what of the source goes in it.

Pure. The one invariant: a part that is not the last never goes to somebody who may know
nothing of parts.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import fields, speech
from .acts import Append, Ask, Collect, Create, Discover, Request
from .digests import announced
from .known import Known, Policy
from .parts import Part, append, creation
from .target import Target
from .wire import Lines


@dataclass(frozen=True, slots=True)
class Own:
    """What the caller adds."""

    fields: Lines
    home: Target
    """The server that they are for."""
    everywhere: bool
    """Others may see them, too."""
    digest: bytes | None
    """SHA-256 of everything, to be told with the creation."""

    def seen_by(self, where: Target) -> Lines:
        return self.fields if self.everywhere or self.home.place == where.place else ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    method: str
    fields: Lines
    part: Part | None = None
    """None: no content."""


def request(
    act: Request, known: Known, policy: Policy, own: Own, where: Target
) -> Asked:
    """What is sent to `where`."""
    match act:
        case Discover():
            return _bare("OPTIONS", known, own, where)
        case Ask():
            return _bare("HEAD", known, own, where)
        case Create():
            return _creation(known, creation(known, policy), own, where)
        case Append(offset):
            return _append(known, append(known, policy, offset), own, where)
        case Collect():
            return _append(known, Part(known.offset, 0, last=True), own, where)


def cancellation(known: Known, own: Own, where: Target) -> Asked:
    return _bare("DELETE", known, own, where)


def _bare(method: str, known: Known, own: Own, where: Target) -> Asked:
    lines = fields.of_upload(own.seen_by(where))
    return Asked(method, (*lines, *speech.asking(known.version)))


def _creation(known: Known, part: Part, own: Own, where: Target) -> Asked:
    lines = fields.of_creation(own.seen_by(where))
    if own.digest is not None:
        wanted = speech.digests(known.version)
        lines = (*lines, *announced(own.digest, wanted=wanted))
    ours = speech.creation(known.version, last=part.last, length=known.length)
    return Asked(known.method, (*lines, *ours, _framing(part)), part)


def _append(known: Known, part: Part, own: Own, where: Target) -> Asked:
    lines = fields.of_upload(own.seen_by(where))
    ours = speech.append(known.version, part.offset, last=part.last)
    return Asked("PATCH", (*lines, *ours, _framing(part)), part)


def _framing(part: Part) -> tuple[str, str]:
    if part.count is None:
        return "Transfer-Encoding", "chunked"
    return "Content-Length", str(part.count)
