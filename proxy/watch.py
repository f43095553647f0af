"""Whether the workers do what they are there for: who does not is told, and ended.

A worker that has died is heard by its supervisor at once. One that hangs, or never
comes to serve, holds its place, and its locks, in silence. So each is asked now and
then, and replies count, not time: after a pause of the whole machine nobody is late.
The one invariant: a worker that serves is ended only if another one answers, so that
what holds up all of them, such as a disk, costs none of them its forwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

ROUND_S: Final = 10.0
"""Between two questions. Requests on what a worker holds that hangs are refused after
as long, so that this is when it begins to be felt."""
TELL_AFTER: Final = 3
"""Questions in a row without an answer, or without serving, after which that is told:
half a minute, in which a start on a slow machine, or a disk that stalls, is over."""
END_AFTER: Final = 6
"""Questions without an answer after which a worker is ended: a minute. Earlier, and one
that would have come round loses its forwards, whose outcome is then unknown; later, and
what it holds is out of reach for longer."""
START_WITHIN: Final = 12
"""The same for one that has never served: two minutes. It has nothing to lose, and is
only given time."""


class Watched(Protocol):
    """A worker, as far as this goes."""

    @property
    def pid(self) -> int: ...

    @property
    def has_served(self) -> bool:
        """It has come so far as to serve."""

    @property
    def answers(self) -> int:
        """How often it has told its counts."""

    def tell(self, wish: str) -> None: ...

    def kill(self) -> None: ...


@dataclass(slots=True)
class _Seen:
    """What is known of one worker."""

    answers: int
    silent: int = 0
    """Questions in a row that it has not answered, or after which it did not serve."""


class Watch:
    """Over the workers of one supervisor."""

    def __init__(
        self,
        workers: Callable[[], Iterable[tuple[int, Watched]]],
        log: FilteringBoundLogger,
    ) -> None:
        """`workers`: those that are there now, with their places."""
        self._workers = workers
        self._log = log
        self._seen: dict[Watched, _Seen] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.round()
            await asyncio.sleep(ROUND_S)

    def round(self) -> None:
        """Judge by what was asked last, and ask again."""
        workers = list(self._workers())
        for _, worker in workers:
            self._count(worker)
        some_answer = any(self._answers(worker) for _, worker in workers)
        for place, worker in workers:
            if not worker.has_served:
                self._await_start(place, worker)
            else:
                self._await_answer(place, worker, may_end=some_answer)
            worker.tell("counts")
        self._seen = {worker: self._seen[worker] for _, worker in workers}

    def _count(self, worker: Watched) -> None:
        seen = self._seen.get(worker)
        if seen is None:
            self._seen[worker] = _Seen(worker.answers)
        elif worker.answers != seen.answers:
            seen.answers, seen.silent = worker.answers, 0
        else:
            seen.silent += 1

    def _answers(self, worker: Watched) -> bool:
        """It has answered since it was asked last."""
        seen = self._seen[worker]
        return worker.has_served and seen.answers > 0 and seen.silent == 0

    def _await_start(self, place: int, worker: Watched) -> None:
        silent = self._seen[worker].silent
        told = {"worker": place, "pid": worker.pid, "after_s": silent * ROUND_S}
        if silent == START_WITHIN:
            self._log.error("worker killed that never served", **told)
        elif silent == TELL_AFTER:
            self._log.error("worker does not serve", **told)
        if silent >= START_WITHIN:
            worker.kill()

    def _await_answer(self, place: int, worker: Watched, *, may_end: bool) -> None:
        silent = self._seen[worker].silent
        told = {"worker": place, "pid": worker.pid, "after_s": silent * ROUND_S}
        if silent >= END_AFTER and may_end:
            self._log.error("worker killed that did not answer", **told)
            worker.kill()
        elif silent == TELL_AFTER:
            self._log.error("worker does not answer", **told)
