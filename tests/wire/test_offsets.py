"""Asking where an upload stands: HEAD, GET, and what must not be said with them."""

from __future__ import annotations

import pytest

from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.words import each_version, words

TOKEN = "A" * 43
"""Could be a token, and is none."""

FORBIDDEN = [
    ("Upload-Offset", "0"),
    ("Upload-Complete", "?1"),
    ("Upload-Complete", "?0"),
    ("Upload-Incomplete", "?0"),
    ("Upload-Incomplete", "?1"),
]


@each_version
@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_an_open_upload_tells_its_offset(
    client: Client, version: int, method: str
) -> None:
    """R40, R47: a GET is a HEAD, never the bytes."""
    upload = await client.create(version, last=False, sends=b"a" * 40, announce=100)
    answer = await upload.head(method=method)
    assert (answer.status, answer.content) == (204, b"")
    assert (answer.offset, answer.complete) == (40, False)
    assert answer.one("Cache-Control") == "no-store"
    assert answer.version == str(version)
    if version >= 6:
        assert answer.length == 100
    assert (answer.limits is not None) == words(version).tells_limits


@each_version
async def test_the_length_is_told_only_when_it_is_known(
    client: Client, version: int
) -> None:
    """R40: LEN."""
    upload = await client.create(version, last=False, sends=b"a" * 40)
    assert (await upload.head()).length is None


@each_version
async def test_a_cut_finishing_creation_has_settled_the_length(
    client: Client, version: int
) -> None:
    """R40: offset plus Content-Length of the finishing request."""
    upload = await client.create(version, length=100, sends=b"a" * 40, then="cut")
    answer = await upload.head()
    assert answer.offset == 40
    if version >= 6:
        assert answer.length == 100


@each_version
@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_a_finished_upload_says_so(
    client: Client, version: int, method: str
) -> None:
    """R41."""
    upload = await client.create(version, sends=b"a" * 40)
    answer = await upload.head(method=method)
    assert (answer.status, answer.content) == (204, b"")
    assert (answer.offset, answer.complete) == (40, True)
    assert answer.one("Cache-Control") == "no-store"


@each_version
@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_an_unknown_upload_is_not_found(
    client: Client, origin: RecordingOrigin, version: int, method: str
) -> None:
    """R42, R17: no offset; and the origin is not bothered with it."""
    fields = (("Upload-Draft-Interop-Version", str(version)),)
    for name in (TOKEN, "short", "", TOKEN + "A", "a/b", "%00"):
        target = f"/resumable_upload/{name}"
        answer = await client.ask(method, target, *fields, version=version)
        assert (answer.status, answer.offset) == (404, None), name
        assert answer.complete is not True
    assert origin.requests == []


@pytest.mark.parametrize(
    "target",
    [
        "/resumable_upload/..",
        "/resumable_upload/%2e%2e/files",
        "/x/../resumable_upload/" + TOKEN,
        "/%72esumable_upload/" + TOKEN,
        "//resumable_upload/" + TOKEN,
    ],
)
async def test_a_path_that_can_be_read_in_two_ways_is_refused(
    client: Client, origin: RecordingOrigin, target: str
) -> None:
    """R17, P11: the origin could take it for another path than we did."""
    assert (await client.ask("HEAD", target)).status == 400
    assert origin.requests == []


@each_version
async def test_a_question_that_says_what_it_asks_for_is_refused(
    client: Client, version: int
) -> None:
    """R43: 400, and the upload is untouched."""
    upload = await client.create(version, last=False, sends=b"a" * 40)
    for field in FORBIDDEN:
        assert (await upload.head(field)).status == 400, field
        assert (await upload.head(field, method="GET")).status == 400, field
    assert await upload.ask_offset() == 40


@each_version
async def test_a_length_is_refused_where_the_version_defines_it(
    client: Client, version: int
) -> None:
    """R43, v6 and later; R44 before."""
    upload = await client.create(version, last=False, sends=b"a" * 40)
    answer = await upload.head(("Upload-Length", "100"))
    assert answer.status == (400 if version >= 6 else 204)


@each_version
async def test_every_other_field_is_ignored(client: Client, version: int) -> None:
    """R44: URLSession repeats what the application had set."""
    upload = await client.create(version, last=False, sends=b"a" * 40)
    answer = await upload.head(
        ("Content-Type", "image/jpeg"),
        ("Content-Length", "0"),
        ("Repr-Digest", "sha-256=:AAAA:"),
        ("Range", "bytes=0-1"),
        ("Accept", "text/html"),
        ("If-None-Match", "*"),
        ("Authorization", "Bearer x"),
    )
    assert (answer.status, answer.offset) == (204, 40)


@pytest.mark.parametrize("value", [None, "2", "11", "next"])
async def test_an_unknown_version_is_answered_in_the_newest(
    client: Client, value: str | None
) -> None:
    """R16: no version field, the newest words."""
    upload = await client.create(10, last=False, sends=b"a" * 40, announce=100)
    fields = () if value is None else (("Upload-Draft-Interop-Version", value),)
    answer = await client.ask("HEAD", upload.path, *fields)
    assert (answer.status, answer.offset, answer.complete) == (204, 40, False)
    assert (answer.version, answer.length) == (None, 100)
    assert "max-age" in (answer.limits or {})


@each_version
async def test_a_query_does_not_make_it_another_upload(
    client: Client, version: int
) -> None:
    """R17: the path names the upload."""
    upload = await client.create(version, last=False, sends=b"a" * 40)
    fields = (("Upload-Draft-Interop-Version", str(version)),)
    answer = await client.ask("HEAD", upload.path + "?x=1", *fields, version=version)
    assert (answer.status, answer.offset) == (204, 40)


@each_version
async def test_other_methods_are_not_allowed(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R17."""
    upload = await client.create(version, last=False, sends=b"a")
    for method in ("POST", "PUT", "REPORT", "TRACE"):
        answer = await upload.ask(method)
        assert answer.status == 405
        assert answer.one("Allow") == "HEAD, GET, PATCH, DELETE, OPTIONS", method
    assert origin.requests == []
