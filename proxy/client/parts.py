"""How much goes into the next request.

Pure. The one invariant: a part that is not the last is never shorter than the server
allows, and no part is longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .known import Known, Policy

UNKNOWN_PIECE: Final = 4 << 20
"""Bytes of a part when the length is not known: what is kept until it is acknowledged.
Picked by hand: a second on a slow line, and little memory."""


@dataclass(frozen=True, slots=True)
class Part:
    """The content of one request."""

    offset: int
    count: int | None
    """Bytes; None: to the end of the source, wherever that is."""
    last: bool
    """It completes the upload."""


def most(known: Known, policy: Policy) -> int | None:
    """Bytes that one request may have; None: no bound."""
    # what cannot be read again is kept until it is acknowledged
    kept = None if known.again else UNKNOWN_PIECE
    bounds = (policy.chunk_size, known.most, kept)
    wanted = min((one for one in bounds if one is not None), default=None)
    if wanted is not None:
        wanted = max(wanted, known.limits.min_append_size or 1)
    upper = known.limits.max_append_size
    if wanted is None or (upper is not None and upper < wanted):
        return upper
    return wanted


def piece(known: Known, policy: Policy) -> int:
    """Bytes of a part of a source whose end is not known."""
    smallest = max(UNKNOWN_PIECE, known.limits.min_append_size or 1)
    bound = most(known, policy)
    return smallest if bound is None else min(bound, smallest)


def creation(known: Known, policy: Policy) -> Part:
    """What goes with the creation: everything, or nothing.

    Everything also where nobody is known to know resumable uploads: a part could be
    taken for the whole.
    """
    whole = Part(0, known.length, last=True)
    if not known.assured:
        return whole
    if known.length is None or known.apart:
        return Part(0, 0, last=False)
    bound = most(known, policy)
    if bound is not None and known.length > bound:
        return Part(0, 0, last=False)
    return whole


def append(known: Known, policy: Policy, offset: int) -> Part:
    """What goes with an append at `offset`.

    When the length is not known, the source must have been found to go on behind the
    part by at least a byte.
    """
    if known.length is None:
        return Part(offset, piece(known, policy), last=False)
    left = known.length - offset
    bound = most(known, policy)
    if bound is None or left <= bound:
        return Part(offset, left, last=True)
    return Part(offset, bound, last=False)
