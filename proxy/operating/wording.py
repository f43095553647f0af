"""Sizes, times and sentences for an operator.

Pure functions. The one invariant: nothing that a client or an origin has said is in
them, so that they can be shown as they are.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from proxy.core.upload import State, Upload

_UNITS: Final = ("KiB", "MiB", "GiB", "TiB")

_NOT_RESENT: Final = {
    State.CREATED: "it has not been received yet: wait for its client, or purge it",
    State.RECEIVING: "it is still being received: wait for its client, or purge it",
    State.INTERRUPTED: "not all of it has been received: its client can go on with it; "
    "or export what there is, or purge it",
    State.COMPLETE: "it is complete and has surely not taken effect: it is sent on by "
    "itself as soon as the origin can be reached",
    State.FORWARDING: "it is being sent on just now: wait for the answer",
    State.RESPONDED: "the origin has answered it: there is nothing left to be sent",
    State.EXPIRED: "its lifetime has ended: it is removed soon",
    State.CANCELLED: "it was cancelled: it is removed soon",
    State.FAILED: "it has failed: it is removed soon",
}


def why_not_resent(upload: Upload, *, busy: bool) -> str:
    """Why `upload` cannot be sent once more, and what can be done; empty when it can.

    `busy`: a process sends it on. One that says FORWARDING and is not has an unknown
    outcome, whoever notes that first.
    """
    if upload.state is State.UNKNOWN or (upload.state is State.FORWARDING and not busy):
        return "it is being sent on just now" if busy else ""
    answered = upload.answer is not None and upload.state is State.RESPONDED
    status = f" with {upload.answer.status}" if answered and upload.answer else ""
    reason = _NOT_RESENT[upload.state].replace("answered it", f"answered it{status}")
    return f"it is {upload.state.value}, not unknown: {reason}"


def size(count: int) -> str:
    """`count` bytes in few characters: ``812 B``, ``1.5 MiB``."""
    if count < 1024:
        return f"{count} B"
    amount = count / 1024
    for unit in _UNITS:
        if amount < 1000:
            return f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} PiB"


def span(seconds: float) -> str:
    """So long, in two units at most: ``12s``, ``3m05s``, ``2h10m``, ``6d04h``."""
    left = max(0, int(seconds))
    if left < 60:
        return f"{left}s"
    if left < 3600:
        return f"{left // 60}m{left % 60:02}s"
    if left < 86400:
        return f"{left // 3600}h{left % 3600 // 60:02}m"
    return f"{left // 86400}d{left % 86400 // 3600:02}h"


def instant(wall_s: float) -> str:
    """A moment of the wall clock, in UTC to the second: ``2026-05-04T10:11:12Z``."""
    return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
