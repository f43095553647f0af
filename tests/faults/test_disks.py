"""A real file system that fails, or goes away, under a proxy that serves.

It lies on a drive of ours (``tests.kit.device``), which needs root, ``/dev/fuse`` and
loop devices. What was told before stays, requests that need no disk are served all the
while, the process lives, and goes on when the disk does.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from proxy.spool.writeback import start_range
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.device.volume import Volume, missing
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.process import ProxyProcess
from tests.kit.raw import Connection, NoAnswerError, request

from .conftest import StartProcess

Heard = TypeVar("Heard")
LARGE = b"a" * (2**20 + 1)
"""More than may stay in memory."""
VERY_LARGE = b"b" * 2**22
"""More than that, of another size."""
LACKING = missing()
pytestmark = pytest.mark.skipif(LACKING is not None, reason=f"{LACKING}")


@pytest.fixture
async def volume(tmp_path: Path) -> AsyncIterator[Volume]:
    made = Volume(tmp_path)
    try:
        await made.make()
        yield made
    finally:
        await made.detach()


@pytest.fixture
async def process(
    volume: Volume, start_process: StartProcess
) -> AsyncIterator[ProxyProcess]:
    """A proxy whose spool is a directory of the volume."""
    started = await start_process(spool={"directory": str(volume.place / "spool")})
    yield started
    # before the volume is taken apart
    await started.end()


Act = Callable[[Volume], Awaitable[Any]]


async def unmount(volume: Volume) -> None:
    await volume.unmount()


async def mount(volume: Volume) -> None:
    await volume.mount()


async def rename(volume: Volume) -> None:
    (volume.place / "spool").rename(volume.place / "elsewhere")


async def rename_back(volume: Volume) -> None:
    (volume.place / "elsewhere").rename(volume.place / "spool")


async def replace(volume: Volume) -> None:
    await rename(volume)
    (volume.place / "spool").mkdir()


async def put_back(volume: Volume) -> None:
    (volume.place / "spool").rmdir()
    await rename_back(volume)


VANISHES = pytest.mark.parametrize(
    ("break_it", "mend_it"),
    [(unmount, mount), (rename, rename_back), (replace, put_back)],
    ids=["unmounted", "renamed", "replaced"],
)


async def _ready(process: ProxyProcess) -> tuple[int, bytes]:
    admin = await Connection.open(process.admin_address)
    await admin.send(request("GET", "/readyz"))
    response = await admin.hear("GET")
    await admin.close()
    return response.status, response.content


async def _cut_uploads(client: Client) -> list[Upload]:
    """One in an old version and one in a new one, both told of 40 bytes."""
    uploads = []
    for version in (6, 9):
        upload = await client.create(version, length=50, sends=b"a" * 40, then="cut")
        assert await upload.ask_offset() == 40
        uploads.append(upload)
    return uploads


async def _refused(process: ProxyProcess, client: Client) -> None:
    """Uploads are refused, since each may need the disk at any moment, what is none is
    served, and readiness says so."""
    for version in (6, 9):
        created = await client.create(version, sends=LARGE)
        assert created.answer.status == 507
        assert int(created.answer.one("Retry-After") or "") > 0
        assert created.answer.problem["type"].endswith(":storage")
    assert (await client.create(9, sends=b"small")).answer.status == 507
    assert (await client.ask("GET", "/other")).status == 200
    assert await _ready(process) == (
        503,
        b"[-] spool: it cannot be written\nnot ready\n",
    )


async def _goes_on(
    process: ProxyProcess, uploads: list[Upload], origin: RecordingOrigin
) -> None:
    """From no less than each was told, without a restart."""

    async def ready() -> bool | None:
        return True if (await _ready(process))[0] == 200 else None

    await until(ready)
    for upload in uploads:
        offset = await upload.ask_offset()
        assert 40 <= offset <= 50
        answer = await upload.append(at=offset, sends=b"b" * (50 - offset))
        assert (answer.status, answer.complete) == (200, True)
    whole = b"a" * 40 + b"b" * 10
    assert [body for body in origin.bodies if b"ab" in body] == [whole, whole]
    assert await process.terminate() == 0


@VANISHES
async def test_a_spool_that_is_not_there_makes_no_upload_unknown(
    volume: Volume,
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    break_it: Act,
    mend_it: Act,
) -> None:
    """404 would make every client begin anew."""
    uploads = await _cut_uploads(speaker)
    await break_it(volume)
    for upload in uploads:
        answer = await upload.head()
        assert (answer.status, answer.offset) == (507, None)
        answer = await upload.append(at=40, sends=b"b" * 10)
        assert (answer.status, answer.offset) == (507, None)
        assert (await upload.cancel()).status == 507
    await _refused(process, speaker)
    await mend_it(volume)
    await _goes_on(process, uploads, origin)


async def test_a_disk_that_fails_costs_nothing_that_was_told(
    volume: Volume,
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
) -> None:
    """EIO, and a file system that makes itself read-only for it; R97: up to v6 the
    transfer that meets it is cut."""
    uploads = await _cut_uploads(speaker)
    await volume.order("fail")
    for upload in uploads:
        # what was told needs no disk to be told again
        assert await upload.ask_offset() == 40
    with pytest.raises(NoAnswerError):
        await uploads[0].append(at=40, last=False, sends=b"b" * 5)
    answer = await uploads[1].append(at=40, last=False, sends=b"b" * 5)
    assert answer.status == 507
    await _refused(process, speaker)
    assert "spool failed" in process.log
    await volume.order("heal")
    # read-only until it is mounted anew, although the drive is well again
    await volume.start_again()
    await _goes_on(process, uploads, origin)


async def test_a_transfer_that_meets_it_is_told_so_or_cut(
    volume: Volume, process: ProxyProcess, speaker: Client
) -> None:
    """R97: up to v6 the connection is cut, from v7 on it is 507."""
    transfers = {}
    for version in (6, 9):
        upload = await speaker.create(version, length=10**7, then="stall")
        transfers[version] = upload.transfer
    await volume.order("fail")
    # a byte now and then: the first after its bytes could not be made durable finds out
    said, response = await asyncio.gather(
        _until(transfers[6].ended(), transfers[6]),
        _until(transfers[9].hear(), transfers[9]),
    )
    assert b"HTTP/1.1" not in said
    assert response.status == 507


async def _until(hearing: Coroutine[Any, Any, Heard], transfer: Connection) -> Heard:
    """What is heard while bytes are sent, and then no more of them."""
    task = asyncio.create_task(hearing)
    while not task.done():
        await transfer.send(b"x")
        await asyncio.wait([task], timeout=0.2)
    return task.result()


async def test_bytes_that_were_lost_unseen_are_not_sent_on(
    volume: Volume, start_process: StartProcess, origin: RecordingOrigin
) -> None:
    """The kernel could not write them and has dropped them, nobody had asked for them
    to be synced, and the drive is well again: other bytes are read, without an error.
    The client has to send them once more, and the origin gets them once."""
    busy = asyncio.Event()
    origin.then(Reply(once=busy), Reply())
    spool = volume.place / "spool"
    process = await start_process(
        spool={"directory": str(spool)}, origin={"max_forwards": 1}
    )
    client = Client(process.address)
    first = asyncio.create_task(client.create(9, sends=b"first"))
    await until(lambda: _some(origin.requests))
    waiting = asyncio.create_task(client.create(9, sends=VERY_LARGE))
    body = await until(lambda: _whole(spool))
    await _lose(volume, body)
    busy.set()
    await first
    upload = await waiting
    assert upload.answer.status == 507
    offset = await upload.ask_offset()
    assert offset == 0
    answer = await upload.append(at=0, sends=VERY_LARGE)
    assert (answer.status, answer.complete) == (200, True)
    assert [len(one) for one in origin.bodies] == [5, len(VERY_LARGE)]
    assert origin.bodies[1] == VERY_LARGE
    await process.end()


async def _some(found: list[Any]) -> list[Any] | None:
    return found or None


async def _whole(spool: Path) -> Path | None:
    """The body that is large, once all of it is there."""
    return await asyncio.to_thread(_find_whole, spool)


def _find_whole(spool: Path) -> Path | None:
    found = spool.glob("*/*.body")
    return next((path for path in found if path.stat().st_size == 2**22), None)


async def _lose(volume: Volume, body: Path) -> None:
    """Have the kernel try to write it to a drive that fails, and then need the memory.

    Which it would do by itself, within half a minute and when it likes.
    """
    assert start_range is not None
    descriptor = os.open(body, os.O_RDONLY)
    await volume.order("fail")
    start_range(descriptor, 0, len(VERY_LARGE))
    await until(lambda: _dropped(descriptor))
    await volume.order("heal")
    os.close(descriptor)


async def _dropped(descriptor: int) -> bool | None:
    """What is still to be written is kept."""
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    return True if os.pread(descriptor, 1, 0) != VERY_LARGE[:1] else None
