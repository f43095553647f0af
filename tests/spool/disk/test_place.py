"""The directory of a spool: whose it is, where it is, and that it is still that one."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proxy.core.errors import SpoolError, UploadMissing
from proxy.core.room import UNBOUNDED
from proxy.core.upload import State
from proxy.spool.disk import DiskSpool
from proxy.spool.figures import Figures

from ..samples import (
    BOOT,
    keep_answer,
    new_token,
    place,
    stored,
    upload,
)


def modes(root: Path) -> dict[str, str]:
    """Modes of everything below `root`, itself included, by kind."""
    found = {}
    for path in [root, *root.rglob("*")]:
        status = path.lstat()
        kind = "directory" if stat.S_ISDIR(status.st_mode) else "file"
        found[f"{path.name} {kind}"] = oct(stat.S_IMODE(status.st_mode))
    return found


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


async def test_a_volume_whose_root_has_the_same_inode_is_told_by_the_lock(
    root: Path, spool: DiskSpool
) -> None:
    """As the roots of all ext4 volumes have; what lies there is another proxy's."""
    lock, elsewhere = root / "lock", root / "elsewhere"
    lock.touch()
    saved = await stored(spool, b"12345", state=State.INTERRUPTED)
    lock.rename(elsewhere)
    for why in ("the lock .* is not there any more", "another directory"):
        if why == "another directory":
            lock.touch()
        with pytest.raises(SpoolError, match=why):
            await spool.load(new_token())
        with pytest.raises(SpoolError, match=why):
            await spool.create(upload())
        assert not await spool.writable()
    elsewhere.rename(lock)
    assert (await spool.load(saved.token)).offset == 5
    assert await spool.writable()


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
