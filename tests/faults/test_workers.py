"""Several workers under a supervisor: whatever dies, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
from pathlib import Path
from signal import SIGKILL

import pytest

from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin, Reply, Silence
from tests.kit.process import ProxyProcess
from tests.kit.raw import Connection, NoAnswerError, request

from .conftest import StartProcess
from .workers import (
    VERSION,
    finished,
    pids,
    served_by,
    started,
    two_workers,
    two_workers_on_disk,
)


async def _ask(process: ProxyProcess, path: str) -> tuple[int, bytes]:
    admin = await Connection.open(process.admin_address)
    await admin.send(request("GET", path, ("Host", "localhost")))
    response = await admin.hear("GET")
    await admin.close()
    return response.status, response.content


@two_workers
async def test_an_upload_goes_through_whoever_is_next(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    await served_by(process, 2)
    origin.then(*[Reply(201, (), b"made")] * 10)
    for _ in range(10):
        upload = await speaker.create(VERSION, last=False, sends=b"a" * 20)
        assert await upload.ask_offset() == 20
        answer = await upload.append(at=20, sends=b"b" * 20)
        assert (answer.status, answer.content) == (201, b"made")
        assert (await upload.append(at=40)).content == b"made"
    assert origin.bodies == [b"a" * 20 + b"b" * 20] * 10
    assert "worker=1" in process.log
    assert "worker=2" in process.log


@two_workers_on_disk
async def test_a_worker_that_dies_is_replaced_and_its_clients_resume(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    origin.then(*[Reply(201, (), b"made")] * 20)
    uploads = [
        await speaker.create(VERSION, length=40, sends=b"a" * 30, then="stall")
        for _ in range(20)
    ]
    for pid in pids(process).values():
        os.kill(pid, SIGKILL)
    for upload in uploads:
        await finished(upload)
    assert origin.bodies == [b"a" * 40] * 20
    await started(process, 4)
    said = ("worker died", "worker ended before it served")
    assert sum(map(process.log.count, said)) == 2


@two_workers
async def test_the_outcome_of_a_dead_workers_forward_is_unknown(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P3: and found so without anybody asking."""
    origin.then(Silence())
    upload = await speaker.create(VERSION, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    for pid in pids(process).values():
        os.kill(pid, SIGKILL)

    async def told() -> bool | None:
        return True if "change=origin_lost" in process.log else None

    await until(told, bound_s=10)
    await started(process, 4)
    answer = await until(lambda: _append(upload), bound_s=15)
    assert answer == 502
    assert len(origin.requests) == 1


async def _append(upload: Upload) -> int | None:
    try:
        return (await upload.append(at=40)).status
    except (OSError, NoAnswerError):
        return None


@two_workers
async def test_what_a_dead_worker_was_to_send_on_is_sent_on(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P5: COMPLETE is forwarded, by the supervisor if need be."""
    await origin.stop()
    upload = await speaker.create(VERSION, sends=b"a" * 40)
    assert upload.answer.status == 503
    for pid in pids(process).values():
        os.kill(pid, SIGKILL)
    await origin.start()
    await origin.received(bound_s=10)
    assert origin.bodies == [b"a" * 40]


@two_workers
async def test_a_worker_is_replaced_only_where_the_spool_is(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """Else it would make a spool below the place of a volume that is away: uploads
    would be unknown there, and its locks others than those of its fellows."""
    origin.then(Reply(201, (), b"made"))
    upload = await speaker.create(VERSION, length=40, sends=b"a" * 30, then="cut")
    assert await upload.ask_offset() == 30
    away = process.spool.rename(process.spool.with_name("away"))
    for pid in pids(process).values():
        os.kill(pid, SIGKILL)

    async def refused() -> bool | None:
        told = process.log.count("the spool directory is not there")
        return True if told and "worker ended before it served" in process.log else None

    await until(refused, bound_s=15)
    assert not process.spool.exists()
    away.rename(process.spool)
    await finished(upload)


async def test_a_worker_is_replaced_where_the_spool_was_found(
    start_process: StartProcess, origin: RecordingOrigin, tmp_path: Path
) -> None:
    """A link of the operator that leads elsewhere since would part it from the rest."""
    for name in ("spool", "other"):
        (tmp_path / name).mkdir()
    link = tmp_path / "link"
    link.symlink_to("spool")
    process = await start_process(workers=2, spool={"directory": str(link)})
    await served_by(process, 2)
    link.unlink()
    link.symlink_to("other")
    for pid in pids(process).values():
        os.kill(pid, SIGKILL)
    await served_by(process, 2)
    origin.then(Reply(201, (), b"made"))
    speaker = Client(process.address)
    upload = await speaker.create(VERSION, length=40, sends=b"a" * 30, then="cut")
    await finished(upload)
    await speaker.close()
    assert not list((tmp_path / "other").iterdir())


@two_workers
async def test_operators_are_told_of_all_workers_together(
    process: ProxyProcess, speaker: Client
) -> None:
    for _ in range(6):
        await speaker.create(VERSION, length=40, sends=b"a", then="stall")
    status, content = await _ask(process, "/drain")
    assert status == 200
    told = json.loads(content)
    assert told == {"draining": False, "requests": 6, "bodies": 6, "forwards": 0}


@pytest.mark.configured(workers=2, origin={"max_forwards": 1}, max_connections=50)
async def test_bounds_are_divided_and_never_become_nothing(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    for _ in range(5):
        assert (await speaker.create(VERSION, sends=b"a" * 40)).answer.status == 200
    assert origin.bodies == [b"a" * 40] * 5


@two_workers
async def test_a_hundred_uploads_cut_at_random_land_anywhere(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """Each request has a connection of its own: it lands on any worker."""
    await served_by(process, 2)
    dice = random.Random(20260101)
    async with asyncio.TaskGroup() as group:
        for number in range(100):
            body = dice.randbytes(dice.randint(1, 50_000)) + b"%d" % number
            group.create_task(_cut_at_random(speaker, body, dice.random()))
    assert len(origin.requests) == 100
    assert len({hash(body) for body in origin.bodies}) == 100
    served = set(re.findall(r"request .*worker=(\d)", process.log))
    assert served == {"1", "2"}


async def _cut_at_random(speaker: Client, body: bytes, seed: float) -> None:
    """Cut an upload again and again, until all of it has been sent.

    A part that was cut may still wait to be accepted by one worker when another one
    answers the question after it: then the offset grows once more, and an append at the
    one that was told is refused, or cut as older than that part. A question never is.
    """
    dice = random.Random(seed)
    cut = dice.randrange(len(body))
    upload = await speaker.create(
        VERSION, length=len(body), sends=body[:cut], then=dice.choice(["cut", "stall"])
    )
    offset = await upload.ask_offset()
    while offset < len(body):
        if dice.random() < 0.3:
            try:
                answer = await upload.append(at=offset, sends=body[offset:])
            except NoAnswerError:
                offset = await upload.ask_offset()
                continue
            if answer.status == 200:
                return
            assert answer.status == 409
            assert answer.offset is not None
            assert answer.offset > offset
            offset = answer.offset
            continue
        more = dice.randint(offset, len(body) - 1)
        await upload.begin(
            at=offset,
            length=len(body) - offset,
            sends=body[offset:more],
            then=dice.choice(["cut", "stall", "reset"]),
        )
        offset = await upload.ask_offset()


async def _taken(client: Client, number: int) -> int:
    """How many of so many uploads at the same time are not refused."""
    told = []
    for _ in range(number):
        upload = await client.create(
            VERSION, length=99_000, sends=b"a", then="stall", interim=False
        )
        told.append((await upload.transfer.hear_head()).status)
    assert set(told) <= {104, 507}
    return told.count(104)


@pytest.mark.configured(workers=2, spool={"quota": 1_000_000})
async def test_a_quota_is_one_for_all_and_what_the_dead_reserved_is_free(
    process: ProxyProcess, speaker: Client
) -> None:
    assert await _taken(speaker, 30) == 10
    for pid in pids(process).values():
        os.kill(pid, SIGKILL)
    await started(process, 4)
    await served_by(process, 2)
    # Each of the ten keeps its one byte, which may not have been counted yet.
    assert await _taken(speaker, 30) in {9, 10}
