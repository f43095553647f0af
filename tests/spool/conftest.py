"""What tests of spools are given: every kind of spool, and the calls that it makes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from proxy.spool.disk import DiskSpool, Sync
from proxy.spool.memory import MemorySpool
from proxy.spool.tiers import TieredSpool

from .samples import BOOT, tiered
from .system import Calls


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(tmp_path, monkeypatch)


@pytest.fixture(
    params=["disk", "never", "memory", "tiers", "tiers of 4 bytes", "shared tiers"]
)
async def spool(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[DiskSpool | MemorySpool | TieredSpool]:
    """One of every kind, for what all promise; tests of one kind have their own."""
    if request.param == "memory":
        yield MemorySpool()
        return
    sync: Sync = "never" if request.param == "never" else "acknowledged"
    disk = DiskSpool(tmp_path, boot_id=BOOT, sync=sync)
    tiers = partial(tiered, disk)
    match request.param:
        case "tiers":
            spool: DiskSpool | TieredSpool = tiers()
        case "tiers of 4 bytes":
            spool = tiers(threshold=4)
        case "shared tiers":
            spool = tiers(shared=True)
        case _:
            spool = disk
    yield spool
    spool.close()
