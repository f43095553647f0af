"""Routes: each request and each upload goes to its own origin, and to no other one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from proxy.app import App
from tests.conftest import StartProxy
from tests.kit.answer import VERSION_FIELD
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin, Reply, Silence

VERSION = 9
ON_DISK = {"memory_threshold": 0}
CREDENTIALS = (("Authorization", "Bearer old"),)
FRESH = (("Authorization", "Bearer new"),)


@pytest.fixture
async def photos() -> AsyncIterator[RecordingOrigin]:
    """The origin of the route of that name."""
    recording = RecordingOrigin()
    await recording.start()
    yield recording
    await recording.stop()


def route(origin: RecordingOrigin, **settings: Any) -> dict[str, Any]:
    """A route to `origin` for all below /photos/, with `settings` of its origin."""
    return {
        "name": "photos",
        "match": {"paths": ["/photos/*"], "methods": ["POST", "GET"]},
        "origin": {"url": origin.address, **settings},
        "uploads": {"limits": {"max_size": 100}},
        "spool": ON_DISK,
    }


class Speaking:
    """Clients of proxies that come and go; closed at the end."""

    def __init__(self) -> None:
        self._clients: list[Client] = []

    def to(self, app: App) -> Client:
        self._clients.append(Client(app.addresses[0]))
        return self._clients[-1]

    async def close(self) -> None:
        for client in self._clients:
            await client.close()


@pytest.fixture
async def speaking() -> AsyncIterator[Speaking]:
    clients = Speaking()
    yield clients
    await clients.close()


@pytest.fixture
async def routed(
    start_proxy: StartProxy, photos: RecordingOrigin, speaking: Speaking
) -> Client:
    """Speaks to a proxy with that route."""
    return speaking.to(await start_proxy(routes=[route(photos)]))


async def test_uploads_go_to_the_origin_of_their_route(
    routed: Client, origin: RecordingOrigin, photos: RecordingOrigin
) -> None:
    photos.then(Reply(201, body=b"a photo"))
    there = await routed.create(VERSION, path="/photos/1", sends=b"p" * 10)
    here = await routed.create(VERSION, path="/files", sends=b"f" * 10)
    assert (there.answer.content, here.answer.content) == (b"a photo", b"stored")
    assert photos.bodies == [b"p" * 10]
    assert origin.bodies == [b"f" * 10]


async def test_what_is_no_upload_goes_there_as_well(
    routed: Client, origin: RecordingOrigin, photos: RecordingOrigin
) -> None:
    for path in ("/photos/1", "/files", "/photos"):
        await routed.ask("GET", path)
    await routed.ask("DELETE", "/photos/1")
    assert [request.target for request in photos.requests] == ["/photos/1"]
    assert [(one.method, one.target) for one in origin.requests] == [
        ("GET", "/files"),
        ("GET", "/photos"),
        ("DELETE", "/photos/1"),
    ]


async def test_the_first_route_that_fits_is_taken(
    start_proxy: StartProxy,
    origin: RecordingOrigin,
    photos: RecordingOrigin,
    speaking: Speaking,
) -> None:
    """Also one that only keeps requests from the routes behind it."""
    exempt = {"name": "small", "match": {"paths": "/photos/small/*"}}
    client = speaking.to(await start_proxy(routes=[exempt, route(photos)]))
    await client.ask("GET", "/photos/small/1")
    await client.ask("GET", "/photos/large/1")
    assert [request.target for request in origin.requests] == ["/photos/small/1"]
    assert [request.target for request in photos.requests] == ["/photos/large/1"]


async def test_a_route_has_its_own_limits_and_tells_them(
    routed: Client, origin: RecordingOrigin, photos: RecordingOrigin
) -> None:
    refused = await routed.create(VERSION, path="/photos/1", sends=b"a" * 101)
    assert refused.answer.status == 413
    assert (await routed.create(VERSION, sends=b"a" * 101)).answer.status == 200
    for asked in (origin, photos):
        asked.then(Reply(404))
    told = await routed.ask("OPTIONS", "/photos/1", (VERSION_FIELD, str(VERSION)))
    assert told.bounds == {"max-size": 100}
    told = await routed.ask("OPTIONS", "/files", (VERSION_FIELD, str(VERSION)))
    assert "max-size" not in told.bounds
    assert [request.method for request in photos.requests] == ["OPTIONS"]


async def test_of_the_server_as_a_whole_only_common_limits_are_told(
    start_proxy: StartProxy, photos: RecordingOrigin, speaking: Speaking
) -> None:
    """R83."""
    limits = {"max_size": 1000, "max_append_size": 50}
    app = await start_proxy(routes=[route(photos)], uploads={"limits": limits})
    told = await speaking.to(app).ask("OPTIONS", "*", (VERSION_FIELD, str(VERSION)))
    assert told.bounds == {"max-append-size": 50}


async def test_an_upload_keeps_the_limits_it_began_with(
    routed: Client, photos: RecordingOrigin
) -> None:
    upload = await routed.create(VERSION, path="/photos/1", last=False, sends=b"a" * 60)
    assert (await upload.append(at=60, sends=b"a" * 41)).status == 413
    assert (await upload.append(at=60, sends=b"a" * 40)).status == 200
    assert photos.bodies == [b"a" * 100]


async def test_host_and_credentials_are_the_routes_own(
    start_proxy: StartProxy,
    origin: RecordingOrigin,
    photos: RecordingOrigin,
    speaking: Speaking,
) -> None:
    special = route(photos, preserve_host=False, credentials="finishing")
    client = speaking.to(await start_proxy(routes=[special]))
    for path in ("/photos/1", "/files"):
        upload = await client.create(
            VERSION, path=path, last=False, sends=b"a", fields=CREDENTIALS
        )
        assert (await upload.append(at=1, sends=b"b", fields=FRESH)).status == 200
    [there], [here] = photos.requests, origin.requests
    assert there.one("Host") == f"127.0.0.1:{photos.port}"
    assert here.one("Host") == "upload.test"
    assert there.one("Authorization") == "Bearer new"
    assert here.one("Authorization") == "Bearer old"


async def test_an_upload_goes_on_to_its_origin_after_a_restart(
    start_proxy: StartProxy,
    restart_proxy: StartProxy,
    origin: RecordingOrigin,
    photos: RecordingOrigin,
    speaking: Speaking,
) -> None:
    """Whatever would fit its requests by now: it has the route in its record."""
    client = speaking.to(await start_proxy(routes=[route(photos)]))
    there = await client.create(VERSION, path="/photos/1", last=False, sends=b"p")
    here = await client.create(VERSION, path="/files", last=False, sends=b"f")
    other = {"name": "new", "origin": {"url": origin.address}}
    elsewhere = {**route(photos), "match": {"paths": ["/files"]}}
    client = speaking.to(await restart_proxy(routes=[elsewhere, other]))
    for upload in (there, here):
        answer = await upload.at(client).append(at=1, sends=b"!")
        assert (answer.status, answer.complete) == (200, True)
    assert (photos.bodies, origin.bodies) == ([b"p!"], [b"f!"])


async def test_an_upload_whose_route_is_gone_waits_for_it(
    start_proxy: StartProxy,
    restart_proxy: StartProxy,
    origin: RecordingOrigin,
    photos: RecordingOrigin,
    speaking: Speaking,
) -> None:
    """P3: it goes to no other origin, whoever asks; its bytes are kept."""
    routes = [route(photos)]
    await photos.stop()
    client = speaking.to(await start_proxy(routes=routes))
    whole = await client.create(VERSION, path="/photos/1", sends=b"w" * 10)
    assert whole.answer.status == 503
    part = await client.create(VERSION, path="/photos/2", last=False, sends=b"p" * 5)
    await photos.start()
    client = speaking.to(await restart_proxy())
    for upload, answer in (
        (whole, await whole.at(client).append(at=10)),
        (part, await part.at(client).append(at=5, sends=b"p" * 5)),
    ):
        assert answer.status == 503
        assert answer.problem["type"].endswith(":route-missing")
        assert int(answer.one("Retry-After") or 0) > 0
        assert answer.complete is False
        assert await upload.at(client).ask_offset() == answer.offset
    assert origin.requests == photos.requests == []
    client = speaking.to(await restart_proxy(routes=routes))
    assert (await part.at(client).append(at=5, sends=b"q" * 5)).status == 200
    assert (await whole.at(client).append(at=10)).content == b"stored"
    assert sorted(photos.bodies) == [b"p" * 5 + b"q" * 5, b"w" * 10]
    assert origin.requests == []


async def test_an_upload_whose_route_is_gone_can_be_given_up(
    start_proxy: StartProxy,
    restart_proxy: StartProxy,
    photos: RecordingOrigin,
    speaking: Speaking,
) -> None:
    photos.then(Silence())
    app = await start_proxy(routes=[route(photos)], shutdown_grace="0s")
    client = speaking.to(app)
    sent = await client.create(
        VERSION, path="/photos/1", length=5, sends=b"a" * 5, then="stall"
    )
    await photos.received()
    client = speaking.to(await restart_proxy())
    answer = await sent.at(client).append(at=5)
    assert (answer.status, answer.problem["status"]) == (503, 503)
    assert (await sent.at(client).cancel()).status == 204
    assert (await sent.at(client).head()).status == 404
    assert len(photos.requests) == 1


async def test_what_was_answered_is_had_again_without_its_route(
    start_proxy: StartProxy,
    restart_proxy: StartProxy,
    photos: RecordingOrigin,
    speaking: Speaking,
) -> None:
    client = speaking.to(await start_proxy(routes=[route(photos)]))
    upload = await client.create(VERSION, path="/photos/1", sends=b"a" * 5)
    client = speaking.to(await restart_proxy())
    assert (await upload.at(client).append(at=5)).content == b"stored"
    assert len(photos.requests) == 1


async def test_an_origin_that_is_down_holds_up_no_other(
    routed: Client, origin: RecordingOrigin, photos: RecordingOrigin
) -> None:
    """P5: and what waits for the one that is down arrives when it is back."""
    await photos.stop()
    waits = await routed.create(VERSION, path="/photos/1", sends=b"p")
    assert waits.answer.status == 503
    assert waits.answer.problem["type"].endswith(":origin-down")
    gate = asyncio.Event()
    origin.then(Reply(once=gate))
    slow = asyncio.ensure_future(routed.create(VERSION, sends=b"f"))
    await origin.received()
    gate.set()
    assert (await slow).answer.status == 200
    assert (await routed.ask("GET", "/photos/1")).status == 502
    assert (await routed.ask("GET", "/files")).status == 200
    await photos.start()
    assert (await waits.append(at=1)).content == b"stored"
    assert photos.bodies == [b"p"]


async def test_preflights_are_those_of_the_top_level(
    start_proxy: StartProxy,
    origin: RecordingOrigin,
    photos: RecordingOrigin,
    speaking: Speaking,
) -> None:
    cors = {"allow_origins": ["https://app.example"]}
    client = speaking.to(await start_proxy(routes=[route(photos)], cors=cors))
    answer = await client.ask(
        "OPTIONS",
        "/photos/1",
        ("Origin", "https://app.example"),
        ("Access-Control-Request-Method", "POST"),
    )
    assert answer.one("Access-Control-Allow-Origin") == "https://app.example"
    assert origin.requests == photos.requests == []


@pytest.mark.parametrize(("threshold", "stays"), [(0, 1), (1000, 0)])
async def test_a_route_has_its_own_room_in_memory(
    start_proxy: StartProxy,
    photos: RecordingOrigin,
    speaking: Speaking,
    threshold: int,
    stays: int,
) -> None:
    """P8: whether the record of an upload that is being sent is on the disk."""
    gate = asyncio.Event()
    photos.then(Reply(once=gate))
    special = {**route(photos), "spool": {"memory_threshold": threshold}}
    app = await start_proxy(
        routes=[special], spool={"memory_threshold": 1000 - threshold}
    )
    client = speaking.to(app)
    sending = asyncio.ensure_future(
        client.create(VERSION, path="/photos/1", sends=b"a" * 10)
    )
    await photos.received()
    assert len(list(app._premises.disk.tokens())) == stays
    gate.set()
    assert (await sending).answer.status == 200


async def test_routes_to_one_origin_share_its_connections(
    start_proxy: StartProxy, photos: RecordingOrigin, speaking: Speaking
) -> None:
    first = route(photos)
    second = {**first, "name": "more", "match": {"paths": ["/more/*"]}}
    other = {**first, "name": "slow", "match": {"paths": ["/slow/*"]}}
    other = {**other, "origin": {**first["origin"], "response_timeout": "1m"}}
    app = await start_proxy(routes=[first, second, other])
    routing = app._road.routing
    lanes = [routing.courses.named(name).lane for name in ("photos", "more", "slow")]
    assert lanes[0] is lanes[1]
    assert lanes[0].sender is not lanes[2].sender
    assert len(routing._origins) == 3  # that of the top level, too
    client = speaking.to(app)
    for path in ("/photos/1", "/more/1", "/slow/1"):
        answer = (await client.create(VERSION, path=path, sends=b"a")).answer
        assert answer.status == 200


async def _stands(upload: Upload) -> bool | None:
    return True if (await upload.head()).complete else None


async def test_the_sweep_sends_what_waits_to_the_origin_of_its_route(
    start_proxy: StartProxy,
    restart_proxy: StartProxy,
    origin: RecordingOrigin,
    photos: RecordingOrigin,
    speaking: Speaking,
) -> None:
    """After a restart, without a client that comes back."""
    routes = [route(photos)]
    await photos.stop()
    client = speaking.to(await start_proxy(routes=routes))
    upload = await client.create(VERSION, path="/photos/1", sends=b"w" * 10)
    await photos.start()
    client = speaking.to(await restart_proxy(routes=routes))
    await photos.received()
    await until(lambda: _stands(upload.at(client)))
    assert (photos.bodies, origin.bodies) == ([b"w" * 10], [])
