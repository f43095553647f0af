"""A client that leaves at any step: the next one finds everything as it was told."""

from __future__ import annotations

import asyncio

from tests.kit.answer import VERSION_FIELD, Answer
from tests.kit.bounds import until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.raw import request
from tests.kit.words import each_version, words


async def _still_serves(client: Client, origin: RecordingOrigin) -> None:
    upload = await client.create(9, sends=b"other")
    assert upload.answer.status == 200
    assert origin.bodies[-1] == b"other"


def _creation(version: int) -> bytes:
    spoken = words(version)
    return request(
        "POST",
        "/files",
        (VERSION_FIELD, str(version)),
        (spoken.completeness, spoken.done),
        ("Content-Length", "100"),
    )


@each_version
async def test_in_the_middle_of_the_head(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    connection = await client.connect()
    await connection.send(_creation(version)[:-20])
    await connection.reset()
    await _still_serves(client, origin)
    assert len(origin.requests) == 1


@each_version
async def test_before_the_104_is_heard(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    connection = await client.connect()
    await connection.send(_creation(version))
    await connection.reset()
    await _still_serves(client, origin)
    assert len(origin.requests) == 1


@each_version
async def test_after_the_104_before_any_byte(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R25."""
    upload = await client.create(version, length=100, then="reset")
    answer = await upload.head()
    assert (answer.status, answer.offset, answer.complete) == (204, 0, False)
    assert (await upload.append(at=0, sends=b"a" * 100)).complete is True
    assert origin.bodies == [b"a" * 100]


@each_version
async def test_before_a_part_is_acknowledged(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R63: the whole part counts, though nobody heard so."""
    upload = await client.create(version, last=False, sends=b"a" * 10)
    await upload.begin(at=10, last=False, length=10, sends=b"b" * 10, then="reset")
    assert await upload.ask_offset() == 20
    assert (await upload.append(at=20)).complete is True
    assert origin.bodies == [b"a" * 10 + b"b" * 10]


@each_version
async def test_before_a_question_is_answered(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    upload = await client.create(version, last=False, sends=b"a" * 10)
    connection = await client.connect()
    field = (VERSION_FIELD, str(version))
    await connection.send(request("HEAD", upload.path, field))
    await connection.reset()
    assert await upload.ask_offset() == 10


@each_version
async def test_while_the_origin_works(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """P4: the forward goes on, and is not begun again."""
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))
    upload = await client.create(version, length=10, sends=b"a" * 10, then="reset")
    await origin.received()
    gate.set()
    await upload.finished()
    answer = await upload.append(at=10)
    assert (answer.status, answer.content) == (201, b"made")
    assert len(origin.requests) == 1


@each_version
async def test_while_the_answer_comes(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """P4: the rest of the answer is kept all the same."""
    body = bytes(range(256)) * 4000
    origin.then(Reply(200, (), body))
    upload = await client.create(version, length=1, then="stall")
    await upload.transfer.send(b"a")
    assert (await upload.transfer.hear_head()).status == 200
    await upload.transfer.reset()
    await upload.finished()

    async def whole() -> Answer | None:
        answer = await upload.append(at=1)
        return answer if answer.content == body else None

    await until(whole)
    assert len(origin.requests) == 1


@each_version
async def test_while_it_waits_for_an_origin_that_is_down(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """P4, P5."""
    await origin.stop()
    upload = await client.create(version, length=10, sends=b"a" * 10, then="reset")

    async def all_there() -> bool | None:
        return True if await upload.ask_offset() == 10 else None

    await until(all_there)
    await origin.start()
    await origin.received()
    assert (await upload.finished()).offset == 10
    assert origin.bodies == [b"a" * 10]
