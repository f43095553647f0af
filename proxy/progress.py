"""Progress of long bodies: few 104s, each for bytes that are durable (R66).

After 1, 8 and 64 seconds of receiving, later in a crowd, what has come so far is
synced, acknowledged in the record and told. Few, because front proxies turn the sixth
to tenth interim response into a 502; never to a client from which nothing comes,
because an interim response to a client that has gone makes its kernel throw away bytes
that it had already sent us.
Bodies that began together have their turns one after the other, a few at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from proxy.core.errors import SpoolError
from proxy.core.intents import Interim, Progress
from proxy.core.upload import Upload
from proxy.core.values import replace
from proxy.intake import Body
from proxy.ledger import Ledger
from proxy.spool import Writer
from proxy.tasks import Spawn
from proxy.waits import Waits

PAUSES_S: Final = (1.0, 7.0, 56.0)
"""Between the start and the first, and between one and the next."""
QUIET_S: Final = 2.0
"""Without a byte for so long, the client may have gone: tell nothing."""
AT_A_TIME: Final = 2
"""Bodies that are synced and saved at a time by a disk that is fast. Picked by trying:
eight take so much of two processors that other clients wait three times as long. Those
who wait have no task, which takes some kilobytes; and more of theirs is in what is
synced then."""
PATIENCE_S: Final = 0.01
"""Seconds after which one more has its turn, whoever is at it still: a slow disk syncs
many as fast as one."""
MOST: Final = 32
"""At a time, in any case: there are no more threads for it."""

Tell = Callable[[Interim], None]


class Tellers:
    """Those of one process: their pauses, and whose turn it is."""

    def __init__(self, ledger: Ledger, spawn: Spawn) -> None:
        self.ledger = ledger
        self._spawn = spawn
        self._pauses: dict[float, Waits[ProgressTeller]] = {}
        """Those who pause, by how long."""
        self._due: dict[ProgressTeller, None] = {}
        """Those whose pause is over, the one that is next first."""
        self._busy = 0
        self._timer: asyncio.TimerHandle | None = None
        """While somebody waits for the turn."""

    def pause(self, teller: ProgressTeller, pause_s: float) -> None:
        """Have its turn come after so many seconds, or soon after that."""
        if pause_s not in self._pauses:
            self._pauses[pause_s] = Waits(pause_s, self._pause_over)
        self._pauses[pause_s].begin(teller)

    def forget(self, teller: ProgressTeller) -> None:
        """It wants no turn any more, if it did."""
        for pauses in self._pauses.values():
            pauses.end(teller)
        self._due.pop(teller, None)

    def _pause_over(self, teller: ProgressTeller) -> None:
        """Its pause is over: it waits for its turn."""
        self._due[teller] = None
        self._go_on()

    def _go_on(self) -> None:
        while self._due and self._busy < AT_A_TIME:
            self._begin()
        if self._due and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(PATIENCE_S, self._one_more)

    def _one_more(self) -> None:
        self._timer = None
        if self._due and self._busy < MOST:
            self._begin()
        self._go_on()

    def _begin(self) -> None:
        teller = next(iter(self._due))
        del self._due[teller]
        self._busy += 1
        teller.turn(self._spawn).add_done_callback(self._over)

    def _over(self, turn: asyncio.Task[None]) -> None:
        self._busy -= 1
        self._go_on()


class ProgressTeller:
    """Tells the progress of one body while it is received."""

    __slots__ = (
        "_body",
        "_pauses",
        "_saving",
        "_task",
        "_tell",
        "_tellers",
        "_upload",
        "_writer",
        "failure",
    )

    def __init__(
        self, upload: Upload, writer: Writer, body: Body, tell: Tell, tellers: Tellers
    ) -> None:
        self._upload = upload
        self._writer = writer
        self._body = body
        self._tell = tell
        self._tellers = tellers
        self._pauses = 0
        """How many have begun."""
        self._task: asyncio.Task[None] | None = None
        """While it is its turn."""
        self._saving = False
        self.failure: SpoolError | None = None
        """Why bytes that had been written could not be made durable."""

    def start(self) -> None:
        if self._pauses < len(PAUSES_S):
            pause_s = PAUSES_S[self._pauses]
            self._pauses += 1
            self._tellers.pause(self, pause_s)

    async def stop(self) -> Upload:
        """No more; the upload with what has been acknowledged meanwhile."""
        if self._task is not None:
            if not self._saving:
                # What it waits for is of use to nobody now, and may take seconds. A
                # save under way must have ended before the next one.
                self._task.cancel()
            await asyncio.wait([self._task])
        if self._pauses:
            self._tellers.forget(self)
        return self._upload

    def turn(self, spawn: Spawn) -> asyncio.Task[None]:
        """Its turn has come; what is done in it."""
        self._task = spawn(self._tell_once())
        return self._task

    async def _tell_once(self) -> None:
        if self._flowing():
            try:
                offset = await self._writer.sync()
                self._saving = True
                acknowledged = replace(
                    self._upload, acknowledged=offset, fed_at=self._tellers.ledger.now()
                )
                await self._tellers.ledger.save(acknowledged, durable=True)
            except SpoolError as exc:
                # What was written may not be there any more: the part cannot end well.
                self.failure = exc
                return
            finally:
                self._saving = False
            self._upload = acknowledged
            if self._flowing():
                self._tell(Progress(offset))
        # It is over: nothing of it stays until the next, which may be a minute away.
        self._task = None
        self.start()

    def _flowing(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self._body.gone is None and now - self._body.last_byte_at < QUIET_S
