"""What lies in the spool, read while things go on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import cast

import pytest

from proxy.admin import roster as rosters
from proxy.admin.glimpse import Glimpse
from proxy.admin.roster import Roster
from proxy.operating.guest import Guest
from proxy.spool.threads import DiskThreads
from tests.kit.bounds import BOUND_S, until
from tests.spool.samples import new_token


class Clock:
    """A guest that is asked for the time only."""

    def now(self) -> float:
        return 5.0


async def test_what_changes_during_a_round_is_younger_than_the_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that was removed after it was read must not come back when the round ends."""
    one = Glimpse(new_token(), "interrupted", 0, None, 0.0, 0.0, 1.0)
    goes_on = threading.Event()
    batches = iter([[one], []])

    def next_batch(remaining: Iterator[object]) -> list[Glimpse]:
        batch = next(batches)
        assert batch or goes_on.wait(BOUND_S)
        return batch

    monkeypatch.setattr(rosters, "BATCH", 1)
    monkeypatch.setattr(rosters, "_next_batch", next_batch)
    monkeypatch.setattr(rosters, "matching", lambda guest, wanted: iter(()))
    monkeypatch.setattr(rosters, "entry_of", lambda guest, token, short: None)
    threads = DiskThreads()
    roster = Roster(cast("Guest", Clock()), threads)
    reading = asyncio.ensure_future(roster.round())

    async def is_found() -> bool | None:
        return True if roster.found else None

    await until(is_found)
    await roster.again([one.token])
    assert roster.found == {}
    goes_on.set()
    await reading
    assert (roster.found, roster.read_at) == ({}, 5.0)
    assert not roster.is_due
    roster.forget()
    assert roster.is_due
    assert roster.read_at is None
    threads.close()
