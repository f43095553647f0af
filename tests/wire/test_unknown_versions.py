"""Unknown means ordinary: an OS update must not break anybody's uploads."""

from __future__ import annotations

import pytest

from tests.kit.answer import VERSION_FIELD
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.raw import Connection, request

UNKNOWN = ["1", "2", "11", "99", "-3", "next", "", "6.0", "?1", "6, 6"]


@pytest.mark.parametrize("value", [None, *UNKNOWN])
@pytest.mark.parametrize(
    "field", [("Upload-Complete", "?1"), ("Upload-Incomplete", "?0")]
)
async def test_a_whole_request_is_passed_through(
    client: Client,
    origin: RecordingOrigin,
    value: str | None,
    field: tuple[str, str],
) -> None:
    """P10, R13, R14: no 104, no upload, never 400; the origin gets it untouched."""
    origin.then(Reply(201, (("Location", "/made/1"),), b"made"))
    version = () if value is None else ((VERSION_FIELD, value),)
    fields = (*version, field, ("Content-Length", "3"), ("X-A", "1"))
    answer = await client.ask("POST", "/files?x=1", *fields, sends=b"abc")
    assert (answer.status, answer.content) == (201, b"made")
    assert (answer.location, answer.interims) == ("/made/1", [])
    assert (answer.version, answer.offset, answer.complete) == (None, None, None)
    got = origin.requests[0]
    assert (got.method, got.target, got.body) == ("POST", "/files?x=1", b"abc")
    assert (got.one(field[0]), got.one("X-A")) == (field[1], "1")
    assert got.one(VERSION_FIELD) == value


@pytest.mark.parametrize("value", [None, *UNKNOWN])
async def test_a_partial_request_is_an_upload_in_the_newest_words(
    client: Client, origin: RecordingOrigin, value: str | None
) -> None:
    """R15, R16: no 104, no version; a part must never reach the origin as a whole."""
    version = () if value is None else ((VERSION_FIELD, value),)
    fields = (*version, ("Upload-Complete", "?0"), ("Content-Length", "3"))
    created = await client.ask("POST", "/files", *fields, sends=b"abc")
    assert (created.status, created.offset, created.complete) == (201, 3, False)
    assert (created.version, created.interims) == (None, [])
    assert "max-age" in (created.limits or {})
    assert origin.requests == []
    path = (created.location or "").removeprefix("http://upload.test")
    rest = (
        *version,
        ("Upload-Offset", "3"),
        ("Upload-Complete", "?1"),
        ("Content-Type", "application/partial-upload"),
        ("Content-Length", "3"),
    )
    answer = await client.ask("PATCH", path, *rest, sends=b"def")
    assert (answer.status, answer.offset, answer.complete) == (200, 6, True)
    assert answer.version is None
    assert origin.bodies == [b"abcdef"]


@pytest.mark.configured(uploads={"versions": [5, 6]})
@pytest.mark.parametrize("version", [3, 4, 7, 10])
async def test_a_version_that_is_switched_off_is_unknown(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R14."""
    upload = await client.create(version, sends=b"abc")
    answer = upload.answer
    assert (answer.status, answer.offset, answer.interims) == (200, None, [])
    assert (await client.create(6, sends=b"abc")).answer.offset == 3
    assert origin.bodies == [b"abc", b"abc"]


@pytest.mark.configured(uploads={"versions": [6, "rfc"]})
async def test_the_form_without_a_version_can_be_switched_on(
    client: Client, origin: RecordingOrigin
) -> None:
    """R13: the newest rules; no 104, which the drafts forbid until the RFC is there."""
    fields = (("Upload-Complete", "?1"), ("Content-Length", "3"))
    answer = await client.ask("POST", "/files", *fields, sends=b"abc")
    assert (answer.status, answer.offset, answer.complete) == (200, 3, True)
    assert (answer.version, answer.interims) == (None, [])
    unknown = (*fields, (VERSION_FIELD, "99"))
    answer = await client.ask("POST", "/files", *unknown, sends=b"abc")
    assert (answer.status, answer.offset, answer.interims) == (200, None, [])
    assert origin.bodies == [b"abc", b"abc"]


async def test_an_unknown_version_keeps_the_connection(
    client: Client, origin: RecordingOrigin
) -> None:
    """P10: it is as any other request, also for what follows on the connection."""
    connection: Connection = await client.connect()
    fields = ((VERSION_FIELD, "99"), ("Upload-Complete", "?1"), ("Content-Length", "3"))
    for _ in range(2):
        await connection.send(request("PUT", "/files", *fields), b"abc")
        assert (await connection.hear()).status == 200
    assert origin.bodies == [b"abc", b"abc"]
