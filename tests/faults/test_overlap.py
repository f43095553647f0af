"""Old and new on one spool: while one stops or dies, the other goes on (P3, P6)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin, Reply, Silence
from tests.kit.process import ProxyProcess

VERSION = 8
on_disk = pytest.mark.configured(spool={"memory_threshold": 0})
"""What is in the memory of a process that is killed, nobody goes on with (P8)."""


class Both:
    """Two proxies on one spool, as processes, and a client of each."""

    def __init__(self, old: ProxyProcess, new: ProxyProcess, spool: Path) -> None:
        self.old = old
        self.new = new
        self.spool = spool
        self.client = Client(old.address)
        self.other = Client(new.address)

    def elsewhere(self, upload: Upload) -> Upload:
        return upload.at(self.other)


@pytest.fixture
async def both(
    origin: RecordingOrigin, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Both]:
    marker = request.node.get_closest_marker("configured")
    settings: dict[str, Any] = {
        "origin": {"url": origin.address, "retry_for": "100ms"},
        **(marker.kwargs if marker else {}),
    }
    spool = {"directory": str(tmp_path / "spool")} | settings.get("spool", {})
    settings["spool"] = spool
    processes = []
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        processes.append(ProxyProcess(tmp_path / name, settings))
    await asyncio.gather(*(process.start() for process in processes))
    pair = Both(processes[0], processes[1], tmp_path / "spool")
    yield pair
    await pair.client.close()
    await pair.other.close()
    for process in processes:
        await process.end()


@on_disk
async def test_killed_while_it_receives(both: Both, origin: RecordingOrigin) -> None:
    """P2: what reached it is kept."""
    upload = await both.client.create(
        VERSION, length=100, sends=b"a" * 40, then="stall"
    )
    await until(lambda: _stored(both, upload, 40))
    await both.old.kill()
    there = both.elsewhere(upload)
    assert await there.ask_offset() == 40
    assert (await there.append(at=40, sends=b"b" * 60)).complete is True
    assert origin.bodies == [b"a" * 40 + b"b" * 60]


async def test_killed_while_it_waits_for_the_origin(
    both: Both, origin: RecordingOrigin
) -> None:
    """P3, P5: the other one forwards it, once, whether the client comes or not."""
    await origin.stop()
    upload = await both.client.create(VERSION, sends=b"a" * 40)
    assert upload.answer.status == 503
    await both.old.kill()
    await origin.start()
    assert (await both.elsewhere(upload).append(at=40)).content == b"stored"
    assert origin.bodies == [b"a" * 40]


async def test_killed_while_it_forwards(both: Both, origin: RecordingOrigin) -> None:
    """P3: nobody knows what became of it, and nothing is sent twice."""
    origin.then(Silence())
    upload = await both.client.create(VERSION, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    there = both.elsewhere(upload)
    assert (await there.head()).offset == 40
    await both.old.kill()
    answer = await there.append(at=40)
    assert (answer.status, answer.offset, answer.complete) == (502, 40, False)
    assert len(origin.requests) == 1


@on_disk
async def test_killed_while_a_client_of_the_other_one_waits(
    both: Both, origin: RecordingOrigin
) -> None:
    origin.then(Silence())
    upload = await both.client.create(VERSION, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    joined = asyncio.ensure_future(both.elsewhere(upload).append(at=40))
    # It has asked once the upload is durable: that comes before it joins.
    await until(lambda: _acknowledged(both, upload))
    await both.old.kill()
    answer = await asyncio.wait_for(joined, 5)
    assert (answer.status, answer.offset, answer.complete) == (502, 40, False)
    assert len(origin.requests) == 1


async def _stored(both: Both, upload: Upload, size: int) -> bool | None:
    """True once so many bytes of the body are in the spool."""
    body = _file(both, upload, "body")
    return True if body.stat().st_size == size else None


async def _acknowledged(both: Both, upload: Upload) -> bool | None:
    record = _file(both, upload, "record").read_bytes()
    return True if re.search(rb'"acknowledged": ?40\b', record) else None


def _file(both: Both, upload: Upload, kind: str) -> Path:
    token = upload.path.rpartition("/")[2]
    return both.spool / token[:2] / f"{token}.{kind}"


@on_disk
async def test_killed_after_the_answer(both: Both, origin: RecordingOrigin) -> None:
    origin.then(Reply(201, (), b"made"))
    upload = await both.client.create(VERSION, sends=b"a" * 40)
    await both.old.kill()
    answer = await both.elsewhere(upload).append(at=40)
    assert (answer.status, answer.content) == (201, b"made")
    assert len(origin.requests) == 1


async def test_killed_after_a_cancel_that_the_other_one_was_asked_for(
    both: Both, origin: RecordingOrigin
) -> None:
    """R70: the upload is hidden for good, though its forward never ends."""
    origin.then(Silence())
    upload = await both.client.create(VERSION, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    there = both.elsewhere(upload)
    assert (await there.cancel()).status == 204
    await both.old.kill()
    assert (await there.head()).status == 404
    assert len(origin.requests) == 1


async def test_the_old_one_stops_with_uploads_in_flight(
    both: Both, origin: RecordingOrigin
) -> None:
    """A rolling restart: what can come back is taken up by the new one, what is being
    sent on ends where it is, and a client that waits at the new one hears of it."""
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))
    complete = await both.client.create(
        VERSION, length=40, sends=b"a" * 40, then="stall"
    )
    await origin.received()
    part = await both.client.create(VERSION, length=100, sends=b"b" * 30, then="stall")
    stopping = asyncio.ensure_future(both.old.terminate())
    assert await part.transfer.ended() == b""
    there = both.elsewhere(part)
    assert await there.ask_offset() == 30
    assert (await there.append(at=30, sends=b"b" * 70)).status == 200
    joined = asyncio.ensure_future(both.elsewhere(complete).append(at=40))
    gate.set()
    assert (await joined).content == b"made"
    assert (await complete.transfer.hear()).content == b"made"
    assert await stopping == 0
    assert sorted(origin.bodies) == [b"a" * 40, b"b" * 100]


async def test_a_new_one_begins_on_the_same_port_before_the_old_one_stops(
    origin: RecordingOrigin, tmp_path: Path
) -> None:
    """Neither misses the other's uploads, and nobody is refused."""
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    settings = {
        "origin": {"url": origin.address},
        "spool": {"directory": str(tmp_path / "spool")},
        "reuse_port": True,
    }
    old = ProxyProcess(tmp_path / "old", settings)
    listen = old.address.removeprefix("http://")
    new = ProxyProcess(tmp_path / "new", {**settings, "listen": listen})
    client = Client(old.address)
    try:
        await old.start()
        upload = await client.create(VERSION, length=40, sends=b"a" * 30, then="stall")
        await new.start()
        stopping = asyncio.ensure_future(old.terminate())
        await upload.transfer.ended()
        assert await stopping == 0
        assert (await upload.append(at=30, sends=b"a" * 10)).status == 200
        assert origin.bodies == [b"a" * 40]
    finally:
        await client.close()
        await old.end()
        await new.end()


async def test_another_origin_is_refused_and_both_are_named(
    both: Both, origin: RecordingOrigin, tmp_path: Path
) -> None:
    (tmp_path / "stranger").mkdir()
    stranger = ProxyProcess(
        tmp_path / "stranger",
        {
            "origin": {"url": "http://127.0.0.1:9"},
            "spool": {"directory": str(tmp_path / "spool")},
        },
    )
    with pytest.raises(AssertionError) as ended:
        await stranger.start()
    told = str(ended.value)
    assert "ended with 1" in told
    assert f"its origin is {origin.address}, here it is http://127.0.0.1:9" in told


async def test_locks_and_sockets_leave_nothing_behind(both: Both) -> None:
    for _ in range(20):
        upload = await both.client.create(VERSION, last=False, sends=b"a")
        await both.elsewhere(upload).cancel()
    await both.old.kill()
    upload = await both.other.create(VERSION, last=False, sends=b"a")
    assert await upload.ask_offset() == 1
    await both.new.terminate()
    locks = [file.name for file in (both.spool / "locks").iterdir()]
    assert len(locks) == 64
    assert len(list((both.spool / "peers").iterdir())) <= 1  # until somebody is asked
