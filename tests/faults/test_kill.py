"""kill -9 at every step of an upload: what was promised before holds afterwards.

One version stands for all; what is on the disk knows no versions. Small uploads are on
the disk as well; what becomes of those in memory is in ``memory``.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from tests.kit.backlog import full_port
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin, Reply, Silence
from tests.kit.process import ProxyProcess

from .conftest import StartProcess

VERSION = 9

pytestmark = pytest.mark.configured(spool={"memory_threshold": 0})


async def test_while_receiving(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P1: what was told holds; RECEIVING becomes INTERRUPTED and goes on."""
    upload = await speaker.create(VERSION, length=100, sends=b"a" * 40, then="cut")
    assert await upload.ask_offset() == 40
    transfer = await upload.begin(at=40, length=60, sends=b"b" * 20, then="stall")
    await process.restart()
    assert await transfer.ended() == b""
    offset = await upload.ask_offset()
    assert 40 <= offset <= 60
    assert origin.requests == []
    answer = await upload.append(at=offset, sends=b"b" * (100 - offset))
    assert (answer.status, answer.complete) == (200, True)
    assert origin.bodies == [b"a" * 40 + b"b" * 60]
    assert len(origin.requests) == 1


async def test_again_and_again_while_receiving(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P1, R46: no offset is below one that was told before, across restarts."""
    chance = random.Random(7)
    body = chance.randbytes(3_000_000)
    upload = await speaker.create(VERSION, last=False, announce=len(body))
    offset = 0
    for _ in range(4):
        end = chance.randint(offset, len(body))
        length = len(body) - offset
        await upload.begin(
            at=offset, length=length, sends=body[offset:end], then="stall"
        )
        told = await upload.ask_offset()
        await upload.begin(at=told, length=len(body) - told, sends=b"", then="stall")
        await process.restart()
        offset = await upload.ask_offset()
        assert offset >= told
    answer = await upload.append(at=offset, sends=body[offset:])
    assert answer.offset == len(body)
    assert origin.bodies == [body]


async def test_with_all_bytes_there_and_the_end_not_seen(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """R64: the last part had brought all there is; its client may never come again."""
    body = b"recognisable" * 10
    await speaker.create(
        VERSION, sends=body, chunked=True, announce=len(body), then="stall"
    )

    async def on_disk() -> bool | None:
        files = (file for file in process.spool.rglob("*") if file.is_file())
        return True if any(file.read_bytes() == body for file in files) else None

    await until(on_disk)
    assert origin.requests == []
    await process.restart()
    assert (await origin.received()).body == body
    assert len(origin.requests) == 1


async def test_between_complete_and_forward(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P3, P5: COMPLETE is forwarded after the start, without anybody asking."""
    await origin.stop()
    upload = await speaker.create(VERSION, sends=b"a" * 40)
    assert (upload.answer.status, upload.answer.complete) == (503, False)
    await process.kill()
    await origin.start()
    await process.start()
    assert (await origin.received(bound_s=10)).body == b"a" * 40
    assert (await upload.finished()).offset == 40
    answer = await upload.append(at=40)
    assert (answer.status, answer.content) == (200, b"stored")
    assert len(origin.requests) == 1


def _connecting_to(port: int) -> int:
    """How many connections to `port` of this machine are still coming about."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    ends = [line.split()[2:4] for line in lines]
    return sum(far.endswith(f":{port:04X}") and state == "02" for far, state in ends)


async def test_while_the_origin_takes_no_connection(
    start_process: StartProcess, origin: RecordingOrigin
) -> None:
    """P3: nothing has left, so nothing is unknown."""
    await origin.stop()
    with full_port(origin.port):
        before = _connecting_to(origin.port)
        process = await start_process(origin={"connect_timeout": "60s"})
        speaker = Client(process.address)
        upload = await speaker.create(VERSION, last=False, sends=b"a" * 40)
        await upload.begin(at=40, then="stall")

        async def connecting() -> bool | None:
            return True if _connecting_to(origin.port) > before else None

        await until(connecting)
        await process.kill()
    await speaker.close()
    await origin.start()
    await process.start()
    assert (await origin.received(bound_s=10)).body == b"a" * 40
    assert len(origin.requests) == 1


async def test_between_complete_and_forward_with_the_origin_still_down(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P5: nothing is lost, and who comes back joins."""
    await origin.stop()
    upload = await speaker.create(VERSION, sends=b"a" * 40)
    await process.restart()
    answer = await upload.head()
    assert (answer.status, answer.offset, answer.complete) == (204, 40, False)
    assert (await upload.append(at=40)).status == 503
    await origin.start()
    answer = await upload.append(at=40)
    assert (answer.status, answer.complete) == (200, True)
    assert origin.bodies == [b"a" * 40]
    assert len(origin.requests) == 1


async def _outcome_is_unknown(upload: Upload, total: int) -> None:
    answer = await upload.head()
    assert (answer.status, answer.offset, answer.complete) == (204, total, False)
    answer = await upload.append(at=total)
    assert (answer.status, answer.offset, answer.complete) == (502, total, False)
    assert "outcome-unknown" in answer.problem["type"]


async def test_while_the_origin_works(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P3: FORWARDING becomes UNKNOWN, loudly; the origin is not asked twice."""
    origin.then(Silence())
    upload = await speaker.create(VERSION, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    await process.restart()
    await _outcome_is_unknown(upload, 40)
    assert "unknown" in process.log.lower()
    assert len(origin.requests) == 1


async def test_while_the_origin_still_reads(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P3: nobody remembers how far it was, so the outcome is unknown as well."""
    origin.then(Silence(after=1000))
    body = b"a" * 20_000_000
    upload = await speaker.create(VERSION, length=len(body), sends=body, then="stall")
    await origin.holds(1000)
    await process.restart()
    await _outcome_is_unknown(upload, len(body))
    assert (len(origin.requests), origin.bodies) == (1, [])


@pytest.mark.configured(origin={"unknown_outcome": "repeat"})
async def test_while_the_origin_works_where_repeating_is_declared(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P3: repeated after the start, with the Idempotency-Key it had from the first."""
    origin.then(Silence(), Reply(201, (), b"made"))
    upload = await speaker.create(VERSION, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    await process.restart()
    await origin.received(2, bound_s=10)
    assert (await upload.finished()).offset == 40
    answer = await upload.append(at=40)
    assert (answer.status, answer.content) == (201, b"made")
    assert origin.bodies == [b"a" * 40] * 2
    first, second = (request.one("Idempotency-Key") for request in origin.requests)
    assert first is not None
    assert first == second


async def test_after_the_answer(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P3, P4: RESPONDED is replayed, status, fields and content."""
    origin.then(Reply(422, (("X-App", "1"),), b"no" * 1000))
    upload = await speaker.create(VERSION, sends=b"a" * 40)
    assert upload.answer.status == 422
    await process.restart()
    answer = await upload.append(at=40)
    assert (answer.status, answer.content) == (422, b"no" * 1000)
    assert (answer.one("X-App"), answer.offset, answer.complete) == ("1", 40, True)
    assert len(origin.requests) == 1


async def test_after_an_answer_that_nobody_heard(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P4: the client had gone, the proxy dies, the answer is still there."""
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))
    upload = await speaker.create(VERSION, length=40, sends=b"a" * 40, then="reset")
    await origin.received()
    gate.set()
    await upload.finished()
    await process.restart()
    answer = await upload.append(at=40)
    assert (answer.status, answer.content) == (201, b"made")
    assert len(origin.requests) == 1


async def test_what_was_cancelled_stays_cancelled(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """R70."""
    upload = await speaker.create(VERSION, last=False, sends=b"a" * 40)
    assert (await upload.cancel()).status == 204
    await process.restart()
    assert (await upload.head()).status == 404
    assert origin.requests == []


async def test_secrets_do_not_stay(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P11: credentials leave the spool with the answer; nothing secret is logged."""
    fields = (("Authorization", "Bearer s3cr3t-t0ken"), ("Cookie", "sid=s3cr3t-c00kie"))
    upload = await speaker.create(VERSION, last=False, sends=b"a", fields=fields)
    await upload.append(at=1)
    assert origin.requests[0].one("Authorization") == "Bearer s3cr3t-t0ken"
    await process.terminate()
    files = [file for file in process.spool.rglob("*") if file.is_file()]
    assert files
    for file in files:
        assert b"s3cr3t" not in file.read_bytes(), file
        assert file.stat().st_mode & 0o077 == 0, file
    token = upload.path.rpartition("/")[2]
    assert token[:6] in process.log
    assert token not in process.log
    assert "s3cr3t" not in process.log
