"""Tiers over a disk whose calls are written down, and uploads on their short road."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.core.upload import State, Token, Upload
from proxy.spool import patience
from proxy.spool.disk import DiskSpool
from proxy.spool.tiers import TieredSpool

from ..samples import ANSWER, BOOT, keep_answer, stored, tiered
from ..system import BOUND_S, Calls


@pytest.fixture
def disk(tmp_path: Path, calls: Calls) -> DiskSpool:
    below = DiskSpool(tmp_path, boot_id=BOOT)
    calls.made.clear()
    return below


@pytest.fixture
async def spool(disk: DiskSpool) -> AsyncIterator[TieredSpool]:
    both = tiered(disk)
    yield both
    both.close()


async def complete(spool: TieredSpool, body: bytes = b"12345") -> Upload:
    """An upload that waits for its forward."""
    return await stored(spool, body, state=State.COMPLETE, length=len(body))


async def forwarding(spool: TieredSpool) -> Upload:
    """An upload that is being forwarded."""
    begun = replace(await complete(spool), state=State.FORWARDING, attempts=1)
    await spool.save(begun, durable=True)
    return begun


async def answered(spool: TieredSpool, content: bytes = b"answer") -> Upload:
    """An upload whose answer has been given."""
    told = replace(
        await forwarding(spool),
        state=State.RESPONDED,
        answer=replace(ANSWER, size=len(content)),
        answered_at=3000.0,
    )
    await spool.save(told, durable=True)
    keep_answer(spool, told.token, content)
    await spool.drop_body(told.token)
    return told


def is_below(spool: TieredSpool, token: Token) -> bool:
    return token in set(spool.disk.tokens())


def no_space() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 0.01)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_S):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.001)
