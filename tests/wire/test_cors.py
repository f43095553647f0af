"""CORS for the origins that the operator listed: on everything, and never twice."""

from __future__ import annotations

import pytest

from tests.kit.answer import VERSION_FIELD, Answer
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.words import MEDIA_TYPE, each_version

LISTED = "https://app.example"
ORIGIN = ("Origin", LISTED)
METHODS = {"POST", "PUT", "HEAD", "GET", "PATCH", "DELETE", "OPTIONS"}
NEEDED = {
    "authorization",
    "content-type",
    "content-disposition",
    "upload-draft-interop-version",
    "upload-complete",
    "upload-incomplete",
    "upload-offset",
    "upload-length",
    "upload-metadata",
    "x-http-method-override",
    "repr-digest",
}
EXPOSED = {
    "location",
    "upload-draft-interop-version",
    "upload-complete",
    "upload-incomplete",
    "upload-offset",
    "upload-length",
    "upload-limit",
    "retry-after",
}

pytestmark = pytest.mark.configured(
    cors={"allow_origins": [LISTED]}, uploads={"limits": {"max_size": 100}}
)


def _listed(answer: Answer, name: str) -> set[str]:
    return {item.strip().lower() for item in (answer.one(name) or "").split(",")}


def _is_shared(answer: Answer) -> None:
    """R86: allowed and exposed, each field once."""
    assert answer.one("Access-Control-Allow-Origin") == LISTED
    assert _listed(answer, "Access-Control-Expose-Headers") >= EXPOSED
    assert "origin" in _listed(answer, "Vary")


@pytest.mark.parametrize("target", ["/files", "/resumable_upload/" + "A" * 43])
async def test_a_preflight_is_answered_by_us(
    client: Client, origin: RecordingOrigin, target: str
) -> None:
    """R85, R86: it never has a version field; the origin is not asked."""
    answer = await client.ask(
        "OPTIONS",
        target,
        ORIGIN,
        ("Access-Control-Request-Method", "PATCH"),
        ("Access-Control-Request-Headers", "upload-offset,upload-complete"),
    )
    assert answer.status in (200, 204)
    assert answer.one("Access-Control-Allow-Origin") == LISTED
    allowed = _listed(answer, "Access-Control-Allow-Methods")
    assert allowed >= {method.lower() for method in METHODS}
    assert _listed(answer, "Access-Control-Allow-Headers") >= NEEDED
    assert origin.requests == []


async def test_a_preflight_of_a_creation_target_is_a_discovery_too(
    client: Client,
) -> None:
    """R85: CORS fields plus R80."""
    fields = (ORIGIN, ("Access-Control-Request-Method", "POST"))
    answer = await client.ask("OPTIONS", "/files", *fields)
    assert answer.status == 200
    assert answer.bounds == {"max-size": 100}
    assert answer.one("Accept-Patch") == MEDIA_TYPE


async def test_a_preflight_of_a_stranger_is_the_origins(
    client: Client, origin: RecordingOrigin
) -> None:
    """R81: we say nothing of CORS to origins that are not listed."""
    origin.then(Reply(403))
    fields = (
        ("Origin", "https://evil.example"),
        ("Access-Control-Request-Method", "PUT"),
    )
    answer = await client.ask("OPTIONS", "/files", *fields)
    assert answer.status == 403
    assert answer.one("Access-Control-Allow-Origin") is None


@each_version
async def test_every_answer_of_ours_is_shared(client: Client, version: int) -> None:
    """R86: creation, offset, append, cancel."""
    upload = await client.create(version, last=False, sends=b"a", fields=(ORIGIN,))
    _is_shared(upload.answer)
    _is_shared(await upload.head(ORIGIN))
    _is_shared(await upload.append(at=1, last=False, sends=b"b", fields=(ORIGIN,)))
    _is_shared(await upload.cancel(ORIGIN))


@each_version
async def test_errors_are_shared_too(client: Client, version: int) -> None:
    """R86: or a browser could not read them."""
    upload = await client.create(version, last=False, sends=b"a", fields=(ORIGIN,))
    refused = [
        await upload.head(ORIGIN, ("Upload-Offset", "1")),
        await upload.append(at=0, sends=b"b", fields=(ORIGIN,)),
        await upload.ask("POST", ORIGIN),
        (await client.create(version, length=101, fields=(ORIGIN,))).answer,
    ]
    assert [answer.status for answer in refused] == [400, 409, 405, 413]
    await upload.cancel()
    refused.append(await upload.head(ORIGIN))
    for answer in refused:
        _is_shared(answer)


@each_version
async def test_the_origins_own_fields_are_replaced(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """Never doubled: two lines would forbid everything."""
    fields = (
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Expose-Headers", "X-App"),
        ("Access-Control-Allow-Credentials", "true"),
    )
    origin.then(Reply(200, fields))
    upload = await client.create(version, sends=b"a", fields=(ORIGIN,))
    _is_shared(upload.answer)
    _is_shared(await upload.append(at=1, fields=(ORIGIN,)))


async def test_what_is_passed_through_is_shared_once(
    client: Client, origin: RecordingOrigin
) -> None:
    origin.then(Reply(200, (("Access-Control-Allow-Origin", "*"),)))
    answer = await client.ask("GET", "/page", ORIGIN)
    assert answer.one("Access-Control-Allow-Origin") == LISTED


async def test_strangers_and_non_browsers_hear_nothing_of_it(client: Client) -> None:
    upload = await client.create(9, last=False, sends=b"a")
    assert upload.answer.one("Access-Control-Allow-Origin") is None
    fields = (("Origin", "https://evil.example"),)
    upload = await client.create(9, last=False, sends=b"a", fields=fields)
    assert upload.answer.one("Access-Control-Allow-Origin") is None


async def test_a_stranger_gets_the_origins_own_fields(
    client: Client, origin: RecordingOrigin
) -> None:
    """Its own CORS is the origin's business."""
    origin.then(Reply(200, (("Access-Control-Allow-Origin", "*"),)))
    fields = (("Origin", "https://other.example"), (VERSION_FIELD, "6"))
    answer = await client.ask("GET", "/page", *fields)
    assert answer.one("Access-Control-Allow-Origin") == "*"


@pytest.mark.configured(
    cors={
        "allow_origins": [LISTED],
        "allow_headers": ["X-CSRF-Token"],
        "expose_headers": ["X-Receipt"],
    }
)
async def test_an_application_may_need_more_fields(client: Client) -> None:
    preflight = (ORIGIN, ("Access-Control-Request-Method", "POST"))
    answer = await client.ask("OPTIONS", "/files", *preflight)
    assert "x-csrf-token" in _listed(answer, "Access-Control-Allow-Headers")
    answer = await client.ask("GET", "/files", ORIGIN)
    assert "x-receipt" in _listed(answer, "Access-Control-Expose-Headers")
