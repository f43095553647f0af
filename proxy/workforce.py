"""The workers of a supervisor: started, started again, counted, stopped.

A place is kept filled: a worker that ends unasked is replaced, at once when it had
worked for a while, else after a growing pause, so that one that cannot work does not
keep the machine busy. The one invariant: every process started here is waited for here.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from proxy.config import Config
from proxy.wires import Wire
from proxy.worker import GROUP_SIGNALS

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 10.0
"""Before a worker that has ended is started again."""
SETTLED_S: Final = 30.0
"""A worker that has lived so long has not failed to start. Picked by hand."""
COUNTS_S: Final = 1.0
"""Seconds a worker has to tell its counts: one that is too busy has those it had."""
LATE_S: Final = 5.0
"""Past the grace, which a worker keeps by itself: then it hangs, and is killed."""


class Worker:
    """One process, from its start to its end."""

    def __init__(self, process: asyncio.subprocess.Process, wire: Wire) -> None:
        self._process = process
        self._wire = wire
        self.serving = asyncio.Event()
        """It has begun to accept connections."""
        self.counts: dict[str, int] = {}
        self._counted = asyncio.Event()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ended(self) -> int:
        """Hear what it says until it has gone; its exit code, negative for a signal."""
        while (told := await self._wire.hear()) is not None:
            match told["word"]:
                case "serving":
                    self.serving.set()
                case "counts":
                    self.counts = told["counts"]
                    self._counted.set()
        self.serving.clear()
        self.counts = {}
        self._wire.close()
        return await self._process.wait()

    async def count(self) -> dict[str, int]:
        """How much it has in flight."""
        self._counted.clear()
        self.tell("counts")
        try:
            async with asyncio.timeout(COUNTS_S):
                await self._counted.wait()
        except TimeoutError:
            pass  # what it said last will have to do
        return self.counts

    def tell(self, wish: str) -> None:
        self._wire.say({"wish": wish})

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()


class Workforce:
    """All workers of one supervisor."""

    def __init__(
        self,
        config: Config,
        *,
        share: int,
        lost: Callable[[], None],
        log: FilteringBoundLogger,
    ) -> None:
        """`lost`: called when one has died, with all it was about to do.

        `share`: see ``Part``.
        """
        self._config = config
        self._sockets: list[socket.socket] = []
        self._share = share
        self._lost = lost
        self._log = log
        self._places: dict[int, Worker] = {}
        self._keeping: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self._draining = False

    @property
    def serving(self) -> bool:
        """True while at least one serves."""
        return any(worker.serving.is_set() for worker in self._places.values())

    def start(self, sockets: list[socket.socket]) -> None:
        """Fill every place, and keep it filled; `sockets` are what they serve."""
        self._sockets = sockets
        for place in range(1, self._config.workers + 1):
            self._keeping.append(asyncio.ensure_future(self._keep(place)))

    async def count(self) -> list[dict[str, int]]:
        """What each of them has in flight."""
        workers = list(self._places.values())
        return await asyncio.gather(*(worker.count() for worker in workers))

    def drain(self) -> None:
        self._draining = True
        for worker in self._places.values():
            worker.tell("drain")

    async def stop(self, grace_s: float) -> None:
        """Have them stop in order, and wait until they have."""
        self._stop.set()
        for worker in self._places.values():
            worker.tell("stop")
        _, late = await asyncio.wait(self._keeping, timeout=grace_s + LATE_S)
        if late:
            self._log.error("workers killed that did not stop", workers=len(late))
            self.kill()
            await asyncio.wait(late)

    def kill(self) -> None:
        """End all of them at once."""
        for worker in self._places.values():
            worker.kill()

    async def _keep(self, place: int) -> None:
        """Have a worker in `place` until told to stop."""
        loop = asyncio.get_running_loop()
        pause_s = FIRST_PAUSE_S
        while not self._stop.is_set():
            began = loop.time()
            code = await self._work(place)
            if self._stop.is_set():
                return
            self._lost()
            if loop.time() - began >= SETTLED_S:
                pause_s = FIRST_PAUSE_S
            self._log.error("worker died", worker=place, code=code, again_in_s=pause_s)
            try:
                async with asyncio.timeout(pause_s):
                    await self._stop.wait()
            except TimeoutError:
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _work(self, place: int) -> int:
        """One worker, from its start to its end; its exit code."""
        worker = self._places[place] = await self._started(place)
        self._log.info("worker started", worker=place, pid=worker.pid)
        if self._draining:
            worker.tell("drain")
        if self._stop.is_set():
            worker.tell("stop")
        try:
            return await worker.ended()
        finally:
            del self._places[place]

    async def _started(self, place: int) -> Worker:
        ours, its = socket.socketpair()
        with its:
            process = await _spawned(its.fileno(), self._sockets)
        wire = await Wire.over(ours)
        wire.say(self._order(place))
        return Worker(process, wire)

    def _order(self, place: int) -> dict[str, Any]:
        """What a worker has to know. The configuration as it was checked: its file may
        say something else by now."""
        return {
            "config": self._config.model_dump(mode="json"),
            "worker": place,
            "share": self._share,
            "sockets": [sock.fileno() for sock in self._sockets],
        }


async def _spawned(
    wire: int, sockets: list[socket.socket]
) -> asyncio.subprocess.Process:
    """A worker's process, deaf to signals to the group from its first moment on."""
    # Modules are found where ours were, and never where we happen to have been started.
    path = os.pathsep.join(entry for entry in sys.path if entry)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, GROUP_SIGNALS)
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "proxy.worker",
            str(wire),
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=[wire, *(sock.fileno() for sock in sockets)],
            env={**os.environ, "PYTHONPATH": path},
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
