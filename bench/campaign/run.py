"""One campaign, from the first process to the last verdict.

Clients take the next upload as they come free; beside them the proxy and the origin are
killed and restarted. When all have ended the proxy is killed once more and asked about
every upload, then stopped, and the origin's ledger read. The one invariant: whatever
was started is ended, however the campaign ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.kit.process import ProxyProcess

from .audit import Audit
from .choices import Choices
from .disturbances import Disturber, OriginProcess, Progress, chosen
from .history import Figures, History, Timeline, World, clock
from .origin import read_ledger
from .report import Report, Setting, file_system_of, report_of
from .speaker import Speaker
from .standby import StandbyProxy
from .uploader import Uploader

_GRACE_S: Final = 1
MEMORY: Final = 2**20
"""Bytes of an upload that may stay in memory until an offset is told, unless the
order says otherwise."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a campaign."""

    uploads: int
    kills: int
    """kill -9 of the proxy, but for the last one, before the verdict. A fifth as many
    stops by SIGTERM come beside them, and as many kills of the origin."""
    seed: int
    clients: int
    """Uploads at a time."""
    sync: str
    workers: int
    """Processes of the proxy that serve; 1: it does so itself."""
    memory_threshold: int | None
    """The setting `spool.memory_threshold`; None: the proxy's own."""
    bound_s: float
    """Seconds after which no upload is begun any more."""
    directory: Path
    """For spool, log and ledger; empty."""
    command: str
    """For the report."""
    power: bool = False
    """What is called a kill is a loss of power: what was not told of may be gone."""


class Campaign:
    """Carries out an order."""

    def __init__(
        self,
        order: Order,
        proxy: Callable[[Path, dict[str, Any]], ProxyProcess] = StandbyProxy,
    ) -> None:
        """`proxy`: made of its directory and settings."""
        self.timeline = Timeline()
        self.histories: list[History] = []
        """Of the uploads that were begun, in order."""
        self._order = order
        self._figures = Figures()
        self._progress = Progress()
        self._bytes = 0
        self._origin = OriginProcess(order.directory / "ledger", order.seed)
        self.proxy = proxy(order.directory, _settings(order, self._origin))
        memory = MEMORY if order.memory_threshold is None else order.memory_threshold
        self._world = World(self.timeline, memory, power=order.power)
        self._disturber = Disturber(
            self.proxy,
            self._origin,
            self.timeline,
            Random(f"{order.seed} disturbances"),
        )

    async def run(self) -> Report:
        """All of it."""
        began = clock()
        async with self._processes():
            await self._upload_all()
            await self._disturber.kill()
            audit = Audit(self._order.seed, self.histories)
            await audit.ask_all(self.proxy.address, self.proxy.spool)
            await self.proxy.terminate()
            seen = read_ledger(self._origin.ledger)
            audit.compare(seen)
        order = self._order
        setting = Setting(
            command=order.command,
            date=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
            file_system=file_system_of(order.directory),
            sync=order.sync,
            workers=order.workers,
            clients=order.clients,
            wanted=order.uploads,
            bytes_of_bodies=self._bytes,
            duration_s=clock() - began,
        )
        return report_of(
            setting,
            self.histories,
            self._figures,
            self._disturber.counts,
            seen,
            self.proxy.log,
        )

    @asynccontextmanager
    async def _processes(self) -> AsyncIterator[None]:
        try:
            await self._origin.start()
            await self.proxy.start()
            yield
        finally:
            await self.proxy.end()
            await self._origin.kill()

    async def _upload_all(self) -> None:
        order = self._order
        chance = Random(f"{order.seed} acts")
        acts = chosen(order.kills, chance, workers=order.workers)
        numbers = iter(range(order.uploads))
        until = clock() + order.bound_s

        async def client() -> None:
            for number in numbers:
                if clock() > until:
                    return
                await self._upload(number)
                await self._progress.step()

        async def clients() -> None:
            async with asyncio.TaskGroup() as group:
                for _ in range(order.clients):
                    group.create_task(client())
            await self._progress.close()

        async with asyncio.TaskGroup() as group:
            group.create_task(self._disturber.run(acts, order.uploads, self._progress))
            group.create_task(clients())

    async def _upload(self, number: int) -> None:
        history = History(number, self._figures, self._world)
        self.histories.append(history)
        choices = Choices(self._order.seed, number)
        self._bytes += choices.size
        async with asyncio.TaskGroup() as group:
            speaker = Speaker(self.proxy.address, history, group)
            await Uploader(choices, history, speaker).run()


def _settings(order: Order, origin: OriginProcess) -> dict[str, Any]:
    """Short times, so that a campaign meets what else takes minutes."""
    spool: dict[str, Any] = {
        "directory": str(order.directory / "spool"),
        "sync": order.sync,
    }
    if order.memory_threshold is not None:
        spool["memory_threshold"] = order.memory_threshold
    workers = {} if order.workers == 1 else {"workers": order.workers}
    return workers | {
        "origin": {
            "url": origin.address,
            "connect_timeout": "1s",
            "response_timeout": "2s",
            "retry_for": "1s",
        },
        "uploads": {"idle_timeout": "5s"},
        "shutdown_grace": f"{_GRACE_S}s",
        "spool": spool,
        "log": {"format": "json"},
    }


def evidence(campaign: Campaign) -> list[str]:
    """Of every upload that something was wrong with: all that is known."""
    log = campaign.proxy.log.splitlines()
    lines: list[str] = []
    for history in campaign.histories:
        if not history.violations:
            continue
        lines += ["", f"upload {history.number}:"]
        lines += history.lines(campaign.timeline)
        paths = [one.path for one in history.tries if one.path is not None]
        for token in (path.rpartition("/")[2] for path in paths):
            lines += [f"the proxy on {token[:6]}:"]
            lines += [line for line in log if f'"{token[:6]}' in line]
    return lines
