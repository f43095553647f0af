"""A record that may not be durable, or its name: who builds on it makes sure (P1)."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.core.errors import SpoolError, UploadMissing
from proxy.core.upload import State, Token
from proxy.spool.disk import DiskSpool
from proxy.spool.records import Records

from .samples import ANSWER, BOOT, answer_of, rebooted, stored, upload
from .system import Calls, Countdown, Died

SAYS_SO = "pwrite T.record"
"""The last byte is turned, or comes."""


@pytest.fixture
def spool(tmp_path: Path, calls: Calls) -> Iterator[DiskSpool]:
    disk = DiskSpool(tmp_path, boot_id=BOOT)
    calls.synced()
    yield disk
    disk.close()


class NoNames:
    """A disk that cannot sync the names in a shard."""

    def __init__(self) -> None:
        self.fails = True

    def __call__(self, call: str) -> None:
        if call == "fsync S" and self.fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("looks", ["the same process", "another one"])
async def test_a_record_whose_name_could_not_be_synced_is_not_built_on(
    spool: DiskSpool, calls: Calls, tmp_path: Path, looks: str
) -> None:
    """Or the next look would take it for durable, and a power loss undo it (P1)."""
    saved = await stored(spool, b"12345", state=State.INTERRUPTED, acknowledged=2)
    names = calls.before = NoNames()
    with pytest.raises(SpoolError, match="Input/output error"):
        await spool.save(replace(saved, acknowledged=5), durable=True)
    if looks == "another one":
        spool = DiskSpool(tmp_path, boot_id=BOOT)
    for look in (spool.load, spool.peek):
        with pytest.raises(SpoolError, match="Input/output error"):
            await look(saved.token)
    names.fails = False
    calls.synced()
    assert (await spool.load(saved.token)).acknowledged == 5
    assert [call for call in calls.synced() if call != "fsync ."] == ["fsync S"]
    assert (await spool.peek(saved.token)).acknowledged == 5
    assert calls.synced() == []
    spool.close()


async def test_a_record_that_a_dead_process_left_is_made_sure_of(
    spool: DiskSpool, calls: Calls, tmp_path: Path
) -> None:
    """It was killed before its name was synced; only then is nothing to be said."""
    saved = await stored(spool, b"12345", state=State.INTERRUPTED, acknowledged=2)
    calls.before = Countdown(4, Died)
    with pytest.raises(Died):
        await spool.save(replace(saved, acknowledged=5), durable=True)
    assert calls.synced()[-1] == "rename T.record.new T.record"
    calls.before = lambda call: None
    after = DiskSpool(tmp_path, boot_id=BOOT)
    calls.synced()
    assert (await after.load(saved.token)).acknowledged == 5
    assert calls.synced() == ["fsync S"]
    after.close()


async def test_after_a_reboot_a_record_is_sure(
    spool: DiskSpool, calls: Calls, tmp_path: Path
) -> None:
    saved = await stored(spool, b"12345", state=State.RESPONDED, length=5)
    calls.before = NoNames()
    with pytest.raises(SpoolError):
        await spool.save(replace(saved, why="again"), durable=True)
    after = rebooted(spool, tmp_path)
    assert (await after.load(saved.token)).why == "again"
    after.close()


async def test_a_record_that_cannot_say_so_is_durable_all_the_same(
    spool: DiskSpool, calls: Calls
) -> None:
    saved = await stored(spool, b"12345", state=State.INTERRUPTED)

    def full(call: str) -> None:
        if call == "pwrite T.record":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    calls.before = full
    await spool.save(replace(saved, acknowledged=5), durable=True)
    calls.synced()
    assert (await spool.load(saved.token)).acknowledged == 5
    assert calls.synced() == ["fsync S"]


async def test_one_that_was_replaced_meanwhile_takes_no_harm(
    spool: DiskSpool, calls: Calls, tmp_path: Path
) -> None:
    """Another process may save while this one only looks, without the lease."""
    saved = await stored(spool, b"12345", state=State.INTERRUPTED)
    calls.before = NoNames()
    with pytest.raises(SpoolError):
        await spool.save(replace(saved, why="x" * 100), durable=True)
    other = DiskSpool(tmp_path, boot_id=BOOT)
    records = other._records

    def saves(call: str) -> None:
        calls.before = lambda call: None
        assert call in ("fsync .", "fsync S")
        records.save_durably(replace(saved, why="newer"))

    calls.before = saves
    await spool.peek(saved.token)
    assert (await spool.load(saved.token)).why == "newer"
    other.close()


class NoContent:
    """A disk that loses the bytes of a record with the sync that fails."""

    def __init__(self) -> None:
        self.fails = True

    def __call__(self, call: str) -> None:
        if call == "fdatasync T.record" and self.fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("secures", ["the same process", "another one"])
async def test_a_record_that_could_not_be_synced_is_written_again(
    spool: DiskSpool, calls: Calls, tmp_path: Path, secures: str
) -> None:
    """The next sync would say nothing of what the one that failed has lost."""
    saved = await stored(spool)
    content = calls.before = NoContent()
    with pytest.raises(SpoolError, match="Input/output error"):
        await spool.secure(saved.token)
    content.fails = False
    if secures == "another one":
        spool = DiskSpool(tmp_path, boot_id=BOOT)
    calls.made.clear()
    await spool.secure(saved.token)
    made = [call for call in calls.made if call != "fsync ."]
    assert made == ["pwrite T.record", "fdatasync T.record", "fsync S", SAYS_SO]
    assert await spool.load(saved.token) == saved
    spool.close()


async def test_a_record_that_was_secured_is_not_written_again(
    spool: DiskSpool, calls: Calls, tmp_path: Path
) -> None:
    """By another process: a disk that fails then could spoil what was told."""
    saved = await stored(spool)
    await spool.secure(saved.token)
    other = DiskSpool(tmp_path, boot_id=BOOT)
    calls.made.clear()
    await other.secure(saved.token)
    assert calls.made == []
    other.close()


async def test_nor_is_one_that_a_reboot_has_left(
    spool: DiskSpool, calls: Calls, tmp_path: Path
) -> None:
    saved = await stored(spool)
    after = rebooted(spool, tmp_path)
    calls.made.clear()
    await after.secure(saved.token)
    assert [call for call in calls.made if call != "fsync ."] == ["fsync S", SAYS_SO]
    after.close()


async def test_one_whose_offset_is_about_to_be_told_is_durable_with_bytes_too(
    spool: DiskSpool, calls: Calls
) -> None:
    """Of which none is acknowledged: then 0 is told."""
    saved = await stored(spool, b"12345")
    calls.made.clear()
    await spool.secure(saved.token)
    assert calls.synced() == []
    await spool.secure(saved.token, told=True)
    assert "fdatasync T.record" in calls.synced()


async def test_the_byte_that_says_so_counts(spool: DiskSpool) -> None:
    grown: list[int] = []
    spool.recorded = lambda token, by: grown.append(by)
    saved = await stored(spool)
    await spool.secure(saved.token)
    assert sum(grown) == sum(size for _, _, size in spool.sizes())


async def test_an_answer_that_could_not_be_synced_is_written_again(
    spool: DiskSpool, calls: Calls
) -> None:
    answered = upload(state=State.RESPONDED, length=0, answer=ANSWER, attempts=1)
    spool.adopt(answered, None, b"gone")
    fails = calls.before = Countdown(0, lambda: OSError(errno.EIO, ""), for_good=False)
    with pytest.raises(SpoolError):
        await spool.secure(answered.token)
    assert fails.reached
    calls.made.clear()
    await spool.secure(answered.token)
    assert calls.made[:3] == [
        "pwrite T.answer.new",
        "fdatasync T.answer.new",
        "rename T.answer.new T.answer",
    ]
    assert answer_of(spool, answered.token) == b"gone"


async def test_a_record_that_is_removed_before_its_name_is_sure_is_none(
    spool: DiskSpool, calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another process, which is no trouble of the disk."""
    saved = await stored(spool, b"12345", state=State.INTERRUPTED, acknowledged=2)
    names = calls.before = NoNames()
    with pytest.raises(SpoolError, match="Input/output error"):
        await spool.save(replace(saved, acknowledged=5), durable=True)
    names.fails = False
    make_sure = Records.make_sure

    def too_late(records: Records, token: Token) -> None:
        next(tmp_path.rglob(f"{token}.record")).unlink()
        make_sure(records, token)

    monkeypatch.setattr(Records, "make_sure", too_late)
    with pytest.raises(UploadMissing):
        await spool.load(saved.token)
