"""Killed or out of space before any one call to the system: what stands afterwards."""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from proxy.core.errors import SpoolError, UploadMissing
from proxy.core.upload import State, Token, Upload
from proxy.spool.disk import DiskSpool
from tests.kit.full import files_no_larger_than

from .samples import BOOT, append, body_of, keep_answer, stored, upload
from .system import Calls, Countdown, Died

Act = Callable[[DiskSpool, Upload], Awaitable[None]]


def new_state(upload: Upload) -> Upload:
    return replace(upload, state=State.FORWARDING, attempts=1)


async def save_durably(spool: DiskSpool, upload: Upload) -> None:
    await spool.save(new_state(upload), durable=True)


async def save_at_once(spool: DiskSpool, upload: Upload) -> None:
    await spool.save(new_state(upload), durable=False)


SAVES = pytest.mark.parametrize("act", [save_durably, save_at_once])
START = {"state": State.COMPLETE, "length": 5}


def no_space() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def failing(
    root: Path, calls: int, failure: Callable[[], BaseException], *, for_good: bool
) -> Iterator[Countdown]:
    """The system fails after so many calls that change something below `root`."""
    with pytest.MonkeyPatch.context() as patch:
        countdown = Countdown(calls, failure, for_good=for_good)
        Calls(root, patch).before = countdown
        yield countdown


def files_in(root: Path) -> list[str]:
    """What tells the files of uploads apart, and whatever else is there."""
    found = [path.name[43:] for path in root.glob("??/*")]
    return sorted(found + [path.name for path in root.iterdir() if path.is_file()])


@SAVES
@pytest.mark.parametrize("drafted", [False, True], ids=["record", "draft"])
async def test_a_save_cut_by_death_has_happened_or_not(
    tmp_path: Path, act: Act, drafted: bool
) -> None:
    for calls in count():
        root = tmp_path / str(calls)
        spool = DiskSpool(root, boot_id=BOOT)
        before = await stored(spool, b"12345", **START)
        if drafted:
            before = replace(before, why="a draft")
            await spool.save(before, durable=False)
        with failing(root, calls, Died, for_good=True) as death:
            try:
                await act(spool, before)
            except Died:
                pass
        spool.close()
        after = DiskSpool(root, boot_id=BOOT)
        before, done = replace(before, offset=5), replace(new_state(before), offset=5)
        found = await after.load(before.token)
        assert found in (before, done)
        assert found == done or death.reached
        assert list(after.unfinished()) == [before.token]
        # what the dead process has left over is not in the way
        await act(after, found)
        assert (await after.load(before.token)).state is State.FORWARDING
        await after.delete(before.token)
        assert files_in(root) == []
        after.close()
        if not death.reached:
            assert calls > 2
            return


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for good"])
@SAVES
async def test_a_save_without_space_leaves_the_earlier_record(
    tmp_path: Path, act: Act, for_good: bool
) -> None:
    for calls in count():
        root = tmp_path / str(calls)
        spool = DiskSpool(root, boot_id=BOOT)
        before = await stored(spool, b"12345", state=State.INTERRUPTED, length=5)
        with failing(root, calls, no_space, for_good=for_good) as fault:
            failure = await _failure(act, spool, before)
        found = await spool.load(before.token)
        if found.state is not State.FORWARDING:
            assert "No space left" in str(failure)
            assert found == replace(before, offset=5)
        await act(spool, before)
        assert not [name for name in files_in(root) if name.endswith(".new")]
        spool.close()
        if not fault.reached:
            assert failure is None
            return


async def _failure(act: Act, spool: DiskSpool, upload: Upload) -> SpoolError | None:
    try:
        await act(spool, upload)
    except SpoolError as exc:
        return exc
    return None


async def test_a_creation_cut_by_death_leaves_an_upload_or_rubbish(
    tmp_path: Path,
) -> None:
    for calls in count():
        root = tmp_path / str(calls)
        spool = DiskSpool(root, boot_id=BOOT)
        created = upload(state=State.COMPLETE, length=0)
        with failing(root, calls, Died, for_good=True) as death:
            try:
                await spool.create(created)
            except Died:
                pass
        spool.close()
        after = DiskSpool(root, boot_id=BOOT)
        try:
            assert await after.load(created.token) == created
        except SpoolError:
            assert death.reached
        for token in [*after.tokens(), *after.unfinished()]:
            await after.delete(token)
        assert files_in(root) == []
        assert list(after.unfinished()) == []
        after.close()
        if not death.reached:
            return


async def test_a_creation_without_space_leaves_nothing(tmp_path: Path) -> None:
    for calls in count():
        root = tmp_path / str(calls)
        spool = DiskSpool(root, boot_id=BOOT)
        created = upload(state=State.COMPLETE, length=0)
        with failing(root, calls, no_space, for_good=False) as fault:
            try:
                await spool.create(created)
            except SpoolError:
                assert files_in(root) == []
                assert list(spool.unfinished()) == []
                await spool.create(created)
        assert await spool.load(created.token) == created
        spool.close()
        if not fault.reached:
            return


async def test_a_deletion_cut_by_death_is_gone_and_found_again(tmp_path: Path) -> None:
    for calls in count():
        root = tmp_path / str(calls)
        spool = DiskSpool(root, boot_id=BOOT)
        saved = await stored(spool, b"12345", **START)
        await spool.save(saved, durable=False)
        keep_answer(spool, saved.token, b"answer")
        with failing(root, calls, Died, for_good=True) as death:
            try:
                await spool.delete(saved.token)
            except Died:
                pass
        spool.close()
        after = DiskSpool(root, boot_id=BOOT)
        if calls == 0:
            assert (await after.load(saved.token)).offset == 5
        else:
            with pytest.raises(UploadMissing):
                await after.load(saved.token)
        assert set(after.unfinished()) <= set(after.tokens())
        for token in after.tokens():
            await after.delete(token)
        assert files_in(root) == []
        after.close()
        if not death.reached:
            return


async def test_a_deletion_that_fails_is_told(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, boot_id=BOOT)
    saved = await stored(spool, b"12345")
    with (
        failing(tmp_path, 0, no_space, for_good=True),
        pytest.raises(SpoolError, match="removed"),
    ):
        await spool.delete(saved.token)
    spool.close()


async def test_what_the_disk_took_of_a_chunk_counts(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, boot_id=BOOT)
    token = (await stored(spool)).token
    writer = spool.writer(token)
    writer.write(b"a" * 6000)
    with files_no_larger_than(8192):
        with pytest.raises(SpoolError, match="File too large"):
            writer.write(b"b" * 6000)
        assert writer.offset == 8192
    writer.write(b"c")
    writer.close()
    assert body_of(spool, token) == b"a" * 6000 + b"b" * 2192 + b"c"
    assert (await spool.load(token)).offset == 8193
    spool.close()


@pytest.mark.parametrize("durable", [False, True])
async def test_a_record_the_disk_took_in_part_is_none(
    tmp_path: Path, durable: bool
) -> None:
    spool = DiskSpool(tmp_path, boot_id=BOOT)
    saved = await stored(spool, b"12345", state=State.INTERRUPTED)
    with files_no_larger_than(100), pytest.raises(SpoolError, match="File too large"):
        await spool.save(replace(saved, why="too much"), durable=durable)
    with files_no_larger_than(100), pytest.raises(SpoolError, match="File too large"):
        await spool.create(upload())
    assert await spool.load(saved.token) == replace(saved, offset=5)
    assert files_in(tmp_path) == [".body", ".record"]
    spool.close()


async def test_a_chunk_taken_in_many_writes_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:7], at))
    spool = DiskSpool(tmp_path, boot_id=BOOT)
    saved = await stored(spool, b"old ", state=State.INTERRUPTED)
    content = bytes(range(256))
    append(spool, saved.token, content)
    assert body_of(spool, saved.token) == b"old " + content
    assert (await spool.load(saved.token)).state is State.INTERRUPTED
    spool.close()


@pytest.mark.parametrize("call", ["open", "pwrite", "fdatasync"])
async def test_a_disk_that_cannot_be_written_is_not_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    spool = DiskSpool(tmp_path, boot_id=BOOT)

    def refused(*args: object, **kwargs: object) -> None:
        raise no_space()

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refused)
        assert not await spool.writable()
    assert await spool.writable()
    assert files_in(tmp_path) == ["ballast"]
    spool.close()


def _all_told_by(raised: BaseException) -> list[str]:
    """What a logged traceback would show of the exception and where it came from."""
    told, left = [], [raised]
    while left:
        exc = left.pop()
        told += [str(exc), repr(exc), repr(vars(exc))]
        left += [other for other in (exc.__cause__, exc.__context__) if other]
    return told


@pytest.mark.parametrize(
    "act",
    [
        lambda spool, upload: spool.create(upload),
        save_durably,
        save_at_once,
        lambda spool, upload: spool.load(upload.token),
        lambda spool, upload: spool.delete(upload.token),
        lambda spool, upload: _at_once(spool.writer, upload.token),
        lambda spool, upload: _at_once(spool.reader, upload.token),
        lambda spool, upload: _at_once(spool.answer_reader, upload.token),
        lambda spool, upload: _at_once(spool.answer_writer, upload.token),
    ],
)
async def test_no_error_tells_a_token(tmp_path: Path, act: Act) -> None:
    """Tokens are capabilities, and paths spell them (P11)."""
    spool = DiskSpool(tmp_path, boot_id=BOOT)
    saved = await stored(spool, b"12345")
    shard = tmp_path / saved.token[:2]
    for path in shard.iterdir():
        path.unlink()
    shard.rmdir()
    shard.write_bytes(b"a file in the place of the shard")
    with pytest.raises(SpoolError) as raised:
        await act(spool, saved)
    for told in _all_told_by(raised.value):
        assert saved.token not in told
    spool.close()


async def _at_once(open_it: Callable[[Token], object], token: Token) -> None:
    open_it(token)
