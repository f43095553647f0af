"""Appends: the next part at the right offset, in the words of the version."""

from __future__ import annotations

import pytest

from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin
from tests.kit.words import MEDIA_TYPE, MISMATCH, each_version, versions, words

pytestmark = pytest.mark.usefixtures("each_way")


@pytest.fixture
async def upload(client: Client, version: int) -> Upload:
    """An upload with 40 bytes, and more to come."""
    return await client.create(version, last=False, sends=b"a" * 40)


@each_version
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_part_with_more_to_come(upload: Upload, chunked: bool) -> None:
    """R59: 201 up to v6, 204 from v7 on; no Location."""
    answer = await upload.append(at=40, last=False, sends=b"b" * 10, chunked=chunked)
    assert answer.status == upload.words.part_status
    assert (answer.offset, answer.complete) == (50, False)
    assert (answer.location, answer.content) == (None, b"")
    assert answer.version == str(upload.version)


@each_version
async def test_many_parts_become_one_body(
    upload: Upload, origin: RecordingOrigin
) -> None:
    """R19, R59, R61."""
    for number in range(5):
        part = bytes([number]) * 10
        answer = await upload.append(at=40 + 10 * number, last=False, sends=part)
        assert answer.offset == 50 + 10 * number
    assert origin.requests == []
    answer = await upload.append(at=90, sends=b"z" * 10)
    assert (answer.status, answer.offset, answer.complete) == (200, 100, True)
    parts = [bytes([number]) * 10 for number in range(5)]
    assert origin.bodies == [b"a" * 40 + b"".join(parts) + b"z" * 10]


@each_version
async def test_an_empty_finishing_append_finishes(
    upload: Upload, origin: RecordingOrigin
) -> None:
    """R61."""
    answer = await upload.append(at=40)
    assert (answer.status, answer.offset, answer.complete) == (200, 40, True)
    assert origin.bodies == [b"a" * 40]


@each_version
async def test_an_empty_part_changes_nothing(upload: Upload) -> None:
    """R59."""
    answer = await upload.append(at=40, last=False)
    assert (answer.status, answer.offset) == (upload.words.part_status, 40)
    assert answer.complete is False


@each_version
@pytest.mark.parametrize("at", [0, 39, 41, 999_999_999_999_999])
async def test_a_wrong_offset_is_told_the_right_one(
    upload: Upload, origin: RecordingOrigin, at: int
) -> None:
    """R53: the upload is unharmed, and the right offset then works."""
    answer = await upload.append(at=at, sends=b"x" * 60)
    assert (answer.status, answer.offset, answer.complete) == (409, 40, False)
    assert answer.interims == []
    if upload.words.mismatch_problem:
        assert answer.problem["type"] == MISMATCH
        assert answer.problem["expected-offset"] == 40
        assert answer.problem["provided-offset"] == at
    assert await upload.ask_offset() == 40
    answer = await upload.append(at=40, sends=b"b" * 60)
    assert (answer.status, answer.complete) == (200, True)
    assert origin.bodies == [b"a" * 40 + b"b" * 60]


@versions(6)
@pytest.mark.parametrize("media_type", ["image/jpeg", "application/octet-stream", None])
async def test_the_media_type_of_an_append_is_required(
    upload: Upload, media_type: str | None
) -> None:
    """R51, v6 and later: 415 with Accept-Patch, nothing appended."""
    head = [f for f in upload.append_fields(at=40) if f[0] != "Content-Type"]
    if media_type is not None:
        head.append(("Content-Type", media_type))
    head.append(("Content-Length", "3"))
    answer = await upload.ask("PATCH", *head, sends=b"abc")
    assert (answer.status, answer.one("Accept-Patch")) == (415, MEDIA_TYPE)
    assert (answer.offset, answer.complete) == (40, False)
    assert await upload.ask_offset() == 40


@versions(6)
@pytest.mark.parametrize(
    "media_type", ["Application/Partial-Upload", "application/partial-upload; a=b"]
)
async def test_the_media_type_is_compared_as_one(
    upload: Upload, media_type: str
) -> None:
    """R51: case does not matter, parameters are ignored."""
    head = [f for f in upload.append_fields(at=40) if f[0] != "Content-Type"]
    head += [("Content-Type", media_type), ("Content-Length", "3")]
    answer = await upload.ask("PATCH", *head, sends=b"abc")
    assert (answer.status, answer.complete) == (200, True)


@versions(3, 5)
async def test_before_v6_an_append_may_have_any_media_type(upload: Upload) -> None:
    """R51."""
    fields = (("Content-Type", "image/jpeg"),)
    answer = await upload.append(at=40, sends=b"abc", fields=fields)
    assert (answer.status, answer.offset) == (200, 43)


async def _append_without_completeness(upload: Upload, sends: bytes) -> object:
    name = words(upload.version).completeness
    head = [f for f in upload.append_fields(at=40) if f[0] != name]
    head.append(("Content-Length", str(len(sends))))
    answer = await upload.ask("PATCH", *head, sends=sends)
    return answer.status, answer.offset, answer.complete


@each_version
async def test_content_without_completeness(upload: Upload) -> None:
    """R52: v3 finishes, v4 to v6 go on, v7 and later refuse."""
    expected = {3: (200, 43, True)} | dict.fromkeys((4, 5, 6), (201, 43, False))
    heard = await _append_without_completeness(upload, b"abc")
    assert heard == expected.get(upload.version, (400, 40, False))


@each_version
async def test_no_content_without_completeness(upload: Upload) -> None:
    """R52: up to v6 it finishes, as tus-js-client needs; v7 and later refuse."""
    heard = await _append_without_completeness(upload, b"")
    expected = (200, 40, True) if upload.version <= 6 else (400, 40, False)
    assert heard == expected


@each_version
async def test_other_fields_of_an_append_do_not_reach_the_origin(
    upload: Upload, origin: RecordingOrigin
) -> None:
    """R68: representation metadata comes from the creation."""
    fields = (("X-Late", "1"), ("Content-Disposition", "inline"))
    await upload.append(at=40, sends=b"b", fields=fields)
    got = origin.requests[0]
    assert (got.one("X-Late"), got.one("Content-Disposition")) == (None, None)


@each_version
async def test_each_request_is_answered_in_its_own_version(
    upload: Upload, version: int
) -> None:
    """R12: created in one version, continued in another."""
    other = upload.speaking(3 if version == 10 else version + 1)
    answer = await other.head()
    assert (answer.version, answer.offset) == (str(other.version), 40)
    assert answer.complete is False
    answer = await other.append(at=40, last=False, sends=b"b")
    assert answer.status == other.words.part_status
    assert (answer.version, answer.complete) == (str(other.version), False)


@versions(5, 6)
@pytest.mark.parametrize("method", ["PATCH", "HEAD", "DELETE"])
async def test_a_post_can_stand_for_another_method(
    upload: Upload, origin: RecordingOrigin, method: str
) -> None:
    """R18: an option of tus-js-client."""
    override = ("X-HTTP-Method-Override", method)
    if method == "PATCH":
        head = (*upload.append_fields(at=40), ("Content-Length", "1"), override)
        answer = await upload.ask("POST", *head, sends=b"b")
        assert (answer.status, answer.offset) == (200, 41)
        assert origin.bodies == [b"a" * 40 + b"b"]
    else:
        answer = await upload.ask("POST", ("Content-Length", "0"), override)
        assert answer.status == 204
        assert answer.offset == (40 if method == "HEAD" else None)
