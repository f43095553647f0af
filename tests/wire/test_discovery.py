"""OPTIONS: what a target can do, asked of the origin first and completed by us."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.answer import VERSION_FIELD, Answer
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.words import MEDIA_TYPE, each_version, words

ALLOW = "HEAD, GET, PATCH, DELETE, OPTIONS"

limited = pytest.mark.configured(
    uploads={"limits": {"max_size": 100, "max_append_size": 50}}
)
TOLD = {"max-size": 100, "max-append-size": 50}


def _methods(answer: Answer) -> set[str]:
    return {method.strip() for method in (answer.one("Allow") or "").split(",")}


def _is_our_answer(answer: Answer) -> None:
    """R80: 200, Upload-Limit without a lifetime, Accept-Patch, Allow."""
    assert (answer.status, answer.content) == (200, b"")
    assert answer.one("Content-Length") == "0"
    assert answer.one("Accept-Patch") == MEDIA_TYPE
    assert {"POST", "PUT", "PATCH", "OPTIONS"} <= _methods(answer)
    assert answer.limits is not None
    assert not {"expires", "max-age"} & answer.limits.keys()
    assert answer.complete is None


EMPTY_ANSWERS = [
    Reply(200, (), b""),
    Reply(204, (("Allow", "POST"),), b"", framing="none"),
    Reply(404),
    Reply(405, (("Allow", "POST"),)),
    Reply(501),
]


@pytest.mark.parametrize("reply", EMPTY_ANSWERS, ids=lambda reply: str(reply.status))
@limited
async def test_an_origin_that_says_nothing_is_answered_for(
    client: Client, origin: RecordingOrigin, reply: Reply
) -> None:
    """R81, R80: with and without a version field."""
    origin.then(reply, reply)
    for fields in ((), ((VERSION_FIELD, "6"),)):
        answer = await client.ask("OPTIONS", "/files", *fields)
        _is_our_answer(answer)
        assert answer.bounds == TOLD
        assert answer.version == ("6" if fields else None)
    assert [request.method for request in origin.requests] == ["OPTIONS", "OPTIONS"]


@pytest.mark.parametrize("status", [200, 204])
async def test_what_an_empty_answer_says_of_other_protocols_stays(
    client: Client, origin: RecordingOrigin, status: int
) -> None:
    """R81: a WebDAV client asks so what there is, and hears it in fields alone."""
    fields = (
        ("DAV", "1, 2"),
        ("Allow", "GET, PUT"),
        ("Accept-Patch", "text/x"),
        ("allow", "LOCK, PROPFIND"),
        ("Upload-Limit", "max-size=1"),
    )
    origin.then(
        Reply(status, fields, b"", framing="none" if status == 204 else "length")
    )
    answer = await client.ask("OPTIONS", "/files")
    assert (answer.status, answer.content) == (200, b"")
    assert answer.one("DAV") == "1, 2"
    assert answer.limits == {"min-size": 0}
    patches = [value for name, value in answer.fields if name == "Accept-Patch"]
    assert patches == ["text/x", MEDIA_TYPE]
    assert answer.one("Allow") == (
        "GET, PUT, LOCK, PROPFIND, HEAD, POST, PATCH, DELETE, OPTIONS"
    )


async def test_without_limits_the_field_says_so(
    client: Client, origin: RecordingOrigin
) -> None:
    """R80, 1.5: an empty dictionary cannot be serialised."""
    origin.then(Reply(404))
    answer = await client.ask("OPTIONS", "/files")
    _is_our_answer(answer)
    assert answer.limits == {"min-size": 0}


async def test_an_origin_that_is_down_is_answered_for(
    client: Client, origin: RecordingOrigin
) -> None:
    """R81."""
    await origin.stop()
    _is_our_answer(await client.ask("OPTIONS", "/files"))


@pytest.mark.parametrize("status", [404, 405, 501])
@limited
async def test_what_an_origin_says_to_that_need_not_come_to_an_end(
    client: Client, origin: RecordingOrigin, status: int
) -> None:
    """R81: nobody wants it. And it is no answer to what is asked next."""
    goes_on = asyncio.Event()
    origin.then(Reply(status, (), b"x", half=goes_on))
    _is_our_answer(await client.ask("OPTIONS", "/files"))
    goes_on.set()
    answer = await client.ask("GET", "/files")
    assert (answer.status, answer.content) == (200, b"stored")


@limited
async def test_an_origin_that_has_something_to_say_is_heard(
    client: Client, origin: RecordingOrigin
) -> None:
    """R81: relayed, with our fields added."""
    fields = (("Content-Type", "text/plain"), ("Allow", "POST, OPTIONS"), ("X-A", "1"))
    origin.then(Reply(200, fields, b"hello"))
    answer = await client.ask("OPTIONS", "/files", (VERSION_FIELD, "6"))
    assert (answer.status, answer.content) == (200, b"hello")
    assert answer.one("X-A") == "1"
    assert (answer.bounds, answer.one("Accept-Patch")) == (TOLD, MEDIA_TYPE)
    assert {"POST", "OPTIONS"} <= _methods(answer)


@pytest.mark.parametrize("status", [200, 429])
async def test_what_an_origin_has_to_say_may_be_long(
    client: Client, origin: RecordingOrigin, status: int
) -> None:
    """R81: frameworks describe a resource so, with all the values of its fields."""
    said = b"x" * 1_000_000
    origin.then(Reply(status, (), said))
    answer = await client.ask("OPTIONS", "/files")
    assert (answer.status, answer.content) == (status, said)
    assert answer.limits == ({"min-size": 0} if status == 200 else None)


async def test_an_origins_own_preflight_is_heard(
    client: Client, origin: RecordingOrigin
) -> None:
    """R81: CORS fields count as something to say, even without content."""
    fields = (("Access-Control-Allow-Origin", "https://a.example"),)
    origin.then(Reply(204, fields, b"", framing="none"))
    answer = await client.ask(
        "OPTIONS",
        "/files",
        ("Origin", "https://a.example"),
        ("Access-Control-Request-Method", "POST"),
    )
    assert answer.status == 204
    assert answer.one("Access-Control-Allow-Origin") == "https://a.example"
    assert answer.limits == {"min-size": 0}


@pytest.mark.parametrize("status", [401, 403, 500, 302])
async def test_any_other_answer_is_the_origins(
    client: Client, origin: RecordingOrigin, status: int
) -> None:
    """R81."""
    origin.then(Reply(status, (), b"no"))
    answer = await client.ask("OPTIONS", "/files")
    assert (answer.status, answer.content) == (status, b"no")
    assert answer.limits is None


@each_version
@pytest.mark.parametrize("value", ["?0", "?1"])
async def test_completeness_in_a_discovery_is_ignored(
    client: Client, origin: RecordingOrigin, version: int, value: str
) -> None:
    """R82."""
    origin.then(Reply(404))
    fields = (VERSION_FIELD, str(version)), (words(version).completeness, value)
    answer = await client.ask("OPTIONS", "/files", *fields, version=version)
    _is_our_answer(answer)
    assert answer.version == str(version)


async def test_the_server_as_a_whole(client: Client) -> None:
    """R83: one set of limits for all resources, so they are told."""
    answer = await client.ask("OPTIONS", "*")
    assert (answer.status, answer.limits) == (200, {"min-size": 0})


@each_version
@limited
async def test_an_upload_tells_its_own_limits(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R84."""
    upload = await client.create(version, last=False, sends=b"a")
    answer = await upload.ask("OPTIONS")
    assert answer.status in (200, 204)
    assert (answer.one("Allow"), answer.one("Accept-Patch")) == (ALLOW, MEDIA_TYPE)
    assert answer.complete is None
    if version >= 6:
        assert answer.bounds == TOLD
        assert words(version).lifetime in (answer.limits or {})
    assert origin.requests == []
    assert await upload.ask_offset() == 1


@each_version
async def test_an_unknown_upload_has_no_limits(client: Client, version: int) -> None:
    target = "/resumable_upload/" + "A" * 43
    fields = (VERSION_FIELD, str(version))
    answer = await client.ask("OPTIONS", target, fields, version=version)
    assert (answer.status, answer.limits) == (404, None)


@pytest.mark.configured(uploads={"match": [{"methods": ["POST"], "paths": ["/files"]}]})
async def test_where_nothing_may_be_uploaded_the_origin_answers_alone(
    client: Client, origin: RecordingOrigin
) -> None:
    """R17, R81."""
    origin.then(Reply(404))
    answer = await client.ask("OPTIONS", "/other")
    assert (answer.status, answer.limits) == (404, None)
