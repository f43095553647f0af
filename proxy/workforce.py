"""The workers of a supervisor: started, started again, counted, stopped.

A place is kept filled: a worker that ends unasked is replaced, at once when it had
worked for a while, else after a growing pause, so that one that cannot work does not
keep the machine busy. Renewed, each is replaced once its successor serves. The one
invariant: every process started here is waited for here.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from proxy.admin.glimpse import Hands
from proxy.config import Config
from proxy.employed import Worker
from proxy.metrics.totals import Reports
from proxy.spool.owner import Foothold
from proxy.watch import Watch
from proxy.wires import Wire
from proxy.worker import GROUP_SIGNALS

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 10.0
"""Before a worker that has ended is started again."""
SETTLED_S: Final = 30.0
"""A worker that has lived so long has not failed to start. Picked by hand."""
BEGINS_S: Final = 0.05
"""Seconds between two looks whether the first worker serves: a tenth of what it takes
to start one."""
LATE_S: Final = 5.0
"""Past the grace, which a worker keeps by itself: then it hangs, and is killed."""


class _StoppingError(Exception):
    """No worker is started any more: the sockets are closed, or soon will be."""


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
        self._beside: set[Worker] = set()
        """Those that are to take a place, and those that have been dismissed."""
        self._keeping: list[asyncio.Task[None]] = []
        self._leaving: set[asyncio.Task[None]] = set()
        """One for each that has been dismissed: replaced, or not needed after all."""
        self._renew_asked = asyncio.Event()
        self._to_renew: set[int] = set()
        self._spawning = asyncio.Lock()
        self._stop = asyncio.Event()
        self._draining = False
        self._watch = Watch(self._places.items, log)
        self.reports = Reports()
        """The numbers of all that are and have been."""
        self.died = 0
        """Workers that have ended unasked, or that were asked and did not in order."""

    @property
    def serving(self) -> int:
        """How many places have a worker that serves."""
        return sum(worker.serving.is_set() for worker in self._places.values())

    def start(self, sockets: list[socket.socket], spool: Foothold) -> None:
        """Fill every place, and keep it filled; `sockets` are what they serve, and
        closed by `stop`. `spool`: the place of this process there."""
        self._sockets = sockets
        self._spool = spool
        for place in range(1, self._config.workers + 1):
            self._keeping.append(asyncio.ensure_future(self._keep(place)))
        self._renewing = asyncio.ensure_future(self._renew_whenever_asked())
        self._watching = asyncio.ensure_future(self._watch.run())

    async def count(self) -> list[dict[str, int]]:
        """What each of them has in flight."""
        workers = self._all()
        return await asyncio.gather(*(worker.count() for worker in workers))

    async def hands(self) -> list[Hands]:
        """What each of them has in its hands."""
        told = await asyncio.gather(*(worker.show() for worker in self._all()))
        return [one for one in told if one is not None]

    async def begun(self) -> None:
        """Wait until one of them serves."""
        while not self.serving:  # noqa: ASYNC110 - workers come and go meanwhile
            await asyncio.sleep(BEGINS_S)

    async def is_awake(self) -> bool:
        """One of those that serve, at least, is not stuck."""
        serving = [one for one in self._places.values() if one.serving.is_set()]
        return any(await asyncio.gather(*(worker.is_awake() for worker in serving)))

    def reopen(self) -> None:
        """Have all of them open the log anew."""
        for worker in self._all():
            worker.tell("reopen")

    def drain(self) -> None:
        self._draining = True
        for worker in self._all():
            worker.tell("drain")

    def count_behind(self, shard: str) -> None:
        """Have all of them do so, see ``Road``."""
        for worker in self._all():
            worker.count_behind(shard)

    def look(self) -> None:
        """Have all of them look for new certificates."""
        for worker in self._all():
            worker.tell("look")

    async def settle(self, config: Config) -> None:
        """Have all of them go by `config`, and those that come."""
        self._config = config
        told = config.model_dump(mode="json")
        workers = self._all()
        settled = await asyncio.gather(*(worker.settle(told) for worker in workers))
        for worker, why in zip(workers, settled, strict=True):
            if why is None:
                continue
            for place, one in self._places.items():
                if one is worker:
                    self._log.error("worker not settled", worker=place, why=why)
                    self._to_renew.add(place)
                    self._renew_asked.set()

    def renew(self) -> None:
        """Replace one worker after the other, soon; no connection is refused."""
        self._to_renew.update(self._places)
        self._renew_asked.set()

    async def stop(self, grace_s: float) -> None:
        """Have them stop in order, and wait until they have."""
        self._stop.set()
        self._renew_asked.set()
        self._watching.cancel()
        for worker in self._all():
            worker.tell("stop")
        await self._close_sockets()
        beside = [worker.end for worker in self._beside]
        ends = [*self._keeping, self._renewing, self._watching, *beside]
        _, late = await asyncio.wait(ends, timeout=grace_s + LATE_S)
        if late:
            self._log.error("workers killed that did not stop", workers=len(late))
            self.kill()
            await asyncio.wait(late)
        await asyncio.gather(*self._leaving)

    async def _close_sockets(self) -> None:
        """As soon as nobody is being given them: a successor waits for the address."""
        async with self._spawning:
            for sock in self._sockets:
                sock.close()

    def kill(self) -> None:
        """End all of them at once."""
        for worker in self._all():
            worker.kill()

    def _all(self) -> list[Worker]:
        return [*self._places.values(), *self._beside]

    async def _keep(self, place: int) -> None:
        """Have a worker in `place` until told to stop."""
        loop = asyncio.get_running_loop()
        pause_s = FIRST_PAUSE_S
        while not self._stop.is_set():
            began = loop.time()
            try:
                what, told = await self._fill(place)
            except _StoppingError:
                return
            except Exception as exc:  # noqa: BLE001 - it must not stay empty for good
                what, told = "worker not kept", {"exc_info": exc}
                if place in self._places:
                    self._places.pop(place).kill()
            if self._stop.is_set():
                return
            if loop.time() - began >= SETTLED_S:
                pause_s = FIRST_PAUSE_S
            self._log.error(what, worker=place, **told, again_in_s=pause_s)
            try:
                async with asyncio.timeout(pause_s):
                    await self._stop.wait()
            except TimeoutError:
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _fill(self, place: int) -> tuple[str, dict[str, Any]]:
        """Have a worker in `place`, or its successors, until there is none any more:
        what became of it, in words for the log.

        Raises:
            _StoppingError: none is to be started any more.
        """
        try:
            worker, code = await self._filled(place)
        except OSError as exc:
            return "worker not started", {"error": exc.strerror}
        if not self._stop.is_set():
            self._count_lost()
        return _end_of(worker), {"code": code}

    def _count_lost(self) -> None:
        self.died += 1
        self._lost()

    async def _filled(self, place: int) -> tuple[Worker, int]:
        """Start a worker in `place`; the last one there, with its exit code.

        Raises:
            OSError: the machine has no process or no descriptor to spare.
            _StoppingError: none is to be started any more.
        """
        worker = self._places[place] = await self._started(place)
        code = await worker.end
        while self._places[place] is not worker:
            # It has been replaced meanwhile.
            worker = self._places[place]
            code = await worker.end
        del self._places[place]
        return worker, code

    async def _renew_whenever_asked(self) -> None:
        while True:
            await self._renew_asked.wait()
            self._renew_asked.clear()
            if self._stop.is_set():
                return
            places = sorted(self._to_renew)
            self._to_renew.clear()
            self._log.info("renewing workers", workers=len(places))
            for place in places:
                if place in self._places and not self._stop.is_set():
                    await self._renew(place)

    async def _renew(self, place: int) -> None:
        """Put another worker into `place`, once it serves."""
        old = self._places[place]
        try:
            new = await self._started(place)
        except _StoppingError:
            return
        except OSError as exc:
            self._log.error("worker not replaced", worker=place, error=exc.strerror)
            return
        self._beside.add(new)
        new.end.add_done_callback(lambda _: self._beside.discard(new))
        await new.begins()
        if self._stop.is_set():
            # It has been told so, like all of them.
            await new.end
            return
        if self._places.get(place) is not old or not new.serving.is_set():
            self._log.error("worker not replaced", worker=place)
            self._dismiss(new, place)
            return
        self._places[place] = new
        self._beside.discard(new)
        self._beside.add(old)
        old.end.add_done_callback(lambda _: self._beside.discard(old))
        self._dismiss(old, place)

    def _dismiss(self, worker: Worker, place: int) -> None:
        """Have one stop that has no place, in order: it may have begun to serve, though
        nobody has heard of it, and have uploads in its hands."""
        worker.tell("stop")
        leaving = asyncio.ensure_future(self._see_off(worker, place))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _see_off(self, worker: Worker, place: int) -> None:
        """Wait until one that was told to stop has. Nobody else asks any more whether
        it hangs, and what it holds would be out of reach for good; nor how it ended."""
        grace_s = self._config.shutdown_grace
        await asyncio.wait([worker.end], timeout=grace_s + LATE_S)
        if not worker.end.done():
            self._log.error(
                "worker killed that did not stop", worker=place, pid=worker.pid
            )
            worker.kill()
        code = await worker.end
        if code != 0 and not self._stop.is_set():
            self._log.error(_end_of(worker), worker=place, pid=worker.pid, code=code)
            self._count_lost()

    async def _started(self, place: int) -> Worker:
        """Raises OSError, _StoppingError."""
        order = self._order(place)
        kept = [*(sock.fileno() for sock in self._sockets), self._spool.lock]
        ours, its = socket.socketpair()
        try:
            with its:
                # One at a time: in between, signals to the group are blocked here.
                async with self._spawning:
                    self._check_going_on()
                    process = await _spawned(its.fileno(), kept)
        except BaseException:  # cancelled too: the socket is nobody's yet
            ours.close()
            raise
        wire = await Wire.over(ours)
        # Now, not before: whatever is settled from here on it is told by `settle`.
        wire.say({**order, "config": self._config.model_dump(mode="json")})
        worker = Worker(process, wire, self._log.bind(worker=place))
        self.reports.of(worker)
        self._log.info("worker started", worker=place, pid=worker.pid)
        if self._draining:
            worker.tell("drain")
        if self._stop.is_set():
            worker.tell("stop")
        return worker

    def _check_going_on(self) -> None:
        """Raises _StoppingError."""
        if self._stop.is_set():
            raise _StoppingError

    def _order(self, place: int) -> dict[str, Any]:
        """What a worker has to know, beside the configuration, which it has as that was
        checked: its file may say something else by now."""
        return {
            "lock": self._spool.lock,
            "spool": self._spool.directory,
            "worker": place,
            "share": self._share,
            "sockets": [sock.fileno() for sock in self._sockets],
        }


def _end_of(worker: Worker) -> str:
    """In words for the log."""
    return "worker died" if worker.has_served else "worker ended before it served"


async def _spawned(wire: int, kept: list[int]) -> asyncio.subprocess.Process:
    """A worker's process, deaf to signals to the group from its first moment on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, GROUP_SIGNALS)
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "proxy.worker",
            str(wire),
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=[wire, *kept],
            env={**os.environ, "PYTHONPATH": _where_we_are_from()},
        )
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, GROUP_SIGNALS)


def _where_we_are_from() -> str:
    """The places of our own modules: those of a worker, wherever we were started."""
    ours = str(Path(__file__).parent.parent)
    entries = [entry for entry in sys.path if entry]
    return os.pathsep.join(entries if ours in entries else [ours, *entries])
