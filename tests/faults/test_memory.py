"""Small uploads in memory: what brings each to the disk, and who comes after that (P8).

Every test has its upload in memory first. Then one thing happens after which it has to
be on the disk; the process is killed and the next one goes on with what is there, or
the first one runs on and another process beside it does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.conftest import StartProxy
from tests.kit.answer import Answer
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin, Reply, Reset, Silence
from tests.kit.process import ProxyProcess
from tests.kit.raw import chunk

VERSION = 9
SOME, REST = b"a" * 40, b"b" * 60
BODY = SOME + REST


def files_of(process: ProxyProcess, upload: Upload) -> list[Path]:
    """What the disk has of an upload."""
    token = upload.path.rpartition("/")[2]
    return [file for file in process.spool.rglob("*") if token in file.name]


async def on_disk(process: ProxyProcess, upload: Upload) -> None:
    async def record() -> bool | None:
        return any(file.suffix == ".record" for file in files_of(process, upload)) or (
            None
        )

    await until(record)


async def begun(process: ProxyProcess, speaker: Client, sends: bytes = SOME) -> Upload:
    """An upload of 100 bytes of which some have come, and nothing is on the disk."""
    upload = await speaker.create(VERSION, length=100, sends=sends, then="stall")
    assert files_of(process, upload) == []
    return upload


async def waiting(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> Upload:
    """An upload that the origin has, whose client waits, and nothing is on the disk."""
    upload = await begun(process, speaker, BODY)
    await origin.received()
    assert files_of(process, upload) == []
    return upload


async def finished(upload: Upload) -> Answer:
    async def done() -> Answer | None:
        answer = await upload.head()
        return answer if answer.complete else None

    return await until(done)


class After:
    """Who goes on with an upload: the next process after a kill, or another one."""

    def __init__(
        self, process: ProxyProcess, start_proxy: StartProxy, *, kills: bool
    ) -> None:
        self.kills = kills
        self._process = process
        self._start_proxy = start_proxy
        self._others: list[Client] = []

    async def __call__(self, upload: Upload) -> Upload:
        """The upload, for requests to whoever goes on."""
        if self.kills:
            await self._process.restart()
            return upload
        other = await self._start_proxy()
        self._others.append(Client(other.addresses[0]))
        return upload.at(self._others[-1])

    async def close(self) -> None:
        for client in self._others:
            await client.close()


@pytest.fixture(params=["after a kill", "beside"])
async def after(
    request: pytest.FixtureRequest, process: ProxyProcess, start_proxy: StartProxy
) -> AsyncIterator[After]:
    after = After(process, start_proxy, kills=request.param == "after a kill")
    yield after
    await after.close()


async def goes_on(after: After, upload: Upload, offset: int) -> None:
    """It is where its client was told; it is finished and replayed."""
    upload = await after(upload)
    assert await upload.ask_offset() == offset
    answer = await upload.append(at=offset, sends=BODY[offset:])
    assert (answer.status, answer.content, answer.complete) == (200, b"stored", True)
    answer = await upload.append(at=100)
    assert (answer.status, answer.content) == (200, b"stored")


async def is_in_flight(after: After, upload: Upload) -> None:
    """Its forward is known: of unknown outcome if its process has died meanwhile, and
    still under way if not."""
    upload = await after(upload)
    if after.kills:
        await outcome_is_unknown(upload)
    else:
        answer = await upload.head()
        assert (answer.status, answer.offset, answer.complete) == (204, 100, False)


async def outcome_is_unknown(upload: Upload) -> None:
    answer = await upload.head()
    assert (answer.status, answer.offset, answer.complete) == (204, 100, False)
    answer = await upload.append(at=100)
    assert (answer.status, answer.offset, answer.complete) == (502, 100, False)


async def test_what_needs_no_disk_is_gone_with_the_process(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """No offset was told, and its client has its answer."""
    upload = await speaker.create(VERSION, sends=BODY)
    assert (upload.answer.status, upload.answer.content) == (200, b"stored")
    answer = await upload.append(at=100)
    assert (answer.status, answer.content) == (200, b"stored")
    assert files_of(process, upload) == []
    await process.restart()
    assert (await upload.append(at=100)).status == 404
    assert origin.bodies == [BODY]


async def test_what_is_forwarded_from_memory_is_never_forwarded_again(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P3: its client was told nothing, and starts over."""
    origin.then(Silence())
    upload = await waiting(process, speaker, origin)
    await process.restart()
    assert (await upload.head()).status == 404
    assert (await speaker.create(VERSION, sends=b"again")).answer.status == 200
    assert [request.body for request in origin.requests] == [BODY, b"again"]


async def test_an_offset_that_is_asked_for(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """P6: the half-open transfer ends, its bytes are on the disk, the next goes on."""
    upload = await begun(process, speaker)
    assert await upload.ask_offset() == 40
    assert await upload.transfer.ended() == b""
    await goes_on(after, upload, 40)
    assert origin.bodies == [BODY]


async def test_an_append_that_takes_over(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    upload = await begun(process, speaker)
    await upload.begin(at=40, length=60, sends=REST[:10], then="stall")
    assert await upload.ask_offset() == 50
    await goes_on(after, upload, 50)
    assert origin.bodies == [BODY]


async def test_a_part_that_ends(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    upload = await speaker.create(VERSION, last=False, sends=SOME)
    assert (upload.answer.status, upload.answer.offset) == (201, 40)
    await goes_on(after, upload, 40)
    assert origin.bodies == [BODY]


@pytest.mark.parametrize("how", ["cut", "reset"])
async def test_a_part_that_is_cut(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    how: str,
    after: After,
) -> None:
    """P2: every byte that came counts."""
    upload = await begun(process, speaker)
    if how == "cut":
        upload.transfer.finish()
    else:
        await upload.transfer.reset()
    await on_disk(process, upload)
    await goes_on(after, upload, 40)
    assert origin.bodies == [BODY]


@pytest.mark.configured(uploads={"idle_timeout": "200ms"})
async def test_a_part_that_stalls(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    upload = await begun(process, speaker)
    await on_disk(process, upload)
    await goes_on(after, upload, 40)
    assert origin.bodies == [BODY]


async def test_a_last_part_that_ends_too_early(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """A refusal that tells an offset."""
    upload = await speaker.create(
        VERSION, sends=SOME, chunked=True, announce=100, then="stall"
    )
    assert files_of(process, upload) == []
    await upload.transfer.send(b"0\r\n\r\n")
    assert (await upload.transfer.hear()).one("Upload-Offset") == "40"
    await goes_on(after, upload, 40)
    assert origin.bodies == [BODY]


async def test_progress_that_is_told(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """R66: a 104 with an offset, after a second."""
    upload = await begun(process, speaker)
    said = await upload.transfer.hear_interim()
    assert (said.status, said.one("Upload-Offset")) == (104, "40")
    await goes_on(after, upload, 40)
    assert origin.bodies == [BODY]


async def test_a_request_that_makes_no_sense_and_is_told_an_offset(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    upload = await begun(process, speaker)
    answer = await upload.append(at=0, fields=(("Upload-Offset", "x"),))
    assert (answer.status, answer.offset) == (400, 0)
    await on_disk(process, upload)
    await upload.transfer.send(REST)
    assert (await upload.transfer.hear()).status == 200
    assert origin.bodies == [BODY]


async def test_and_who_comes_after_that_request(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    upload = await begun(process, speaker)
    await upload.append(at=0, fields=(("Upload-Offset", "x"),))
    await on_disk(process, upload)
    await goes_on(after, upload, 40)
    assert origin.bodies == [BODY]


async def test_a_body_that_grows_over_the_threshold(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    body = bytes(range(256)) * 400
    upload = await speaker.create(
        VERSION, sends=body[:60_000], chunked=True, then="stall"
    )
    assert files_of(process, upload) == []
    await upload.transfer.send(chunk(body[60_000:]))
    await on_disk(process, upload)
    assert await upload.ask_offset() == len(body)
    upload = await after(upload)
    assert await upload.ask_offset() == len(body)
    assert (await upload.append(at=len(body))).status == 200
    assert origin.bodies == [body]


@pytest.mark.parametrize("how", ["cut", "reset"])
async def test_a_client_that_leaves_while_the_origin_works(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    how: str,
    after: After,
) -> None:
    """P3, P4: from then on the outcome of its forward is known to the disk."""
    origin.then(Silence())
    upload = await waiting(process, speaker, origin)
    if how == "cut":
        upload.transfer.finish()
    else:
        await upload.transfer.reset()
    await on_disk(process, upload)
    await is_in_flight(after, upload)
    assert len(origin.requests) == 1


async def test_a_client_that_left_before_the_answer(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """P4: it finds the answer, after a kill too."""
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))
    upload = await waiting(process, speaker, origin)
    await upload.transfer.reset()
    await on_disk(process, upload)
    gate.set()
    await finished(upload)
    upload = await after(upload)
    answer = await upload.append(at=100)
    assert (answer.status, answer.content) == (201, b"made")
    assert len(origin.requests) == 1


async def test_a_client_that_leaves_with_its_last_byte(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """R64: all of it had come."""
    upload = await speaker.create(VERSION, length=100, sends=BODY, then="reset")
    await on_disk(process, upload)
    await finished(upload)
    upload = await after(upload)
    answer = await upload.append(at=100)
    assert (answer.status, answer.content) == (200, b"stored")
    assert origin.bodies == [BODY]


async def test_a_client_that_leaves_in_the_middle_of_the_answer(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    body, leaves = bytes(range(256)) * 4000, asyncio.Event()
    origin.then(Reply(200, (), body, half=leaves))
    upload = await begun(process, speaker)
    await upload.transfer.send(REST)
    assert (await upload.transfer.hear_head()).status == 200
    await upload.transfer.reset()
    leaves.set()
    await on_disk(process, upload)

    async def whole() -> bool | None:
        answer = await upload.append(at=100)
        return True if answer.content == body else None

    await until(whole)
    upload = await after(upload)
    assert (await upload.append(at=100)).content == body
    assert len(origin.requests) == 1


async def test_an_origin_that_takes_longer_than_a_second(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """Its client waits on, gets the answer, and can have it again after a kill."""
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))
    upload = await waiting(process, speaker, origin)
    await on_disk(process, upload)
    gate.set()
    answer = await upload.transfer.hear()
    assert (answer.status, answer.content) == (201, b"made")
    upload = await after(upload)
    replay = await upload.append(at=100)
    assert (replay.status, replay.content) == (201, b"made")
    assert len(origin.requests) == 1


async def test_an_origin_that_takes_longer_and_a_kill(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    origin.then(Silence())
    upload = await waiting(process, speaker, origin)
    await on_disk(process, upload)
    await is_in_flight(after, upload)
    assert len(origin.requests) == 1


@pytest.mark.configured(origin={"max_forwards": 1})
async def test_an_upload_that_waits_for_its_turn(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """The origin is busy with another: COMPLETE is on the disk after a second."""
    gate = asyncio.Event()
    origin.then(Reply(once=gate), Reply())
    await waiting(process, speaker, origin)
    upload = await begun(process, speaker, BODY[::-1])
    await on_disk(process, upload)
    upload = await after(upload)
    assert await upload.ask_offset() == 100
    gate.set()
    assert (await origin.received(2)).body == BODY[::-1]
    assert (await finished(upload)).offset == 100
    assert len(origin.requests) == 2


async def test_an_origin_that_is_down(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P5: forwarded after the start, without anybody asking."""
    await origin.stop()
    upload = await begun(process, speaker)
    await upload.transfer.send(REST)
    said = await upload.transfer.hear()
    assert (said.status, said.one("Upload-Offset")) == (503, "100")
    await process.kill()
    await origin.start()
    await process.start()
    assert (await origin.received(bound_s=10)).body == BODY
    assert (await finished(upload)).offset == 100
    answer = await upload.append(at=100)
    assert (answer.status, answer.content) == (200, b"stored")
    assert len(origin.requests) == 1


async def test_an_origin_that_is_lost(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """P3: the outcome is unknown, before a kill and after it."""
    origin.then(Reset())
    upload = await begun(process, speaker)
    await upload.transfer.send(REST)
    assert (await upload.transfer.hear()).status == 502
    await outcome_is_unknown(await after(upload))
    assert len(origin.requests) == 1


async def test_an_answer_that_is_asked_about(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """P1: the offset of a finished upload is one that was told, too."""
    upload = await speaker.create(VERSION, sends=BODY)
    assert files_of(process, upload) == []
    assert (await upload.head()).complete is True
    upload = await after(upload)
    answer = await upload.append(at=100)
    assert (answer.status, answer.content) == (200, b"stored")
    assert len(origin.requests) == 1


@pytest.mark.configured(shutdown_grace="5s")
async def test_a_proxy_that_stops(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """At once: it may be killed before its forwards have ended."""
    origin.then(Silence())
    sent = await waiting(process, speaker, origin)
    half = await begun(process, speaker)
    process.signal(SIGTERM)
    await on_disk(process, sent)
    await on_disk(process, half)
    await goes_on(after, half, 40)
    if after.kills:
        await outcome_is_unknown(sent)


@pytest.mark.parametrize("then", ["receiving", "forwarding", "answered"])
async def test_what_is_cancelled_stays_so(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    then: str,
    after: After,
) -> None:
    gate = asyncio.Event()
    if then == "forwarding":
        origin.then(Reply(once=gate))
        upload = await waiting(process, speaker, origin)
    elif then == "receiving":
        upload = await begun(process, speaker)
    else:
        upload = await speaker.create(VERSION, sends=BODY)
    assert (await upload.cancel()).status == 204
    gate.set()
    assert (await upload.head()).status == 404
    upload = await after(upload)
    assert (await upload.head()).status == 404
    assert len(origin.requests) == (then != "receiving")


async def test_a_disk_that_takes_nothing(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P2: what must be on the disk is refused, and kept until it can be there."""
    half = await begun(process, speaker)
    away = process.spool.rename(process.spool.with_name("unmounted"))
    assert (await half.head()).status == 507
    away.rename(process.spool)

    async def told() -> int | None:
        return (await half.head()).offset

    assert await until(told) == 40
    await on_disk(process, half)
    assert (await half.append(at=40, sends=REST)).status == 200
    assert origin.bodies == [BODY]
