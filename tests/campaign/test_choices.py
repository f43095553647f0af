"""A campaign can be done again: what it chooses, and what it writes down."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bench.campaign.choices import Choices
from bench.campaign.history import Figures, History, Try
from bench.campaign.origin import (
    CampaignOrigin,
    read_ledger,
)
from tests.kit.client import Client

SEED = 1


def test_choices_are_those_of_the_seed() -> None:
    first, again, other = (Choices(seed, 3) for seed in (5, 5, 6))
    assert first.body == again.body != other.body
    assert [first.sending(100) for _ in range(9)] == [
        again.sending(100) for _ in range(9)
    ]


async def test_the_origin_writes_down_what_came(tmp_path: Path) -> None:
    """Before it answers, and what it meets is the same each time."""
    faults = []
    for turn in ("a", "b"):
        ledger = tmp_path / turn
        origin = CampaignOrigin(0, ledger, SEED)
        await origin.start()
        client = Client(origin.address)
        length = ("Content-Length", "4")
        await client.ask("PUT", "/", ("X-Campaign-Key", "3.0"), length, sends=b"body")
        await client.close()
        await origin.stop()
        seen = read_ledger(ledger)[0]
        assert (seen.key, seen.method, seen.announced) == ("3.0", "PUT", 4)
        assert seen.sha256 == hashlib.sha256(b"body").hexdigest()
        assert seen.complete
        assert origin.requests == []
        faults.append(seen.fault)
    assert faults == ["answers"] * 2


def test_a_try_has_a_key_of_its_own() -> None:
    history = History(0, Figures())
    history.begin()
    assert history.begin() == Try("0.1")
