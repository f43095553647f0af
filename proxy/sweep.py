"""Recover and expire, a few uploads at a time, while requests are served.

After a start the unfinished uploads come first: their markers name them, so that no
other record is read for it. Then round after round goes through the whole spool,
removes what has outlived its time, and drops the content of old answers. Each batch is
small and followed by a pause, so that neither a start nor a round is felt, whatever the
spool holds. Of several processes on the spool one sweeps; it also looks for unfinished
uploads now and then, since another one may have died over them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from proxy.core.errors import SpoolError
from proxy.core.upload import Token, Upload, shortened

BATCH: Final = 50
"""Uploads per batch: each is one small file to read, some milliseconds together."""
BATCH_PAUSE_S: Final = 0.05
ROUND_PAUSE_S: Final = 30.0
"""Between two rounds. An expired upload is refused from its deadline on in any case;
the round only frees what it held."""
LOOK_PAUSE_S: Final = 5.0
"""Between two looks for unfinished uploads: so long may one that a process has died
over wait, whose client does not come back."""
TURN_PAUSE_S: Final = 1.0
"""Between two looks at whether another process still sweeps."""


class Swept(Protocol):
    """What the sweep does to one upload."""

    async def tidy(self, token: Token, *, thorough: bool = False) -> Upload | None:
        """Recover it, or remove what its time has run out for; the upload as it stood
        before that, None when somebody is at work on it or it could not be read.

        Raises:
            SpoolError: try again next round.
        """


class Listed(Protocol):
    def tokens(self) -> Iterator[Token]: ...

    def unfinished(self) -> Iterator[Token]: ...


class Census(Protocol):
    """Counts what a round through the whole spool finds."""

    def begin(self) -> None: ...

    def saw(self, upload: Upload | None) -> None:
        """There is one more; see ``Swept.tidy``."""

    def end(self) -> None:
        """The round has come to its end: what was seen is all there is."""


class _Nobody:
    def begin(self) -> None:
        return

    def saw(self, upload: Upload | None) -> None:
        return

    def end(self) -> None:
        return


NOBODY: Final[Census] = _Nobody()


class Sweep:
    """One for the spool."""

    def __init__(
        self,
        spool: Listed,
        upkeep: Swept,
        *,
        after_round: Callable[[], Awaitable[None]],
        log: FilteringBoundLogger,
        is_ours: Callable[[], bool] = lambda: True,
        census: Census = NOBODY,
    ) -> None:
        """`is_ours`: becomes true when no other process sweeps, and stays so."""
        self._is_ours = is_ours
        self._census = census
        self._spool = spool
        self._upkeep = upkeep
        self._after_round = after_round
        """Called after every round: saves the lifetime clock."""
        self._log = log
        self._look = asyncio.Event()
        self._some_ended = True
        """Since the last round through all began that came to its end, processes may
        have left bodies of uploads that they had an answer for; those before us may
        have, too."""
        self._was_in_doubt = False

    async def run(self) -> None:
        """Until cancelled."""
        while not self._comes_to_us():  # noqa: ASYNC110 - the system tells nobody
            await asyncio.sleep(TURN_PAUSE_S)
        await self._round(self._spool.unfinished)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._rounds())
            both.create_task(self._looks())

    def _comes_to_us(self) -> bool:
        """It is our turn; told once if that cannot be known, and asked again."""
        try:
            return self._is_ours()
        except SpoolError as exc:
            if not self._was_in_doubt:
                self._log.error("sweep not begun", error=str(exc))
            self._was_in_doubt = True
            return False

    def look_soon(self) -> None:
        """Unfinished uploads may have something to be done for them by now."""
        self._look.set()

    def process_ended(self) -> None:
        """Another process has died: look for what it was about to send on, and, in the
        next round, for what it was about to remove."""
        self._some_ended = True
        self.look_soon()

    async def _rounds(self) -> None:
        while True:
            thorough, self._some_ended = self._some_ended, False
            saw_all = await self._round(
                self._spool.tokens, thorough=thorough, census=self._census
            )
            if thorough and not saw_all:
                self._some_ended = True
            await asyncio.sleep(ROUND_PAUSE_S)

    async def _looks(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_PAUSE_S):
                    await self._look.wait()
            except TimeoutError:
                pass  # now and then in any case
            self._look.clear()
            await self._round(self._spool.unfinished)

    async def _round(
        self,
        tokens: Callable[[], Iterator[Token]],
        *,
        thorough: bool = False,
        census: Census = NOBODY,
    ) -> bool:
        """False when it was interrupted."""
        census.begin()
        try:
            remaining = tokens()
            # In a thread: thousands of empty directories may lie between two uploads.
            while batch := await asyncio.to_thread(_next_batch, remaining):
                for token in batch:
                    census.saw(await self._one(token, thorough=thorough))
                await asyncio.sleep(BATCH_PAUSE_S)
            census.end()
            await self._after_round()
        except SpoolError as exc:
            self._log.error("sweep interrupted", error=str(exc))
            return False
        except Exception:  # noqa: BLE001 - as long as we are there nobody else sweeps
            self._log.exception("sweep interrupted")
            return False
        return True

    async def _one(self, token: Token, *, thorough: bool) -> Upload | None:
        try:
            return await self._upkeep.tidy(token, thorough=thorough)
        except SpoolError as exc:
            self._log.error("not swept", upload=shortened(token), error=str(exc))
        except Exception:  # noqa: BLE001 - one bad upload must not end all sweeping
            self._log.exception("not swept", upload=shortened(token))
        return None


def _next_batch(remaining: Iterator[Token]) -> list[Token]:
    return list(islice(remaining, BATCH))
