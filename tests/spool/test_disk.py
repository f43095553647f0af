"""The spool's directory: rights, what others put there, what a crash leaves there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.core.errors import SpoolError, UploadLost, UploadMissing, UploadTooNew
from proxy.core.room import UNBOUNDED
from proxy.core.upload import State, Token
from proxy.spool import envelope
from proxy.spool.disk import DiskSpool
from proxy.spool.figures import Figures

from .samples import (
    BOOT,
    answer_of,
    append,
    body_of,
    keep_answer,
    new_token,
    stored,
    upload,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spool(root: Path) -> Iterator[DiskSpool]:
    disk = DiskSpool(root, boot_id=BOOT)
    yield disk
    disk.close()


@pytest.mark.parametrize(
    ("replaced", "why"), [(False, "is not there"), (True, "another directory")]
)
async def test_a_directory_that_is_not_there_is_no_missing_upload(
    root: Path, spool: DiskSpool, replaced: bool, why: str
) -> None:
    """A volume that was unmounted comes back, and with it what it holds."""
    saved = await stored(spool, b"12345", state=State.INTERRUPTED)
    with away(root, replaced=replaced):
        with pytest.raises(SpoolError, match=why):
            await spool.load(saved.token)
        with pytest.raises(SpoolError, match=why):
            await spool.peek(saved.token)
        with pytest.raises(SpoolError, match=why):
            await spool.create(upload())
        assert not await spool.writable()
    assert (await spool.load(saved.token)).offset == 5
    assert await spool.writable()
    with pytest.raises(UploadMissing):
        await spool.load(new_token())


@contextmanager
def away(root: Path, *, replaced: bool) -> Iterator[None]:
    """The directory is elsewhere; `replaced`: another is there, and stays empty."""
    root.rename(root.with_name("elsewhere"))
    if replaced:
        root.mkdir()
    yield
    if replaced:
        root.rmdir()
    root.with_name("elsewhere").rename(root)


def place(root: Path, token: Token, suffix: str) -> Path:
    return root / token[:2] / f"{token}{suffix}"


def everything(root: Path) -> set[Path]:
    return set(root.rglob("*"))


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def modes(root: Path) -> dict[str, str]:
    """Modes of everything below `root`, itself included, by kind."""
    found = {}
    for path in [root, *root.rglob("*")]:
        status = path.lstat()
        kind = "directory" if stat.S_ISDIR(status.st_mode) else "file"
        found[f"{path.name} {kind}"] = oct(stat.S_IMODE(status.st_mode))
    return found


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
async def test_what_we_make_is_ours_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        spool = DiskSpool(tmp_path / "made" / "for us", boot_id=BOOT)
        saved = await stored(spool, b"12345", state=State.COMPLETE, length=5)
        await spool.save(saved, durable=False)
        keep_answer(spool, saved.token, b"answer")
        spool.close()
    finally:
        os.umask(before)
    found = modes(tmp_path / "made")
    assert len([name for name in found if name.endswith("file")]) == 5
    for name, mode in found.items():
        assert mode == ("0o700" if name.endswith("directory") else "0o600"), name


@pytest.mark.parametrize("mode", [0o755, 0o2770])
def test_a_directory_of_the_operator_keeps_its_rights(root: Path, mode: int) -> None:
    root.mkdir()
    root.chmod(mode)
    DiskSpool(root, boot_id=BOOT).close()
    assert stat.S_IMODE(root.stat().st_mode) == mode
    assert stat.S_IMODE((root / "unfinished").stat().st_mode) == 0o700


async def test_the_way_is_the_one_that_was_given(tmp_path: Path) -> None:
    """It may be the only one that is open, as that by a descriptor is."""
    tmp_path /= "spool"
    tmp_path.mkdir()
    way = os.open(tmp_path, os.O_PATH)
    spool = DiskSpool(Path(f"/proc/self/fd/{way}"), boot_id=BOOT)
    figures = Figures(Path(f"/proc/self/fd/{way}"))
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    saved = await stored(spool, b"12345")
    assert figures.look(0.0).size < UNBOUNDED
    figures.close()
    spool.close()
    os.close(way)
    assert place(moved, saved.token, ".body").read_bytes() == b"12345"


@pytest.mark.parametrize("made", ["spool", "spool/unfinished"])
def test_a_file_in_the_place_of_a_directory_is_told(tmp_path: Path, made: str) -> None:
    (tmp_path / made).parent.mkdir(exist_ok=True)
    (tmp_path / made).write_bytes(b"precious")
    with pytest.raises(SpoolError, match=f"{tmp_path}/spool .* Not a directory"):
        DiskSpool(tmp_path / "spool", boot_id=BOOT)
    assert (tmp_path / made).read_bytes() == b"precious"


async def test_a_shard_holds_the_tokens_of_its_name(
    root: Path, spool: DiskSpool
) -> None:
    for token in (new_token("_-"), new_token("_-")):
        await spool.create(upload(token=token))
        assert place(root, token, ".record").is_file()
    assert names(root) == ["_-", "unfinished"]


async def test_what_others_left_there_is_left_alone(
    tmp_path: Path, root: Path, spool: DiskSpool
) -> None:
    saved = await stored(spool, b"12345", state=State.COMPLETE, length=5)
    lure = tmp_path / "lure"
    lure.mkdir()
    (lure / f"{new_token('zz')}.record").write_bytes(b"not of the spool")
    shard, other = root / saved.token[:2], new_token(saved.token[:2])
    before = everything(tmp_path)
    for name in ("lost+found", "x", "xyz", "\u00e9\u00e9", ".."):
        (root / name).mkdir(exist_ok=True)
    (root / "zz").symlink_to(lure)
    (root / "ab").write_bytes(b"a file")
    for name in ("README", "a b", ".record", f"{other}.txt", f"{other}", "\u00e9" * 43):
        (shard / name).write_bytes(b"foreign")
    (shard / f"{new_token('qq')}.record").write_bytes(b"in the wrong shard")
    (shard / f"{other}.record").mkdir()
    (shard / f"{other}.body").symlink_to(lure)
    os.mkfifo(shard / f"{other}.answer")
    (root / "unfinished" / "README").write_bytes(b"foreign")
    foreign = everything(tmp_path) - before

    again = DiskSpool(root, boot_id=BOOT)
    assert list(again.tokens()) == [saved.token]
    assert list(again.unfinished()) == [saved.token]
    await again.delete(saved.token)
    await stored(again, b"more")
    assert foreign <= everything(tmp_path)
    again.close()


async def test_a_shard_that_is_a_link_is_not_entered(
    tmp_path: Path, root: Path, spool: DiskSpool
) -> None:
    token = new_token("zz")
    (root / "zz").symlink_to(tmp_path)
    with pytest.raises(SpoolError, match="shard"):
        await spool.create(upload(token=token))
    with pytest.raises(SpoolError, match="shard"):
        await spool.load(token)
    assert names(tmp_path) == ["spool"]


@pytest.mark.parametrize(
    ("suffix", "refusals"),
    # what comes of an answer is written, and found, beside the name for a whole one
    [(".record", 0), (".body", 2), (".answer", 0), (".answer.new", 2)],
)
async def test_no_link_is_followed(
    tmp_path: Path, root: Path, spool: DiskSpool, suffix: str, refusals: int
) -> None:
    lure = tmp_path / "lure"
    lure.write_bytes(b"precious")
    saved = await stored(spool, b"12345")
    place(root, saved.token, suffix).unlink(missing_ok=True)
    place(root, saved.token, suffix).symlink_to(lure)
    refused = 0
    for act in (
        lambda: append(spool, saved.token, b"overwritten"),
        lambda: body_of(spool, saved.token),
        lambda: keep_answer(spool, saved.token, b"overwritten"),
        lambda: answer_of(spool, saved.token),
    ):
        try:
            act()
        except SpoolError:
            refused += 1
    if ".answer" not in suffix:
        with pytest.raises(SpoolError):
            await spool.load(saved.token)
    assert refused == refusals
    assert lure.read_bytes() == b"precious"


async def test_a_pipe_in_the_place_of_a_record_holds_nobody_up(
    root: Path, spool: DiskSpool
) -> None:
    saved = await stored(spool)
    record = place(root, saved.token, ".record")
    record.unlink()
    os.mkfifo(record)
    with pytest.raises(UploadLost):
        await spool.load(saved.token)


async def test_a_body_without_a_record_is_found_and_removed(
    root: Path, spool: DiskSpool
) -> None:
    """A crash may leave it, of a creation or of a deletion."""
    for suffix in (
        *(".body", ".answer", ".answer.new"),
        *(".draft", ".record.new", ".draft.new"),
    ):
        saved = await stored(spool)
        await spool.delete(saved.token)
        place(root, saved.token, suffix).write_bytes(b"left over")
        assert list(spool.tokens()) == [saved.token]
        with pytest.raises(UploadMissing):
            await spool.load(saved.token)
        await spool.delete(saved.token)
        assert list(spool.tokens()) == []
        assert not place(root, saved.token, suffix).exists()


async def test_a_mark_without_an_upload_can_be_removed(
    root: Path, spool: DiskSpool
) -> None:
    token = new_token()
    (root / "unfinished" / token).touch()
    assert list(spool.unfinished()) == [token]
    await spool.delete(token)
    assert list(spool.unfinished()) == []


@pytest.mark.parametrize("durable", [False, True])
async def test_what_a_dead_process_left_half_written_is_replaced(
    root: Path, spool: DiskSpool, durable: bool
) -> None:
    saved = await stored(spool, state=State.INTERRUPTED)
    for suffix in (".record.new", ".draft.new"):
        place(root, saved.token, suffix).write_bytes(b"half")
    await spool.save(replace(saved, why="saved"), durable=durable)
    assert (await spool.load(saved.token)).why == "saved"
    new = ".record.new" if durable else ".draft.new"
    assert not place(root, saved.token, new).exists()


async def test_directories_that_were_tidied_away_are_made_again(
    root: Path, spool: DiskSpool
) -> None:
    """Some hosts remove what was empty for long."""
    first = await stored(spool)
    await spool.delete(first.token)
    (root / first.token[:2]).rmdir()
    (root / "unfinished").rmdir()
    again = new_token(first.token[:2])
    await spool.create(upload(token=again))
    await spool.save(upload(token=again, state=State.COMPLETE), durable=True)
    assert list(spool.unfinished()) == [again]


async def test_a_spool_that_has_gone_is_told(tmp_path: Path, spool: DiskSpool) -> None:
    (tmp_path / "spool/unfinished").rmdir()
    (tmp_path / "spool").rmdir()
    with pytest.raises(SpoolError, match="No such file"):
        await spool.create(upload())
    with pytest.raises(SpoolError, match="cannot be listed"):
        list(spool.tokens())
    with pytest.raises(SpoolError, match="cannot be listed"):
        list(spool.unfinished())
    assert not await spool.writable()


async def test_a_shard_that_goes_while_it_is_listed_holds_nothing(
    root: Path, spool: DiskSpool
) -> None:
    tokens = [new_token("aa"), new_token("bb")]
    for token in tokens:
        await spool.create(upload(token=token))
    listing = spool.tokens()
    seen = next(listing)
    [unseen] = set(tokens) - {seen}
    for path in (root / unseen[:2]).iterdir():
        path.unlink()
    (root / unseen[:2]).rmdir()
    assert list(listing) == []


async def test_a_record_that_cannot_be_read_is_lost(
    root: Path, spool: DiskSpool
) -> None:
    saved = await stored(spool)
    place(root, saved.token, ".record").write_bytes(b"rubbish")
    with pytest.raises(UploadLost):
        await spool.load(saved.token)
    for durable in (False, True):
        with pytest.raises(UploadLost):
            await spool.save(saved, durable=durable)
    await spool.delete(saved.token)
    assert list(spool.tokens()) == []


@pytest.mark.parametrize("suffix", [".record", ".draft"])
async def test_a_newer_record_is_told_apart(
    root: Path, spool: DiskSpool, suffix: str
) -> None:
    """To go back to an older release must not destroy what the newer one has saved."""
    saved = await stored(spool)
    newer = envelope.seal(b"whatever", envelope.FORMAT + 1)
    place(root, saved.token, suffix).write_bytes(newer)
    with pytest.raises(UploadTooNew):
        await spool.load(saved.token)


async def test_a_record_that_grew_too_large_is_lost(
    root: Path, spool: DiskSpool
) -> None:
    saved = await stored(spool)
    with place(root, saved.token, ".record").open("r+b") as record:
        record.truncate(envelope.LIMIT * 1000)
    with pytest.raises(UploadLost, match="longer"):
        await spool.load(saved.token)
