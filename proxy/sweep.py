"""Recover and expire, a few uploads at a time, while requests are served.

After a start the unfinished uploads come first: their markers name them, so that no
other record is read for it. Then round after round goes through the whole spool,
removes what has outlived its time, and drops the content of old answers. Each batch is
small and followed by a pause, so that neither a start nor a round is felt, whatever the
spool holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from proxy.core.errors import SpoolError
from proxy.core.upload import Token, shortened

BATCH: Final = 50
"""Uploads per batch: each is one small file to read, some milliseconds together."""
BATCH_PAUSE_S: Final = 0.05
ROUND_PAUSE_S: Final = 30.0
"""Between two rounds. An expired upload is refused from its deadline on in any case;
the round only frees what it held."""


class Swept(Protocol):
    """What the sweep does to one upload."""

    async def tidy(self, token: Token, *, thorough: bool = False) -> None:
        """Recover it, or remove what its time has run out for.

        Raises:
            SpoolError: try again next round.
        """


class Listed(Protocol):
    def tokens(self) -> Iterator[Token]: ...

    def unfinished(self) -> Iterator[Token]: ...


class Sweep:
    """One for the spool."""

    def __init__(
        self,
        spool: Listed,
        upkeep: Swept,
        *,
        after_round: Callable[[], Awaitable[None]],
        log: FilteringBoundLogger,
    ) -> None:
        self._spool = spool
        self._upkeep = upkeep
        self._after_round = after_round
        """Called after every round: saves the lifetime clock."""
        self._log = log

    async def run(self) -> None:
        """Until cancelled."""
        await self._round(self._spool.unfinished, thorough=False)
        thorough = True
        while True:
            await self._round(self._spool.tokens, thorough=thorough)
            thorough = False
            await asyncio.sleep(ROUND_PAUSE_S)

    async def _round(
        self, tokens: Callable[[], Iterator[Token]], *, thorough: bool
    ) -> None:
        try:
            remaining = tokens()
            # In a thread: thousands of empty directories may lie between two uploads.
            while batch := await asyncio.to_thread(_next_batch, remaining):
                for token in batch:
                    await self._one(token, thorough=thorough)
                await asyncio.sleep(BATCH_PAUSE_S)
            await self._after_round()
        except SpoolError as exc:
            self._log.error("sweep interrupted", error=str(exc))

    async def _one(self, token: Token, *, thorough: bool) -> None:
        try:
            await self._upkeep.tidy(token, thorough=thorough)
        except SpoolError as exc:
            self._log.error("not swept", upload=shortened(token), error=str(exc))
        except Exception:  # noqa: BLE001 - one bad upload must not end all sweeping
            self._log.exception("not swept", upload=shortened(token))


def _next_batch(remaining: Iterator[Token]) -> list[Token]:
    return list(islice(remaining, BATCH))
