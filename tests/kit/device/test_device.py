"""The drive against itself: what was flushed stays, the rest is a matter of luck."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random

import pytest

from .memory import BLOCK, SECTOR, Memory
from .volume import Volume, missing

LACKING = missing()


@pytest.fixture
def platter(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "platter"
    path.write_bytes(bytes(4 * BLOCK))
    fd = os.open(path, os.O_RDWR)
    yield fd
    os.close(fd)


def test_what_was_written_last_is_read(platter: int) -> None:
    memory = Memory(platter)
    memory.write(10, b"a" * 5000)
    memory.write(4000, b"b" * 200)
    expected = bytes(10) + b"a" * 3990 + b"b" * 200 + b"a" * 810 + bytes(10)
    assert memory.read(0, 5020) == expected
    assert memory.read(4 * BLOCK - 5, 100) == bytes(5)
    assert memory.unflushed == 2
    assert os.pread(platter, 4 * BLOCK, 0) == bytes(4 * BLOCK)
    memory.flush()
    assert os.pread(platter, 5020, 0) == expected


def test_what_was_flushed_is_never_lost(platter: int) -> None:
    for seed in range(50):
        memory = Memory(platter)
        memory.write(0, bytes([seed]) * BLOCK)
        memory.flush()
        memory.write(BLOCK, b"x" * BLOCK)
        memory.forget(Random(seed))
        assert os.pread(platter, BLOCK, 0) == bytes([seed]) * BLOCK


def test_what_was_not_is_old_or_new_sector_by_sector(platter: int) -> None:
    left = set()
    for seed in range(200):
        memory = Memory(platter)
        memory.write(0, b"0" * BLOCK)
        memory.flush()
        memory.write(0, b"1" * BLOCK)
        memory.write(0, b"2" * BLOCK)
        lost = memory.forget(Random(seed))
        found = os.pread(platter, BLOCK, 0)
        assert lost == (found != b"2" * BLOCK)
        sectors = [found[at : at + SECTOR] for at in range(0, BLOCK, SECTOR)]
        assert all(len(set(sector)) == 1 for sector in sectors)
        left.add(frozenset(found))
    assert left >= {frozenset(b"0"), frozenset(b"1"), frozenset(b"2")}
    assert any(len(kinds) > 1 for kinds in left)


@pytest.fixture
async def volume(tmp_path: Path) -> AsyncIterator[Volume]:
    made = Volume(tmp_path)
    try:
        await made.make()
        yield made
    finally:
        await made.detach()


@pytest.mark.skipif(LACKING is not None, reason=f"{LACKING}")
async def test_a_file_system_keeps_what_was_synced(volume: Volume) -> None:
    await volume.start_again()
    synced, unsynced = volume.place / "synced", volume.place / "unsynced"
    unsynced.write_bytes(b"b" * 1000)
    fd = os.open(synced, os.O_CREAT | os.O_WRONLY)
    os.write(fd, b"a" * 10_000)
    os.fsync(fd)
    os.write(fd, b"c" * 10_000)
    os.close(fd)
    assert " of " in await volume.lose_power("1")
    with pytest.raises(OSError, match="Input/output error"):
        _write_through(volume.place / "after")
    await volume.start_again()
    assert synced.read_bytes()[:10_000] == b"a" * 10_000
    assert not (volume.place / "after").exists()


def _write_through(path: Path) -> None:
    fd = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        os.write(fd, b"x")
        os.fsync(fd)
    finally:
        os.close(fd)
