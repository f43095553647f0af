"""How much of a bounded spool an upload may be granted: figures in, bytes out.

What has been granted and is not on the disk yet is promised: it is kept free for the
upload it was promised to, so that one that has begun does not fail for one that came
later. A length that is known is granted whole or not at all; where none is known, room
is drawn in steps that grow with what has come. The one invariant: what is granted never
exceeds what the bounds leave over beside everything promised.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from .errors import Problem, Refusal
from .upload import MOMENTS, Head, Upload

RETRY_AFTER_S: Final = 30
"""Seconds after which a refused client may try again: room comes back as others finish.
Picked by hand."""
FIRST_STEP: Final = 2**20
"""Bytes that a body of unknown length is granted to begin with: most are smaller, and a
thousand of them must not lock the disk. Picked by hand."""
LARGEST_STEP: Final = 16 * 2**20
"""Bytes of the largest step: a second or less of a fast client. Picked by hand."""
UNBOUNDED: Final = 2**62
"""Bytes left where there is no bound: more than any file system holds."""
MOST_FLOOR: Final = 2**30
FLOOR_SHARE: Final = 20
"""By default the floor is one part in so many of the file system, but no more than
`MOST_FLOOR`: enough for records, logs and whoever has to clean up."""


RECORD: Final = 1024 + 80 * MOMENTS
"""Bytes of a record beside what the request brings, and rather more; measured."""
_RECORD_OF_FIELD: Final = 6
"""Bytes of a field in a record beside its name and value."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the operator lets the spool take."""

    quota: int | None
    """Bytes of all stored bodies, answers and records; None: no bound but the disk."""
    floor: int
    """Bytes of the file system that stay free; 0: nobody looks how much is free."""


@dataclass(frozen=True, slots=True)
class Space:
    """How a spool and its file system stand just now, in bytes."""

    used: int
    """Of bodies, answers and records stored."""
    promised: int
    """Granted and not stored yet, or stored in memory so far."""
    free: int
    """Free on the file system, for us."""
    size: int
    """Of the file system."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What an upload asks for, in bytes."""

    least: int
    """Without so many it is better not begun."""
    most: int
    """So many if they are there."""


def default_floor(size: int) -> int:
    """Bytes that stay free of a file system of `size` bytes, unless it is said."""
    return min(MOST_FLOOR, size // FLOOR_SHARE)


def demand(length: int | None, offset: int, content_length: int | None) -> Demand:
    """What the content of one request asks for, which begins at `offset`.

    `length` is that of the whole upload, None while unknown; all that is missing of it
    is asked for, not only what this request brings. `content_length` is None where the
    content does not tell it.
    """
    known = content_length if length is None else length - offset
    if known is None:
        return Demand(1, FIRST_STEP)
    return Demand(known, known)


def own(request: Head) -> int:
    """Bytes that the record of a new upload takes before the origin has answered: an
    estimate, with one that amends it, and rather too much."""
    fields = request.fields
    told = sum(map(len, chain.from_iterable(fields))) + _RECORD_OF_FIELD * len(fields)
    return 2 * (RECORD + len(request.target) + told)


def step(received: int) -> int:
    """Bytes that a body of unknown length asks for when `received` have come: as many
    again, within bounds."""
    return min(max(received, FIRST_STEP), LARGEST_STEP)


def left(space: Space, bounds: Bounds) -> int:
    """Bytes that may still be granted; negative when more has been than there is."""
    by_quota = by_floor = UNBOUNDED
    if bounds.quota is not None:
        by_quota = bounds.quota - space.used - space.promised
    if bounds.floor:
        by_floor = space.free - space.promised - bounds.floor
    return min(by_quota, by_floor)


def granted(demand: Demand, room: int, *, beside: int = 0) -> int | None:
    """Bytes of `demand` that are granted when `room` are left; None: refused.

    So many bytes `beside` are to be left over, and are not granted. Who asks for
    nothing, nor beside, is granted nothing, and never refused.
    """
    room -= beside
    if demand.least > max(room, 0) or (beside and room < 0):
        return None
    return max(0, min(demand.most, room))


def no_room() -> Refusal:
    """There is none now (R38)."""
    return Refusal(
        Problem.NO_ROOM,
        "There is no room for the upload at the moment.",
        retry_after_s=RETRY_AFTER_S,
    )


def never_room(
    upload: Upload, wanted: Demand, space: Space, bounds: Bounds
) -> Refusal | None:
    """The refusal of a new `upload` whose content would not fit if the spool and its
    file system were empty; None: it would (R29).

    That a quota is smaller than the content is told before, by limits. Who brings
    nothing is not told that it is too large.
    """
    empty = left(replace(space, used=0, promised=0, free=space.size), bounds)
    largest = max(0, empty - own(upload.request))
    if wanted.least <= largest or not wanted.least:
        return None
    return Refusal(
        Problem.TOO_LARGE,
        f"By max-size of Upload-Limit an upload may have at most {largest} bytes, "
        f"this one has {wanted.least}.",
        limits=replace(upload.limits, max_size=largest),
    )
