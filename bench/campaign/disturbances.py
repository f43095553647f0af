"""Who is killed and restarted, and when: the proxy, and the origin behind it.

What comes next and how long it waits is the seed's choice; when, is counted in uploads
that have ended, so that disturbances are spread over the whole campaign however fast it
goes. The one invariant: only processes that were started here are ever signalled.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random
from signal import SIGTERM
from typing import Final, Literal

from tests.kit.bounds import until
from tests.kit.family import kill
from tests.kit.process import START_BOUND_S, ProxyProcess, free_port

from .history import Timeline

Act = Literal[
    "kill",
    "kill while starting",
    "kill while stopping",
    "kill a worker",
    "stop",
    "origin",
]

_KILLS: Final[tuple[Act, ...]] = (
    "kill",
    "kill while starting",
    "kill while stopping",
    "kill a worker",
)
_KILL_WEIGHTS: Final = (7, 1, 1, 0)
_KILL_WEIGHTS_OF_WORKERS: Final = (4, 1, 1, 6)
"""Where there are workers, half of the kills are of one of them."""

_LONGEST_PAUSE_S: Final = 0.2
"""Until the next disturbance."""
_STARTING_S: Final = (0.02, 0.6)
"""After which a start is cut short, at the least and at the most."""
STOP_BOUND_S: Final = 20.0
"""Seconds in which the proxy has to end after SIGTERM; its own grace is shorter."""


@dataclass(slots=True)
class Counts:
    """What was done."""

    kills: int = 0
    """kill -9 of the proxy, with all its workers."""
    worker_kills: int = 0
    """kill -9 of one worker."""
    stops: int = 0
    """SIGTERM that it was left to end by itself."""
    origin_kills: int = 0
    bad_exits: int = 0
    """Ends after SIGTERM with another code than 0."""


class Progress:
    """Uploads that have ended."""

    def __init__(self) -> None:
        self.ended = 0
        self._closed = False
        self._news = asyncio.Condition()

    async def step(self) -> None:
        async with self._news:
            self.ended += 1
            self._news.notify_all()

    async def close(self) -> None:
        """No more will end."""
        async with self._news:
            self._closed = True
            self._news.notify_all()

    async def reached(self, count: int) -> bool:
        """Wait until `count` have ended; False when so many never will."""
        async with self._news:
            await self._news.wait_for(lambda: self._closed or self.ended >= count)
        return self.ended >= count


class OriginProcess:
    """``python -m bench.campaign.origin`` on one port, to be killed."""

    def __init__(self, ledger: Path, seed: int) -> None:
        self.ledger = ledger
        self._port, self._seed = free_port(), seed
        self.address = f"http://127.0.0.1:{self._port}"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it takes connections."""
        self.ledger.touch()
        arguments = (str(self._port), str(self.ledger), str(self._seed))
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.campaign.origin", *arguments),
            stdin=asyncio.subprocess.PIPE,
        )
        await until(self._listens, bound_s=START_BOUND_S)

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _listens(self) -> bool | None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return None
        writer.close()
        return True


class Disturber:
    """Carries out what the seed chose."""

    def __init__(
        self,
        proxy: ProxyProcess,
        origin: OriginProcess,
        timeline: Timeline,
        chance: Random,
    ) -> None:
        self.counts = Counts()
        self._proxy = proxy
        self._origin = origin
        self._timeline = timeline
        self._chance = chance

    async def run(self, acts: list[Act], uploads: int, progress: Progress) -> None:
        """All of `acts`, spread over `uploads`."""
        for number, act in enumerate(acts):
            if not await progress.reached(
                uploads * (2 * number + 1) // (2 * len(acts))
            ):
                return
            await asyncio.sleep(self._chance.uniform(0, _LONGEST_PAUSE_S))
            await self._do(act)

    async def kill(self) -> None:
        """kill -9 of the proxy, and a start."""
        with self._timeline.death("kill -9 of the proxy"):
            await self._proxy.kill()
        self.counts.kills += 1
        await self._start()

    async def _do(self, act: Act) -> None:
        match act:
            case "kill":
                await self.kill()
            case "kill while starting":
                await self._kill_while_starting()
            case "kill a worker":
                await self._kill_worker()
            case "stop":
                await self._stop()
            case "kill while stopping":
                self._timeline.note("SIGTERM to the proxy, kill -9 soon")
                self._proxy.signal(SIGTERM)
                await asyncio.sleep(self._chance.uniform(0, 0.1))
                await self.kill()
            case "origin":
                await self._restart_origin()

    async def _kill_while_starting(self) -> None:
        """A start that is cut short, after which things have to be as before."""
        with self._timeline.death("kill -9 of the proxy"):
            await self._proxy.kill()
        try:
            async with asyncio.timeout(self._chance.uniform(*_STARTING_S)):
                await self._proxy.start()
        except TimeoutError:
            pass  # it did not get so far as to be ready
        with self._timeline.death("kill -9 of the next one in its start"):
            await self._proxy.kill()
        self.counts.kills += 2
        await self._start()

    async def _kill_worker(self) -> None:
        """One of them; the proxy itself has to make up for it."""
        workers = self._proxy.workers
        if not workers:
            # the one before was killed just now, and its heir is not there yet
            await self.kill()
            return
        worker = self._chance.choice(workers)
        with self._timeline.death(f"kill -9 of worker {worker}"):
            kill(worker)
        self.counts.worker_kills += 1

    async def _stop(self) -> None:
        with self._timeline.end("SIGTERM to the proxy"):
            self._proxy.signal(SIGTERM)
            code = await self._proxy.exited(bound_s=STOP_BOUND_S)
        self._timeline.note(f"the proxy ended with {code}")
        self.counts.stops += 1
        self.counts.bad_exits += code != 0
        await self._start()

    async def _restart_origin(self) -> None:
        self._timeline.note("kill -9 of the origin")
        await self._origin.kill()
        self.counts.origin_kills += 1
        await asyncio.sleep(self._chance.uniform(0, 1.5))
        await self._origin.start()
        self._timeline.note("the origin is up")

    async def _start(self) -> None:
        await self._proxy.start()
        self._timeline.started("the proxy is up")


def chosen(kills: int, chance: Random, *, workers: int = 1) -> list[Act]:
    """Disturbances with `kills` kills of the proxy, or of one of its workers where
    there are several, in the order they come."""
    weights = _KILL_WEIGHTS if workers == 1 else _KILL_WEIGHTS_OF_WORKERS
    others: tuple[Act, ...] = ("stop", "origin")
    acts = [act for act in others for _ in range(kills // 5)]
    left = kills
    while left > 0:
        act: Act = chance.choices(_KILLS, weights)[0] if left > 1 else "kill"
        acts.append(act)
        left -= 2 if act == "kill while starting" else 1
    chance.shuffle(acts)
    return acts
