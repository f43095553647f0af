"""Clients that ask without end: memory and files stay as they are, others are served.

What one client can do is done many times here, on one connection, as fast as it goes;
the memory is that of this process, in which proxy, origin and client all run.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.answer import VERSION_FIELD
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import Connection, Response, request

WARM_UP = 100
"""Requests after which caches and pools have what they want to keep."""
MANY = 400
LEAK = 700
"""Bytes for each request that would be a leak: an upload takes more than a thousand.
Some are no leak: the names of the spool's 4096 shards are remembered, and of an upload
whose it is, since all that are open are counted."""
A_FEW = 100
UNSYNCED = {"sync": "never"}
"""So that the time goes into requests, not into waiting for the disk."""


@pytest.fixture(autouse=True)
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def _memory() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _spooled(directory: Path) -> dict[str, int]:
    """Files of uploads in the spool, with their sizes."""
    found = (directory / "spool").glob("??/*")
    marks = (directory / "spool" / "unfinished").glob("*")
    return {str(path): path.stat().st_size for path in (*found, *marks)}


async def _asked(connection: Connection, said: bytes, times: int) -> list[Response]:
    """The first and the last answer to `said`, said as often as that."""
    answers: list[Response] = []
    for _ in range(times):
        await connection.send(said)
        answers = [*answers[:1], await connection.hear()]
    return answers


async def _others_are_served(client: Client, origin: RecordingOrigin) -> None:
    upload = await client.create(10, length=6, sends=b"abc", then="cut")
    answer = await upload.append(at=await upload.ask_offset(), sends=b"def")
    assert (answer.status, origin.bodies) == (200, [b"abcdef"])


@pytest.mark.configured(spool=UNSYNCED)
async def test_empty_appends_without_end_take_up_nothing(
    client: Client, origin: RecordingOrigin, tmp_path: Path
) -> None:
    """Nor do they make the upload live longer: no byte came."""
    upload = await client.create(10, last=False, sends=b"abc")
    fields = (
        (VERSION_FIELD, "10"),
        *upload.append_fields(at=3, last=False),
        ("Content-Length", "0"),
    )
    empty = request("PATCH", upload.path, *fields)
    connection = await client.connect()
    await _asked(connection, empty, WARM_UP)
    memory, files = _memory(), _spooled(tmp_path)
    age_left = _age_left(await _head(connection, upload.path))
    for answer in await _asked(connection, empty, MANY):
        assert (answer.status, answer.one("Upload-Offset")) == (204, "3")
    assert _memory() - memory < LEAK * MANY
    after = _spooled(tmp_path)
    assert after.keys() == files.keys()
    # the times in a record have more digits or fewer
    assert sum(after.values()) - sum(files.values()) < A_FEW
    head = await _head(connection, upload.path)
    assert _age_left(head) <= age_left
    await _others_are_served(client, origin)


async def _head(connection: Connection, path: str) -> Response:
    await connection.send(request("HEAD", path, (VERSION_FIELD, "10")))
    return await connection.hear("HEAD")


def _age_left(answer: Response) -> int:
    limits = answer.one("Upload-Limit") or ""
    return int(limits.partition("max-age=")[2])


def _creation() -> bytes:
    fields = (VERSION_FIELD, "10"), ("Upload-Complete", "?0"), ("Content-Length", "0")
    return request("POST", "/files", *fields)


@pytest.mark.configured(
    uploads={"max_per_client": 20}, trusted_proxies=["127.0.0.1"], spool=UNSYNCED
)
async def test_creations_without_end_end_where_the_client_has_its_share(
    client: Client, origin: RecordingOrigin, tmp_path: Path
) -> None:
    connection = await client.connect()
    taken, refused = await _asked(connection, _creation(), WARM_UP)
    assert (taken.status, refused.status) == (201, 429)
    memory, files = _memory(), _spooled(tmp_path)
    taken, refused = await _asked(connection, _creation(), MANY)
    assert (taken.status, refused.status) == (429, 429)
    assert _memory() - memory < LEAK * MANY
    assert _spooled(tmp_path) == files
    assert len({Path(name).stem for name in files}) == 20
    somebody_else = (("X-Forwarded-For", "203.0.113.7"),)
    other = await client.create(10, sends=b"abc", fields=somebody_else)
    assert other.answer.status == 200


@pytest.mark.configured(spool=UNSYNCED)
async def test_uploads_that_nobody_goes_on_with_are_on_the_disk_only(
    client: Client, origin: RecordingOrigin, tmp_path: Path
) -> None:
    connection = await client.connect()
    await _asked(connection, _creation(), WARM_UP)
    memory = _memory()
    for answer in await _asked(connection, _creation(), MANY):
        assert answer.status == 201
    assert _memory() - memory < LEAK * MANY
    spooled = _spooled(tmp_path)
    uploads = WARM_UP + MANY
    assert len({Path(name).stem for name in spooled}) == uploads
    assert len(spooled) <= 3 * uploads
    await _others_are_served(client, origin)
