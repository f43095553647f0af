"""A supervisor and its workers: begun, renewed and ended together."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM, SIGUSR2, Signals

import pytest

from tests.kit.bounds import until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply, Silence
from tests.kit.process import ProxyProcess

from .conftest import StartProcess
from .workers import (
    VERSION,
    finished,
    gone,
    pids,
    two_workers,
    two_workers_on_disk,
)


@two_workers_on_disk
async def test_workers_end_when_their_supervisor_is_killed(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """And the next one has the spool and the port at once."""
    origin.then(Reply(201, (), b"made"))
    upload = await speaker.create(VERSION, length=40, sends=b"a" * 30, then="stall")
    workers = list(pids(process).values())
    await process.kill()
    await gone(workers)
    await process.start()
    await finished(upload)
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
    workers = list(pids(process).values())
    process.signal_all(number)
    assert await part.transfer.ended() == b""
    gate.set()
    response = await complete.transfer.hear()
    assert (response.status, response.content) == (201, b"made")
    assert await process.exited() == 0
    await gone(workers)
    await process.start()
    assert await part.ask_offset() == 30
    assert (await complete.append(at=40)).content == b"made"
    assert len(origin.requests) == 1


@two_workers
async def test_a_terminal_that_hangs_up_ends_no_worker(
    process: ProxyProcess, speaker: Client
) -> None:
    for pid in pids(process).values():
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
    old = pids(process)
    process.signal(SIGUSR2)
    sent = 0
    while process.log.count("worker started") < 4 or sent < 20:
        upload = await speaker.create(VERSION, sends=b"a" * 40)
        assert upload.answer.status == 201
        sent += 1
    await part.transfer.ended()
    await finished(part)
    gate.set()
    assert (await complete.transfer.hear()).content == b"made"
    await gone(list(old.values()))
    assert not set(old.values()) & set(pids(process).values())
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
    workers = list(pids(process).values())
    process.signal(SIGTERM)

    async def stopping() -> bool | None:
        return True if "stopping" in process.log else None

    await until(stopping)
    process.signal(SIGTERM)
    assert await process.exited(bound_s=2) == 128 + SIGTERM
    await gone(workers, bound_s=2)


async def test_an_address_in_use_is_told_at_once(
    start_process: StartProcess, tmp_path: Path
) -> None:
    first = await start_process(workers=2)
    with pytest.raises(AssertionError, match=r"(?s)ended with 1: .*cannot listen on"):
        await start_process(workers=2, listen=first.address.removeprefix("http://"))
