"""Limits: refused in the version's words, before anything stored is harmed."""

from __future__ import annotations

import pytest

from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import chunk
from tests.kit.words import each_version, versions, words

pytestmark = pytest.mark.usefixtures("each_way")

LIMITS = {
    "max_size": 100,
    "min_size": 5,
    "max_append_size": 50,
    "min_append_size": 10,
}
TOLD = {"max-size": 100, "min-size": 5, "max-append-size": 50, "min-append-size": 10}

limited = pytest.mark.configured(uploads={"limits": LIMITS})
only_size = pytest.mark.configured(uploads={"limits": {"max_size": 100}})


@each_version
@limited
async def test_every_answer_about_an_upload_tells_its_limits(
    client: Client, version: int
) -> None:
    """R23, R40, and Upload-Limit in each version's words."""
    told = TOLD if words(version).tells_limits else {}
    upload = await client.create(version, last=False, sends=b"a" * 20)
    assert upload.answer.interims[0].bounds == told
    assert upload.answer.bounds == told
    assert (await upload.head()).bounds == told


@versions(6)
async def test_without_limits_of_size_only_the_lifetime_is_told(
    client: Client, version: int
) -> None:
    """1.5: the field is there all the same."""
    upload = await client.create(version, last=False, sends=b"a")
    assert upload.answer.limits is not None
    assert upload.answer.bounds == {}


@each_version
@only_size
async def test_a_creation_over_max_size_is_refused_unread(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R29: declared by Content-Length; no 104, no resource, connection closed."""
    upload = await client.create(version, length=101, interim=False)
    answer = upload.answer
    assert (answer.status, answer.interims) == (413, [])
    assert (answer.location, answer.one("Connection")) == (None, "close")
    assert await upload.transfer.ended() == b""
    if version >= 6:
        assert answer.bounds == {"max-size": 100}
    assert answer.complete in ((False,) if version >= 9 else (None, False))
    assert origin.requests == []


@each_version
@only_size
async def test_an_announced_length_over_max_size_is_refused(
    client: Client, version: int
) -> None:
    """R29: declared by Upload-Length."""
    upload = await client.create(version, last=False, sends=b"a", announce=101)
    answer = upload.answer
    assert (answer.status, answer.interims) == (413, [])
    if version >= 6:
        assert answer.bounds == {"max-size": 100}


@each_version
@only_size
async def test_exactly_max_size_is_not_too_much(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R29."""
    upload = await client.create(version, sends=b"a" * 100)
    assert upload.answer.status == 200
    assert origin.bodies == [b"a" * 100]


@each_version
@only_size
async def test_an_undeclared_body_is_stored_up_to_max_size(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R30: the upload is not finished, the prefix stays."""
    upload = await client.create(version, then="stall", chunked=True)
    await upload.transfer.send(chunk(b"a" * 60) + chunk(b"b" * 60) + b"0\r\n\r\n")
    response = await upload.transfer.hear()
    assert response.status == 413
    assert response.one("Upload-Offset") == "100"
    assert response.one(words(version).completeness) == words(version).open
    assert (response.one("Upload-Limit") is not None) == (version >= 6)
    answer = await upload.head()
    assert (answer.offset, answer.complete) == (100, False)
    answer = await upload.append(at=100)
    assert answer.complete is True
    assert origin.bodies == [b"a" * 60 + b"b" * 40]


@each_version
@only_size
async def test_an_append_over_max_size_is_refused_unread(
    client: Client, version: int
) -> None:
    """R57: in all versions."""
    upload = await client.create(version, last=False, sends=b"a" * 40)
    answer = await upload.append(at=40, last=False, length=61)
    assert (answer.status, answer.offset, answer.complete) == (413, 40, False)
    assert answer.one("Connection") == "close"
    if version >= 6:
        assert answer.bounds == {"max-size": 100}
    assert await upload.ask_offset() == 40


@each_version
@limited
async def test_a_creation_over_max_append_size(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R31: v9 and later refuse, before them the limit concerns appends only."""
    upload = await client.create(version, last=False, sends=b"a" * 51)
    answer = upload.answer
    if words(version).creation_limits:
        assert (answer.status, answer.bounds) == (413, TOLD)
        assert (answer.complete, answer.interims) == (False, [])
    else:
        assert (answer.status, answer.offset) == (201, 51)
    assert origin.requests == []


@each_version
@limited
async def test_a_partial_creation_under_min_append_size(
    client: Client, version: int
) -> None:
    """R32: v9 and later refuse."""
    upload = await client.create(version, last=False, sends=b"a" * 9)
    answer = upload.answer
    if words(version).creation_limits:
        assert (answer.status, answer.bounds) == (400, TOLD)
        assert answer.complete is False
    else:
        assert (answer.status, answer.offset) == (201, 9)


@each_version
@limited
async def test_empty_and_finishing_creations_may_be_small(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R32, R33."""
    empty = await client.create(version, last=False)
    assert empty.answer.status == 201
    small = await client.create(version, sends=b"a" * 3)
    assert small.answer.status == 200
    assert origin.bodies == [b"a" * 3]


@each_version
@limited
async def test_an_append_over_max_append_size(client: Client, version: int) -> None:
    """R57: 413 before reading, v6 and later."""
    upload = await client.create(version, last=False, sends=b"a" * 20)
    sends = b"" if words(version).append_limits else b"b" * 51
    answer = await upload.append(at=20, last=False, length=51, sends=sends)
    if words(version).append_limits:
        assert (answer.status, answer.offset, answer.bounds) == (413, 20, TOLD)
        assert answer.complete is False
    else:
        assert (answer.status, answer.offset) == (201, 71)


@versions(6)
@limited
async def test_an_undeclared_append_is_stored_up_to_max_append_size(
    client: Client, version: int
) -> None:
    """R57: unknown length, stop there."""
    upload = await client.create(version, last=False, sends=b"a" * 20)
    answer = await upload.append(at=20, last=False, sends=b"b" * 51, chunked=True)
    assert (answer.status, answer.offset, answer.bounds) == (413, 70, TOLD)
    assert answer.complete is False
    assert await upload.ask_offset() == 70


@each_version
@limited
async def test_an_append_under_min_append_size(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R58: v6 and later; a finishing append is never refused."""
    upload = await client.create(version, last=False, sends=b"a" * 20)
    answer = await upload.append(at=20, last=False, sends=b"b" * 9)
    if words(version).append_limits:
        assert (answer.status, answer.offset, answer.bounds) == (400, 20, TOLD)
        assert answer.complete is False
        answer = await upload.append(at=20, sends=b"b" * 9)
    else:
        assert (answer.status, answer.offset) == (201, 29)
        answer = await upload.append(at=29)
    assert (answer.status, answer.offset, answer.complete) == (200, 29, True)
    assert origin.bodies == [b"a" * 20 + b"b" * 9]
