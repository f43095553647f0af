"""How late the event loop is: what every request and every body waits besides its own.

A timer that is due four times a second, and the time at which it has its turn. In one
process, so that a total of several tells how late any of them was.
"""

from __future__ import annotations

import asyncio
from typing import Final

from . import catalogue
from .cells import Book

PAUSE_S: Final = 0.25
"""Between two looks: often enough to meet a stall of a second for sure, and nothing
beside what a request costs."""


class LoopLag:
    """Looks until cancelled."""

    def __init__(self, book: Book) -> None:
        self._spread = book.histogram(catalogue.LAG_SECONDS)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + PAUSE_S
            await asyncio.sleep(PAUSE_S)
            self._spread.observe(max(0.0, loop.time() - due))
