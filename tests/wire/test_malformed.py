"""Fields that say nothing, the wrong thing, or more than one thing."""

from __future__ import annotations

import pytest

from tests.kit.answer import VERSION_FIELD, Answer
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin
from tests.kit.words import each_version, words

NO_BOOLEANS = [
    "1",
    "0",
    "true",
    "?2",
    "?",
    "? 1",
    "?10",
    '"?1"',
    "?1;",
    "?1;X=1",
    "?1,",
]
NO_OFFSETS = ["-1", "1.0", "1e3", "+1", "0x10", "10, 10", '"10"', "1234567890123456"]


@pytest.fixture
async def upload(client: Client, version: int) -> Upload:
    """An upload with 40 bytes, and more to come."""
    return await client.create(version, last=False, sends=b"a" * 40)


def _other(version: int) -> tuple[str, str, str]:
    """The completeness field of the other polarity: name, done, open."""
    if version == 3:
        return "Upload-Complete", "?1", "?0"
    return "Upload-Incomplete", "?0", "?1"


async def _create(client: Client, version: int, *fields: tuple[str, str]) -> Answer:
    head = ((VERSION_FIELD, str(version)), *fields, ("Content-Length", "3"))
    return await client.ask("POST", "/files", *head, sends=b"abc", version=version)


@each_version
async def test_a_creation_with_no_boolean_is_an_ordinary_request(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R2, R5: the origin gets it untouched."""
    name = words(version).completeness
    for value in (*NO_BOOLEANS, "", "yes", "?1 ;x", "?1, ?1"):
        answer = await _create(client, version, (name, value))
        assert (answer.status, answer.offset, answer.interims) == (200, None, []), value
        got = origin.requests[-1]
        assert (got.one(name), got.one(VERSION_FIELD)) == (value, str(version))
        assert got.body == b"abc"


@each_version
async def test_parameters_and_spaces_do_not_matter(
    client: Client, version: int
) -> None:
    """R1, R2."""
    spoken = words(version)
    for suffix in ("", ";x=1", ";x", "; a=b", "  "):
        field = (spoken.completeness, "  " + spoken.open + suffix)
        answer = await _create(client, version, field)
        assert (answer.status, answer.offset, answer.complete) == (201, 3, False)


@each_version
async def test_a_creation_that_says_completeness_twice_is_ordinary(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R3: two lines are invalid even when they are equal."""
    field = (words(version).completeness, words(version).done)
    answer = await _create(client, version, field, field)
    assert (answer.status, answer.offset) == (200, None)
    assert len(origin.requests[0].all(field[0])) == 2


@each_version
async def test_the_other_polarity_saying_complete_is_ignored(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R9: it is an ordinary request then."""
    name, done, _ = _other(version)
    answer = await _create(client, version, (name, done))
    assert (answer.status, answer.offset) == (200, None)
    assert origin.bodies == [b"abc"]


@each_version
async def test_the_other_polarity_saying_incomplete_is_refused(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R9: a partial body must never reach the origin as a whole one."""
    name, _, more = _other(version)
    answer = await _create(client, version, (name, more))
    assert answer.status == 400
    assert origin.requests == []


async def test_without_a_version_incomplete_is_refused(
    client: Client, origin: RecordingOrigin
) -> None:
    """R9: "v4+ or no version"."""
    fields = (("Upload-Incomplete", "?1"), ("Content-Length", "3"))
    answer = await client.ask("POST", "/files", *fields, sends=b"abc")
    assert answer.status == 400
    assert origin.requests == []


@each_version
async def test_both_polarities_at_once(client: Client, version: int) -> None:
    """R9: the version's own field counts when the other one says complete."""
    spoken = words(version)
    name, done, more = _other(version)
    field = (spoken.completeness, spoken.open)
    assert (await _create(client, version, field, (name, done))).status == 201
    field = (spoken.completeness, spoken.done)
    assert (await _create(client, version, field, (name, more))).status == 400


async def _append(upload: Upload, *fields: tuple[str, str]) -> Answer:
    """An append whose own fields are replaced, or with None for a value removed."""
    head = dict(upload.append_fields(at=40)) | dict(fields) | {"Content-Length": "3"}
    kept = [(name, value) for name, value in head.items() if value != "(absent)"]
    return await upload.ask("PATCH", *kept, sends=b"abc")


def _is_refused_unharmed(answer: Answer) -> None:
    assert (answer.status, answer.offset, answer.complete) == (400, 40, False)


@each_version
async def test_an_append_with_no_boolean_is_refused(upload: Upload) -> None:
    """R6, R49."""
    for value in (*NO_BOOLEANS, ""):
        answer = await _append(upload, (upload.words.completeness, value))
        _is_refused_unharmed(answer)
    assert await upload.ask_offset() == 40


@each_version
async def test_an_append_without_an_offset_is_refused(upload: Upload) -> None:
    """R7, R4, R49."""
    for value in (*NO_OFFSETS, "", "(absent)"):
        _is_refused_unharmed(await _append(upload, ("Upload-Offset", value)))
    assert await upload.ask_offset() == 40


@each_version
@pytest.mark.parametrize("value", ["040", "40;a=1", " 40 "])
async def test_an_offset_may_be_spelled_in_several_ways(
    upload: Upload, value: str
) -> None:
    """R4."""
    answer = await _append(upload, ("Upload-Offset", value))
    assert (answer.status, answer.offset) == (200, 43)


@each_version
async def test_an_append_in_the_other_polarity(upload: Upload) -> None:
    """R9 on an upload: incomplete is refused, complete counts as absent (R52)."""
    name, _, more = _other(upload.version)
    answer = await _append(upload, (name, more))
    _is_refused_unharmed(answer)


@each_version
async def test_a_creation_cannot_begin_in_the_middle(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R34: 400 for more than 0."""
    fields = (("Upload-Offset", "1"),)
    upload = await client.create(version, sends=b"abc", fields=fields)
    assert (upload.answer.status, upload.answer.interims) == (400, [])
    assert origin.requests == []


@each_version
async def test_an_offset_of_nothing_in_a_creation_is_ignored(
    client: Client, version: int
) -> None:
    """R34."""
    for value in ("0", "-0", "x", "1.5", ""):
        fields = (("Upload-Offset", value),)
        upload = await client.create(version, sends=b"abc", fields=fields)
        assert (upload.answer.status, upload.answer.offset) == (200, 3), value


@each_version
async def test_limits_and_metadata_of_a_request_are_ignored(
    client: Client, version: int
) -> None:
    """R10."""
    fields = (("Upload-Limit", "max-size=1"), ("Upload-Metadata", "name Zm9v"))
    upload = await client.create(version, sends=b"abc", fields=fields)
    assert upload.answer.status == 200


@each_version
async def test_appends_to_what_is_not_there(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R50, before anything else is looked at."""
    spoken = words(version)
    fields = (
        (VERSION_FIELD, str(version)),
        ("Upload-Offset", "0"),
        (spoken.completeness, spoken.done),
        ("Content-Length", "3"),
    )
    for name in ("A" * 43, "short", "a.b", "%41"):
        target = f"/resumable_upload/{name}"
        answer = await client.ask(
            "PATCH", target, *fields, sends=b"abc", version=version
        )
        assert (answer.status, answer.offset) == (404, None)
        assert answer.complete in ((False,) if version >= 9 else (None, False))
    assert origin.requests == []
