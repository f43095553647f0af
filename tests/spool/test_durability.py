"""What is synced when, in which order, and what a power loss may do (P1, P3)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.core.upload import State
from proxy.spool.disk import DiskSpool

from .samples import BOOT, append, stored, upload
from .system import Calls

CREATION = ["rename T.record.new T.record"]
NEW_RECORD = ["fdatasync T.record.new", "rename T.record.new T.record"]


@pytest.fixture
def spool(tmp_path: Path, calls: Calls) -> Iterator[DiskSpool]:
    disk = DiskSpool(tmp_path, boot_id=BOOT)
    calls.synced()
    yield disk
    disk.close()


@pytest.fixture
def careless(tmp_path: Path, calls: Calls) -> Iterator[DiskSpool]:
    disk = DiskSpool(tmp_path, boot_id=BOOT, sync="never")
    yield disk
    disk.close()


def test_directories_made_at_the_start_are_durable(
    tmp_path: Path, calls: Calls
) -> None:
    DiskSpool(tmp_path / "not" / "there", boot_id=BOOT).close()
    assert calls.made == [
        "mkdir not",
        "mkdir not/there",
        "mkdir not/there/unfinished",
        "fsync .",
        "fsync not",
        "fsync not/there",
    ]


async def test_a_durable_removal_syncs_the_names(
    spool: DiskSpool, calls: Calls
) -> None:
    """R70: what was cancelled does not come back, and is not sent on then."""
    saved = await stored(spool, b"x", state=State.COMPLETE, length=1)
    calls.synced()
    await spool.delete(saved.token)
    assert not [call for call in calls.synced() if "sync" in call]
    other = await stored(spool, b"x", state=State.COMPLETE, length=1)
    calls.synced()
    await spool.delete(other.token, durable=True)
    assert len([call for call in calls.synced() if call.startswith("fsync")]) >= 1


async def test_a_creation_syncs_nothing(spool: DiskSpool, calls: Calls) -> None:
    """But its record is there whole or not at all: a kill leaves no torn one."""
    await spool.create(upload())
    assert calls.synced() == CREATION


async def test_a_save_that_need_not_be_durable_syncs_nothing(
    spool: DiskSpool, calls: Calls
) -> None:
    """Nor does it touch the record that is durable."""
    saved = await stored(spool, b"x", state=State.INTERRUPTED)
    calls.synced()
    await spool.save(replace(saved, state=State.COMPLETE), durable=False)
    assert calls.synced() == ["rename T.draft.new T.draft"]


async def test_a_durable_save_syncs_the_record_and_its_name(
    spool: DiskSpool, calls: Calls
) -> None:
    created = upload()
    await spool.create(created)
    assert calls.synced() == CREATION
    await spool.save(replace(created, state=State.INTERRUPTED), durable=True)
    # the shard is new, hence its own name as well
    assert calls.synced() == [*NEW_RECORD, "fsync .", "fsync S"]
    await spool.save(created, durable=True)
    assert calls.synced() == [*NEW_RECORD, "fsync S"]


async def test_a_mark_is_durable_before_the_record_needs_it(
    spool: DiskSpool, calls: Calls
) -> None:
    created = upload(state=State.COMPLETE)
    await spool.create(created)
    assert calls.synced() == CREATION
    await spool.save(replace(created, state=State.FORWARDING), durable=True)
    content, name = NEW_RECORD
    assert calls.synced() == [content, "fsync unfinished", name, "fsync .", "fsync S"]
    await spool.save(created, durable=True)
    assert calls.synced() == [*NEW_RECORD, "fsync S"]


async def test_a_mark_goes_after_the_record_is_durable(
    spool: DiskSpool, calls: Calls
) -> None:
    saved = await stored(spool, state=State.FORWARDING)
    calls.made.clear()
    await spool.save(replace(saved, state=State.RESPONDED), durable=True)
    assert calls.made[-4:] == [
        "fsync S",
        "pwrite T.record",  # its last byte, which says so
        "unlink T.draft",
        "unlink unfinished/T",
    ]


async def test_a_mark_stays_when_only_a_draft_says_otherwise(spool: DiskSpool) -> None:
    """After a power loss the record may say FORWARDING again, and must be found."""
    saved = await stored(spool, state=State.FORWARDING)
    await spool.save(replace(saved, state=State.UNKNOWN), durable=False)
    assert list(spool.unfinished()) == [saved.token]


async def test_a_body_is_synced_with_its_name(spool: DiskSpool, calls: Calls) -> None:
    token = (await stored(spool)).token
    writer = spool.writer(token)
    writer.write(b"abc")
    assert calls.synced() == CREATION
    await writer.sync()
    assert calls.synced() == ["fdatasync T.body", "fsync .", "fsync S"]
    writer.write(b"def")
    await writer.sync()
    assert calls.synced() == ["fdatasync T.body"]
    await writer.sync()
    assert calls.synced() == []
    writer.close()


async def test_even_an_empty_body_is_synced_with_its_name(
    spool: DiskSpool, calls: Calls
) -> None:
    token = (await stored(spool)).token
    assert calls.synced() == CREATION
    writer = spool.writer(token)
    assert await writer.sync() == 0
    assert calls.synced() == ["fdatasync T.body", "fsync .", "fsync S"]
    writer.close()


async def test_a_shard_that_was_there_at_the_start_is_not_synced_again(
    spool: DiskSpool, calls: Calls, tmp_path: Path
) -> None:
    saved = await stored(spool, b"x")
    again = DiskSpool(tmp_path, boot_id=BOOT)
    calls.synced()
    await again.save(saved, durable=True)
    assert calls.synced() == [*NEW_RECORD, "fsync S"]
    again.close()


async def test_a_shard_met_later_is_synced(
    spool: DiskSpool, calls: Calls, tmp_path: Path
) -> None:
    """Another process has made it, and nobody knows whether it got to the disk."""
    other = DiskSpool(tmp_path, boot_id=BOOT)
    saved = await stored(other, b"x")
    other.close()
    calls.synced()
    await spool.save(saved, durable=True)
    assert calls.synced() == [*NEW_RECORD, "fsync .", "fsync S"]


async def test_a_body_that_is_cut_back_is_synced(
    spool: DiskSpool, calls: Calls, tmp_path: Path
) -> None:
    saved = await stored(spool, b"12345", acknowledged=3)
    after = DiskSpool(tmp_path, boot_id="another")
    calls.synced()
    await after.load(saved.token)
    assert calls.synced() == ["fdatasync T.body", "rename T.draft.new T.draft"]
    after.close()


async def test_readiness_syncs_what_it_writes(
    spool: DiskSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fdatasync", synced.append)
    assert await spool.writable()
    assert len(synced) == 1


async def test_never_means_never(careless: DiskSpool, calls: Calls) -> None:
    saved = await stored(careless, b"12345", state=State.COMPLETE, length=5)
    writer = careless.writer(saved.token)
    assert await writer.sync() == 5
    writer.close()
    await careless.save(replace(saved, state=State.FORWARDING), durable=True)
    await careless.save(replace(saved, state=State.RESPONDED), durable=False)
    await careless.drop_body(saved.token)
    assert await careless.writable()
    await careless.delete(saved.token)
    assert {call.split()[0] for call in calls.synced()} == {"rename"}


async def test_never_means_never_after_a_reboot(
    careless: DiskSpool, calls: Calls, tmp_path: Path
) -> None:
    saved = await stored(careless, b"12345", acknowledged=2)
    after = DiskSpool(tmp_path, boot_id="another", sync="never")
    assert (await after.load(saved.token)).offset == 2
    assert [call for call in calls.synced() if "sync" in call] == []
    after.close()


async def test_without_syncing_all_saves_are_done_at_once(careless: DiskSpool) -> None:
    saved = await stored(careless)
    coroutine = careless.save(saved, durable=True)
    with pytest.raises(StopIteration):
        coroutine.send(None)


async def test_a_save_that_need_not_be_durable_is_done_at_once(
    spool: DiskSpool,
) -> None:
    saved = await stored(spool, state=State.INTERRUPTED)
    for act in (
        spool.save(replace(saved, state=State.RECEIVING), durable=False),
        spool.create(upload()),
        spool.load(saved.token),
    ):
        with pytest.raises(StopIteration):
            act.send(None)


async def test_a_draft_that_a_power_loss_tore_leaves_the_record(
    spool: DiskSpool, tmp_path: Path
) -> None:
    saved = await stored(spool, b"12345", state=State.FORWARDING, length=5)
    await spool.save(replace(saved, state=State.COMPLETE), durable=False)
    draft = _file(tmp_path, ".draft")
    for torn in (b"", draft.read_bytes()[:-1], bytes(draft.stat().st_size)):
        draft.write_bytes(torn)
        assert (await spool.load(saved.token)).state is State.FORWARDING


async def test_a_draft_that_outlived_its_record_is_none(
    spool: DiskSpool, tmp_path: Path
) -> None:
    """A crash may come between the new record and the removal of the draft."""
    saved = await stored(spool, state=State.INTERRUPTED)
    await spool.save(replace(saved, why="a draft"), durable=False)
    draft = _file(tmp_path, ".draft")
    left_over = draft.read_bytes()
    await spool.save(saved, durable=True)
    assert not draft.exists()
    draft.write_bytes(left_over)
    assert await spool.load(saved.token) == saved


async def test_writers_of_one_upload_see_each_others_bytes(spool: DiskSpool) -> None:
    """One that only syncs may be open beside the one that writes."""
    token = (await stored(spool, b"abc")).token
    writing = spool.writer(token)
    async with asyncio.timeout(5):
        for chunk in (b"d", b"ef"):
            writing.write(chunk)
            syncing = spool.writer(token)
            assert await syncing.sync() == writing.offset
            syncing.close()
    writing.close()
    append(spool, token, b"g")
    assert (await spool.load(token)).offset == 7


def _file(root: Path, suffix: str) -> Path:
    [found] = root.glob(f"??/*{suffix}")
    return found


async def test_an_upload_without_bytes_is_durable_once_it_is_secured(
    spool: DiskSpool, calls: Calls
) -> None:
    """P1: an offset of 0 is told of it, and no sync of a body, nor a save, is needed
    for that. One that has bytes is left to what tells their number."""
    empty, other = await stored(spool), await stored(spool, b"12345")
    cut = replace(empty, state=State.INTERRUPTED)
    await spool.save(cut, durable=False)
    calls.made.clear()
    await spool.secure(other.token)
    assert calls.synced() == []
    for _ in range(2):
        await spool.secure(empty.token)
    assert [call for call in calls.synced() if call != "fsync ."] == [
        "fdatasync T.record",
        "fsync S",
    ]
    await spool.save(cut, durable=True)
    calls.made.clear()
    await spool.secure(empty.token)
    assert calls.synced() == []
