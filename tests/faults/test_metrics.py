"""The numbers of several workers, of which some die."""

from __future__ import annotations

import asyncio
import os
import struct
from pathlib import Path
from signal import SIGKILL, SIGSTOP, SIGUSR2

import pytest

from proxy.spool.shards import COUNTED
from tests.kit.bounds import until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Silence
from tests.kit.process import ProxyProcess
from tests.kit.raw import NoAnswerError
from tests.kit.scrape import Numbers, scrape

from .conftest import StartProcess

VERSION = 8
TIMES = 12
two_workers = pytest.mark.configured(workers=2)


async def _looked(process: ProxyProcess, requests: int) -> Numbers:
    """The numbers once so many requests have been counted, and two workers serve."""

    async def ask() -> Numbers | None:
        numbers = await scrape(process.admin_address)
        counted = numbers.total("rup_http_requests_total") == requests
        serving = numbers.total("rup_workers_serving") == 2
        return numbers if counted and serving else None

    return await until(ask, bound_s=20)


async def _upload(client: Client, times: int) -> None:
    for _ in range(times):
        upload = await client.create(VERSION, sends=b"a" * 40)
        assert upload.answer.status == 200


def _sums(numbers: Numbers) -> dict[str, float]:
    """Of what may only grow."""
    names = [
        *("rup_http_requests_total", "rup_http_request_duration_seconds_count"),
        *("rup_http_request_duration_seconds_sum", "rup_http_request_body_bytes_total"),
        *("rup_uploads_started_total", "rup_uploads_finished_total"),
        *("rup_forwards_total", "rup_origin_requests_total"),
        "rup_upload_requests_per_upload_sum",
        *("rup_upload_size_bytes_sum", "process_cpu_seconds_total"),
    ]
    return {name: numbers.total(name) for name in names}


@two_workers
async def test_what_a_killed_worker_has_told_stays_in_the_sum(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    await _upload(speaker, TIMES)
    before = await _looked(process, TIMES)
    assert before.total("rup_uploads_finished_total", outcome="delivered") == TIMES
    assert before.total("rup_upload_size_bytes_sum") == 40 * TIMES
    assert before.total("rup_workers_died_total") == 0
    victims = process.workers
    assert len(victims) == 2
    os.kill(victims[0], SIGKILL)

    async def died() -> Numbers | None:
        numbers = await scrape(process.admin_address)
        after = _sums(numbers)
        assert all(after[name] >= value for name, value in _sums(before).items())
        return numbers if numbers.total("rup_workers_died_total") else None

    await until(died)
    after = await _looked(process, TIMES)
    assert after.total("rup_uploads_finished_total") == TIMES
    await _upload(speaker, TIMES)
    again = await _looked(process, 2 * TIMES)
    assert again.total("rup_uploads_finished_total", outcome="delivered") == 2 * TIMES
    assert again.total("rup_upload_size_bytes_count") == 2 * TIMES


@two_workers
async def test_a_worker_that_is_replaced_leaves_what_nobody_had_asked_for(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """It tells its numbers once more when it stops in order."""
    await _upload(speaker, TIMES)
    old = set(process.workers)
    process.signal(SIGUSR2)

    async def replaced() -> bool | None:
        return None if old & set(process.workers) else True

    await until(replaced, bound_s=20)
    numbers = await _looked(process, TIMES)
    assert numbers.total("rup_uploads_finished_total", outcome="delivered") == TIMES
    assert numbers.total("rup_workers_died_total") == 0


@pytest.mark.configured(workers=2, spool={"memory_threshold": 0})
async def test_requests_of_an_upload_are_counted_on_by_who_takes_the_next(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    upload = await speaker.create(VERSION, last=False, sends=b"a" * 10)
    for at in (10, 20):
        await upload.append(at=at, last=False, sends=b"a" * 10)
    await process.restart()
    for at in (30, 40):
        await upload.append(at=at, last=False, sends=b"a" * 10)
    assert (await upload.append(at=50, sends=b"a" * 10)).status == 200
    numbers = await _looked(process, 3)
    assert numbers.total("rup_upload_requests_per_upload_count") == 1
    assert numbers.total("rup_upload_requests_per_upload_sum") == 6


@two_workers
async def test_a_worker_that_hangs_is_told_as_it_was(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    await _upload(speaker, TIMES)
    before = await _looked(process, TIMES)
    os.kill(process.workers[0], SIGSTOP)
    numbers = await scrape(process.admin_address)
    assert numbers.total("rup_http_requests_total") == TIMES
    assert numbers.total("process_resident_memory_bytes") > 0
    assert before.total("rup_uploads_started_total") == TIMES


@pytest.mark.configured(workers=2, spool={"memory_threshold": 0})
async def test_bodies_that_grow_while_they_are_measured_count_once(
    process: ProxyProcess, speaker: Client
) -> None:
    """The supervisor measures, the workers have not counted all of theirs by then."""
    size = 200_000
    uploads = [
        await speaker.create(VERSION, length=2 * size, sends=b"a" * size, then="stall")
        for _ in range(6)
    ]

    stray = process.spool / "zz" / ("-" * 43 + ".body")
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"found")  # so that something has to be set right

    async def measured() -> bool | None:
        figures = (process.spool / "figures").read_bytes()
        (set_right,) = struct.unpack_from("<q", figures)
        return True if set_right else None

    await until(measured, bound_s=20)
    for upload in uploads:
        assert await upload.ask_offset() == size
    files = process.spool.glob("??/*")
    true = sum(path.stat().st_size for path in files if path.name.endswith(COUNTED))
    numbers = await scrape(process.admin_address)
    assert numbers.total("rup_spool_used_bytes") == true


@two_workers
async def test_the_processor_time_of_all_processes_is_told(
    process: ProxyProcess,
) -> None:
    numbers = await _looked(process, 0)
    of_one = max(_cpu_seconds(pid) for pid in [*process.workers, process.pid])
    assert numbers.total("process_cpu_seconds_total") > 1.5 * of_one


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_a_forward_that_a_crash_has_cut_is_found_and_told(
    start_process: StartProcess, origin: RecordingOrigin
) -> None:
    process = await start_process(spool={"memory_threshold": 0})
    client = Client(process.address)
    origin.then(Silence())
    creating = asyncio.create_task(client.create(VERSION, sends=b"a" * 40))
    await origin.received()
    await process.restart()
    with pytest.raises((OSError, NoAnswerError)):
        await creating

    async def found() -> Numbers | None:
        numbers = await scrape(process.admin_address)
        states = numbers.by("rup_uploads_active", "state")
        return numbers if states == {"unknown": 1} else None

    numbers = await until(found)
    assert numbers.by("rup_spool_recovered_uploads_total", "result") == {"unknown": 1}
    assert numbers.by("rup_uploads_finished_total", "outcome") == {"unknown": 1}
    await client.close()


async def test_a_disk_that_takes_no_more_is_told(start_process: StartProcess) -> None:
    process = await start_process(
        largest_file=200_000, spool={"memory_threshold": 0, "free_floor": 0}
    )
    client = Client(process.address)
    upload = await client.create(VERSION, last=False, sends=b"a" * 300_000)
    assert upload.answer.status == 507

    async def told() -> Numbers | None:
        numbers = await scrape(process.admin_address)
        return numbers if numbers.total("rup_http_requests_total") else None

    numbers = await until(told)
    assert numbers.by("rup_spool_errors_total", "errno") == {"EFBIG": 1}
    assert numbers.by("rup_upload_interruptions_total", "cause") == {"storage": 1}
    await client.close()
