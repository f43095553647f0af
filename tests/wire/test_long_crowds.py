"""Long bodies of a crowd, which the event loop does not look at: cut, ended, late."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from proxy.spool.writer import DiskWriter
from proxy.wire import Shortcut, crowd
from proxy.wire.crowd import CROWD, SMALL, Crowd, Fetched
from tests.conftest import StartProxy
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin

from .test_long_bodies import (
    BODY,
    LENGTH,
    VERSION,
    begun,
    entered,
    goes_on,
    has,
    proxy,
    way,
)

__all__ = ["entered", "proxy", "way"]


async def test_a_crowd_on_slow_links_rests_and_loses_nothing(
    start_proxy: StartProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P2: whether it is cut, or ended by the newest request."""
    resting: list[object] = []
    rest = Crowd.rest

    def noted(self: Crowd, body: Fetched) -> None:
        resting.append(body)
        rest(self, body)

    monkeypatch.setattr(Crowd, "rest", noted)
    # However slow this machine is just now, one piece closely follows another.
    monkeypatch.setattr(crowd, "PERIOD_S", 60.0)
    client = Client((await start_proxy()).addresses[0])
    several = [
        await client.create(VERSION, length=LENGTH, then="stall") for _ in range(CROWD)
    ]
    sent = 0
    while len(set(resting)) < CROWD:
        piece = BODY[sent : sent + SMALL // 4]
        for upload in several:
            await upload.transfer.send(piece)
        sent += len(piece)
        await asyncio.sleep(0)  # sending does not let the proxy have its turn
        assert sent < LENGTH // 2
    for number, upload in enumerate(several):
        if number % 2:
            upload.transfer.finish()
            assert await upload.transfer.ended() == b""
        assert await upload.ask_offset() == sent
    await client.close()


async def test_a_crowd_on_fast_links_queues_and_loses_nothing(
    start_proxy: StartProxy, origin: RecordingOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P2: whoever comes in between is answered, and each body is whole."""
    queueing: list[Fetched] = []
    queue = Crowd.queue

    def noted(self: Crowd, body: Fetched) -> None:
        queueing.append(body)
        queue(self, body)

    monkeypatch.setattr(Crowd, "queue", noted)
    # However little the kernel has of each at a time, it is much.
    monkeypatch.setattr(crowd, "MUCH", 4096)
    client = Client((await start_proxy()).addresses[0])
    waiting = await client.create(VERSION, length=LENGTH, sends=b"a", then="cut")
    several = [
        await client.create(VERSION, length=LENGTH, then="stall") for _ in range(CROWD)
    ]
    sending = asyncio.gather(*(one.transfer.send(BODY) for one in several))
    while len(set(queueing)) < CROWD:
        assert not sending.done()
        assert await waiting.ask_offset() == 1
    await sending
    for one in several:
        assert (await one.transfer.hear()).status == 200
    assert origin.bodies == [BODY] * CROWD
    await client.close()


@pytest.mark.parametrize("way", ["auto", "auto, rests", "auto, queues"], indirect=True)
async def test_what_fails_in_an_unforeseen_way_leaves_no_hole(
    client: Client,
    tmp_path: Path,
    origin: RecordingOrigin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P1: nothing is stored behind what came and was not."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    monkeypatch.setattr(crowd, "_TICK_S", 0.5)  # it rests when the last one comes
    upload = await begun(client, tmp_path, 1000)
    await upload.transfer.send(BODY[1000:2000])
    await until(partial(has, tmp_path, 2000))

    def fails(*_: object) -> bool:
        raise RuntimeError("never seen")

    with monkeypatch.context() as broken:
        broken.setattr(DiskWriter, "write", fails)
        await upload.transfer.send(BODY[2000:3000])
        assert await upload.transfer.ended() == b""
    await goes_on(upload, 2000, origin)


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> set[Fetched]:
    """Who rests or queues; and never has a turn."""
    crowded: set[Fetched] = set()
    for name in ("rest", "queue"):
        monkeypatch.setattr(Crowd, name, lambda _, body: crowded.add(body))
    monkeypatch.setattr(Crowd, "ended", lambda _, body: body in crowded)
    return crowded


async def _in_the_crowd(
    client: Client, tmp_path: Path, crowded: set[Fetched]
) -> tuple[Upload, int]:
    """An upload that rests or queues, and how many bytes of it are stored."""
    upload, size = await begun(client, tmp_path, 1000), 1000
    while not crowded:
        await upload.transfer.send(BODY[size : size + 1000])
        size += 1000
        await until(partial(has, tmp_path, size))
    return upload, size


each_kind = pytest.mark.parametrize(
    "way", ["auto, rests", "auto, queues"], indirect=True
)


@each_kind
async def test_one_of_a_crowd_that_is_ended_has_all_that_had_come(
    client: Client, tmp_path: Path, never: set[Fetched]
) -> None:
    """P2, P6: though it was not its turn."""
    upload, size = await _in_the_crowd(client, tmp_path, never)
    await upload.transfer.send(BODY[size : size + 1000])
    assert await upload.ask_offset() == size + 1000


@each_kind
async def test_one_of_a_crowd_is_not_idle_as_long_as_bytes_come(
    start_proxy: StartProxy, tmp_path: Path, way: str, never: set[Fetched]
) -> None:
    """However late its turn is, on a machine that has stood still."""
    idle = {"idle_timeout": "300ms"}
    app = await start_proxy(fast_receive=way, uploads=idle)
    client = Client(app.addresses[0])
    upload, size = await _in_the_crowd(client, tmp_path, never)
    await upload.transfer.send(BODY[size : size + 1000])
    await until(partial(has, tmp_path, size + 1000))
    await upload.transfer.send(BODY[size + 1000 :])
    assert (await upload.transfer.hear()).status == 200
    await client.close()


async def test_a_request_that_is_cancelled_takes_the_shortcut_no_more(
    start_proxy: StartProxy, tmp_path: Path, entered: list[Shortcut]
) -> None:
    client = Client((await start_proxy()).addresses[0])
    await begun(client, tmp_path, 1000)
    (way,) = entered
    assert way.bodies == 1
    for task in asyncio.all_tasks():
        if "Turns" in repr(task.get_coro()):
            task.cancel()

    async def has_left() -> bool | None:
        return None if way.bodies else True

    await until(has_left)
    await client.close()
