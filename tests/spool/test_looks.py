"""Looking into a spool from outside, as it is used, damaged, or of an earlier boot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.core.errors import UploadLost, UploadMissing
from proxy.core.upload import State, Token, Upload
from proxy.spool.disk import DiskSpool
from proxy.spool.looks import Looks

from .samples import BOOT, NEXT_BOOT, new_token, upload


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[DiskSpool]:
    disk = DiskSpool(tmp_path, boot_id=BOOT)
    yield disk
    disk.close()


@pytest.fixture
def looks(spool: DiskSpool, tmp_path: Path) -> Looks:
    return Looks(str(tmp_path), boot_id=BOOT)


async def stored(spool: DiskSpool, token: Token, body: bytes = b"body") -> Upload:
    one = upload(token=token)
    await spool.create(one)
    writer = spool.writer(token)
    writer.write(body)
    writer.close()
    return one


def written(directory: Path) -> dict[Path, int]:
    """When each file was, in nanoseconds."""
    return {path: path.stat().st_mtime_ns for path in directory.rglob("*")}


def spoil(directory: Path) -> None:
    """Make rubbish of the only record."""
    (record,) = directory.rglob("*.record")
    record.write_bytes(b"rubbish")


async def test_tokens_come_in_groups_that_begin_alike(
    spool: DiskSpool, looks: Looks
) -> None:
    tokens = {new_token(start) for start in ("aa1", "aa2", "bb1")}
    for token in tokens:
        await stored(spool, token)
    groups = list(looks.groups())
    assert {token for group in groups for token in group} == tokens
    assert sorted(len(group) for group in groups) == [1, 2]
    assert [token[:3] for token in looks.beginning("aa")] == ["aa1", "aa2"]
    assert [token[:3] for token in looks.beginning("aa2")] == ["aa2"]
    for start in ("zz", "..", "a", "", "unfinished"):
        assert looks.beginning(start) == []


async def test_a_look_changes_nothing(
    spool: DiskSpool, looks: Looks, tmp_path: Path
) -> None:
    """Not even where the next start would cut a body back."""
    one = await stored(spool, new_token())
    before = written(tmp_path)
    seen = looks.look(one.token)
    assert (seen.offset, seen.state) == (4, State.RECEIVING)
    later = Looks(str(tmp_path), boot_id=NEXT_BOOT).look(one.token)
    assert later.offset == 0
    body = looks.body(one.token)
    assert body.read(0, 10) == b"body"
    body.close()
    assert looks.size(one.token) == 4
    assert not looks.in_doubt(one.token)
    assert written(tmp_path) == before
    assert looks.written_at(one.token) is not None


async def test_what_is_not_there_and_what_is_damaged(
    spool: DiskSpool, looks: Looks, tmp_path: Path
) -> None:
    one = await stored(spool, new_token())
    spoil(tmp_path)
    with pytest.raises(UploadLost):
        looks.look(one.token)
    await spool.delete(one.token)
    with pytest.raises(UploadMissing):
        looks.look(one.token)
    with pytest.raises(UploadMissing):
        looks.body(one.token)
    assert looks.size(one.token) is None
    assert looks.written_at(one.token) is None
