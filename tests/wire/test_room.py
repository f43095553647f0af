"""A spool with bounds: refused at the head, before a byte is read; others go on."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from proxy.admission import HELD_S
from proxy.core.room import FIRST_STEP
from proxy.core.upload import Token
from tests.conftest import StartProxy
from tests.kit.bounds import until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.raw import chunk, request
from tests.kit.words import each_version, words

if TYPE_CHECKING:
    from proxy.app import App

QUOTA = 1_000_000
"""Bytes; a record takes about one thousandth of that."""
RECORDS = 10_000
"""Bytes; more than the few uploads of a test take for their records."""
quota = pytest.mark.configured(spool={"quota": QUOTA})


@each_version
@quota
async def test_what_never_fits_is_refused_unread_with_the_bound(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R29: no larger upload is promised than could ever be stored."""
    upload = await client.create(
        version,
        length=QUOTA + 1,
        interim=False,
        fields=(("Expect", "100-continue"),),
    )
    answer = upload.answer
    assert (answer.status, answer.interims) == (413, [])
    assert (answer.location, answer.one("Connection")) == (None, "close")
    assert await upload.transfer.ended() == b""
    if words(version).tells_limits:
        assert answer.bounds == {"max-size": QUOTA}
    assert origin.requests == []


@pytest.mark.configured(
    spool={"quota": QUOTA}, uploads={"limits": {"max_size": 5_000_000}}
)
async def test_no_more_is_promised_beforehand(client: Client) -> None:
    options = await client.ask("OPTIONS", "*", ("Upload-Draft-Interop-Version", "9"))
    assert options.bounds == {"max-size": QUOTA}
    upload = await client.create(9, last=False, sends=b"a")
    assert upload.answer.bounds == {"max-size": QUOTA}


@each_version
@quota
async def test_what_does_not_fit_now_fits_when_another_has_ended(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R38: 507 with a time, no 104, no upload, and no byte is read."""
    first = await client.create(9, length=700_000, sends=b"a" * 10, then="stall")
    refused = await client.create(
        version,
        length=301_000,
        interim=False,
        fields=(("Expect", "100-continue"),),
    )
    answer = refused.answer
    assert (answer.status, answer.interims) == (507, [])
    assert (answer.location, answer.one("Connection")) == (None, "close")
    assert int(answer.one("Retry-After") or "") > 0
    assert answer.problem is not None
    assert answer.problem["type"].endswith(":no-room")
    assert await refused.transfer.ended() == b""
    assert (await first.cancel()).status == 204
    again = await client.create(version, sends=b"b" * 301_000)
    assert again.answer.status == 200
    assert origin.bodies == [b"b" * 301_000]


@each_version
@quota
async def test_an_append_is_refused_with_the_offset(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """And the upload goes on when there is room."""
    upload = await client.create(version, last=False, sends=b"a" * 100)
    other = await client.create(9, length=800_000, then="stall")
    transfer = await upload.begin(at=100, length=200_000, then="stall")
    refused = await transfer.hear("PATCH")
    assert refused.status == 507
    assert refused.one("Upload-Offset") == "100"
    assert int(refused.one("Retry-After") or "") > 0
    assert await transfer.ended() == b""
    assert await upload.ask_offset() == 100
    await other.cancel()
    assert (await upload.append(at=100, sends=b"b" * 200_000)).status == 200
    assert origin.bodies == [b"a" * 100 + b"b" * 200_000]


@quota
async def test_a_cut_upload_finds_its_room_kept(
    client: Client, origin: RecordingOrigin
) -> None:
    upload = await client.create(9, length=900_000, sends=b"a" * 100, then="cut")
    assert await upload.transfer.ended() == b""
    other = await client.create(9, length=101_000, interim=False)
    assert other.answer.status == 507
    assert (await upload.append(at=100, sends=b"b" * 899_900)).status == 200


@quota
async def test_an_announced_length_is_kept_room_for(client: Client) -> None:
    """Also by a creation that brings nothing yet; one that is gone takes none."""
    upload = await client.create(9, last=False, announce=900_000)
    assert upload.answer.status == 201
    assert (await client.create(9, sends=b"b" * 101_000)).answer.status == 507
    assert (await upload.cancel()).status == 204
    assert (await client.create(9, sends=b"b" * 101_000)).answer.status == 200


@quota
async def test_a_hundred_empty_creations_lock_nobody_out_for_long(
    client: Client, proxy: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(100):
        announced = await client.create(9, last=False, announce=QUOTA // 125)
        assert announced.answer.status == 201
    large = b"b" * (QUOTA // 2)
    assert (await client.create(9, sends=large)).answer.status == 507
    later = proxy._road.admission._now() + HELD_S + 1
    monkeypatch.setattr(proxy._road.admission, "_now", lambda: later)
    assert (await client.create(9, sends=large)).answer.status == 200


@quota
async def test_records_count_and_what_brings_nothing_is_refused_at_last(
    client: Client, proxy: App
) -> None:
    """Else large heads would fill the disk, whatever the quota says."""
    fat = tuple((f"X-Fat-{number}", "z" * 7000) for number in range(8))

    async def begin() -> int:
        upload = await client.create(9, last=False, fields=fat)
        return upload.answer.status

    taken = 0
    while await begin() == 201:
        taken += 1
        assert taken < 30
    assert taken > 10
    assert proxy._premises.figures.look(0).used < QUOTA
    assert await begin() == 507
    assert proxy._premises.figures.look(0).used == records_in(proxy)


def records_in(proxy: App) -> int:
    """Bytes of all records and drafts."""
    root = Path(proxy._premises.disk._place.root)
    found = [*root.glob("*/*.record"), *root.glob("*/*.draft")]
    return sum(path.stat().st_size for path in found)


@quota
async def test_what_records_take_is_given_back(client: Client, proxy: App) -> None:
    """Counted as it grows and goes, over the whole life of an upload."""
    upload = await client.create(9, length=2000, sends=b"a" * 10, then="cut")
    assert await upload.transfer.ended() == b""
    assert await upload.ask_offset() == 10
    assert proxy._premises.figures.look(0).used == 10 + records_in(proxy)
    assert (await upload.append(at=10, sends=b"a" * 1990)).status == 200

    async def answered() -> bool | None:
        left = proxy._premises.figures.look(0).used - records_in(proxy)
        return True if left == len(b"stored") else None

    await until(answered)
    assert (await upload.cancel()).status == 204
    assert proxy._premises.figures.look(0).used == 0


@quota
async def test_an_upload_that_has_all_its_bytes_is_finished_in_a_full_spool(
    client: Client, origin: RecordingOrigin
) -> None:
    upload = await client.create(9, last=False, sends=b"a" * 100)
    await client.create(9, length=900_000, then="stall")
    assert await upload.ask_offset() == 100
    assert (await upload.append(at=100)).status == 200
    assert origin.bodies == [b"a" * 100]


@pytest.mark.parametrize("late_s", [60.0, 0.0])
async def test_what_is_in_memory_has_its_room(
    origin: RecordingOrigin,
    start_proxy: StartProxy,
    monkeypatch: pytest.MonkeyPatch,
    late_s: float,
) -> None:
    """It may go to the disk at any time; here at once, or not before the test ends."""
    monkeypatch.setattr("proxy.spool.patience.PATIENCE_S", late_s)
    proxy = await start_proxy(spool={"quota": QUOTA})
    client = Client(proxy.addresses[0])
    gate = asyncio.Event()
    origin.then(Reply(once=gate))
    first = await client.create(9, length=600_000, sends=b"a" * 600_000, then="stall")
    await origin.received()
    assert (await client.create(9, length=401_000, interim=False)).answer.status == 507
    space = proxy._premises.figures.look(0)
    assert 600_000 <= space.used + space.promised < 600_000 + RECORDS
    gate.set()
    assert (await first.transfer.hear()).status == 200

    async def none_is_left() -> bool | None:
        space = proxy._premises.figures.look(0)
        return (space.promised == 0 and space.used < RECORDS) or None

    await until(none_is_left)
    await client.close()


SMALL = {"quota": 2 * FIRST_STEP}


@each_version
@pytest.mark.configured(spool=SMALL)
async def test_an_unknown_length_that_outgrows_the_room(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R97: what fits is kept; a cut up to v6, told from v7 on. The others go on."""
    other = await client.create(
        9, length=FIRST_STEP // 2, sends=b"b" * 10, then="stall"
    )
    upload = await client.create(
        version, chunked=True, sends=b"a" * FIRST_STEP, then="stall"
    )
    room = SMALL["quota"] - FIRST_STEP // 2
    await upload.transfer.send(chunk(bytes(FIRST_STEP)))
    if version < 7:
        assert await upload.transfer.ended() == b""
    else:
        response = await upload.transfer.hear()
        assert response.status == 507
        offset = int(response.one("Upload-Offset") or "")
        assert room - RECORDS < offset <= room
        assert response.one("Upload-Complete") == words(version).open
        assert int(response.one("Retry-After") or "") > 0
    offset = await upload.ask_offset()
    assert room - RECORDS < offset <= room
    assert origin.requests == []
    await other.transfer.send(b"b" * (FIRST_STEP // 2 - 10))
    assert (await other.transfer.hear()).status == 200

    async def appended() -> bool | None:
        # its body goes a moment after its answer has come
        answer = await upload.append(at=offset, sends=b"c")
        return None if answer.status == 507 else answer.status == 200

    assert await until(appended)


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many bytes of the file system are free, for whoever asks."""
    told = {"free": 10**6}

    def statvfs(path: object) -> os.statvfs_result:
        blocks = (told["free"], told["free"])
        return os.statvfs_result((1, 1, 10**7, *blocks, 0, 0, 0, 0, 255))

    monkeypatch.setattr(os, "statvfs", statvfs)
    return told


FLOOR: dict[str, Any] = {
    "spool": {"free_floor": 1000},
    "admin": {"listen": "127.0.0.1:0"},
}


async def test_below_the_floor_nothing_is_taken_and_nobody_is_sent_here(
    free: dict[str, int], start_proxy: StartProxy
) -> None:
    app = await start_proxy(**FLOOR)
    client = Client(app.addresses[0])
    upload = await client.create(9, last=False, sends=b"a" * 100)
    assert await ready(app) == 200
    free["free"] = 501_000
    await settled(app)
    assert (await client.create(9, sends=b"b" * 500_001)).answer.status == 507
    assert (await client.create(9, sends=b"b" * 490_000)).answer.status == 200
    free["free"] = 999
    await settled(app)
    assert await ready(app) == 503
    assert (await client.create(9, sends=b"b")).answer.status == 507
    assert (await upload.append(at=100, sends=b"b")).status == 507
    assert (await upload.append(at=100)).status == 200
    free["free"] = 10**6
    await settled(app)
    assert await ready(app) == 200
    assert (await client.create(9, sends=b"b")).answer.status == 200
    never = await client.create(9, length=10**7, interim=False)
    assert never.answer.status == 413
    bound = (never.answer.bounds or {})["max-size"]
    assert 10**7 - 1000 - RECORDS < bound < 10**7 - 1000
    await client.close()


async def ready(app: App) -> int:
    """What /readyz says."""
    assert app.admin_address is not None
    operator = Client(app.admin_address)
    connection = await operator.connect()
    await connection.send(request("GET", "/readyz"))
    status = (await connection.hear("GET")).status
    await operator.close()
    return status


async def settled(app: App) -> None:
    """The proxy has to look again."""
    app._road.admission._looked_at = float("-inf")


@quota
async def test_the_count_outlives_the_process(
    client: Client, restart_proxy: StartProxy
) -> None:
    await client.create(9, last=False, sends=b"a" * 900_000)
    app = await restart_proxy(spool={"quota": QUOTA})
    again = Client(app.addresses[0])
    assert (await again.create(9, sends=b"b" * 101_000)).answer.status == 507
    assert (await again.create(9, sends=b"b" * 90_000)).answer.status == 200
    await again.close()


async def test_what_nobody_counted_is_found(
    client: Client, restart_proxy: StartProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as what a killed process had stored, or what was there before."""
    monkeypatch.setattr("proxy.reckoning.STEP_PAUSE_S", 0)
    monkeypatch.setattr("proxy.reckoning.ROUND_PAUSE_S", 0.05)
    upload = await client.create(9, last=False, sends=b"a" * 900_000)
    app = await restart_proxy(spool={"quota": QUOTA})
    app._premises.figures.changed(Token(upload.path.rpartition("/")[2]), -900_000)

    def used() -> int:
        return app._premises.figures.look(0).used

    async def counted() -> bool | None:
        return True if 0 <= used() - 900_000 < RECORDS else None

    await until(counted)
    again = Client(app.addresses[0])
    assert (await again.create(9, sends=b"b" * 101_000)).answer.status == 507
    await again.close()
