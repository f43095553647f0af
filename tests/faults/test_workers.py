"""Several workers under a supervisor: whatever dies, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGKILL, SIGTERM, SIGUSR2, Signals

import pytest

from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin, Reply, Silence
from tests.kit.process import ProxyProcess
from tests.kit.raw import Connection, NoAnswerError, request

from .conftest import StartProcess

VERSION = 8
two_workers = pytest.mark.configured(workers=2)
two_workers_on_disk = pytest.mark.configured(workers=2, spool={"memory_threshold": 0})
"""What a worker that is killed was receiving in memory, nobody goes on with (P8)."""


def _pids(process: ProxyProcess) -> dict[str, int]:
    """The process of each worker, as the log told last."""
    told = re.findall(r"worker started\s+worker=(\d+) pid=(\d+)", process.log)
    return {worker: int(pid) for worker, pid in told}


async def _started(process: ProxyProcess, count: int) -> None:
    """Wait until so many workers have been started in all."""

    async def started() -> bool | None:
        return True if process.log.count("worker started") >= count else None

    await until(started, bound_s=15)


async def _served_by(process: ProxyProcess, count: int) -> None:
    """Wait until `count` workers hold the listening socket."""
    port = int(process.address.rpartition(":")[2])

    async def holding() -> bool | None:
        pids = _pids(process).values()
        return True if sum(_listens(pid, port) for pid in pids) >= count else None

    await until(holding, bound_s=15)


def _listens(pid: int, port: int) -> bool:
    """True when the process watches a socket that listens on `port`."""
    inodes = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
    }
    try:
        watched = [
            found
            for info in Path(f"/proc/{pid}/fdinfo").iterdir()
            for found in re.findall(r"tfd:\s+(\d+)", info.read_text())
        ]
        links = [str(Path(f"/proc/{pid}/fd/{number}").readlink()) for number in watched]
    except OSError:
        return False
    return any(link == f"socket:[{inode}]" for link in links for inode in inodes)


async def _gone(pids: list[int], *, bound_s: float = 5) -> None:
    """Wait until none of the processes runs any more."""

    async def gone() -> bool | None:
        return None if any(_runs(pid) for pid in pids) else True

    await until(gone, bound_s=bound_s)


def _runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def _ask(process: ProxyProcess, path: str) -> tuple[int, bytes]:
    admin = await Connection.open(process.admin_address)
    await admin.send(request("GET", path, ("Host", "localhost")))
    response = await admin.hear("GET")
    await admin.close()
    return response.status, response.content


async def _finished(upload: Upload) -> None:
    """Append, from the offset that is told, until there is an answer."""

    async def sent() -> bool | None:
        try:
            offset = await upload.ask_offset()
            answer = await upload.append(at=offset, sends=b"a" * (40 - offset))
        except (OSError, NoAnswerError):
            return None  # the worker has just died
        return True if answer.status == 201 else None

    await until(sent, bound_s=20)


@two_workers
async def test_an_upload_goes_through_whoever_is_next(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    await _served_by(process, 2)
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
    for pid in _pids(process).values():
        os.kill(pid, SIGKILL)
    for upload in uploads:
        await _finished(upload)
    assert origin.bodies == [b"a" * 40] * 20
    await _started(process, 4)
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
    for pid in _pids(process).values():
        os.kill(pid, SIGKILL)

    async def told() -> bool | None:
        return True if "change=origin_lost" in process.log else None

    await until(told, bound_s=10)
    await _started(process, 4)
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
    for pid in _pids(process).values():
        os.kill(pid, SIGKILL)
    await origin.start()
    await origin.received(bound_s=10)
    assert origin.bodies == [b"a" * 40]


@two_workers_on_disk
async def test_workers_end_when_their_supervisor_is_killed(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """And the next one has the spool and the port at once."""
    origin.then(Reply(201, (), b"made"))
    upload = await speaker.create(VERSION, length=40, sends=b"a" * 30, then="stall")
    workers = list(_pids(process).values())
    await process.kill()
    await _gone(workers)
    await process.start()
    await _finished(upload)
    assert origin.bodies == [b"a" * 40]


@two_workers
@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
async def test_a_signal_to_the_whole_group_is_one_signal(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    number: Signals,
) -> None:
    """The forward in flight may finish; bodies end durably; the exit code is 0."""
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))
    complete = await speaker.create(VERSION, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    part = await speaker.create(VERSION, length=40, sends=b"a" * 30, then="stall")
    workers = list(_pids(process).values())
    process.signal_all(number)
    assert await part.transfer.ended() == b""
    gate.set()
    response = await complete.transfer.hear()
    assert (response.status, response.content) == (201, b"made")
    assert await process.exited() == 0
    await _gone(workers)
    await process.start()
    assert await part.ask_offset() == 30
    assert (await complete.append(at=40)).content == b"made"
    assert len(origin.requests) == 1


@two_workers
async def test_a_terminal_that_hangs_up_ends_no_worker(
    process: ProxyProcess, speaker: Client
) -> None:
    for pid in _pids(process).values():
        os.kill(pid, SIGHUP)
    upload = await speaker.create(VERSION, last=False, sends=b"a" * 40)
    assert await upload.ask_offset() == 40
    assert "worker died" not in process.log


@two_workers
async def test_workers_are_renewed_one_after_the_other(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """No connection is refused, no upload lost, no forward cut, while old and new
    overlap."""
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))
    complete = await speaker.create(VERSION, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    part = await speaker.create(VERSION, length=40, sends=b"a" * 30, then="stall")
    origin.then(*[Reply(201, (), b"made")] * 1000)
    old = _pids(process)
    process.signal(SIGUSR2)
    sent = 0
    while process.log.count("worker started") < 4 or sent < 20:
        upload = await speaker.create(VERSION, sends=b"a" * 40)
        assert upload.answer.status == 201
        sent += 1
    await part.transfer.ended()
    await _finished(part)
    gate.set()
    assert (await complete.transfer.hear()).content == b"made"
    await _gone(list(old.values()))
    assert not set(old.values()) & set(_pids(process).values())
    assert "worker died" not in process.log
    assert set(origin.bodies) == {b"a" * 40}
    assert len(origin.requests) == sent + 2


@two_workers
async def test_a_second_signal_ends_all_of_them_at_once(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    origin.then(Silence())
    await speaker.create(VERSION, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    workers = list(_pids(process).values())
    process.signal(SIGTERM)

    async def stopping() -> bool | None:
        return True if "stopping" in process.log else None

    await until(stopping)
    process.signal(SIGTERM)
    assert await process.exited(bound_s=2) == 128 + SIGTERM
    await _gone(workers, bound_s=2)


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


async def test_an_address_in_use_is_told_at_once(
    start_process: StartProcess, tmp_path: Path
) -> None:
    first = await start_process(workers=2)
    with pytest.raises(AssertionError, match=r"(?s)ended with 1: .*cannot listen on"):
        await start_process(workers=2, listen=first.address.removeprefix("http://"))


@two_workers
async def test_a_hundred_uploads_cut_at_random_land_anywhere(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """Each request has a connection of its own: it lands on any worker."""
    await _served_by(process, 2)
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
    for pid in _pids(process).values():
        os.kill(pid, SIGKILL)
    await _started(process, 4)
    await _served_by(process, 2)
    # Each of the ten keeps its one byte, which may not have been counted yet.
    assert await _taken(speaker, 30) in {9, 10}
