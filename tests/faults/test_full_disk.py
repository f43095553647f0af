"""A real disk, full to its last byte: what is stored stays, and all can still end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.spool.ballast import SIZE
from proxy.spool.clock import boottime
from tests.conftest import StartProxy
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin

from .small_disk import SmallDisk, small_disk

if TYPE_CHECKING:
    from proxy.app import App

MIB = 2**20
PART = b"p" * 200_000


@pytest.fixture(params=["tmpfs", "ext4"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(request.param, tmp_path) as mounted:
        yield mounted


@pytest.fixture
async def proxy(
    disk: SmallDisk, start_proxy: StartProxy, monkeypatch: pytest.MonkeyPatch
) -> App:
    """A proxy over `disk`, which nobody keeps from being filled."""
    monkeypatch.setattr("proxy.sweep.ROUND_PAUSE_S", 0.05)
    app = await start_proxy(**settings(disk))
    await until(lambda: ballast(disk))
    return app


def settings(disk: SmallDisk) -> dict[str, dict[str, object]]:
    """Of which nothing of a part is in memory, where it would take no room."""
    spool = {"directory": str(disk.path / "spool"), "free_floor": 0}
    return {"spool": {**spool, "memory_threshold": len(PART) - 1}}


async def ballast(disk: SmallDisk) -> bool | None:
    """True when there is all of it."""
    file = disk.path / "spool" / "ballast"
    return True if file.exists() and file.stat().st_size == SIZE else None


async def gone(disk: SmallDisk, upload: Upload) -> bool | None:
    """True when nothing is left of the upload."""
    token = upload.path.rpartition("/")[2]
    left = list((disk.path / "spool").glob(f"*/{token}*"))
    return None if left else True


async def full(disk: SmallDisk) -> None:
    """Fill it, and let nothing be free that has been given back since."""
    disk.fill()
    assert disk.free == 0


async def test_a_running_upload_keeps_its_bytes_and_goes_on_later(
    client: Client, origin: RecordingOrigin, disk: SmallDisk
) -> None:
    upload = await client.create(9, length=3 * MIB, sends=PART, then="stall")
    await stored(disk, upload, len(PART))
    await full(disk)
    await upload.transfer.send(bytes(MIB))
    told = await upload.transfer.hear()
    assert told.status == 507
    offset = int(told.one("Upload-Offset") or "")
    assert len(PART) <= offset < len(PART) + MIB
    assert await upload.ask_offset() == offset
    refused = await upload.append(at=offset, sends=bytes(3 * MIB - offset))
    assert (refused.status, refused.offset) == (507, offset)
    disk.relieve()
    answer = await upload.append(at=offset, sends=bytes(3 * MIB - offset))
    assert answer.status == 200
    assert origin.bodies == [PART + bytes(3 * MIB - len(PART))]


async def test_everything_can_end_on_a_full_disk(
    client: Client, origin: RecordingOrigin, disk: SmallDisk
) -> None:
    """Offsets are told, uploads finished and forwarded, cancelled and removed."""
    ended, given_up, left = [
        await client.create(9, last=False, sends=PART) for _ in range(3)
    ]
    await full(disk)
    assert await left.ask_offset() == len(PART)
    assert (await given_up.cancel()).status == 204
    assert await gone(disk, given_up)
    await full(disk)
    assert (await ended.append(at=len(PART))).status == 200
    assert origin.bodies == [PART]
    assert (await ended.append(at=len(PART))).status == 200  # replayed
    assert await left.ask_offset() == len(PART)


async def test_what_is_complete_is_forwarded_on_a_full_disk(
    client: Client, origin: RecordingOrigin, disk: SmallDisk
) -> None:
    """The records on the way to the answer are written, whatever else is not."""
    upload = await client.create(9, length=len(PART), sends=PART[:-1], then="stall")
    await stored(disk, upload, len(PART) - 1)
    disk.fill(but=4096)
    await upload.transfer.send(PART[-1:])
    answer = await upload.transfer.hear()
    assert answer.status in (200, 507)
    if answer.status == 507:
        disk.relieve()
        assert (await upload.append(at=len(PART) - 1, sends=PART[-1:])).status == 200
    assert origin.bodies == [PART]


async def test_what_has_expired_is_swept_from_a_full_disk(
    client: Client, disk: SmallDisk, proxy: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = await client.create(9, last=False, sends=PART)
    await full(disk)
    monkeypatch.setattr(proxy._premises.clock, "_boottime", lambda: boottime() + 86401)
    await until(lambda: gone(disk, upload))
    assert disk.free > 0


@pytest.mark.parametrize("rebooted", [False, True], ids=["same boot", "rebooted"])
async def test_the_proxy_starts_on_a_full_disk(
    client: Client,
    origin: RecordingOrigin,
    disk: SmallDisk,
    restart_proxy: StartProxy,
    monkeypatch: pytest.MonkeyPatch,
    rebooted: bool,
) -> None:
    ended, given_up = [await client.create(9, last=False, sends=PART) for _ in range(2)]
    await full(disk)
    if rebooted:
        monkeypatch.setattr("proxy.premises.boot_id", lambda: "the next boot")
    again = Client((await restart_proxy(**settings(disk))).addresses[0])
    await full(disk)
    assert (await ended.at(again).append(at=len(PART))).status == 200
    assert (await given_up.at(again).cancel()).status == 204
    await again.close()


async def stored(disk: SmallDisk, upload: Upload, size: int) -> None:
    """Wait until so many bytes of the upload have been written."""
    token = upload.path.rpartition("/")[2]
    body = disk.path / "spool" / token[:2] / f"{token}.body"

    async def look() -> bool | None:
        return True if body.stat().st_size == size else None

    await until(look)
