"""What the labels say: listeners, routes, origins, certificates by their names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from proxy.app import App
from proxy.config import Config
from tests.conftest import StartProxy
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply, Silence
from tests.kit.raw import Connection
from tests.kit.sealed import leaf, pair_in

from .conftest import Look, looked

ADMIN: dict[str, Any] = {"admin": {"listen": "127.0.0.1:0"}}
VERSION = 6


@pytest.fixture
async def photos() -> AsyncIterator[RecordingOrigin]:
    """The origin of the route of that name."""
    recording = RecordingOrigin()
    await recording.start()
    yield recording
    await recording.stop()


@pytest.mark.configured(**ADMIN, listen=["127.0.0.1:0", "127.0.0.1:0"])
async def test_each_listener_has_its_name(proxy: App, look: Look) -> None:
    for address, times in zip(proxy.addresses, (1, 2), strict=True):
        client = Client(address)
        for _ in range(times):
            await client.ask("GET", "/")
        await client.close()
    numbers = await look(lambda seen: seen.total("rup_http_requests_total") == 3)
    one, other = (address.removeprefix("http://") for address in proxy.addresses)
    assert numbers.by("rup_http_requests_total", "listener") == {one: 1, other: 2}


@pytest.mark.configured(**ADMIN, listen=["127.0.0.1:0", "127.0.0.1:0"])
async def test_connections_and_what_is_no_request_are_told_apart(
    proxy: App, look: Look
) -> None:
    one, other = (address.removeprefix("http://") for address in proxy.addresses)
    kept = [await Connection.open(proxy.addresses[0]) for _ in range(2)]
    wrong = await Connection.open(proxy.addresses[1])
    await wrong.send(b"\x16\x03\x01\r\n\r\n")
    await wrong.ended()
    numbers = await look(
        lambda seen: (
            seen.by("rup_connections_open", "listener") == {one: 2}
            and seen.total("rup_http_rejected_total") == 1
        )
    )
    assert numbers.by("rup_http_rejected_total", "listener") == {other: 1}
    for connection in (*kept, wrong):
        await connection.close()


async def test_a_listener_of_all_addresses_is_known_by_its_port(
    start_proxy: StartProxy,
) -> None:
    app = await start_proxy(**ADMIN, listen=["0.0.0.0:0", "127.0.0.1:0"])
    everywhere, here = app.addresses
    client = Client(everywhere.replace("0.0.0.0", "127.0.0.1"))
    await client.ask("GET", "/")
    await client.close()
    numbers = await looked(app, lambda seen: bool(_listeners(seen)))
    assert _listeners(numbers) == {everywhere.removeprefix("http://"): 1}
    assert here.removeprefix("http://") not in _listeners(numbers)


def _listeners(numbers: Any) -> dict[str, float]:
    told: dict[str, float] = numbers.by("rup_http_requests_total", "listener")
    return told


async def test_routes_and_their_origins_are_told_apart(
    start_proxy: StartProxy, origin: RecordingOrigin, photos: RecordingOrigin
) -> None:
    route = {
        "name": "photos",
        "match": {"paths": ["/photos/*"]},
        "origin": {"url": photos.address, "retry_for": "100ms"},
    }
    app = await start_proxy(**ADMIN, routes=[route])
    client = Client(app.addresses[0])
    photos.then(Reply(422))
    await client.create(VERSION, sends=b"a" * 40, path="/photos/one")
    await client.create(VERSION, sends=b"a" * 60, path="/files")
    await client.ask("GET", "/photos/one")
    upload = await client.create(
        VERSION, length=100, sends=b"a" * 30, path="/photos/two", then="cut"
    )
    assert await upload.ask_offset() == 30
    assert (await upload.append(at=30, sends=b"b" * 70)).status == 200
    numbers = await looked(app, lambda seen: seen.total("rup_http_requests_total") == 6)
    both = {"photos": 5, "default": 1}
    assert numbers.by("rup_http_requests_total", "route") == both
    assert numbers.by("rup_http_request_body_bytes_total", "route") == {
        "photos": 140,
        "default": 60,
    }
    told = numbers.by("rup_http_response_bytes_total", "route")
    assert told["photos"] > told["default"] > 0
    assert numbers.by("rup_uploads_started_total", "route") == {
        "photos": 2,
        "default": 1,
    }
    rejected = {"route": "photos", "outcome": "rejected_by_origin"}
    assert numbers.total("rup_uploads_finished_total", **rejected) == 1
    assert numbers.by("rup_upload_bytes_saved_total", "route") == {"photos": 30}
    assert numbers.by("rup_origin_requests_total", "origin") == {
        photos.address: 3,
        origin.address: 1,
    }
    assert numbers.by("rup_origin_requests_total", "route") == {
        "photos": 3,
        "default": 1,
    }
    assert numbers.by("rup_origin_up", "origin") == {
        photos.address: 1,
        origin.address: 1,
    }
    await photos.stop()
    await client.create(VERSION, sends=b"a" * 40, path="/photos/three")
    down = await looked(
        app, lambda seen: seen.total("rup_origin_up", origin=photos.address) == 0
    )
    assert down.total("rup_origin_up", origin=origin.address) == 1
    assert down.by("rup_forward_queue_uploads", "route") == {"photos": 1}
    await client.close()


async def test_routes_that_share_an_origin_are_told_apart_by_what_is_asked_of_it(
    start_proxy: StartProxy, origin: RecordingOrigin
) -> None:
    """Their uploads may share a connection, and their questions too."""
    shared = {"url": origin.address, "retry_for": "100ms"}
    route = {"name": "photos", "match": {"paths": ["/photos/*"]}, "origin": shared}
    app = await start_proxy(**ADMIN, routes=[route], origin=shared)
    client = Client(app.addresses[0])
    for path in ("/photos/one", "/files", "/photos/two"):
        await client.create(VERSION, sends=b"a" * 40, path=path)
        await client.ask("GET", path)
    await client.ask("GET", "/files")
    await client.ask("PUT", "/photos/three", ("Content-Length", "5"), sends=b"short")
    numbers = await looked(app, lambda seen: seen.total("rup_http_requests_total") == 8)
    asked = "rup_origin_requests_total"
    assert numbers.by(asked, "route") == {"photos": 5, "default": 3}
    assert numbers.by(asked, "origin") == {origin.address: 8}
    await origin.stop()
    await client.ask("GET", "/photos/one")
    await client.create(VERSION, sends=b"a" * 40, path="/photos/four")
    down = await looked(
        app, lambda seen: seen.total(asked, route="photos", code="none") >= 2
    )
    assert down.total(asked, route="default", code="none") == 0
    await client.close()


async def test_connections_to_an_origin_are_told_by_what_they_are_at(
    start_proxy: StartProxy, origin: RecordingOrigin, photos: RecordingOrigin
) -> None:
    """Those that go to one address with other settings are told with the rest."""
    slow = {"url": origin.address, "response_timeout": "9s"}
    routes = [
        {"name": "slow", "match": {"paths": ["/slow/*"]}, "origin": slow},
        {
            "name": "photos",
            "match": {"paths": ["/photos/*"]},
            "origin": {"url": photos.address},
        },
    ]
    app = await start_proxy(**ADMIN, routes=routes)
    client = Client(app.addresses[0])
    origin.then(Silence(), Silence())
    photos.then(Silence())
    asking = [
        asyncio.create_task(client.create(VERSION, sends=b"a" * 40, path=path))
        for path in ("/slow/one", "/files", "/photos/one")
    ]
    told = "rup_origin_connections"
    numbers = await looked(app, lambda seen: seen.total(told) == 3)
    assert numbers.by(told, "state") == {"busy": 3}
    assert numbers.by(told, "origin") == {origin.address: 2, photos.address: 1}
    await client.ask("GET", "/files")
    numbers = await looked(app, lambda seen: seen.total(told, state="idle") == 1)
    assert numbers.total(told, state="busy", origin=origin.address) == 2
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    await client.close()


async def test_a_route_is_told_before_anything_happens_on_it(
    start_proxy: StartProxy, photos: RecordingOrigin
) -> None:
    """So that its first failure is an increase."""
    route = {
        "name": "photos",
        "match": {"paths": ["/photos/*"]},
        "origin": {"url": photos.address},
    }
    app = await start_proxy(**ADMIN, routes=[route])
    numbers = await looked(app, lambda seen: seen.total("rup_workers_serving") == 1)
    for series in (
        'rup_uploads_finished_total{outcome="unknown",route="photos"} 0.0',
        'rup_forwards_total{attempt="1",outcome="lost",route="photos"} 0.0',
        f'rup_origin_requests_total{{code="none",origin="{photos.address}",'
        'route="photos"} 0.0',
        'rup_forward_queue_uploads{route="photos"} 0.0',
    ):
        assert series in numbers.text


async def test_a_route_that_a_reload_brings_is_told_so_too(
    start_proxy: StartProxy, photos: RecordingOrigin
) -> None:
    app = await start_proxy(**ADMIN)
    route = {
        "name": "photos",
        "match": {"paths": ["/photos/*"]},
        "origin": {"url": photos.address},
    }
    await app.apply(_anew(app, routes=[route]))
    told = (await looked(app, lambda seen: True)).text
    for series in (
        'rup_uploads_finished_total{outcome="unknown",route="photos"} 0.0',
        'rup_upload_interruptions_total{cause="crash",route="photos"} 0.0',
        'rup_http_request_body_bytes_total{route="photos"} 0.0',
        'rup_forward_queue_uploads{route="photos"} 0.0',
        'rup_uploads_active{route="photos",state="receiving"} 0.0',
    ):
        assert series in told
    await app.apply(_anew(app, routes=[]))
    left = await looked(app, lambda seen: True)
    assert not left.total("rup_forward_queue_uploads", route="photos")
    assert 'rup_forward_queue_uploads{route="photos"}' not in left.text
    assert 'rup_uploads_finished_total{outcome="unknown",route="photos"}' in left.text


async def test_an_origin_that_nothing_goes_to_any_more_is_not_told_down(
    start_proxy: StartProxy, origin: RecordingOrigin, photos: RecordingOrigin
) -> None:
    """Nobody would ever tell that it is up again."""
    app = await start_proxy(**ADMIN)
    client = Client(app.addresses[0])
    await origin.stop()
    assert (await client.ask("GET", "/")).status == 502
    before = await looked(app, lambda seen: seen.has("rup_origin_up"))
    assert f'rup_origin_up{{origin="{origin.address}"}} 0.0' in before.text
    errors = before.total("rup_origin_errors_total", origin=origin.address)
    await app.apply(_anew(app, origin={"url": photos.address}))
    assert (await client.ask("GET", "/")).status == 200
    after = await looked(app, lambda seen: seen.has("rup_origin_up"))
    assert after.by("rup_origin_up", "origin") == {photos.address: 1}
    assert f'rup_origin_up{{origin="{origin.address}"}}' not in after.text
    assert f'rup_origin_connections{{origin="{origin.address}"' not in after.text
    assert after.total("rup_origin_errors_total", origin=origin.address) == errors > 0
    await app.apply(_anew(app, origin={"url": origin.address}))
    back = await looked(app, lambda seen: True)
    assert "rup_origin_up{" not in back.text
    await client.close()


def _anew(app: App, **settings: Any) -> Config:
    """Its configuration with these settings."""
    told = app.config.model_dump(mode="json")
    for key, value in settings.items():
        told[key] = told[key] | value if isinstance(value, dict) else value
    return Config.model_validate(told)


async def test_the_end_of_a_certificate_is_told(
    start_proxy: StartProxy, tmp_path: Path
) -> None:
    end = datetime(2040, 1, 2, tzinfo=UTC)
    pair = pair_in(tmp_path)
    pair.write(leaf(end))
    app = await start_proxy(**ADMIN, tls=pair.settings)
    numbers = await looked(app, lambda seen: seen.total("rup_workers_serving") == 1)
    told = numbers.by("rup_tls_certificate_expiry_timestamp_seconds", "cert")
    assert told == {str(pair.certificate): end.timestamp()}


async def test_questions_to_the_auth_server_are_counted_by_what_came_of_them(
    start_proxy: StartProxy, photos: RecordingOrigin
) -> None:
    """Which stands for it here."""
    photos.then(Reply(200), Reply(200), Reply(401), Reply(429), Reply(500))
    asked = {"request": f"{photos.address}/check"}
    app = await start_proxy(**ADMIN, auth=asked)
    client = Client(app.addresses[0])
    statuses = [
        (await client.create(VERSION, sends=b"a")).answer.status for _ in range(4)
    ]
    assert statuses == [200, 401, 429, 503]
    numbers = await looked(app, lambda seen: seen.total("rup_auth_requests_total") == 5)
    assert numbers.by("rup_auth_requests_total", "outcome") == {
        "passed": 2,
        "refused": 1,
        "later": 1,
        "silent": 1,
    }
    assert numbers.total("rup_auth_request_duration_seconds_count") == 5
    await client.close()
