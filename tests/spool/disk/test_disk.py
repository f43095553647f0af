"""What lies in the directory of a spool: what others put there, what a crash left."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.core.errors import SpoolError, UploadLost, UploadMissing, UploadTooNew
from proxy.core.upload import State
from proxy.spool import envelope
from proxy.spool.disk import DiskSpool

from ..samples import (
    BOOT,
    answer_of,
    append,
    body_of,
    keep_answer,
    new_token,
    place,
    stored,
    upload,
)


def everything(root: Path) -> set[Path]:
    return set(root.rglob("*"))


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


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


async def test_a_shard_that_another_process_makes_meanwhile_is_one(
    root: Path, spool: DiskSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, token = os.lstat, new_token("zz")

    def looked(path: str) -> os.stat_result:
        try:
            return look(path)
        finally:
            if path.endswith("/zz"):
                (root / "zz").mkdir(exist_ok=True)

    monkeypatch.setattr(os, "lstat", looked)
    with pytest.raises(UploadMissing):
        await spool.load(token)
    assert (root / "zz").is_dir()


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
