"""Routes with several processes: each sends an upload where its record says (P3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.process import ProxyProcess

VERSION = 8
PATHS = ("/photos/1", "/files")


@pytest.fixture
async def photos() -> AsyncIterator[RecordingOrigin]:
    recording = RecordingOrigin()
    await recording.start()
    yield recording
    await recording.stop()


class Household:
    """Processes on one spool, whose routes differ."""

    def __init__(self, origin: RecordingOrigin, directory: Path) -> None:
        self._origin = origin
        self._directory = directory
        self._processes: list[ProxyProcess] = []
        self._clients: list[Client] = []

    async def start(self, **settings: Any) -> tuple[ProxyProcess, Client]:
        """One more process, and a client of it."""
        directory = self._directory / str(len(self._processes))
        directory.mkdir()
        process = ProxyProcess(
            directory,
            {
                "origin": {"url": self._origin.address, "retry_for": "100ms"},
                "spool": {"directory": str(self._directory / "spool")},
                **settings,
            },
        )
        self._processes.append(process)
        await process.start()
        self._clients.append(Client(process.address))
        return process, self._clients[-1]

    async def end(self) -> None:
        for client in self._clients:
            await client.close()
        for process in self._processes:
            await process.end()


@pytest.fixture
async def household(
    origin: RecordingOrigin, tmp_path: Path
) -> AsyncIterator[Household]:
    made = Household(origin, tmp_path)
    yield made
    await made.end()


def to(origin: RecordingOrigin) -> list[dict[str, Any]]:
    match = {"paths": ["/photos/*"]}
    return [{"name": "photos", "match": match, "origin": {"url": origin.address}}]


async def test_workers_send_uploads_where_they_belong(
    household: Household, origin: RecordingOrigin, photos: RecordingOrigin
) -> None:
    """Also those that waited for an origin that was down, after a kill in between."""
    process, client = await household.start(workers=2, routes=to(photos))
    for _ in range(4):  # whichever worker it is
        for path in PATHS:
            sent = await client.create(VERSION, path=path, sends=path.encode())
            assert sent.answer.status == 200
    await photos.stop()
    waits = await client.create(VERSION, path="/photos/2", sends=b"later")
    assert waits.answer.status == 503
    part = await client.create(VERSION, path="/photos/3", last=False, sends=b"pa")
    await photos.start()
    await process.restart()
    assert (await part.append(at=2, sends=b"rt")).status == 200
    await photos.received(6)
    assert origin.bodies == [b"/files"] * 4
    assert photos.bodies[:4] == [b"/photos/1"] * 4
    assert sorted(photos.bodies[4:]) == [b"later", b"part"]


async def test_an_old_proxy_leaves_alone_what_only_the_new_one_can_send(
    household: Household, origin: RecordingOrigin, photos: RecordingOrigin
) -> None:
    """A route is added in an overlap: requests land on either."""
    old, before = await household.start()
    _, after = await household.start(routes=to(photos))
    part = await after.create(VERSION, path="/photos/1", last=False, sends=b"pa")
    refused = await part.at(before).append(at=2, sends=b"rt")
    assert refused.status == 503
    assert refused.problem["type"].endswith(":route-missing")
    assert refused.offset == await part.at(before).ask_offset() == 2
    assert (await part.append(at=2, sends=b"rt")).status == 200
    assert (await part.at(before).append(at=4)).content == b"stored"
    assert (photos.bodies, origin.bodies) == ([b"part"], [])
    assert "route of an upload is missing" in old.log


async def test_a_client_waits_at_the_old_one_for_what_the_new_one_sends(
    household: Household, origin: RecordingOrigin, photos: RecordingOrigin
) -> None:
    gate = asyncio.Event()
    photos.then(Reply(once=gate))
    _, before = await household.start()
    _, after = await household.start(routes=to(photos))
    part = await after.create(VERSION, path="/photos/1", last=False, sends=b"pa")
    await part.begin(at=2, sends=b"rt", then="stall")
    await photos.received()
    waits = asyncio.ensure_future(part.at(before).append(at=4))
    assert await part.at(before).ask_offset() == 4
    gate.set()
    assert (await waits).content == b"stored"
    assert (photos.bodies, origin.bodies) == ([b"part"], [])


async def test_a_route_that_leads_elsewhere_is_refused_beside_one_that_runs(
    household: Household, origin: RecordingOrigin, photos: RecordingOrigin
) -> None:
    old, _ = await household.start(routes=to(photos))
    with pytest.raises(AssertionError) as ended:
        await household.start(routes=to(origin))
    said = f"its route photos is {photos.address}, here it is {origin.address}"
    assert said in str(ended.value)
    await old.terminate()
    await household.start(routes=to(origin))
