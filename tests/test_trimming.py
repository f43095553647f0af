"""Memory is given back when much of it is free, and only then."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.trimming import HEAP, LEAST, Heap, Trimming, find_heap

from .kit.bounds import until

CROWD = """
from proxy.trimming import HEAP, resident
crowd = [bytes(8000) for _ in range(4000)]
crowd = crowd[::8]
free, before = HEAP.free(), resident()
HEAP.trim()
print(free, before - resident())
"""
"""Blocks of 8 KB, as the first bytes of uploads are, 32 MB of them; one in eight
stays, so that the others are holes."""


class Process:
    """One that grows and shrinks as it is told."""

    def __init__(self) -> None:
        self.size, self.free, self.trims = 10 * LEAST, 0, 0
        self.heap = Heap(lambda: self.free, self._trim)
        self.trimming = Trimming(self.heap, lambda: self.size)

    def _trim(self) -> None:
        self.trims += 1
        self.size -= self.free  # which counts as free all the same

    async def look(self) -> int:
        """How often it has been trimmed by now."""
        await self.trimming.look(self.heap)
        return self.trims


async def test_what_a_crowd_has_left_is_given_back_once() -> None:
    process = Process()
    process.trimming._least = process.size
    process.size += 3 * LEAST
    assert await process.look() == 0  # all of it is in use
    process.free = 2 * LEAST
    assert [await process.look() for _ in range(3)] == [1, 1, 1]
    process.size += LEAST
    assert await process.look() == 2


async def test_little_is_left_alone() -> None:
    process = Process()
    process.trimming._least = process.size
    process.free = 5 * LEAST
    process.size += LEAST - 1
    assert await process.look() == 0
    process.size -= 2 * LEAST
    assert await process.look() == 0
    process.size += LEAST - 1  # since it was smallest
    assert await process.look() == 0
    process.size += 1
    assert await process.look() == 1


async def test_it_looks_until_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.trimming.PAUSE_S", 0.0)
    process = Process()
    running = asyncio.create_task(process.trimming.run())
    await asyncio.sleep(0)
    process.size, process.free = 12 * LEAST, LEAST

    async def trimmed() -> bool | None:
        return process.trims == 1 or None

    await until(trimmed)
    running.cancel()
    await asyncio.wait([running])


async def test_a_look_that_fails_is_not_the_last_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without descriptors, which is when a crowd is there."""
    monkeypatch.setattr("proxy.trimming.PAUSE_S", 0.0)
    process, looks = Process(), 0

    def resident() -> int:
        nonlocal looks
        looks += 1
        if looks == 2:
            process.size, process.free = 20 * LEAST, LEAST
            raise OSError(errno.EMFILE, "too many open files")
        return process.size

    running = asyncio.create_task(Trimming(process.heap, resident).run())

    async def trimmed() -> bool | None:
        return process.trims > 0 or None

    await until(trimmed)
    running.cancel()
    await asyncio.wait([running])


async def test_nothing_is_done_where_nobody_can_be_asked(tmp_path: Path) -> None:
    class Musl:
        malloc_trim = None

    assert find_heap(Musl()) is None
    assert find_heap(object()) is None
    await Trimming(None).run()


@pytest.mark.skipif(HEAP is None, reason="not a C library that can be asked")
def test_this_system_gives_back_what_lies_between() -> None:
    """In a process of its own, where nothing else has left holes."""
    assert find_heap(object(), Path("/proc/self/none")) is None
    told = subprocess.run(
        [sys.executable, "-c", CROWD], capture_output=True, text=True, check=True
    )
    free, given_back = map(int, told.stdout.split())
    assert free >= 16 * 2**20
    assert given_back >= 16 * 2**20
