"""The campaign in its short form, and that it would see what it looks for."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from bench.campaign.disturbances import chosen
from bench.campaign.run import Campaign, Order, evidence


async def test_nothing_is_lost_corrupt_or_doubled(tmp_path: Path) -> None:
    """P1, P2, P3, P4, P5: kills, stops, cuts and faults of the origin, all at once."""
    order = Order(
        uploads=20,
        kills=5,
        seed=7,
        clients=12,
        sync="acknowledged",
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


@pytest.mark.parametrize("kills", [0, 1, 20])
def test_the_kills_that_were_asked_for(kills: int) -> None:
    acts = chosen(kills, Random(3))
    weighed = [act for act in acts if act not in ("stop", "origin")]
    assert len(weighed) + weighed.count("kill while starting") == kills
    assert acts.count("stop") == acts.count("origin") == kills // 5
    assert acts == chosen(kills, Random(3))
