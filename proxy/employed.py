"""One worker, as far as its supervisor knows it: what it says, and when it has gone.

Asked for something, it may be too busy to answer; then what it said last has to do. The
one invariant: its end is known here, whoever waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from proxy.admin.glimpse import Hands
from proxy.metrics.cells import Snapshot
from proxy.wires import Wire

COUNTS_S: Final = 1.0
"""Seconds a worker has to tell its counts, and its numbers: one that is too busy has
those it had."""
SETTLES_S: Final = 5.0
"""Seconds that who asks for a reload waits for one worker. Picked by hand."""
READY_S: Final = 30.0
"""Seconds a new worker has until it serves; the old one stays if it does not."""


class Worker:
    """One process, from its start to its end."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        wire: Wire,
        log: FilteringBoundLogger,
    ) -> None:
        self._process = process
        self._wire = wire
        self._log = log
        self._is_understood = True
        self.serving = asyncio.Event()
        """It has begun to accept connections, and has not gone yet."""
        self.has_served = False
        self.answers = 0
        """How often it has told its counts."""
        self.counts: dict[str, int] = {}
        self.measured: Snapshot = {}
        """Its numbers, as it told them last; also after its end."""
        self.hands: Hands | None = None
        """What it had in its hands when it told that last; None before, and once it has
        gone."""
        self._counted = asyncio.Event()
        self._measured = asyncio.Event()
        self._shown = asyncio.Event()
        self._settled = asyncio.Event()
        self._why: str | None = None
        self.end = asyncio.ensure_future(self._hear())
        """Its exit code, negative for a signal, once it has gone."""

    @property
    def pid(self) -> int:
        return self._process.pid

    async def _hear(self) -> int:
        while (told := await self._wire.hear()) is not None:
            match told:
                case {"word": "serving"}:
                    self.has_served = True
                    self.serving.set()
                case {"word": "counts", "counts": dict(counts)}:
                    self.counts = counts
                    self.answers += 1
                    self._counted.set()
                case {"word": "settled", "why": str() | None as why}:
                    self._why = why
                    self._settled.set()
                case {"word": "metrics", "metrics": dict(measured)}:
                    self.measured = measured
                    self._measured.set()
                case {"word": "hands", "hands": dict(hands)}:
                    self._hear_hands(hands)
                case _:
                    self._wonder()
        self.serving.clear()
        self.counts = {}
        self.hands = None
        self._wire.close()
        return await self._process.wait()

    def _hear_hands(self, told: Mapping[str, Any]) -> None:
        try:
            self.hands = Hands.heard(told)
        except ValueError:
            self._wonder()
        self._shown.set()

    def _wonder(self) -> None:
        """It has said what makes no sense; told once, it may go on saying such."""
        if self._is_understood:
            self._is_understood = False
            self._log.error("worker not understood", pid=self.pid)

    async def begins(self) -> None:
        """Wait until it serves, has ended, or has taken too long to do either."""
        serving = asyncio.ensure_future(self.serving.wait())
        await asyncio.wait(
            (serving, self.end),
            timeout=READY_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        serving.cancel()

    async def count(self) -> dict[str, int]:
        """How much it has in flight."""
        # What it said last has to do when it does not answer.
        await self.is_awake()
        return self.counts

    async def is_awake(self) -> bool:
        """Its event loop turns: it tells its counts when it is asked."""
        self._counted.clear()
        self.tell("counts")
        try:
            async with asyncio.timeout(COUNTS_S):
                await self._counted.wait()
        except TimeoutError:
            return False
        return True

    async def measure(self) -> None:
        """Have it tell its numbers, unless it is too busy or ends."""
        await self._asked("metrics", self._measured)

    async def show(self) -> Hands | None:
        """What it has in its hands; what it told last when it is too busy."""
        await self._asked("hands", self._shown)
        return self.hands

    async def _asked(self, wish: str, told: asyncio.Event) -> None:
        """Wait until it has told, unless it is too busy or ends."""
        told.clear()
        self.tell(wish)
        telling = asyncio.ensure_future(told.wait())
        await asyncio.wait(
            (telling, self.end), timeout=COUNTS_S, return_when=asyncio.FIRST_COMPLETED
        )
        telling.cancel()

    async def settle(self, config: Mapping[str, Any]) -> str | None:
        """Have it go by `config`; why it cannot, None when it does, or when it has
        ended or is busy: it heeds every word in the end, in their order."""
        self._settled.clear()
        self._why = None
        self._wire.say({"wish": "settle", "config": dict(config)})
        told = asyncio.ensure_future(self._settled.wait())
        await asyncio.wait(
            (told, self.end), timeout=SETTLES_S, return_when=asyncio.FIRST_COMPLETED
        )
        told.cancel()
        return self._why

    def count_behind(self, shard: str) -> None:
        """Have it do so, see ``Road``."""
        self._wire.say({"wish": "count", "behind": shard})

    def tell(self, wish: str) -> None:
        self._wire.say({"wish": wish})

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
