"""Write-back that starts early, and what the kernel tells of bytes that it lost."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar

import pytest

from proxy.core.errors import SpoolError
from proxy.core.upload import Token
from proxy.spool import dirty, writeback
from proxy.spool.disk import DiskSpool
from proxy.spool.threads import DiskThreads
from proxy.spool.writeback import CLOSE, RELAXED, Pace
from proxy.spool.writer import DiskWriter, Durability

from ..samples import BOOT
from ..system import BOUND_S, SlowDisk
from .conftest import no_descriptor, token_of

MIB = 2**20
T = TypeVar("T")


class _Call:
    """Stands for a call of a library, which fails with an error of the system."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __call__(self, *arguments: int) -> int:
        ctypes.set_errno(self._number)
        return -1 if self._number else 0


@pytest.mark.parametrize(
    ("number", "lost"),
    [(0, False), (errno.EIO, True), (errno.ENOSPC, True), (errno.ESPIPE, False)],
)
def test_what_counts_as_lost(number: int, lost: bool) -> None:
    library = SimpleNamespace(sync_file_range=_Call(number))
    has_lost = writeback.find_has_lost(library)
    assert has_lost is not None
    assert has_lost(0) == lost


def test_a_library_that_cannot_be_asked() -> None:
    assert writeback.find_has_lost(object()) is None


class Clock:
    """The time by which writers pause."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("proxy.spool.writer.time", clock)
    return clock


Wrote = tuple[int, int]


class Ranges:
    """Write-back as it was started, and that its descriptor was good."""

    def __init__(self) -> None:
        self.started: list[Wrote] = []
        self._any = threading.Semaphore(0)

    def __call__(self, fd: int, offset: int, size: int) -> None:
        os.fstat(fd)
        self.started.append((offset, size))
        self._any.release()

    async def wait(self) -> None:
        assert await asyncio.to_thread(self._any.acquire, timeout=BOUND_S)


async def test_write_back_starts_when_much_is_dirty(
    write_to: Callable[..., DiskWriter],
) -> None:
    ranges = Ranges()
    writer = write_to(start_range=ranges)
    writer.write(b"x" * 99)
    assert ranges.started == []
    writer.write(b"x" * 31)
    await ranges.wait()
    async with asyncio.timeout(BOUND_S):
        while len(ranges.started) < 2:
            await asyncio.sleep(0)  # until the loop has heard that the first is over
            writer.write(b"x" * 50)
    first, (offset, size) = ranges.started
    assert (first, offset) == ((0, 130), 130)
    assert size >= 100
    writer.close()


async def test_write_back_waits_for_what_may_be_over_soon(
    write_to: Callable[..., DiskWriter],
) -> None:
    """But not for more than may be dirty."""
    ranges = Ranges()
    writer = write_to(Pace(start=100, pause_s=3600.0, most=250), start_range=ranges)
    for _ in range(24):
        writer.write(b"x" * 10)
    assert ranges.started == []
    writer.write(b"x" * 10)
    await ranges.wait()
    assert ranges.started == [(0, 250)]
    writer.close()


async def test_what_may_be_dirty_is_less_than_a_step(
    write_to: Callable[..., DiskWriter],
) -> None:
    ranges = Ranges()
    writer = write_to(Pace(start=100, pause_s=3600.0, most=50), start_range=ranges)
    writer.write(b"x" * 49)
    assert ranges.started == []
    writer.write(b"x")
    await ranges.wait()
    assert ranges.started == [(0, 50)]
    writer.close()


class AtOnce(DiskThreads):
    """What is begun is over at once."""

    def begin(self, act: Callable[[], T]) -> asyncio.Future[T]:
        over: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        over.set_result(act())
        return over


async def test_once_its_pause_is_over_write_back_starts(
    write_to: Callable[..., DiskWriter], clock: Clock
) -> None:
    """And pauses again."""
    ranges = Ranges()
    pace = Pace(start=100, pause_s=2.0)
    writer = write_to(pace, start_range=ranges, threads=AtOnce())
    for _ in range(10):
        clock.now += 0.5
        writer.write(b"x" * 100)
        await asyncio.sleep(0)  # the loop hears that it is over
    assert ranges.started == [(0, 400), (400, 400)]
    writer.close()


async def test_what_a_sync_covers_is_not_dirty(
    write_to: Callable[..., DiskWriter], clock: Clock
) -> None:
    """And the disk has been at work."""
    ranges = Ranges()
    pace = Pace(start=100, pause_s=2.0, most=250)
    writer = write_to(pace, start_range=ranges)
    writer.write(b"x" * 200)
    clock.now += 1.9
    await writer.sync()
    clock.now += 1.9
    writer.write(b"x" * 240)
    assert ranges.started == []
    writer.write(b"x" * 10)
    await ranges.wait()
    assert ranges.started == [(0, 450)]
    writer.close()


@pytest.mark.parametrize(
    ("background", "step", "most"),
    [
        (None, 256 * MIB, None),
        (2**40, 256 * MIB, 2**39),
        (100 * MIB, 50 * MIB, 50 * MIB),
        (MIB, 16 * MIB, 16 * MIB),
    ],
)
def test_a_pace_keeps_within_what_may_be_dirty(
    background: int | None, step: int, most: int | None
) -> None:
    pace = RELAXED.within(background)
    assert (pace.step, pace.most) == (step, most)


async def test_write_back_needs_no_sync(write_to: Callable[..., DiskWriter]) -> None:
    ranges = Ranges()
    writer = write_to(start_range=ranges, syncs=False)
    writer.write(b"x" * 100)
    await ranges.wait()
    writer.close()


async def test_write_back_is_only_advice(
    write_to: Callable[..., DiskWriter], monkeypatch: pytest.MonkeyPatch
) -> None:
    ranges = Ranges()
    writer = write_to(start_range=ranges)
    monkeypatch.setattr(os, "dup", no_descriptor)
    writer.write(b"x" * 100)
    assert (writer.offset, ranges.started) == (100, [])
    writer.close()


async def test_without_write_back_a_sync_is_begun_instead(
    write_to: Callable[..., DiskWriter], disk: SlowDisk
) -> None:
    writer = write_to(start_range=None)
    writer.write(b"x" * 100)
    await disk.arrival()
    writer.write(b"x" * 100)  # one at a time is enough
    syncing = asyncio.create_task(writer.sync())
    disk.let_go(2)
    async with asyncio.timeout(BOUND_S):
        assert await syncing == 200
    assert disk.begun == 2
    writer.close()


async def test_without_write_back_nothing_is_begun_where_nothing_is_synced(
    write_to: Callable[..., DiskWriter], disk: SlowDisk
) -> None:
    writer = write_to(start_range=None, syncs=False)
    writer.write(b"x" * 1000)
    assert await writer.sync() == 1000
    assert disk.begun == 0
    writer.close()


async def test_a_sync_begun_early_that_fails_ends_the_writer(
    write_to: Callable[..., DiskWriter], disk: SlowDisk
) -> None:
    doubted = threading.Event()
    writer = write_to(start_range=None, doubt=lambda token: doubted.set())
    disk.fails = True
    writer.write(b"x" * 100)
    await disk.arrival()
    syncing = asyncio.create_task(writer.sync())
    disk.let_go()
    async with asyncio.timeout(BOUND_S):
        with pytest.raises(SpoolError, match="Input/output"):
            await syncing
    assert doubted.is_set()
    with pytest.raises(SpoolError):
        writer.write(b"x")


async def test_a_start_that_the_drive_holds_up_is_one_for_all_that_comes_meanwhile(
    write_to: Callable[..., DiskWriter],
) -> None:
    ranges, gate = Ranges(), threading.Event()

    def held_up(fd: int, offset: int, size: int) -> None:
        assert gate.wait(BOUND_S)
        ranges(fd, offset, size)

    writer = write_to(start_range=held_up)
    for _ in range(4):
        writer.write(b"x" * 100)
    gate.set()
    await ranges.wait()
    async with asyncio.timeout(BOUND_S):
        while len(ranges.started) < 2:
            await asyncio.sleep(0)  # until the loop has heard that the first is over
            writer.write(b"x" * 100)
    assert ranges.started[0] == (0, 100)
    assert ranges.started[1][0] == 100
    assert ranges.started[1][1] >= 400
    writer.close()


async def test_a_pace_may_ask_for_syncs_beside_the_starts(
    write_to: Callable[..., DiskWriter], disk: SlowDisk
) -> None:
    """They bound what the cache of the drive holds when a client waits at the end."""
    writer = write_to(Pace(start=100, sync=200), start_range=Ranges())
    writer.write(b"x" * 100)
    assert disk.begun == 0
    writer.write(b"x" * 100)
    await disk.arrival()
    writer.write(b"x" * 300)  # never two in the air
    syncing = asyncio.create_task(writer.sync())
    disk.let_go(2)
    async with asyncio.timeout(BOUND_S):
        assert await syncing == 500
    assert disk.begun == 2
    writer.close()


async def test_only_a_body_that_is_to_be_told_is_followed_closely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dirty, "background", lambda: 100 * MIB)
    spool = DiskSpool(tmp_path, boot_id=BOOT)
    paces: list[Pace] = []

    class Noted(DiskWriter):
        def __init__(
            self, fd: int, token: Token, durability: Durability, pace: Pace
        ) -> None:
            super().__init__(fd, token, durability, pace)
            paces.append(pace)

    monkeypatch.setattr("proxy.spool.disk.DiskWriter", Noted)
    token = await token_of(spool)
    careless = DiskSpool(tmp_path, boot_id=BOOT, sync="never")
    for writer in (
        spool.writer(token),
        spool.writer(token, to_be_told=True),
        careless.writer(token, to_be_told=True),
    ):
        writer.close()
    careless.close()
    spool.close()
    relaxed = RELAXED.within(100 * MIB)
    assert paces[-3:] == [relaxed, CLOSE, relaxed]


def test_the_kernel_takes_the_advice(tmp_path: Path) -> None:
    assert writeback.start_range is not None
    fd = os.open(tmp_path / "body", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"x" * 10_000)
    assert writeback.start_range(fd, 0, 10_000) == 0
    os.close(fd)


def test_a_library_without_the_call_is_no_error() -> None:
    assert writeback.find_start_range(object()) is None
