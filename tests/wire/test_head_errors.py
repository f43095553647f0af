"""Heads that are refused before anything is done: what their sender hears."""

from __future__ import annotations

import json

import pytest

from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import request

PAGE = "https://app.example"


@pytest.mark.configured(cors={"allow_origins": [PAGE]})
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ((("X-Name", "caf\xe9"),), 400),
        ((("Expect", "magic"),), 417),
        ((("Connection", "upload-offset"),), 400),
    ],
)
async def test_a_page_may_read_why_its_head_was_refused(
    client: Client,
    origin: RecordingOrigin,
    fields: tuple[tuple[str, str], ...],
    status: int,
) -> None:
    """R86: on errors too."""
    connection = await client.connect()
    head = request("POST", "/", ("Origin", PAGE), *fields, ("Content-Length", "0"))
    await connection.send(head)
    answer = await connection.hear()
    assert answer.status == status
    assert answer.one("Access-Control-Allow-Origin") == PAGE
    assert answer.one("X-Request-ID")
    assert origin.requests == []


async def test_too_many_fields_are_too_large_a_head(client: Client) -> None:
    """RFC 6585."""
    connection = await client.connect()
    await connection.send(request("GET", "/", *[("X-A", "1")] * 200))
    assert (await connection.hear("GET")).status == 431


@pytest.mark.parametrize(
    ("line", "status", "problem"),
    [
        ("VERSION-CONTROL /a HTTP/1.1", 501, "method-not-known"),
        ("GETS /it's HTTP/1.1", 501, "method-not-known"),
        ("get / HTTP/1.0", 501, "method-not-known"),
        ("DESCRIBE / HTTP/1.1", 501, "method-not-known"),
        ("F(O / HTTP/1.1", 400, "bad-request"),
        ("GET\t/ HTTP/1.1", 400, "bad-request"),
        ("SSH-2.0-x", 400, "bad-request"),
        ("FOO / RTSP/1.0", 400, "bad-request"),
    ],
)
async def test_a_method_that_nobody_knows_is_not_bad_http(
    client: Client, origin: RecordingOrigin, line: str, status: int, problem: str
) -> None:
    """RFC 9110 "Methods"."""
    connection = await client.connect()
    await connection.send(f"{line}\r\nHost: upload.test\r\n\r\n".encode())
    answer = await connection.hear()
    assert answer.status == status
    assert json.loads(answer.content)["type"].endswith(f":{problem}")
    assert await connection.ended() == b""
    assert origin.requests == []


async def test_a_refused_head_request_has_no_content(client: Client) -> None:
    connection = await client.connect()
    await connection.send(request("HEAD", "/", ("Expect", "magic")))
    answer = await connection.hear("HEAD")
    assert answer.status == 417
    assert await connection.ended() == b""


async def test_a_question_that_may_go_no_further_is_answered_here(
    client: Client, origin: RecordingOrigin
) -> None:
    """RFC 9110 "Max-Forwards"."""
    connection = await client.connect()
    await connection.send(request("OPTIONS", "/files", ("Max-Forwards", "0")))
    assert (await connection.hear("OPTIONS")).status == 200
    assert origin.requests == []


async def test_a_question_that_comes_back_is_a_loop(
    client: Client, origin: RecordingOrigin
) -> None:
    """RFC 9110 "Via"."""
    connection = await client.connect()
    await connection.send(request("OPTIONS", "/files"))
    await connection.hear("OPTIONS")
    via = origin.requests[0].one("Via") or ""
    await connection.send(request("OPTIONS", "/files", ("Via", via)))
    assert (await connection.hear("OPTIONS")).status == 508
    assert len(origin.requests) == 1


async def test_a_question_about_the_whole_server_in_absolute_form_is_ours(
    client: Client, origin: RecordingOrigin
) -> None:
    """RFC 9112 "asterisk-form"; R83."""
    connection = await client.connect()
    await connection.send(request("OPTIONS", "http://upload.test"))
    answer = await connection.hear("OPTIONS")
    assert (answer.status, answer.one("Upload-Limit")) == (200, "min-size=0")
    assert origin.requests == []


async def test_an_error_of_ours_names_its_request(
    client: Client, origin: RecordingOrigin
) -> None:
    """RFC 9457 "instance": what stands in the log, whoever found the error."""
    await origin.stop()
    for method, path, field in (
        ("GET", "/", ("X-A", "1")),  # relayed
        ("HEAD", "/", ("Expect", "magic")),  # the head
        ("PATCH", f"/resumable_upload/{'A' * 43}", ("Upload-Offset", "0")),
    ):
        connection = await client.connect()
        await connection.send(request(method, path, field))
        answer = await connection.hear(method)
        assert answer.status >= 400
        if method != "HEAD":
            told = json.loads(answer.content)
            assert told["instance"] == answer.one("X-Request-ID")
        await connection.close()
