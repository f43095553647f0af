"""A finished upload: its answer is kept, and given again to who has lost it."""

from __future__ import annotations

import asyncio

import pytest

from tests.conftest import StartProxy
from tests.kit.answer import Answer
from tests.kit.bounds import until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.words import COMPLETED, INCONSISTENT, MISMATCH, each_version

REPLY = Reply(
    422, (("X-App", "1"), ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")), b"no"
)


def _is_the_reply(answer: Answer, total: int) -> None:
    assert (answer.status, answer.content) == (422, b"no")
    assert answer.one("X-App") == "1"
    assert answer.response.all("Set-Cookie") == ["a=b", "c=d"]
    assert (answer.offset, answer.complete) == (total, True)


@each_version
async def test_an_empty_finishing_append_gets_the_answer_again(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R60, in every version; R98: the origin ran once."""
    origin.then(REPLY)
    upload = await client.create(version, sends=b"a" * 40)
    _is_the_reply(upload.answer, 40)
    for _ in range(2):
        answer = await upload.append(at=40)
        _is_the_reply(answer, 40)
        assert answer.version == str(version)
    assert len(origin.requests) == 1


@each_version
async def test_an_upload_finished_by_an_append_is_replayed_too(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R60, R61."""
    origin.then(REPLY)
    upload = await client.create(version, last=False, sends=b"a" * 40)
    _is_the_reply(await upload.append(at=40, sends=b"b"), 41)
    _is_the_reply(await upload.append(at=41), 41)
    assert len(origin.requests) == 1


Heard = tuple[int, str | None, bool]
"""Status, problem type (None: any), completeness."""


def _expected(version: int, *, at_total: bool, empty: bool) -> Heard:
    """The table of R60, without its replays."""
    if version <= 5:
        return (400 if at_total else 409), None, True
    if version <= 7:
        return 400, COMPLETED, version == 6
    if version == 8:
        return (410, COMPLETED, False) if empty else (400, INCONSISTENT, False)
    return (400, INCONSISTENT, False) if at_total else (409, MISMATCH, False)


@each_version
@pytest.mark.parametrize(("at", "sends"), [(40, b"x"), (39, b"x"), (39, b""), (0, b"")])
async def test_other_appends_to_a_finished_upload_are_refused(
    client: Client, origin: RecordingOrigin, version: int, at: int, sends: bytes
) -> None:
    """R60, row by row; R49: the offset is told."""
    upload = await client.create(version, sends=b"a" * 40)
    answer = await upload.append(at=at, sends=sends)
    status, problem, complete = _expected(version, at_total=at == 40, empty=not sends)
    assert (answer.status, answer.offset, answer.complete) == (status, 40, complete)
    if problem is not None:
        assert answer.problem["type"] == problem
    assert (await upload.append(at=40)).status == 200
    assert len(origin.requests) == 1


@each_version
async def test_the_forward_outlives_its_client(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """P4: the client leaves while the origin works, comes back, and joins."""
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))
    upload = await client.create(version, length=40, sends=b"a" * 40, then="reset")
    await origin.received()
    answer = await upload.head()
    assert (answer.status, answer.offset, answer.complete) == (204, 40, False)
    asyncio.get_running_loop().call_soon(gate.set)
    answer = await upload.append(at=40)
    assert (answer.status, answer.content, answer.complete) == (201, b"made", True)
    assert len(origin.requests) == 1


@each_version
async def test_several_who_wait_share_one_forward(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """P3, P4: the first client still waits, two more join."""
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))
    upload = await client.create(version, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    waiting = [upload.transfer]
    for _ in range(2):
        waiting.append(await upload.begin(at=40, then="stall"))
        assert await upload.ask_offset() == 40
    gate.set()
    for connection in waiting:
        response = await connection.hear()
        assert (response.status, response.content) == (201, b"made")
    assert len(origin.requests) == 1


@each_version
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
async def test_a_large_answer_is_replayed_byte_for_byte(
    client: Client, origin: RecordingOrigin, version: int, framing: str
) -> None:
    """R60: as it came, whatever its framing was."""
    body = bytes(range(256)) * 1200
    origin.then(Reply(200, (), body, framing=framing))  # type: ignore[arg-type]
    upload = await client.create(version, sends=b"a")
    assert (upload.answer.content, upload.answer.response.whole) == (body, True)
    again = await upload.append(at=1)
    assert (again.content, again.response.whole) == (body, True)


@pytest.mark.configured(uploads={"keep_answer_size": 100})
async def test_an_answer_too_large_to_keep_is_told_so(
    client: Client, origin: RecordingOrigin
) -> None:
    """It reaches the client that waits; a replay is 410 with the original status."""
    origin.then(Reply(201, (), b"x" * 101))
    upload = await client.create(9, sends=b"a")
    assert (upload.answer.status, upload.answer.content) == (201, b"x" * 101)
    answer = await upload.append(at=1)
    assert answer.status == 410
    assert 201 in answer.problem.values()
    answer = await upload.head()
    assert (answer.offset, answer.complete) == (1, True)


@pytest.mark.configured(spool={"memory_threshold": 0})
async def test_the_answers_content_is_kept_for_a_while(
    client: Client, origin: RecordingOrigin, restart_proxy: StartProxy
) -> None:
    """After keep_answer its status and totals stay as a tombstone.

    The sweep that drops the content comes by at every start.
    """
    upload = await client.create(9, sends=b"a")
    again = await restart_proxy(uploads={"keep_answer": "1ms"})
    client.address = again.addresses[0]

    async def dropped() -> Answer | None:
        answer = await upload.append(at=1)
        return answer if answer.status == 410 else None

    answer = await until(dropped)
    assert 200 in answer.problem.values()
    answer = await upload.head()
    assert (answer.status, answer.offset, answer.complete) == (204, 1, True)
    assert len(origin.requests) == 1


@each_version
async def test_an_upload_on_its_way_takes_nothing_more(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """COMPLETE, FORWARDING: any other append gets 409 or 400, more to come."""
    gate = asyncio.Event()
    origin.then(Reply(once=gate))
    upload = await client.create(version, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    for at, sends, status in ((39, b"", 409), (39, b"x", 409), (40, b"x", 400)):
        answer = await upload.append(at=at, sends=sends)
        assert (answer.status, answer.offset, answer.complete) == (status, 40, False)
    gate.set()
    assert (await upload.transfer.hear()).status == 200
    assert origin.bodies == [b"a" * 40]
