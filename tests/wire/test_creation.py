"""Creation in every version: whole, in part, empty, with and without a length."""

from __future__ import annotations

import re

import pytest

from tests.kit.answer import VERSION_FIELD
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.raw import chunk, request
from tests.kit.words import each_version, versions, words

UPLOAD_URL = re.compile(r"http://upload\.test/resumable_upload/[A-Za-z0-9_-]{43}")
"""R90: absolute, by the authority that the request named; R93: 256 random bits."""


@each_version
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_whole_creation_gets_the_origins_answer(
    client: Client, origin: RecordingOrigin, version: int, chunked: bool
) -> None:
    """R24, R61."""
    origin.then(Reply(202, (("X-App", "yes"),), b"queued"))
    upload = await client.create(version, sends=b"a" * 100, chunked=chunked)
    answer = upload.answer
    assert (answer.status, answer.response.reason) == (202, "Fine")
    assert (answer.content, answer.one("X-App")) == (b"queued", "yes")
    assert (answer.offset, answer.complete) == (100, True)
    assert answer.version == str(version)
    assert origin.bodies == [b"a" * 100]
    assert len(origin.requests) == 1


@each_version
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_partial_creation_is_answered_by_the_upload_layer(
    client: Client, origin: RecordingOrigin, version: int, chunked: bool
) -> None:
    """R23: always 201 with the URL, the offset, and that more is to come."""
    upload = await client.create(
        version, last=False, sends=b"a" * 40, announce=100, chunked=chunked
    )
    answer = upload.answer
    assert answer.status == 201
    assert answer.content == b""
    assert (answer.offset, answer.complete) == (40, False)
    assert answer.version == str(version)
    assert answer.location is not None
    assert UPLOAD_URL.fullmatch(answer.location)
    assert [interim.location for interim in answer.interims] == [answer.location]
    if version >= 6:
        assert answer.length == 100
    assert (answer.limits is not None) == words(version).tells_limits
    assert origin.requests == []


@each_version
async def test_a_partial_creation_is_finished_by_an_append(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R19, R61: one request with all bytes."""
    upload = await client.create(version, last=False, sends=b"a" * 40)
    answer = await upload.append(at=40, sends=b"b" * 60)
    assert (answer.status, answer.content) == (200, b"stored")
    assert (answer.offset, answer.complete) == (100, True)
    assert origin.bodies == [b"a" * 40 + b"b" * 60]


@each_version
async def test_an_empty_partial_creation_only_makes_the_resource(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R35, R22."""
    upload = await client.create(version, last=False)
    answer = upload.answer
    assert (answer.status, answer.offset, answer.complete) == (201, 0, False)
    assert answer.interims == []
    assert await upload.ask_offset() == 0
    assert origin.requests == []


@each_version
@pytest.mark.parametrize("chunked", [False, True])
async def test_an_empty_finishing_creation_is_finished_with_nothing(
    client: Client, origin: RecordingOrigin, version: int, chunked: bool
) -> None:
    """R35."""
    upload = await client.create(version, chunked=chunked)
    answer = upload.answer
    assert (answer.status, answer.offset, answer.complete) == (200, 0, True)
    assert (origin.bodies, origin.requests[0].one("Content-Length")) == ([b""], "0")


@each_version
async def test_creations_get_urls_of_their_own(client: Client, version: int) -> None:
    """R20, R93."""
    first = await client.create(version, last=False, sends=b"a")
    second = await client.create(version, last=False, sends=b"b")
    assert first.url != second.url


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "REPORT"])
async def test_every_method_with_content_can_create(
    client: Client, origin: RecordingOrigin, method: str
) -> None:
    """R17: a PATCH is a creation too, where it addresses no upload."""
    await client.create(9, sends=b"a" * 10, method=method, path="/notes/7?x=1")
    got = origin.requests[0]
    assert (got.method, got.target, got.body) == (method, "/notes/7?x=1", b"a" * 10)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_methods_without_content_never_create(
    client: Client, origin: RecordingOrigin, method: str
) -> None:
    """R17."""
    field = ("Upload-Draft-Interop-Version", "9"), ("Upload-Complete", "?1")
    answer = await client.ask(method, "/files", *field)
    assert (answer.status, answer.content) == (200, b"stored")
    assert answer.offset is None
    assert origin.requests[0].method == method


@pytest.mark.parametrize(
    "media_type", ["image/jpeg", "application/partial-upload", "text/plain;a=b"]
)
async def test_a_creation_may_have_any_media_type(
    client: Client, origin: RecordingOrigin, media_type: str
) -> None:
    """R36."""
    fields = (("Content-Type", media_type),)
    upload = await client.create(6, sends=b"a", fields=fields)
    assert upload.answer.status == 200
    assert origin.requests[0].one("Content-Type") == media_type


@versions(5, 6)
async def test_a_zero_byte_file_is_finished_without_being_asked(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R102: tus-js-client never sends a finishing request for it."""
    upload = await client.create(version, last=False, announce=0)
    assert (upload.answer.status, upload.answer.offset) == (201, 0)
    assert upload.answer.complete is False
    assert (await origin.received()).body == b""
    assert upload.answer.location is not None


@versions(5, 6)
@pytest.mark.parametrize("together", [True, False])
async def test_one_in_chunked_framing_is_so_too(
    client: Client, origin: RecordingOrigin, version: int, together: bool
) -> None:
    """R102: be the end of the content in the packet of the head or in the next."""
    connection = await client.connect()
    head = request(
        "POST",
        "/files",
        (VERSION_FIELD, str(version)),
        ("Upload-Complete", "?0"),
        ("Upload-Length", "0"),
        ("Transfer-Encoding", "chunked"),
    )
    await connection.send(head, chunk(b"") if together else b"")
    if not together:
        await connection.hear_interim()
        await connection.send(chunk(b""))
    assert (await connection.hear()).status == 201
    assert (await origin.received()).body == b""


@pytest.mark.parametrize("version", [3, 4, 7, 8, 9, 10])
async def test_elsewhere_the_length_alone_does_not_finish(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R102 is for v5 and v6."""
    upload = await client.create(version, last=False, announce=0)
    assert await upload.ask_offset() == 0
    assert origin.requests == []
    answer = await upload.append(at=0)
    assert (answer.status, answer.complete) == (200, True)
    assert origin.bodies == [b""]


@pytest.mark.configured(uploads={"match": [{"methods": ["POST"], "paths": ["/files"]}]})
async def test_what_may_not_become_an_upload_is_passed_through(
    client: Client, origin: RecordingOrigin
) -> None:
    """R17: only where uploads are enabled for the target."""
    elsewhere = await client.create(9, sends=b"abc", path="/other")
    assert (elsewhere.answer.status, elsewhere.answer.interims) == (200, [])
    assert elsewhere.answer.offset is None
    assert origin.requests[0].one("Upload-Complete") == "?1"
    assert (await client.create(9, sends=b"abc")).answer.offset == 3
