"""Files of the spool with any damage: refused and said so, never a wrong byte.

``tests/spool/test_record.py`` damages the content of one record; here a record, the
draft that amends it, and the body are damaged together, where the spool reads them.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from proxy.core.errors import UploadLost, UploadMissing
from proxy.core.upload import State, Upload
from proxy.spool.disk import DiskSpool

from ..kit.effort import effort
from ..spool.samples import BOOT, NEXT_BOOT, stored

SUFFIXES = ("record", "draft", "body")


@st.composite
def damages(draw: st.DrawFn) -> dict[str, bytes | None]:
    """What is put in place of files; None: nothing, it is gone."""
    return draw(
        st.dictionaries(
            st.sampled_from(SUFFIXES), st.none() | st.binary(max_size=40), max_size=3
        )
    )


Edits = list[tuple[str, int, int, bytes]]
EDITS = st.lists(
    st.tuples(
        st.sampled_from(SUFFIXES),
        st.integers(0, 900),
        st.integers(0, 900),
        st.binary(max_size=4),
    ),
    max_size=3,
)


@effort(100)
@given(damages(), EDITS, st.sampled_from([BOOT, NEXT_BOOT]))
def test_what_is_loaded_was_saved(
    replaced: dict[str, bytes | None], edits: Edits, boot: str
) -> None:
    asyncio.run(_check(replaced, edits, boot))


async def _check(replaced: dict[str, bytes | None], edits: Edits, boot: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        before = DiskSpool(Path(directory), boot_id=BOOT)
        record = await stored(before, b"12345", state=State.INTERRUPTED, acknowledged=3)
        draft = replace(record, why="amended", length=7)
        await before.save(draft, durable=False)
        before.close()
        for suffix, content in replaced.items():
            _put(_file(directory, suffix, record), content)
        for suffix, start, end, content in edits:
            _edit(_file(directory, suffix, record), start, end, content)
        after = DiskSpool(Path(directory), boot_id=boot)
        try:
            found = await after.load(record.token)
        except (UploadLost, UploadMissing):
            return
        finally:
            after.close()
        size = _file(directory, "body", record).stat().st_size
        assert replace(found, offset=0) in (record, draft)
        assert found.offset == size >= record.acknowledged


def _file(directory: str, suffix: str, upload: Upload) -> Path:
    return Path(directory) / upload.token[:2] / f"{upload.token}.{suffix}"


def _put(file: Path, content: bytes | None) -> None:
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)


def _edit(file: Path, start: int, end: int, content: bytes) -> None:
    """Put `content` in place of some bytes; a file that is not there stays away."""
    if file.exists():
        old = file.read_bytes()
        file.write_bytes(old[:start] + content + old[max(start, end) :])
