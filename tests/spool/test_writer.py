"""Syncs that are shared, syncs that fail, and write-back that starts early."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from proxy.core.errors import InDoubt, SpoolError
from proxy.core.upload import State, Token
from proxy.spool import files, writeback
from proxy.spool import reader as reader_module
from proxy.spool.disk import DiskSpool
from proxy.spool.threads import DiskThreads
from proxy.spool.writeback import CLOSE, RELAXED, Pace
from proxy.spool.writer import DiskWriter, Durability

from .samples import BOOT, append, body_of, stored
from .system import BOUND_S, SlowDisk


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[DiskSpool]:
    disk = DiskSpool(tmp_path, boot_id=BOOT)
    yield disk
    disk.close()


@pytest.fixture
async def disk(monkeypatch: pytest.MonkeyPatch) -> SlowDisk:
    return SlowDisk(monkeypatch)


async def token_of(spool: DiskSpool) -> Token:
    return (await stored(spool)).token


async def test_who_comes_before_a_sync_begins_shares_it(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    writer = spool.writer(await token_of(spool))
    async with asyncio.timeout(BOUND_S), asyncio.TaskGroup() as group:
        writer.write(b"first")
        early = [group.create_task(writer.sync()) for _ in range(3)]
        await disk.arrival()
        # the one under way cannot cover these
        writer.write(b", second")
        late = [group.create_task(writer.sync()) for _ in range(3)]
        disk.let_go(2)
    assert [task.result() for task in early] == [5, 5, 5]
    assert [task.result() for task in late] == [13, 13, 13]
    assert disk.begun == 2
    writer.close()


async def test_who_comes_later_and_has_written_nothing_shares_it_too(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    writer = spool.writer(await token_of(spool))
    writer.write(b"first")
    async with asyncio.timeout(BOUND_S), asyncio.TaskGroup() as group:
        early = group.create_task(writer.sync())
        await disk.arrival()
        late = group.create_task(writer.sync())
        disk.let_go()
    assert (early.result(), late.result(), disk.begun) == (5, 5, 1)
    writer.close()


async def test_who_comes_as_a_sync_ends_does_not_wait_for_ever(
    write_to: Callable[..., DiskWriter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flight is over, and the writer has not been told yet."""
    writer = write_to()
    over: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    monkeypatch.setattr(DiskThreads, "begin", lambda self, act: over)
    first = asyncio.create_task(writer.sync())
    await asyncio.sleep(0)
    over.set_result(0)
    async with asyncio.timeout(BOUND_S):
        assert await writer.sync() == 0
        assert await first == 0
    writer.close()


async def test_a_writer_may_be_closed_while_it_syncs(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    token = await token_of(spool)
    writer = spool.writer(token)
    writer.write(b"first")
    syncing = asyncio.create_task(writer.sync())
    await disk.arrival()
    writer.close()
    append(spool, token, b", second")
    disk.let_go()
    async with asyncio.timeout(BOUND_S):
        assert await syncing == 5
    assert body_of(spool, token) == b"first, second"


async def test_who_is_cancelled_takes_nobody_along(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    writer = spool.writer(await token_of(spool))
    writer.write(b"first")
    impatient = asyncio.create_task(writer.sync())
    patient = asyncio.create_task(writer.sync())
    await disk.arrival()
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    disk.let_go()
    async with asyncio.timeout(BOUND_S):
        assert await patient == 5
    writer.close()


async def test_a_failed_sync_fails_for_all_who_share_it(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    writer = spool.writer(await token_of(spool))
    writer.write(b"first")
    disk.fails = True
    disk.let_go(2)
    async with asyncio.timeout(BOUND_S):
        outcomes = await asyncio.gather(
            writer.sync(), writer.sync(), return_exceptions=True
        )
    assert [str(outcome) for outcome in outcomes] == [
        "the bytes cannot be made durable: Input/output error"
    ] * 2
    with pytest.raises(SpoolError):
        writer.write(b"more")
    with pytest.raises(SpoolError):
        await writer.sync()


async def test_bytes_that_a_failed_sync_left_in_doubt_are_sent_again(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    """The next sync would succeed without them: the kernel reports a loss only once."""
    disk.let_go(10)
    saved = await stored(spool, b"12345", acknowledged=5, state=State.INTERRUPTED)
    writer = spool.writer(saved.token)
    writer.write(b"in doubt")
    disk.fails = True
    with pytest.raises(SpoolError):
        await writer.sync()
    disk.fails = False
    with pytest.raises(SpoolError, match="earlier sync"):
        spool.writer(saved.token)
    assert (await spool.load(saved.token)).offset == 5
    assert body_of(spool, saved.token) == b"12345"
    append(spool, saved.token, b"again")
    assert (await spool.load(saved.token)).offset == 10


async def test_a_whole_body_in_doubt_is_neither_told_nor_sent(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    """It can still be read, until the kernel drops the pages it could not write."""
    disk.let_go(10)
    saved = await stored(spool, b"12345", state=State.COMPLETE, length=5)
    writer = spool.writer(saved.token)
    disk.fails = True
    with pytest.raises(SpoolError):
        await writer.sync()
    assert (await spool.load(saved.token)).state is State.COMPLETE
    with pytest.raises(SpoolError, match="earlier sync"):
        spool.writer(saved.token)
    with pytest.raises(SpoolError, match="may be damaged"):
        spool.reader(saved.token)
    await spool.delete(saved.token)
    await spool.create(replace(saved, state=State.RECEIVING))
    append(spool, saved.token, b"of another life")


async def test_a_body_that_was_whole_on_the_disk_before_is_sent(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    """Nothing of it can be lost by a sync that fails later."""
    disk.let_go(10)
    saved = await stored(spool, b"12345", state=State.COMPLETE, length=5)
    writer = spool.writer(saved.token)
    assert await writer.sync() == 5
    await spool.save(replace(saved, acknowledged=5), durable=True)
    disk.fails = True
    with pytest.raises(SpoolError):
        await spool.writer(saved.token).sync()
    assert body_of(spool, saved.token) == b"12345"
    writer.close()


@pytest.mark.parametrize("told_by", ["a file", "nothing"])
async def test_bytes_in_doubt_are_so_for_every_process(
    spool: DiskSpool, disk: SlowDisk, tmp_path: Path, told_by: str
) -> None:
    """Only the one that has seen the sync fail knows where the disk takes no file."""
    disk.let_go(20)
    saved = await stored(spool, b"12345", acknowledged=5, state=State.INTERRUPTED)
    writer = spool.writer(saved.token)
    writer.write(b"in doubt")
    disk.fails = True
    with pytest.MonkeyPatch.context() as patch:
        if told_by == "nothing":
            patch.setattr(files, "create", _no_space)
        with pytest.raises(SpoolError):
            await writer.sync()
    disk.fails = False
    other = DiskSpool(tmp_path, boot_id=BOOT)
    if told_by == "nothing":
        other, spool = spool, other
    with pytest.raises(SpoolError, match="earlier sync"):
        other.writer(saved.token)
    assert (await other.load(saved.token)).offset == 5
    assert (await spool.load(saved.token)).offset == 5
    for each in (spool, other):
        each.writer(saved.token).close()
    other.close()
    spool.close()


async def test_what_the_kernel_could_not_write_is_found_when_it_has_been_read(
    spool: DiskSpool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has synced it: it is told to who asks, and known to everybody from then
    on."""
    saved = await stored(spool, b"12345", state=State.COMPLETE, length=5)
    reader = spool.reader(saved.token)
    reader.check()
    monkeypatch.setattr(reader_module, "has_lost", lambda fd: True)
    assert reader.read(0, 5) == b"12345"
    with pytest.raises(InDoubt, match="the disk has failed"):
        reader.check()
    reader.close()
    monkeypatch.undo()
    other = DiskSpool(tmp_path, boot_id=BOOT)
    for each in (spool, other):
        with pytest.raises(InDoubt, match="may be damaged"):
            each.reader(saved.token)
    other.close()


async def test_an_answer_that_is_damaged_puts_no_body_in_doubt(
    spool: DiskSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = await stored(spool, b"12345", state=State.COMPLETE, length=5)
    spool.answer_writer(saved.token).close()
    reader = spool.answer_reader(saved.token)
    monkeypatch.setattr(reader_module, "has_lost", lambda fd: True)
    with pytest.raises(InDoubt):
        reader.check()
    reader.close()
    spool.reader(saved.token).close()


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


async def test_a_doubt_goes_with_its_upload(
    spool: DiskSpool, disk: SlowDisk, tmp_path: Path
) -> None:
    disk.let_go(20)
    saved = await stored(spool, b"12345", state=State.COMPLETE, length=5)
    disk.fails = True
    with pytest.raises(SpoolError):
        await spool.writer(saved.token).sync()
    assert _ends(tmp_path) == [".body", ".doubt", ".record"]
    await spool.drop_body(saved.token)
    assert _ends(tmp_path) == [".record"]
    await spool.delete(saved.token)
    assert _ends(tmp_path) == []


async def test_a_failed_sync_of_an_answer_is_its_end(
    spool: DiskSpool, disk: SlowDisk
) -> None:
    token = await token_of(spool)
    writer = spool.answer_writer(token)
    writer.write(b"answer")
    disk.fails = True
    disk.let_go()
    with pytest.raises(SpoolError):
        await writer.sync()
    append(spool, token, b"the body is in no doubt")


async def test_no_descriptor_left_is_a_failed_sync(
    spool: DiskSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = spool.writer(await token_of(spool))
    writer.write(b"first")
    with monkeypatch.context() as patch:
        patch.setattr(os, "dup", _no_descriptor)
        with pytest.raises(SpoolError, match="Too many open files"):
            await writer.sync()
    assert await writer.sync() == 5
    writer.close()


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


EVERY_100 = Pace(start=100)


@pytest.fixture
def threads() -> Iterator[DiskThreads]:
    pool = DiskThreads()
    yield pool
    pool.close()


@pytest.fixture
def write_to(tmp_path: Path, threads: DiskThreads) -> Callable[..., DiskWriter]:
    def write_to(pace: Pace = EVERY_100, **durability: object) -> DiskWriter:
        fd = os.open(tmp_path / "body", os.O_WRONLY | os.O_CREAT)
        plain = Durability(threads, _nothing, _nothing)
        return DiskWriter(fd, replace(plain, **durability), pace)  # type: ignore[arg-type]

    return write_to


async def test_write_back_starts_when_much_is_dirty(
    write_to: Callable[..., DiskWriter],
) -> None:
    ranges = Ranges()
    writer = write_to(start_range=ranges)
    writer.write(b"x" * 99)
    assert ranges.started == []
    writer.write(b"x" * 31)
    await ranges.wait()
    writer.write(b"x" * 99)
    writer.write(b"x")
    await ranges.wait()
    assert ranges.started == [(0, 130), (130, 100)]
    writer.close()


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
    monkeypatch.setattr(os, "dup", _no_descriptor)
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
    writer = write_to(start_range=None, doubt=doubted.set)
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
    spool: DiskSpool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paces: list[Pace] = []

    class Noted(DiskWriter):
        def __init__(self, fd: int, durability: Durability, pace: Pace) -> None:
            super().__init__(fd, durability, pace)
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
    assert paces[-3:] == [RELAXED, CLOSE, RELAXED]


def test_the_kernel_takes_the_advice(tmp_path: Path) -> None:
    assert writeback.start_range is not None
    fd = os.open(tmp_path / "body", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"x" * 10_000)
    assert writeback.start_range(fd, 0, 10_000) == 0
    os.close(fd)


def test_a_library_without_the_call_is_no_error() -> None:
    assert writeback.find_start_range(object()) is None


def _nothing() -> None:
    pass


def _no_descriptor(fd: int) -> int:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def _no_space(path: str) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _ends(root: Path) -> list[str]:
    return sorted(path.suffix for path in root.glob("??/*"))
