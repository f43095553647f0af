"""A spool on a disk that takes its time, and writers with a pace of their own."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.core.upload import Token
from proxy.spool.disk import DiskSpool
from proxy.spool.threads import DiskThreads
from proxy.spool.writeback import Pace
from proxy.spool.writer import DiskWriter, Durability

from ..samples import BOOT, stored
from ..system import SlowDisk


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


EVERY_100 = Pace(start=100)
TOKEN = Token("t" * 43)


@pytest.fixture
def threads() -> Iterator[DiskThreads]:
    pool = DiskThreads()
    yield pool
    pool.close()


@pytest.fixture
def write_to(tmp_path: Path, threads: DiskThreads) -> Callable[..., DiskWriter]:
    def write_to(pace: Pace = EVERY_100, **durability: Any) -> DiskWriter:
        fd = os.open(tmp_path / "body", os.O_WRONLY | os.O_CREAT)
        plain = Durability(threads, nothing, nothing)
        return DiskWriter(fd, TOKEN, replace(plain, **durability), pace)

    return write_to


def nothing(token: Token) -> None:
    pass


def no_descriptor(fd: int) -> int:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
