"""A configuration that changes while the proxy runs, with one process and with several.

Nothing that has begun is lost, doubled or cut; what begins goes by the new one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGHUP, SIGTERM
from typing import Any

import pytest

from tests.kit.bounds import until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.process import ProxyProcess
from tests.kit.raw import Connection, request

from .conftest import StartProcess

VERSION = 8
both = pytest.mark.parametrize("workers", [1, 2])


@pytest.fixture
async def other() -> AsyncIterator[RecordingOrigin]:
    """Another origin."""
    recording = RecordingOrigin()
    await recording.start()
    yield recording
    await recording.stop()


def _write(process: ProxyProcess, **settings: Any) -> None:
    """Have its file say something else, section by section."""
    told = json.loads(process.file.read_text())
    for key, value in settings.items():
        told[key] = told.get(key, {}) | value if isinstance(value, dict) else value
    process.file.write_text(json.dumps(told))


async def _reload(process: ProxyProcess) -> tuple[int, dict[str, Any]]:
    admin = await Connection.open(process.admin_address)
    await admin.send(request("POST", "/reload", ("Content-Length", "0")))
    response = await admin.hear("POST")
    await admin.close()
    return response.status, json.loads(response.content)


async def _reloaded(process: ProxyProcess, **settings: Any) -> list[str]:
    """The same with success: what has changed."""
    _write(process, **settings)
    status, told = await _reload(process)
    assert (status, told["errors"]) == (200, [])
    changes: list[str] = told["changes"]
    return changes


async def _logged(process: ProxyProcess, words: str, count: int = 1) -> None:
    async def said() -> bool | None:
        return True if process.log.count(words) >= count else None

    await until(said, bound_s=10)


@both
async def test_a_slow_body_goes_on_and_new_ones_have_the_new_limits(
    start_process: StartProcess, origin: RecordingOrigin, workers: int
) -> None:
    process = await start_process(workers=workers)
    client = Client(process.address)
    slow = await client.create(VERSION, length=400, sends=b"a" * 100, then="stall")
    changes = await _reloaded(process, uploads={"limits": {"max_size": 50}})
    assert changes == ["uploads.limits.max_size: null -> 50"]
    for _ in range(4):
        assert (await client.create(VERSION, sends=b"b" * 100)).answer.status == 413
    await slow.transfer.send(b"a" * 300)
    assert (await slow.transfer.hear()).status == 200
    assert origin.bodies == [b"a" * 400]
    await client.close()


@both
async def test_uploads_that_wait_go_to_the_new_origin(
    start_process: StartProcess,
    origin: RecordingOrigin,
    other: RecordingOrigin,
    workers: int,
) -> None:
    """As after a restart, and at once."""
    process = await start_process(workers=workers)
    client = Client(process.address)
    await origin.stop()
    bodies = {b"%d" % number * 40 for number in range(8)}
    for body in bodies:
        assert (await client.create(VERSION, sends=body)).answer.status == 503
    await _reloaded(process, origin={"url": other.address})

    async def all_came() -> bool | None:
        return True if len(other.bodies) == len(bodies) else None

    await until(all_came, bound_s=5)
    assert set(other.bodies) == bodies
    assert origin.bodies == []
    assert (await client.create(VERSION, sends=b"new")).answer.status == 200
    assert other.bodies[-1] == b"new"
    await client.close()


@both
async def test_a_forward_in_flight_ends_where_it_began(
    start_process: StartProcess,
    origin: RecordingOrigin,
    other: RecordingOrigin,
    workers: int,
) -> None:
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"old", once=gate))
    other.then(*[Reply(201, (), b"new")] * 4)
    process = await start_process(workers=workers)
    client = Client(process.address)
    first = await client.create(VERSION, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    await _reloaded(process, origin={"url": other.address})
    for _ in range(4):
        assert (await client.create(VERSION, sends=b"b")).answer.content == b"new"
    gate.set()
    assert (await first.transfer.hear()).content == b"old"
    assert (origin.bodies, other.bodies) == ([b"a" * 40], [b"b"] * 4)
    await client.close()


@both
async def test_a_route_comes_and_goes_and_its_uploads_wait_for_it(
    start_process: StartProcess,
    origin: RecordingOrigin,
    other: RecordingOrigin,
    workers: int,
) -> None:
    process = await start_process(workers=workers)
    client = Client(process.address)
    route = {
        "name": "special",
        "match": {"paths": ["/*"]},
        "origin": {"url": other.address},
    }
    await _reloaded(process, routes=[route])
    assert (await client.create(VERSION, sends=b"a")).answer.status == 200
    assert other.bodies == [b"a"]
    await other.stop()
    waiting = await client.create(VERSION, sends=b"b")
    assert waiting.answer.status == 503
    await _reloaded(process, routes=[])
    await _logged(process, "route of an upload is missing")
    assert (await client.create(VERSION, sends=b"c")).answer.status == 200
    answer = await waiting.append(at=1)
    assert (answer.status, b"route-missing" in answer.content) == (503, True)
    await other.start()
    await _reloaded(process, routes=[route])

    async def came() -> bool | None:
        return True if len(other.bodies) == 2 else None

    await until(came, bound_s=10)
    assert (origin.bodies, other.bodies) == ([b"c"], [b"a", b"b"])
    await client.close()


@both
async def test_a_wrong_file_changes_nothing_and_says_why(
    start_process: StartProcess, origin: RecordingOrigin, workers: int
) -> None:
    process = await start_process(workers=workers)
    client = Client(process.address)
    right = process.file.read_text()
    _write(process, uploads={"idle_timeout": "soon", "pith": 1})
    status, told = await _reload(process)
    assert (status, told["result"], told["changes"]) == (422, "wrong", [])
    assert len(told["errors"]) == 2
    assert all(str(process.file) in error for error in told["errors"])
    await _logged(process, "configuration not reloaded", 2)
    process.file.unlink()
    status, told = await _reload(process)
    assert status == 422
    assert "cannot be read: No such file" in told["errors"][0]
    process.signal(SIGHUP)
    await _logged(process, "configuration not reloaded", 4)
    assert (await client.create(VERSION, sends=b"a")).answer.status == 200
    process.file.write_text(right)
    assert await _reloaded(process) == []
    await client.close()


@both
async def test_what_needs_a_restart_refuses_the_whole(
    start_process: StartProcess, workers: int
) -> None:
    process = await start_process(workers=workers)
    _write(process, workers=3, uploads={"limits": {"max_size": 1}})
    status, told = await _reload(process)
    assert status == 409
    assert told["errors"] == ["workers: needs a restart"]
    client = Client(process.address)
    assert (await client.create(VERSION, sends=b"aaa")).answer.status == 200
    await client.close()


async def test_the_environment_still_wins(
    start_process: StartProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPLOAD_PROXY_UPLOADS__LIMITS__MAX_SIZE", "1000")
    process = await start_process()
    limits = {"limits": {"max_size": 2000, "min_size": 10}}
    changes = await _reloaded(process, uploads=limits)
    assert changes == ["uploads.limits.min_size: 0 -> 10"]


@both
async def test_the_level_of_the_log_changes(
    start_process: StartProcess, workers: int
) -> None:
    process = await start_process(workers=workers)
    client = Client(process.address)
    await _reloaded(process, log={"level": "error"})
    length = len(process.log)
    for _ in range(4):
        await client.create(VERSION, sends=b"a")
    assert process.log[length:] == ""
    await _reloaded(process, log={"level": "info"})
    await client.create(VERSION, sends=b"a")
    await _logged(process, "change=origin_answered", 1)
    await client.close()


async def test_a_proxy_that_shares_its_spool_cannot_go_elsewhere(
    start_process: StartProcess, other: RecordingOrigin
) -> None:
    """It would send on what the other one was given."""
    first = await start_process(workers=2)
    says = first.file.read_text()
    second = await start_process()
    first.file.write_text(says)
    _write(first, origin={"url": other.address})
    status, told = await _reload(first)
    assert status == 409
    assert "is in use by another process" in told["errors"][0]
    assert await second.terminate() == 0
    assert len(await _reloaded(first)) == 1
    third = await start_process(origin={"url": other.address})
    await third.end()


@both
async def test_ten_reloads_while_uploads_run_lose_and_double_nothing(
    start_process: StartProcess,
    origin: RecordingOrigin,
    other: RecordingOrigin,
    workers: int,
) -> None:
    process = await start_process(workers=workers, origin={"max_forwards": 4})
    client = Client(process.address)
    dice = random.Random(20260102)
    bodies = [b"%d " % n + dice.randbytes(dice.randint(1, 300_000)) for n in range(60)]
    origins = (origin, other)

    async def send(body: bytes) -> None:
        half = len(body) // 2
        upload = await client.create(
            VERSION, length=len(body), sends=body[:half], then="stall"
        )
        await asyncio.sleep(0)
        await upload.transfer.send(body[half:])
        assert (await upload.transfer.hear()).status == 200

    async def all_sent() -> None:
        for start in range(0, len(bodies), 6):
            await asyncio.gather(*map(send, bodies[start : start + 6]))

    sending = asyncio.ensure_future(all_sent())
    for number in range(10):
        await _reloaded(
            process,
            origin={
                "url": origins[number % 2].address,
                "max_forwards": 1 + number % 5,
                "response_timeout": f"{60 + number}s",
            },
            uploads={"max_per_client": (None, 100)[number % 2]},
            spool={"memory_threshold": (0, 2**20)[number % 2]},
        )
    await sending
    came = [hashlib.sha256(one).digest() for one in (*origin.bodies, *other.bodies)]
    assert sorted(came) == sorted(hashlib.sha256(body).digest() for body in bodies)
    assert "task failed" not in process.log
    assert "worker died" not in process.log
    await client.close()


@both
async def test_a_signal_during_a_stop_does_nothing(
    start_process: StartProcess, origin: RecordingOrigin, workers: int
) -> None:
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))
    process = await start_process(workers=workers)
    client = Client(process.address)
    upload = await client.create(VERSION, length=4, sends=b"aaaa", then="stall")
    await origin.received()
    process.signal(SIGTERM)
    await _logged(process, "stopping")
    process.signal_all(SIGHUP)
    gate.set()
    assert (await upload.transfer.hear()).content == b"made"
    assert await process.exited() == 0
    await client.close()


async def test_the_command_asks_and_tells(
    start_process: StartProcess, tmp_path: Path
) -> None:
    process = await start_process()
    command = ("reload", "--admin", process.admin_address.removeprefix("http://"))
    assert await _run(*command) == (0, "nothing has changed\n", "")
    _write(process, keepalive_timeout="10s", workers=1)
    code, out, _ = await _run(*command)
    assert (code, out) == (0, 'keepalive_timeout: "75s" -> "10s"\nreloaded\n')
    _write(process, workers=2)
    code, out, errors = await _run(*command)
    assert (code, out) == (1, "")
    assert errors.startswith("workers: needs a restart\n")
    _write(process, workers="many")
    code, out, errors = await _run(*command)
    assert (code, out) == (78, "")
    assert "workers: expected" in errors
    await process.end()
    assert (await _run(*command))[0] == 1


async def _run(*arguments: str) -> tuple[int | None, str, str]:
    """Exit code, standard output and standard error of a command."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "proxy", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(20):
        out, errors = await process.communicate()
    return process.returncode, out.decode(), errors.decode()
