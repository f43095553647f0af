"""Progress of one long body: few 104s, each for bytes that are durable (R66).

After 1, 8 and 64 seconds of receiving, what has come so far is synced, acknowledged in
the record and told. Few, because front proxies turn the sixth to tenth interim response
into a 502; never to a client from which nothing comes, because an interim response to a
client that has gone makes its kernel throw away bytes that it had already sent us.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final

from proxy.core.errors import SpoolError
from proxy.core.intents import Interim, Progress
from proxy.core.upload import Upload
from proxy.intake import Body
from proxy.ledger import Ledger
from proxy.spool import Writer

PAUSES_S: Final = (1.0, 7.0, 56.0)
"""Between the start and the first, and between one and the next."""
QUIET_S: Final = 2.0
"""Without a byte for so long, the client may have gone: tell nothing."""

Tell = Callable[[Interim], None]
Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class ProgressTeller:
    """Tells the progress of one body while it is received."""

    __slots__ = (
        "_body",
        "_ledger",
        "_pauses",
        "_saving",
        "_spawn",
        "_task",
        "_tell",
        "_timer",
        "_upload",
        "_writer",
        "failure",
    )

    def __init__(
        self,
        upload: Upload,
        writer: Writer,
        body: Body,
        ledger: Ledger,
        tell: Tell,
        spawn: Spawn,
    ) -> None:
        self._upload = upload
        self._writer = writer
        self._body = body
        self._ledger = ledger
        self._tell = tell
        self._spawn = spawn
        self._pauses = iter(PAUSES_S)
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._saving = False
        self.failure: SpoolError | None = None
        """Why bytes that had been written could not be made durable."""

    def start(self) -> None:
        pause = next(self._pauses, None)
        if pause is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(pause, self._due)

    async def stop(self) -> Upload:
        """No more; the upload with what has been acknowledged meanwhile."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            if not self._saving:
                # What it waits for is of use to nobody now, and may take seconds. A
                # save under way must have ended before the next one.
                self._task.cancel()
            await asyncio.wait([self._task])
            if self._timer is not None:
                self._timer.cancel()
        return self._upload

    def _due(self) -> None:
        self._timer = None
        self._task = self._spawn(self._tell_once())

    async def _tell_once(self) -> None:
        if self._flowing():
            try:
                offset = await self._writer.sync()
                self._saving = True
                acknowledged = replace(
                    self._upload, acknowledged=offset, fed_at=self._ledger.now()
                )
                await self._ledger.save(acknowledged, durable=True)
            except SpoolError as exc:
                # What was written may not be there any more: the part cannot end well.
                self.failure = exc
                return
            finally:
                self._saving = False
            self._upload = acknowledged
            if self._flowing():
                self._tell(Progress(offset))
        # It is over: nothing of it stays until the next, which is a minute away.
        self._task = None
        self.start()

    def _flowing(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self._body.gone is None and now - self._body.last_byte_at < QUIET_S
