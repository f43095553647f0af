"""What it means for an upload how the content of a request has ended.

Pure, like ``decide``, whose plan said what was to be received; the table in
``lifecycle`` says what state the event leads to. The one invariant: whatever is said
here is an event that RECEIVING has in that table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import assert_never

from .decide import Receive, not_stored
from .errors import Problem, Refusal
from .lengths import conflict
from .lifecycle import Event
from .room import no_room


class Ending(Enum):
    """How the content of a request ended."""

    ENDED = auto()
    """Properly: all of it was received."""
    CUT = auto()
    """It will not come to its end: connection lost, idle, superseded, stopping."""
    OVERRAN = auto()
    """There was more than the ceiling; what fits is stored."""
    STORAGE_FAILED = auto()
    NO_ROOM = auto()
    """There was more than there is room for; what fits is stored."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a part did to its upload: the event, and the length known from now on."""

    event: Event
    length: int | None
    refusal: Refusal | None = None
    """What the client is told, where that is neither an answer nor a plain 'go on'."""


def settle(plan: Receive, offset: int, ending: Ending) -> Settled:
    """What it means that the content ended so, with `offset` bytes stored in all.

    A finishing request whose bytes reached the known length has finished, even when the
    end of its framing got lost (R64). The refusal carries no standing yet.
    """
    match ending:
        case Ending.ENDED:
            return _settle_ended(plan, offset)
        case Ending.CUT:
            reached = plan.finishing and offset == plan.length
            event = Event.LAST_PART_ENDED if reached else Event.BODY_CUT
            return Settled(event, plan.length)
        case Ending.OVERRAN:
            refusal = Refusal(
                plan.beyond,
                f"The content runs over {plan.bound}: no byte past offset "
                f"{plan.ceiling} is taken.",
                has_content=True,
            )
            return Settled(plan.overrun_event, plan.length, refusal)
        case Ending.STORAGE_FAILED:
            return Settled(Event.STORAGE_FAILED, plan.length, not_stored())
        case Ending.NO_ROOM:
            return Settled(Event.STORAGE_FAILED, plan.length, no_room())
        case _:  # pragma: no cover
            assert_never(ending)


def _settle_ended(plan: Receive, offset: int) -> Settled:
    if plan.finishing and plan.length is not None and offset < plan.length:
        refusal = conflict(
            f"Upload-Length is {plan.length}, but the finishing request ended at "
            f"offset {offset}."
        )
        return Settled(Event.ENDED_SHORT, plan.length, refusal)
    if plan.finishing:
        return Settled(Event.LAST_PART_ENDED, offset)
    if 0 < offset < plan.least:
        # told only now, because the length was not; what came is kept (P2, R58)
        refusal = Refusal(
            Problem.TOO_SMALL,
            f"By min-append-size of Upload-Limit a request that is not the last must "
            f"reach offset {plan.least}, this one ended at {offset}.",
        )
        return Settled(Event.PART_ENDED, plan.length, refusal)
    return Settled(Event.PART_ENDED, plan.length)
