"""Measuring what the spool holds, from time to time, so that the count stays true.

The count of used bytes is kept as uploads grow and go. What a process that was killed
did not live to count, and what others do in the directory, is found here: round after
round goes through the shards, a little at a time in a thread, while the counting goes
on. No start waits for it, whatever the spool holds; until the first round is over the
count is what was last known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from proxy.core.errors import SpoolError

STEP_SHARDS: Final = 64
STEP_FILES: Final = 500
"""What is measured at a time: some milliseconds."""
STEP_PAUSE_S: Final = 0.05
MOMENT_S: Final = 0.005
"""Seconds in which another process hears a word, unless it is busy."""
ROUND_PAUSE_S: Final = 300.0
"""Between two rounds, unless a worker dies: what they find is rare. Picked by hand."""


class Measured(Protocol):
    def sizes(self) -> Iterator[tuple[str, int, int]]:
        """Shards in their order: name, files, bytes that count.

        Raises:
            SpoolError
        """


class UsedBytes(Protocol):
    """The count of used bytes."""

    def begin_round(self) -> bool:
        """Begin; False when another process does it."""

    def come_to(self, shard: str) -> None:
        """All shards up to this one have been measured."""

    def end_round(self, measured: int) -> None:
        """So many bytes were found in all."""


@dataclass(frozen=True, slots=True)
class _Step:
    last: str
    """The last shard that was measured."""
    size: int
    """Bytes found."""


class Reckoning:
    """One for the process; of several processes, one does it."""

    def __init__(
        self,
        spool: Measured,
        figures: UsedBytes,
        log: FilteringBoundLogger,
        count: Callable[[str], None] = lambda shard: None,
    ) -> None:
        """`count`: has bodies that grow in the shards of the next step, behind this
        one, counted as far as they have come. What is found of them that was not would
        count twice when it is."""
        self._spool = spool
        self._figures = figures
        self._log = log
        self._count = count
        self.elsewhere: Callable[[str], None] = lambda shard: None
        """Has it done by other processes, who take a moment for it."""
        self._look = asyncio.Event()

    def look_soon(self) -> None:
        """A process has died: measure what it did not live to count."""
        self._look.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._look.clear()
            try:
                await self.round(pause_s=STEP_PAUSE_S)
            except SpoolError as exc:
                self._log.error("spool not measured", error=str(exc))
            except Exception:  # noqa: BLE001 - nobody else does it as long as we hold the lock
                self._log.exception("spool not measured")
            try:
                async with asyncio.timeout(ROUND_PAUSE_S):
                    await self._look.wait()
            except TimeoutError:
                pass  # now and then in any case

    async def round(self, *, pause_s: float) -> None:
        """Measure it all once, unless another process does.

        Raises:
            SpoolError: the count stays as it is.
        """
        if not self._figures.begin_round():
            return
        measured, last = 0, ""
        remaining = self._spool.sizes()
        while True:
            self.elsewhere(last)
            await asyncio.sleep(min(MOMENT_S, pause_s))
            self._count(last)
            step = await asyncio.to_thread(_next_step, remaining)
            if step is None:
                break
            measured, last = measured + step.size, step.last
            self._figures.come_to(last)
            await asyncio.sleep(pause_s)
        self._figures.end_round(measured)


def _next_step(remaining: Iterator[tuple[str, int, int]]) -> _Step | None:
    """The next few shards; None when there are no more. Blocks."""
    last, size, shards, files = "", 0, 0, 0
    for last, more_files, more in remaining:  # noqa: B007 - the last one is told
        size, files, shards = size + more, files + more_files, shards + 1
        if shards >= STEP_SHARDS or files >= STEP_FILES:
            break
    return _Step(last, size) if last else None
