"""The numbers after real conversations."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from proxy.app import App
from proxy.core.errors import Problem
from proxy.metrics.catalogue import OWN, PROCESS
from proxy.spool.figures import Figures
from tests.conftest import StartProxy
from tests.kit.bounds import BOUND_S
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply, Reset, Silence
from tests.kit.scrape import Numbers, scrape

from .conftest import Look, looked

ADMIN = {"admin": {"listen": "127.0.0.1:0"}}
observed = pytest.mark.configured(**ADMIN)
VERSION = 6


@observed
async def test_a_cut_and_a_resumption(
    client: Client, look: Look, origin: RecordingOrigin
) -> None:
    upload = await client.create(VERSION, length=100, sends=b"a" * 40, then="cut")
    assert await upload.ask_offset() == 40
    assert (await upload.append(at=40, sends=b"b" * 60)).status == 200
    numbers = await look(
        lambda seen: (
            seen.total("rup_http_requests_total") == 3
            and seen.total("rup_uploads_finished_total") == 1
        )
    )
    assert numbers.by("rup_http_requests_total", "method") == {
        "POST": 1,
        "HEAD": 1,
        "PATCH": 1,
    }
    assert numbers.by("rup_http_requests_total", "code") == {
        "499": 1,
        "204": 1,
        "200": 1,
    }
    assert numbers.by("rup_uploads_started_total", "dialect") == {"6": 1}
    assert numbers.by("rup_upload_interruptions_total", "cause") == {
        "client_disconnect": 1
    }
    assert numbers.total("rup_upload_resumptions_total") == 1
    assert numbers.total("rup_upload_bytes_saved_total") == 40
    assert numbers.total("rup_http_request_body_bytes_total") == 100
    assert numbers.total("rup_origin_forwarded_bytes_total") == 100
    assert numbers.by("rup_uploads_finished_total", "outcome") == {"delivered": 1}
    assert numbers.by("rup_forwards_total", "outcome") == {"answered": 1}
    assert numbers.by("rup_forwards_total", "attempt") == {"1": 1}
    assert numbers.by("rup_origin_requests_total", "code") == {"200": 1}
    assert numbers.by("rup_upload_interim_responses_total", "kind") == {"location": 1}
    assert numbers.total("rup_upload_size_bytes_sum") == 100
    assert numbers.total("rup_upload_duration_seconds_count") == 1
    assert numbers.total("rup_upload_requests_per_upload_count") == 1
    assert numbers.total("rup_upload_requests_per_upload_sum") == 2
    assert numbers.total("rup_spool_fsync_duration_seconds_count") > 0
    assert numbers.total("rup_upload_lock_wait_seconds_count") == 3
    assert numbers.by("rup_origin_request_duration_seconds_count", "phase") == {
        "connect": 1,
        "send": 1,
        "wait": 1,
    }
    assert numbers.total("rup_http_requests_in_flight") == 0


@observed
async def test_parts_that_end_in_order_are_no_resumptions(
    client: Client, look: Look
) -> None:
    upload = await client.create(VERSION, last=False, sends=b"a" * 40)
    assert (await upload.append(at=40, sends=b"b" * 60)).status == 200
    numbers = await look(lambda seen: seen.total("rup_http_requests_total") == 2)
    assert numbers.total("rup_upload_resumptions_total") == 0
    assert numbers.total("rup_upload_bytes_saved_total") == 0
    assert not numbers.by("rup_upload_interruptions_total", "cause")


@observed
async def test_requests_of_an_upload_are_those_that_were_taken(
    client: Client, look: Look
) -> None:
    upload = await client.create(VERSION, last=False)
    assert (await upload.append(at=7, last=False, sends=b"a" * 40)).status == 409
    await upload.append(at=0, last=False, sends=b"a" * 40)
    assert await upload.ask_offset() == 40
    await client.create(VERSION, last=False, sends=b"a" * 40)
    assert (await upload.append(at=40)).status == 200
    assert (await upload.append(at=40)).status == 200
    numbers = await look(lambda seen: seen.total("rup_http_requests_total") == 7)
    took = "rup_upload_requests_per_upload"
    assert numbers.total(f"{took}_count", route="default") == 1
    assert numbers.total(f"{took}_sum", route="default") == 3
    assert numbers.total(f"{took}_bucket", le="3.0") == 1
    assert numbers.total(f"{took}_bucket", le="2.0") == 0


@observed
async def test_a_takeover(client: Client, look: Look) -> None:
    upload = await client.create(VERSION, length=100, sends=b"a" * 40, then="stall")
    receiving = await look(lambda seen: seen.total("rup_connections_open") == 1)
    assert receiving.by("rup_uploads_active", "state") == {"receiving": 1}
    assert receiving.total("rup_http_requests_in_flight") == 1
    offset = await upload.ask_offset()
    assert offset == 40
    await upload.append(at=40, sends=b"b" * 60)
    numbers = await look(lambda seen: seen.total("rup_http_requests_total") == 3)
    assert numbers.by("rup_upload_interruptions_total", "cause") == {"superseded": 1}
    assert numbers.total("rup_upload_bytes_saved_total") == 40


@observed
async def test_an_unknown_outcome(
    client: Client, look: Look, origin: RecordingOrigin
) -> None:
    origin.then(Reset())
    upload = await client.create(VERSION, sends=b"a" * 40)
    assert upload.answer.status == 502
    numbers = await look(lambda seen: seen.total("rup_http_requests_total") == 1)
    assert numbers.by("rup_uploads_finished_total", "outcome") == {"unknown": 1}
    assert numbers.by("rup_forwards_total", "outcome") == {"lost": 1}
    assert numbers.by("rup_origin_requests_total", "code") == {"none": 1}
    assert numbers.by("rup_origin_errors_total", "error") == {
        "connection_terminated": 1
    }
    assert numbers.total("rup_origin_up") == 1
    await upload.cancel()
    numbers = await look(lambda seen: seen.total("rup_http_requests_total") == 2)
    assert numbers.by("rup_uploads_finished_total", "outcome") == {"unknown": 1}


@observed
async def test_an_origin_that_refuses_has_decided(
    client: Client, look: Look, origin: RecordingOrigin
) -> None:
    origin.then(Reply(422))
    await client.create(VERSION, sends=b"a" * 40)
    numbers = await look(lambda seen: seen.total("rup_http_requests_total") == 1)
    assert numbers.by("rup_uploads_finished_total", "outcome") == {
        "rejected_by_origin": 1
    }


@observed
async def test_an_origin_that_is_down(
    client: Client, look: Look, origin: RecordingOrigin
) -> None:
    await origin.stop()
    upload = await client.create(VERSION, sends=b"a" * 40)
    assert upload.answer.status == 503
    down = await look(lambda seen: seen.total("rup_origin_retries_total") > 0)
    assert set(down.by("rup_forwards_total", "outcome")) == {"unreached"}
    assert down.total("rup_origin_up") == 0
    waiting = await look(
        lambda seen: seen.by("rup_uploads_active", "state") == {"complete": 1}
    )
    assert waiting.total("rup_forward_queue_uploads") == 1
    assert waiting.total("rup_forward_oldest_age_seconds") > 0
    await origin.start()
    up = await look(lambda seen: seen.total("rup_origin_up") == 1)
    assert up.by("rup_origin_errors_total", "error").keys() == {"connection_refused"}
    await look(
        lambda seen: (
            seen.by("rup_uploads_finished_total", "outcome") == {"delivered": 1}
        )
    )


@observed
async def test_what_is_passed_through_counts_as_well(
    client: Client, look: Look, origin: RecordingOrigin
) -> None:
    origin.then(Reply(200), Reply(404))
    await client.ask("GET", "/")
    await client.ask("MKCOL", "/")
    numbers = await look(lambda seen: seen.total("rup_http_requests_total") == 2)
    assert numbers.by("rup_http_requests_total", "method") == {"GET": 1, "other": 1}
    assert numbers.by("rup_origin_requests_total", "code") == {"200": 1, "404": 1}
    await origin.stop()
    assert (await client.ask("GET", "/")).status == 502
    numbers = await look(lambda seen: seen.total("rup_http_requests_total") == 3)
    assert numbers.by("rup_origin_errors_total", "error") == {"connection_refused": 1}
    assert numbers.total("rup_origin_up") == 0


@observed
async def test_a_wrong_offset_and_no_http_at_all(client: Client, look: Look) -> None:
    upload = await client.create(VERSION, length=100, sends=b"a" * 40, then="cut")
    answer = await upload.append(at=3, sends=b"b")
    assert answer.status == 409, Problem.OFFSET_MISMATCH
    connection = await client.connect()
    await connection.send(b"\x16\x03\x01 a TLS handshake\r\n\r\n")
    await connection.hear("GET")
    numbers = await look(lambda seen: seen.total("rup_http_rejected_total") == 1)
    assert numbers.total("rup_upload_offset_conflicts_total") == 1
    assert numbers.by("rup_http_rejected_total", "reason") == {"bad_request": 1}


@observed
async def test_a_cancelled_upload(client: Client, look: Look) -> None:
    upload = await client.create(VERSION, length=100, sends=b"a" * 40, then="cut")
    assert (await upload.cancel()).status == 204
    numbers = await look(
        lambda seen: bool(seen.by("rup_uploads_finished_total", "outcome"))
    )
    assert numbers.by("rup_uploads_finished_total", "outcome") == {"cancelled": 1}


@pytest.mark.configured(**ADMIN, origin={"response_timeout": "100ms"})
async def test_a_forward_under_way(
    client: Client, look: Look, origin: RecordingOrigin
) -> None:
    once = asyncio.Event()
    origin.then(Reply(once=once), Silence())
    creating = asyncio.create_task(client.create(VERSION, sends=b"a" * 40))
    await origin.received()
    numbers = await look(lambda seen: True)
    assert numbers.by("rup_uploads_active", "state") == {"forwarding": 1}
    once.set()
    await creating


async def test_uploads_that_are_there_at_the_start_count(
    start_proxy: StartProxy, restart_proxy: StartProxy
) -> None:
    """Beside those of before: what was counted then is another process's."""
    settings = {**ADMIN, "spool": {"memory_threshold": 0}}
    app = await start_proxy(**settings)
    client = Client(app.addresses[0])
    for _ in range(3):
        upload = await client.create(VERSION, length=100, sends=b"a" * 40, then="cut")
        assert await upload.ask_offset() == 40
    again = await restart_proxy(**settings)
    numbers = await looked(
        again, lambda seen: seen.total("rup_uploads_active", state="idle") == 3
    )
    assert numbers.total("rup_spool_uploads") == 3
    assert numbers.total("rup_spool_oldest_upload_age_seconds") > 0
    assert numbers.total("rup_spool_used_bytes") >= 120
    assert numbers.total("rup_uploads_started_total") == 0
    await client.close()


@pytest.mark.configured(**ADMIN, spool={"quota": "1MiB"})
async def test_how_the_spool_stands(client: Client, proxy: App, look: Look) -> None:
    await client.create(VERSION, length=100_000, sends=b"a" * 70_000, then="stall")
    full = await look(lambda seen: seen.total("rup_spool_room_bytes") < 2**20)
    assert full.total("rup_spool_limit_bytes") == 2**20
    # what is stored, what is promised, and the record
    assert 2**20 - 110_000 < full.total("rup_spool_room_bytes") <= 2**20 - 100_000
    assert full.total("rup_spool_free_bytes") > 0
    assert full.total("rup_draining") == 0
    proxy.drain()
    assert (await look(lambda seen: True)).total("rup_draining") == 1


@observed
async def test_everything_in_the_catalogue_is_told_and_nothing_else(
    client: Client, look: Look
) -> None:
    await client.create(VERSION, sends=b"a" * 40)
    numbers = await look(lambda seen: seen.has("rup_spool_uploads"))
    told = {family.name for family in numbers.families}
    # without a quota and TLS they have no series
    assert told | {"rup_spool_limit_bytes"} == {
        metric.name for metric in (*OWN, *PROCESS)
    }


@observed
async def test_a_loop_that_is_late_is_seen(proxy: App, look: Look) -> None:
    await look(lambda seen: seen.total("rup_event_loop_lag_seconds_count") > 0)


@observed
async def test_asking_is_not_counted(proxy: App) -> None:
    assert proxy.admin_address is not None
    first, second = [await scrape(proxy.admin_address) for _ in range(2)]
    assert _requests(first) == _requests(second) == 0


def _requests(numbers: Numbers) -> float:
    return numbers.total("rup_http_requests_total")


@pytest.mark.configured(**ADMIN, spool={"memory_threshold": 0})
async def test_what_was_written_is_what_is_reclaimed(
    client: Client, look: Look
) -> None:
    """Records are in neither."""
    upload = await client.create(VERSION, last=False, sends=b"a" * 40)
    await upload.cancel()
    numbers = await look(lambda seen: seen.total("rup_spool_used_bytes") == 0)
    assert numbers.total("rup_spool_written_bytes_total") == 40
    assert numbers.total("rup_spool_reclaimed_bytes_total") == 40


async def test_what_a_dead_worker_did_not_live_to_count_is_measured_soon(
    start_proxy: StartProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.reckoning.STEP_PAUSE_S", 0)
    ended, measured = asyncio.Event(), Figures.end_round

    def end_round(figures: Figures, size: int) -> None:
        measured(figures, size)
        ended.set()

    monkeypatch.setattr(Figures, "end_round", end_round)
    app = await start_proxy(**ADMIN, spool={"memory_threshold": 0})
    client = Client(app.addresses[0])
    await client.create(VERSION, last=False, sends=b"a" * 40)
    numbers = await looked(app, lambda seen: seen.total("rup_spool_used_bytes") > 40)
    used = numbers.total("rup_spool_used_bytes")
    async with asyncio.timeout(BOUND_S):
        await ended.wait()  # that of the start
    (body,) = (tmp_path / "spool").rglob("*.body")
    body.write_bytes(b"a" * 140)
    app.look_soon()
    await looked(app, lambda seen: seen.total("rup_spool_used_bytes") == used + 100)
    await client.close()


@pytest.mark.configured(**ADMIN, spool={"memory_threshold": 0})
async def test_a_lost_upload(client: Client, look: Look, tmp_path: Path) -> None:
    upload = await client.create(VERSION, length=100, sends=b"a" * 40, then="cut")
    assert await upload.ask_offset() == 40
    (body,) = (tmp_path / "spool").rglob("*.body")
    body.unlink()
    for _ in range(2):
        assert (await upload.head()).status == 404
    numbers = await look(lambda seen: seen.total("rup_http_requests_total") == 4)
    assert numbers.by("rup_spool_recovered_uploads_total", "result") == {"lost": 1}


@observed
async def test_both_forms_are_told_to_who_asks_for_them(
    proxy: App, client: Client
) -> None:
    assert proxy.admin_address is not None
    async with aiohttp.ClientSession() as session:
        for accept, form in (
            ("*/*", "text/plain; version=0.0.4"),
            ("application/openmetrics-text; version=1.0.0", "application/openmetrics"),
        ):
            headers = {"Accept": accept}
            url = f"{proxy.admin_address}/metrics"
            async with session.get(url, headers=headers) as response:
                assert response.headers["Content-Type"].startswith(form)
                assert response.headers["Cache-Control"] == "no-store"
            async with session.post(url) as response:
                assert response.status == 405
