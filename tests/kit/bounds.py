"""How long a test waits for what must happen, and how it waits for a state.

Most waits are for an event or for bytes. Where only asking again can tell (a lifetime
that ends, a process that comes up), ``until`` asks in short turns up to the bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

BOUND_S = 5.0
"""Seconds after which what did not happen counts as not happening. Picked by hand: two
busy cores answer a thousand times faster."""

TURN_S = 0.02
"""Seconds between two questions of `until`."""

Seen = TypeVar("Seen")


async def until(
    ask: Callable[[], Awaitable[Seen | None]], *, bound_s: float = BOUND_S
) -> Seen:
    """What `ask` gives once it gives something other than None.

    Raises:
        TimeoutError: it still gave None when the bound was over.
    """
    async with asyncio.timeout(bound_s):
        while True:
            if (seen := await ask()) is not None:
                return seen
            await asyncio.sleep(TURN_S)
