"""Where the bytes come from: the same offset gives the same bytes, or an error."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest

from proxy.client.failures import Reason, SourceFailed
from proxy.client.sources import KEPT, FileSource, source_of


async def test_a_file_that_changes_meanwhile_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(b"a" * 10)
    source = FileSource(path)
    assert await source.read(4, 3) == b"aaa"
    path.write_bytes(b"b" * 11)
    with pytest.raises(SourceFailed, match="changed while it was uploaded") as failed:
        await source.read(7, 3)
    source.close()
    assert failed.value.reason is Reason.CHANGED


async def test_a_file_that_was_moved_is_the_same_one(tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(b"a" * 10)
    FileSource(path).close()
    source = FileSource(path)
    source.close()
    moved = path.rename(tmp_path / "moved")
    again = FileSource(moved, source.mark)
    assert await again.read(0, 99) == b"a" * 10
    again.close()


async def test_bytes_come_in_several_types() -> None:
    for content in (b"abc", bytearray(b"abc"), memoryview(b"abc")):
        source = source_of(content)
        assert (await source.read(1, 9), source.length) == (b"bc", 3)


@pytest.mark.parametrize("opened", [True, False])
async def test_short_pieces_do_not_cost_a_hop_each(
    monkeypatch: pytest.MonkeyPatch, opened: bool
) -> None:
    """An open file gives lines to whoever iterates over it."""
    hops, to_thread = 0, asyncio.to_thread

    async def counted(*what: Any) -> Any:
        nonlocal hops
        hops += 1
        return await to_thread(*what)

    monkeypatch.setattr(asyncio, "to_thread", counted)
    lines = [b"hello\n"] * 20_000
    source = source_of(io.BytesIO(b"".join(lines)) if opened else iter(lines))
    content = bytearray()
    while data := await source.read(len(content), 1 << 20):
        content += data
    assert bytes(content) == b"".join(lines)
    assert hops < 50


async def test_of_a_stream_only_so_much_is_kept() -> None:
    piece = b"x" * (1 << 20)
    source = source_of(piece for _ in range(20))
    offset = 0
    while data := await source.read(offset, 1 << 20):
        offset += len(data)
    assert (offset, source.length) == (20 << 20, 20 << 20)
    assert len(await source.read(offset - KEPT, 9)) == 9
    with pytest.raises(SourceFailed, match="cannot be read again") as failed:
        await source.read(0, 1)
    assert failed.value.reason is Reason.CANNOT_GO_BACK


async def test_what_is_looked_at_is_kept_however_long_it_is() -> None:
    source = source_of(b"x" * 100_000 for _ in range(200))
    await source.look(15_000_000)
    assert source.length is None
    for offset in (14_999_999, 0):
        assert await source.read(offset, 1) == b"x"
    source.release(15_000_000)
    with pytest.raises(SourceFailed):
        await source.read(14_999_999, 1)


async def test_a_stream_may_be_entered_later_on() -> None:
    source = source_of([b"abc", b"", b"def", b"ghi"], length=9)
    assert await source.read(4, 4) == b"efgh"
    assert await source.read(6, 9) == b"ghi"
    assert await source.read(9, 9) == b""


async def test_a_stream_of_another_length_than_was_told_is_an_error() -> None:
    with pytest.raises(SourceFailed, match="3 bytes, and 4 were told"):
        await source_of([b"abc"], length=4).look(5)


@pytest.mark.parametrize("pieces", [[b"abcdef"], [b"abcde", b"", b"f"]])
async def test_a_stream_is_not_cut_at_the_length_that_was_told(
    pieces: list[bytes],
) -> None:
    """Its last byte would complete the upload, so the end is seen before."""
    source = source_of(pieces, length=5)
    with pytest.raises(SourceFailed, match="5 bytes were told") as failed:
        await source.read(0, 5)
    assert failed.value.reason is Reason.CHANGED
