"""Lengths: what settles one, and what is said to requests that contradict it."""

from __future__ import annotations

import pytest

from tests.kit.answer import Answer
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin
from tests.kit.words import INCONSISTENT, each_version

pytestmark = pytest.mark.usefixtures("each_way")


def _is_a_conflict(answer: Answer, version: int) -> None:
    assert answer.status == 400
    assert answer.complete is not True
    if version >= 9:
        assert answer.complete is False
    if version >= 7:
        assert answer.problem["type"] == INCONSISTENT


@pytest.fixture
async def upload(client: Client, version: int) -> Upload:
    """40 of 100 bytes are there; the length was announced (R39 before v6)."""
    return await client.create(version, last=False, sends=b"a" * 40, announce=100)


@each_version
async def test_a_finishing_creation_whose_lengths_disagree(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R26: no 104, no resource."""
    for announce in (99, 101, 0):
        upload = await client.create(version, sends=b"a" * 100, announce=announce)
        _is_a_conflict(upload.answer, version)
        assert (upload.answer.interims, upload.answer.location) == ([], None)
    assert origin.requests == []


@each_version
async def test_a_partial_creation_over_its_own_length(
    client: Client, version: int
) -> None:
    """R27."""
    upload = await client.create(version, last=False, sends=b"a" * 100, announce=99)
    _is_a_conflict(upload.answer, version)
    assert upload.answer.location is None


@each_version
async def test_a_chunked_creation_that_ends_short_of_its_length(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R28: the bytes are kept, the upload stays open."""
    upload = await client.create(version, sends=b"a" * 40, announce=100, chunked=True)
    _is_a_conflict(upload.answer, version)
    answer = await upload.head()
    assert (answer.offset, answer.complete) == (40, False)
    answer = await upload.append(at=40, sends=b"b" * 60)
    assert answer.complete is True
    assert origin.bodies == [b"a" * 40 + b"b" * 60]


@each_version
async def test_a_finishing_append_short_of_the_length(upload: Upload) -> None:
    """R54: decided by what it announces; no byte is taken."""
    answer = await upload.append(at=40, sends=b"b" * 59)
    _is_a_conflict(answer, upload.version)
    assert (answer.offset, answer.complete) == (40, False)
    assert await upload.ask_offset() == 40


@each_version
async def test_an_empty_finishing_append_short_of_the_length(
    upload: Upload, origin: RecordingOrigin
) -> None:
    """R54: nothing is forwarded unless size equals length (P1)."""
    answer = await upload.append(at=40)
    _is_a_conflict(answer, upload.version)
    assert await upload.ask_offset() == 40
    assert origin.requests == []


@each_version
async def test_a_chunked_finishing_append_that_ends_short(
    upload: Upload, origin: RecordingOrigin
) -> None:
    """R54: the bytes are kept."""
    answer = await upload.append(at=40, sends=b"b" * 20, chunked=True)
    _is_a_conflict(answer, upload.version)
    assert (answer.offset, answer.complete) == (60, False)
    answer = await upload.append(at=60, sends=b"c" * 40)
    assert answer.complete is True
    assert origin.bodies == [b"a" * 40 + b"b" * 20 + b"c" * 40]


@each_version
@pytest.mark.parametrize(
    ("last", "sends", "announce"),
    [(False, b"b", 101), (False, b"b", 99), (False, b"b", 39), (True, b"b" * 60, 99)],
)
async def test_an_append_that_announces_another_length(
    upload: Upload, last: bool, sends: bytes, announce: int
) -> None:
    """R55: as R54."""
    answer = await upload.append(at=40, last=last, sends=sends, announce=announce)
    _is_a_conflict(answer, upload.version)
    assert (answer.offset, answer.complete) == (40, False)
    assert await upload.ask_offset() == 40


@each_version
async def test_an_equal_length_may_be_repeated(
    upload: Upload, origin: RecordingOrigin
) -> None:
    """R55."""
    answer = await upload.append(at=40, last=False, sends=b"b" * 10, announce=100)
    assert answer.offset == 50
    answer = await upload.append(at=50, sends=b"c" * 50, announce=100)
    assert answer.complete is True
    assert len(origin.requests) == 1


@each_version
async def test_a_length_may_be_announced_late(client: Client, version: int) -> None:
    """R55: a first value is recorded, and then binds."""
    upload = await client.create(version, last=False, sends=b"a" * 40)
    answer = await upload.append(at=40, last=False, sends=b"b" * 10, announce=60)
    assert answer.offset == 50
    answer = await upload.append(at=50, sends=b"c" * 9)
    _is_a_conflict(answer, version)
    answer = await upload.append(at=50, sends=b"c" * 10)
    assert answer.complete is True


@each_version
async def test_a_late_length_below_the_offset(client: Client, version: int) -> None:
    """R55."""
    upload = await client.create(version, last=False, sends=b"a" * 40)
    answer = await upload.append(at=40, last=False, sends=b"", announce=39)
    _is_a_conflict(answer, version)
    assert await upload.ask_offset() == 40


@each_version
async def test_a_cut_finishing_creation_binds_what_follows(
    client: Client, version: int
) -> None:
    """1.8: the first source seen fixes the length."""
    upload = await client.create(version, length=100, sends=b"a" * 40, then="cut")
    answer = await upload.append(at=40, sends=b"b" * 59)
    _is_a_conflict(answer, version)
    answer = await upload.append(at=40, sends=b"b" * 60)
    assert answer.complete is True


@each_version
async def test_a_length_that_is_none_is_not_there(client: Client, version: int) -> None:
    """R8."""
    for value in ("-1", "ten", "1.0", "1234567890123456", "?1", ""):
        field = ("Upload-Length", value)
        upload = await client.create(version, sends=b"a" * 40, fields=(field,))
        assert (upload.answer.status, upload.answer.complete) == (200, True), value


@each_version
async def test_two_lines_of_a_length_are_none(client: Client, version: int) -> None:
    """R3, R8: even when they are equal."""
    field = ("Upload-Length", "50")
    upload = await client.create(version, sends=b"a" * 40, fields=(field, field))
    assert (upload.answer.status, upload.answer.complete) == (200, True)


@each_version
async def test_reaching_the_length_does_not_finish(
    upload: Upload, origin: RecordingOrigin
) -> None:
    """1.8: only a finishing request does."""
    answer = await upload.append(at=40, last=False, sends=b"b" * 60)
    assert (answer.offset, answer.complete) == (100, False)
    answer = await upload.head()
    assert (answer.offset, answer.complete) == (100, False)
    assert origin.requests == []
    assert (await upload.append(at=100)).complete is True
