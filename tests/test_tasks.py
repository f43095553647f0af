"""Background tasks: kept, logged when they fail, ended when asked."""

from __future__ import annotations

import asyncio
import gc

import structlog
from structlog.testing import LogCapture

from proxy.tasks import Tasks


def tasks() -> tuple[Tasks, LogCapture]:
    captured = LogCapture()
    return Tasks(structlog.wrap_logger(None, processors=[captured])), captured


async def test_a_task_nobody_holds_is_kept_until_it_has_ended() -> None:
    kept, captured = tasks()
    go, done = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        done.set()

    kept.spawn(work())
    await asyncio.sleep(0)
    gc.collect()
    go.set()
    async with asyncio.timeout(2):
        await done.wait()
    assert captured.entries == []


async def test_one_that_fails_is_logged() -> None:
    kept, captured = tasks()

    async def work() -> None:
        raise ZeroDivisionError("by zero")

    await asyncio.wait([kept.spawn(work())])
    await asyncio.sleep(0)
    assert [line["event"] for line in captured.entries] == ["task failed"]
    assert isinstance(captured.entries[0]["exc_info"], ZeroDivisionError)


async def test_all_can_be_ended() -> None:
    kept, captured = tasks()
    task = kept.spawn(asyncio.sleep(3600))
    await kept.cancel_all()
    await kept.cancel_all()
    assert task.cancelled()
    assert captured.entries == []
