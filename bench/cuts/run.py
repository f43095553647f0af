"""The proxy, the workers and the sum.

The one invariant: whatever was started is ended, however it goes.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from signal import SIGCONT, SIGSTOP
from typing import Any, Final

from bench.campaign.report import file_system_of
from tests.kit.process import COMMAND, ProxyProcess, free_port

from .choices import KINDS
from .worker import Found, Sum

PAUSE_EVERY_S: Final = 0.1
LONGEST_PAUSE_S: Final = 0.04
IDLE_TIMEOUT: Final = "400ms"
"""After which a stalled transfer is ended."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for."""

    cuts: int
    seed: int
    clients: int
    """Worker processes, each with one transfer at a time."""
    directory: Path
    """For the spool; empty."""
    command: str
    program: Sequence[str] = COMMAND
    """What is given the arguments of ``upload-proxy``."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it."""

    order: Order
    seconds: float
    found: Found
    date: str

    @property
    def good(self) -> bool:
        """Not a byte was lost, and nothing was odd."""
        return not (self.found.odd or self.total.lost)

    @property
    def total(self) -> Sum:
        total = Sum()
        for entry in self.found.kinds.values():
            _add(total, entry)
        return total

    def as_markdown(self) -> str:
        """A table with a row for each kind of cut, and what it was made with."""
        rows = [(kind, self.found.kinds.get(kind, Sum())) for kind in KINDS]
        lines = [
            f"`{self.order.command}`, ended {self.date} after {self.seconds:.0f} s; "
            f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, "
            f"Python {platform.python_version()}, spool on "
            f"{file_system_of(self.order.directory)}; {self.found.uploads} uploads.",
            "",
            "| cut by | cuts | in creations | chunked | with Expect "
            "| bytes received | bytes kept | bytes lost | bytes lost per cut |",
            "|---|---|---|---|---|---|---|---|---|",
            *(_row(name, entry) for name, entry in [*rows, ("all", self.total)]),
        ]
        return "\n".join([*lines, *self.found.losses, *self.found.odd]) + "\n"


async def run(order: Order) -> Report:
    """Make all the cuts."""
    proxy = ProxyProcess(order.directory, _settings(), command=order.program)
    loop = asyncio.get_running_loop()
    await proxy.start()
    began = loop.time()
    try:
        shares = [
            order.cuts // order.clients + (first < order.cuts % order.clients)
            for first in range(order.clients)
        ]
        async with asyncio.TaskGroup() as group:
            working = [
                group.create_task(_work(order, proxy, first, share))
                for first, share in enumerate(shares)
            ]
            pausing = group.create_task(_pause_now_and_then(proxy, order.seed))
            await asyncio.wait(working)
            pausing.cancel()
    finally:
        await proxy.end()
    found = Found()
    for task in working:
        _gather(found, task.result())
    date = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    return Report(order, loop.time() - began, found, date)


async def _pause_now_and_then(proxy: ProxyProcess, seed: int) -> None:
    """Take the processor away from the proxy, as a busy machine does, so that content
    and the end of its connection come at one time."""
    chance = Random(f"{seed} pauses")
    while True:
        await asyncio.sleep(chance.random() * 2 * PAUSE_EVERY_S)
        proxy.signal(SIGSTOP)
        try:
            await asyncio.sleep(chance.random() * LONGEST_PAUSE_S)
        finally:
            proxy.signal(SIGCONT)


async def _work(
    order: Order, proxy: ProxyProcess, first: int, cuts: int
) -> dict[str, Any]:
    """What one worker has found."""
    numbers = order.seed, first, order.clients, cuts
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.cuts.worker", proxy.address, str(proxy.spool)),
        *map(str, numbers),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        said, _ = await worker.communicate()
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
    if worker.returncode:
        raise RuntimeError(f"worker {first} ended with {worker.returncode}")
    found: dict[str, Any] = json.loads(said)
    return found


def _gather(found: Found, told: dict[str, Any]) -> None:
    found.uploads += told["uploads"]
    found.losses += told["losses"]
    found.odd += told["odd"]
    for kind, entry in told["kinds"].items():
        _add(found.kinds.setdefault(kind, Sum()), Sum(**entry))


def _add(total: Sum, entry: Sum) -> None:
    for name in Sum.__dataclass_fields__:
        setattr(total, name, getattr(total, name) + getattr(entry, name))


def _row(name: str, entry: Sum) -> str:
    per_cut = entry.lost / entry.cuts if entry.cuts else 0.0
    numbers = (
        entry.cuts,
        entry.in_creations,
        entry.chunked,
        entry.expecting,
        entry.received,
        entry.kept,
        entry.lost,
    )
    return (
        "| " + " | ".join([name, *(f"{n:,}" for n in numbers), f"{per_cut:g}"]) + " |"
    )


def _settings() -> dict[str, Any]:
    """No origin is needed: no upload comes to its end."""
    return {
        "origin": {"url": f"http://127.0.0.1:{free_port()}"},
        "uploads": {"idle_timeout": IDLE_TIMEOUT},
        # so that X-Upload-Interim is believed
        "trusted_proxies": ["127.0.0.1"],
        "log": {"level": "error"},
    }
