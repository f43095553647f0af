"""Losses of power in the short form; ``python -m bench.powerloss`` is the long one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from bench.campaign.run import Campaign, Order, evidence
from bench.powerloss.machine import Machine
from tests.kit.device.volume import Volume, missing

LACKING = missing()
pytestmark = pytest.mark.skipif(LACKING is not None, reason=f"{LACKING}")


async def test_what_was_told_survives_the_power(tmp_path: Path) -> None:
    """P1, P3: nothing told is lost, nothing short or foreign is forwarded."""
    order = Order(
        uploads=16,
        kills=4,
        seed=3,
        clients=8,
        sync="acknowledged",
        workers=1,
        memory_threshold=None,
        bound_s=30,
        directory=tmp_path,
        command="in a test",
        power=True,
    )
    volume = Volume(tmp_path)
    try:
        await volume.make()
        campaign = Campaign(order, partial(Machine, volume=volume, seed=order.seed))
        report = await campaign.run()
    finally:
        await volume.detach()
    assert report.good, "\n".join(evidence(campaign))
    machine = campaign.proxy
    assert isinstance(machine, Machine)
    assert machine.losses == report.processes.kills == 5
