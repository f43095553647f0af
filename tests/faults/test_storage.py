"""A disk that is full: what fits is kept and told, and the upload can go on later.

The limit on the size of one file stands for the disk: the body is the only large file.
"""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Callable

import pytest

from proxy.core.errors import SpoolError
from proxy.core.upload import Upload
from proxy.spool.records import Records
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.process import ProxyProcess
from tests.kit.words import versions, words

from .conftest import StartProcess

VERSION = ("Upload-Draft-Interop-Version", "9")
FULL = 2**20
"""Bytes that fit."""


@pytest.fixture
async def cramped(start_process: StartProcess) -> AsyncIterator[Client]:
    """A client of a proxy whose disk takes no more than so many bytes of an upload."""
    process = await start_process(largest_file=FULL)
    speaking = Client(process.address)
    yield speaking
    await speaking.close()


@versions(3, 6)
async def test_up_to_v6_the_connection_is_cut(
    cramped: Client, origin: RecordingOrigin, version: int
) -> None:
    """R97: URLSession resumes after a cut, never after a 5xx."""
    upload = await cramped.create(
        version, length=2 * FULL, sends=b"a" * (FULL + 100_000), then="stall"
    )
    assert await upload.transfer.ended() == b""
    assert await upload.ask_offset() == FULL
    assert origin.requests == []


@versions(7)
async def test_from_v7_on_it_is_told(
    cramped: Client, origin: RecordingOrigin, version: int
) -> None:
    """R97: 507 with the offset, and that more is to come."""
    upload = await cramped.create(
        version, length=2 * FULL, sends=b"a" * (FULL + 100_000), then="stall"
    )
    response = await upload.transfer.hear()
    assert response.status == 507
    assert response.one("Upload-Offset") == str(FULL)
    assert response.one("Upload-Complete") == words(version).open
    assert int(response.one("Retry-After") or "") > 0
    assert await upload.ask_offset() == FULL
    assert origin.requests == []


async def test_what_fits_is_taken_while_something_else_does_not(
    cramped: Client, origin: RecordingOrigin
) -> None:
    """After a failure a probe decides whether appends are taken again."""
    upload = await cramped.create(9, length=2 * FULL, sends=b"a" * FULL, then="stall")
    await upload.transfer.send(b"b" * 100)
    assert (await upload.transfer.hear()).status == 507
    other = await cramped.create(9, sends=b"small")
    assert other.answer.status == 200
    assert origin.bodies == [b"small"]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, nothing can be made durable."""

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    return lambda: monkeypatch.setattr(os, "fdatasync", fail)


async def refused_unread(client: Client, version: int) -> bool:
    """Whether a creation is refused by its head."""
    upload = await client.create(
        version,
        last=False,
        length=3_000_000,
        interim=False,
        fields=(("Expect", "100-continue"),),
    )
    answer = upload.answer
    return (answer.status, answer.interims) == (507, [])


@versions(6, 7)
async def test_who_comes_after_a_failed_sync_is_refused_at_the_head(
    client: Client, broken: Callable[[], None], version: int
) -> None:
    """Not only after a failed write: else each is read to its end, and then cut."""
    broken()
    upload = await client.create(version, last=False, sends=b"a" * 10, then="stall")
    if version < 7:
        assert await upload.transfer.ended() == b""
    else:
        assert (await upload.transfer.hear()).status == 507
    assert await refused_unread(client, version)


async def test_one_that_goes_on_failing_is_told_once(
    process: ProxyProcess, speaker: Client
) -> None:
    """A line for each that is refused meanwhile says the rest."""
    away = process.spool.rename(process.spool.with_name("away"))
    for _ in range(3):
        refused = await speaker.create(9, length=2**21, interim=False)
        assert refused.answer.status == 507
    away.rename(process.spool)
    assert process.log.count("spool failed") == 1
    assert process.log.count("problem=storage") == 3


async def test_who_comes_after_an_offset_could_not_be_told_is_refused_at_the_head(
    client: Client, broken: Callable[[], None]
) -> None:
    upload = await client.create(9, length=100, sends=b"a" * 10, then="cut")
    assert await upload.transfer.ended() == b""
    broken()
    assert (await client.ask("HEAD", upload.path, VERSION)).status == 507
    assert await refused_unread(client, 9)


async def test_who_comes_after_a_record_could_not_be_made_is_refused_at_the_head(
    client: Client, broken: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(spool: Records, upload: Upload) -> None:
        raise SpoolError("the upload cannot be created: Input/output error")

    monkeypatch.setattr(Records, "create", fail)
    broken()
    upload = await client.create(9, length=2**21, interim=False)
    assert upload.answer.status == 507
    monkeypatch.undo()
    broken()
    assert await refused_unread(client, 9)
