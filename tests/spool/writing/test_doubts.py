"""A sync that failed, or a page that was lost: which bytes are in doubt since."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.core.errors import InDoubt, SpoolError
from proxy.core.upload import State
from proxy.spool import files
from proxy.spool import reader as reader_module
from proxy.spool.disk import DiskSpool

from ..samples import BOOT, append, body_of, stored
from ..system import SlowDisk
from .conftest import token_of


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


def _no_space(path: str) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _ends(root: Path) -> list[str]:
    return sorted(path.suffix for path in root.glob("??/*"))
