"""Lifetimes: told in the version's words, counted from the last byte, kept."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.answer import Answer
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin
from tests.kit.words import each_version, versions, words


async def _dies(upload: Upload) -> None:
    """Ask until the upload is gone. Asking does not lengthen its life."""

    async def gone() -> bool | None:
        return True if (await upload.head()).status == 404 else None

    await until(gone)


@each_version
@pytest.mark.configured(
    uploads={"limits": {"max_age": "300ms"}, "keep_answer": "100ms"}
)
async def test_an_upload_that_gets_no_bytes_expires(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R95: then it is as unknown as any (R42, R50, R71)."""
    upload = await client.create(version, last=False, sends=b"a" * 40)
    assert await upload.ask_offset() == 40
    await _dies(upload)
    assert (await upload.append(at=40, sends=b"b")).status == 404
    assert (await upload.cancel()).status == 404
    assert origin.requests == []


@pytest.mark.configured(uploads={"limits": {"max_age": "1s"}, "keep_answer": "1s"})
async def test_every_byte_lengthens_the_life(client: Client) -> None:
    """R94: the deadline moves only later; here past what was told at first."""
    upload = await client.create(9, last=False, sends=b"a")
    loop = asyncio.get_running_loop()
    end, at = loop.time() + 1.5, 1
    while loop.time() < end:
        answer = await upload.append(at=at, last=False, sends=b"b")
        assert answer.status == 204
        at += 1
    assert await upload.ask_offset() == at


def _told_age(answer: Answer, version: int) -> int:
    name = words(version).lifetime
    assert answer.limits is not None
    assert name is not None
    assert {"expires", "max-age"} & answer.limits.keys() == {name}
    return answer.limits[name]


@versions(6)
@pytest.mark.configured(uploads={"limits": {"max_age": "1h"}})
async def test_the_lifetime_is_told_in_the_versions_word(
    client: Client, version: int
) -> None:
    """R94: v6 expires, v7 and later max-age, never both; never more than there is."""
    upload = await client.create(version, last=False, sends=b"a")
    interim = upload.answer.interims[0]
    for answer in (interim, upload.answer, await upload.head()):
        assert 3590 <= _told_age(answer, version) <= 3600


@versions(3, 5)
async def test_before_v6_no_limits_are_told(client: Client, version: int) -> None:
    upload = await client.create(version, last=False, sends=b"a")
    for answer in (upload.answer.interims[0], upload.answer, await upload.head()):
        assert answer.limits is None
