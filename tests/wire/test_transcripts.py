"""Whole conversations, word for word as far as words are fixed, as clients have them.

The upload lives at ``https://h/u/...`` in all of them, as a public URL says it.
"""

from __future__ import annotations

import pytest

from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.raw import Connection, Response
from tests.kit.words import MISMATCH

pytestmark = pytest.mark.configured(public_url="https://h", uploads={"path": "/u/"})


async def _say(connection: Connection, *lines: str, content: bytes = b"") -> None:
    head = "\r\n".join((lines[0], "Host: h", *lines[1:], "", ""))
    await connection.send(head.encode(), content)


def _hears(response: Response, status_line: str, *lines: str) -> None:
    heard = f"{response.protocol} {response.status} {response.reason}"
    assert heard == status_line
    for line in lines:
        name, _, value = line.partition(": ")
        assert response.one(name) == value, (name, response.fields)


async def test_v3_urlsession_interrupted(
    client: Client, origin: RecordingOrigin
) -> None:
    """R21, R25, R40, R61."""
    origin.then(Reply(201, (), b"", reason="Created"))
    creation = await client.connect()
    await _say(
        creation,
        "POST /photos HTTP/1.1",
        "Content-Type: image/jpeg",
        "Content-Length: 100",
        "Upload-Incomplete: ?0",
        "Upload-Draft-Interop-Version: 3",
    )
    interim = await creation.hear_interim()
    _hears(
        interim,
        "HTTP/1.1 104 Upload Resumption Supported",
        "Upload-Draft-Interop-Version: 3",
    )
    url = interim.one("Location") or ""
    assert url.startswith("https://h/u/")
    path = url.removeprefix("https://h")
    await creation.send(b"a" * 40)
    await creation.reset()

    question = await client.connect()
    await _say(
        question,
        f"HEAD {path} HTTP/1.1",
        "Content-Type: image/jpeg",
        "Upload-Draft-Interop-Version: 3",
    )
    _hears(
        await question.hear("HEAD"),
        "HTTP/1.1 204 No Content",
        "Upload-Offset: 40",
        "Upload-Incomplete: ?1",
        "Cache-Control: no-store",
    )
    await _say(
        question,
        f"PATCH {path} HTTP/1.1",
        "Content-Type: image/jpeg",
        "Content-Length: 60",
        "Upload-Offset: 40",
        "Upload-Incomplete: ?0",
        "Upload-Draft-Interop-Version: 3",
        content=b"b" * 60,
    )
    _hears(
        await question.hear("PATCH"),
        "HTTP/1.1 201 Created",
        "Upload-Offset: 100",
        "Upload-Incomplete: ?0",
        "Upload-Draft-Interop-Version: 3",
    )
    assert origin.bodies == [b"a" * 40 + b"b" * 60]


async def test_v6_urlsession_interrupted(
    client: Client, origin: RecordingOrigin
) -> None:
    """The same with the words of v6."""
    creation = await client.connect()
    await _say(
        creation,
        "POST /photos HTTP/1.1",
        "Content-Type: image/jpeg",
        "Content-Length: 100",
        "Upload-Complete: ?1",
        "Upload-Draft-Interop-Version: 6",
    )
    interim = await creation.hear_interim()
    assert "expires=" in (interim.one("Upload-Limit") or "")
    path = (interim.one("Location") or "").removeprefix("https://h")
    await creation.send(b"a" * 40)
    await creation.reset()

    question = await client.connect()
    await _say(
        question,
        f"HEAD {path} HTTP/1.1",
        "Content-Type: image/jpeg",
        "Content-Length: 0",
        "Upload-Draft-Interop-Version: 6",
    )
    _hears(
        await question.hear("HEAD"),
        "HTTP/1.1 204 No Content",
        "Upload-Offset: 40",
        "Upload-Complete: ?0",
        "Upload-Length: 100",
        "Cache-Control: no-store",
    )
    await _say(
        question,
        f"PATCH {path} HTTP/1.1",
        "Content-Type: application/partial-upload",
        "Content-Length: 60",
        "Upload-Offset: 40",
        "Upload-Complete: ?1",
        "Upload-Draft-Interop-Version: 6",
        content=b"b" * 60,
    )
    _hears(
        await question.hear("PATCH"),
        "HTTP/1.1 200 Fine",
        "Upload-Offset: 100",
        "Upload-Complete: ?1",
        "Upload-Draft-Interop-Version: 6",
    )
    assert origin.requests[0].one("Content-Type") == "image/jpeg"


async def test_v6_tus_js_two_chunks(client: Client, origin: RecordingOrigin) -> None:
    """R23, R59, R61."""
    version = "Upload-Draft-Interop-Version: 6"
    connection = await client.connect()
    await _say(
        connection,
        "POST /files HTTP/1.1",
        version,
        "Upload-Complete: ?0",
        "Upload-Length: 10",
        "Content-Length: 0",
    )
    created = await connection.hear()
    _hears(
        created,
        "HTTP/1.1 201 Created",
        "Upload-Offset: 0",
        "Upload-Complete: ?0",
    )
    path = (created.one("Location") or "").removeprefix("https://h")
    for at, more, heard in (
        (0, "?0", "HTTP/1.1 201 Created"),
        (5, "?1", "HTTP/1.1 200 Fine"),
    ):
        await _say(
            connection,
            f"PATCH {path} HTTP/1.1",
            version,
            f"Upload-Offset: {at}",
            f"Upload-Complete: {more}",
            "Content-Type: application/partial-upload",
            "Content-Length: 5",
            content=b"01234",
        )
        _hears(
            await connection.hear("PATCH"),
            heard,
            f"Upload-Offset: {at + 5}",
            f"Upload-Complete: {more}",
        )
    assert origin.bodies == [b"0123401234"]


async def test_v9_wrong_offset(client: Client) -> None:
    """R53."""
    upload = await client.create(9, last=False, sends=b"a" * 50)
    answer = await upload.append(at=60)
    _hears(
        answer.response,
        "HTTP/1.1 409 Conflict",
        "Upload-Offset: 50",
        "Upload-Complete: ?0",
        "Content-Type: application/problem+json",
    )
    problem = answer.problem
    assert (problem["type"], problem["status"]) == (MISMATCH, 409)
    assert (problem["expected-offset"], problem["provided-offset"]) == (50, 60)
