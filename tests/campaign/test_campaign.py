"""The campaign in its short form, and that it would see what it looks for."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from random import Random
from signal import SIGKILL
from typing import cast

import pytest

from bench.campaign.disturbances import Disturber, OriginProcess, Progress, chosen
from bench.campaign.history import Timeline
from bench.campaign.run import Campaign, Order, evidence
from bench.campaign.standby import StandbyProxy
from tests.kit.family import descendants
from tests.kit.process import ProxyProcess


async def test_nothing_is_lost_corrupt_or_doubled(tmp_path: Path) -> None:
    """P1, P2, P3, P4, P5: kills, stops, cuts and faults of the origin, all at once."""
    order = Order(
        uploads=20,
        kills=5,
        seed=7,
        clients=12,
        sync="acknowledged",
        workers=1,
        memory_threshold=None,
        bound_s=40,
        directory=tmp_path,
        command="in a test",
    )
    campaign = Campaign(order)
    report = await campaign.run()
    assert report.good, "\n".join(evidence(campaign))
    assert report.uploads == 20
    done = report.processes
    assert (done.kills, done.stops, done.origin_kills) == (6, 1, 1)
    assert set(report.clients.cuts) == {"fin", "reset", "stall", "takeover"}
    assert 0 < report.origin_complete <= report.origin_requests
    assert report.clients.bytes_sent > 0
    assert "doubled  0" in report.as_text()
    assert "| doubled | 0 |" in report.as_markdown()


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("kills", [0, 1, 20])
def test_the_kills_that_were_asked_for(kills: int, workers: int) -> None:
    acts = chosen(kills, Random(3), workers=workers)
    weighed = [act for act in acts if act not in ("stop", "origin")]
    assert len(weighed) + weighed.count("kill while starting") == kills
    assert acts.count("stop") == acts.count("origin") == kills // 5
    assert ("kill a worker" in acts) == (workers > 1 and kills > 1)
    assert acts == chosen(kills, Random(3), workers=workers)


class _WithWorkers:
    """Stands for a proxy with workers."""

    def __init__(self, workers: list[int]) -> None:
        self.workers = workers
        self.restarts = 0

    async def kill(self) -> None:
        self.restarts += 1

    async def start(self) -> None:
        pass


async def test_a_worker_is_killed_alone() -> None:
    sleeping = await asyncio.create_subprocess_exec("sleep", "60")
    proxy, timeline = _WithWorkers([sleeping.pid]), Timeline()
    disturber = Disturber(
        cast("ProxyProcess", proxy), cast("OriginProcess", None), timeline, Random(1)
    )
    await _run(disturber)
    assert await sleeping.wait() == -SIGKILL
    assert (disturber.counts.worker_kills, disturber.counts.kills) == (1, 0)
    assert timeline.death_since(0.0)
    proxy.workers = []
    await _run(disturber)
    assert (disturber.counts.worker_kills, disturber.counts.kills) == (1, 1)
    assert proxy.restarts == 1


async def _run(disturber: Disturber) -> None:
    progress = Progress()
    await progress.step()
    await disturber.run(["kill a worker"], 1, progress)


async def test_the_next_process_waits_and_goes_with_the_others(tmp_path: Path) -> None:
    origin = {"url": "http://127.0.0.1:1"}
    proxy = StandbyProxy(tmp_path, {"origin": origin})
    others = set(descendants(os.getpid()))

    def ours() -> int:
        """A browser of other tests may be there, and starts and ends its own."""
        return len(set(descendants(os.getpid())) - others)

    await proxy.start()
    assert ours() == 2
    await proxy.restart()
    assert ours() == 2
    assert await proxy.terminate() == 0
    assert ours() == 1
    await proxy.start()
    await proxy.end()
    assert ours() == 0
