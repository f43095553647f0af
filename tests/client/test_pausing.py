"""Uploads that are paused or given up, whenever that is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from proxy.client import Policy, Reason, Upload, UploadFailed, UploadPaused, upload
from tests.kit.bounds import BOUND_S
from tests.kit.origin import RecordingOrigin, Reply, Silence

LIMIT = ("Upload-Limit", "min-size=0")
KNOWS = Reply(fields=(LIMIT,), body=b"")
CREATED = Reply(201, (LIMIT, ("Location", "/u"), ("Upload-Offset", "0")), b"")
PARTS = Policy(chunk_size=3, base_s=0.01, attempts=0)


def methods(origin: RecordingOrigin) -> list[str]:
    return [request.method for request in origin.requests]


@pytest.mark.parametrize("turns", [0, 1, 2, 5, 10, 20, 40])
async def test_it_pauses_at_any_moment(
    origin: RecordingOrigin, tmp_path: Path, turns: int
) -> None:
    """Before it has begun, and once more while it ends, too."""
    film = tmp_path / "film"
    film.write_bytes(b"content")
    origin.then(KNOWS, CREATED, Silence())
    going: Any = upload(film, f"{origin.address}/f", policy=PARTS)
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(BOUND_S):
        again = asyncio.gather(*[_after(turn, going) for turn in range(4)])
        await going.cancel_by_producing_resume_data()
        await again
        with pytest.raises(UploadPaused):
            await going
    with pytest.raises(ValueError, match="closed"):
        going._source._file.fileno()


async def _after(turns: int, going: Upload) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    await going.cancel_by_producing_resume_data()


async def test_what_has_failed_can_be_given_up(origin: RecordingOrigin) -> None:
    origin.then(KNOWS, CREATED, Reply(401), Reply(204, (), b""))
    going = upload(b"content", f"{origin.address}/f", policy=PARTS)
    with pytest.raises(UploadFailed) as failed:
        await going
    assert failed.value.reason is Reason.REFUSED
    assert going.resume_data is not None
    await going.cancel()
    assert going.resume_data is None
    assert methods(origin)[2:] == ["PATCH", "DELETE"]


async def test_what_is_complete_stays(origin: RecordingOrigin) -> None:
    going = upload(b"content", f"{origin.address}/f")
    await going
    await going.cancel()
    assert (await going).status == 200
    assert "DELETE" not in methods(origin)


async def test_what_cannot_be_gone_on_with_is_deleted(origin: RecordingOrigin) -> None:
    back = Reply(409, (("Upload-Offset", "99"),), b"")
    going = upload(b"content", f"{origin.address}/f", policy=Policy(chunk_size=3))
    origin.then(KNOWS, CREATED, back)
    with pytest.raises(UploadFailed) as failed:
        await going
    assert failed.value.reason is Reason.BROKEN_PROMISE
    assert methods(origin) == ["OPTIONS", "POST", "PATCH", "DELETE"]
