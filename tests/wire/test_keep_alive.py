"""Several requests on one connection: none is lost, none is mistaken for another."""

from __future__ import annotations

import pytest

from tests.kit.answer import VERSION_FIELD
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import Connection, Response, chunk, request
from tests.kit.words import each_version, words

pytestmark = pytest.mark.usefixtures("each_way")


def _creation(version: int, *, last: bool, length: int | None) -> bytes:
    spoken = words(version)
    framing = ("Transfer-Encoding", "chunked")
    if length is not None:
        framing = ("Content-Length", str(length))
    return request(
        "POST",
        "/files",
        (VERSION_FIELD, str(version)),
        (spoken.completeness, spoken.done if last else spoken.open),
        framing,
    )


async def _goes_on(connection: Connection) -> None:
    """The connection is still good for an ordinary request."""
    await connection.send(request("GET", "/after"))
    response = await connection.hear("GET")
    assert (response.status, response.content) == (200, b"stored")


@each_version
async def test_an_upload_leaves_the_connection_usable(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    connection = await client.connect()
    for _ in range(3):
        await connection.send(_creation(version, last=True, length=3), b"abc")
        response = await connection.hear()
        assert (response.status, response.content) == (200, b"stored")
    await _goes_on(connection)
    assert origin.bodies == [b"abc"] * 3 + [b""]


@each_version
async def test_a_whole_life_on_one_connection(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    connection = await client.connect()
    await connection.send(_creation(version, last=False, length=3), b"abc")
    created = await connection.hear()
    location = created.one("Location") or ""
    path = location.removeprefix("http://upload.test")
    field = (VERSION_FIELD, str(version))

    async def ask(
        method: str, *fields: tuple[str, str], sends: bytes = b""
    ) -> Response:
        await connection.send(request(method, path, field, *fields), sends)
        return await connection.hear(method)

    spoken = words(version)
    part = (
        ("Upload-Offset", "3"),
        (spoken.completeness, spoken.done),
        ("Content-Type", "application/partial-upload"),
        ("Content-Length", "3"),
    )
    assert (await ask("HEAD")).one("Upload-Offset") == "3"
    assert (await ask("PATCH", *part, sends=b"def")).status == 200
    assert (await ask("DELETE")).status == 204
    assert (await ask("HEAD")).status == 404
    await _goes_on(connection)
    assert origin.bodies == [b"abcdef", b""]


@each_version
async def test_requests_behind_an_upload_wait_for_their_turn(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """Pipelined: three uploads and a question, said in one breath."""
    connection = await client.connect()
    said = b"".join(
        _creation(version, last=True, length=3) + body
        for body in (b"one", b"two", b"six")
    )
    await connection.send(said + request("GET", "/after"))
    for _ in range(3):
        assert (await connection.hear()).status == 200
    assert (await connection.hear("GET")).status == 200
    assert origin.bodies == [b"one", b"two", b"six", b""]


@each_version
async def test_content_that_looks_like_a_request_is_content(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """P11: no framing tricks."""
    body = request("GET", "/smuggled")
    connection = await client.connect()
    head = _creation(version, last=True, length=len(body))
    await connection.send(head, body)
    assert (await connection.hear()).status == 200
    assert origin.bodies == [body]
    assert [got.target for got in origin.requests] == ["/files"]


@pytest.mark.parametrize("version", [3, 9])
@pytest.mark.configured(uploads={"limits": {"max_size": 10}})
async def test_unread_content_ends_the_connection(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R101, R49: left-over bytes are not mistaken for a new request."""
    body = request("GET", "/smuggled")
    connection = await client.connect()
    await connection.send(_creation(version, last=True, length=1000), body)
    response = await connection.hear()
    assert (response.status, response.one("Connection")) == (413, "close")
    assert await connection.ended() == b""
    assert origin.requests == []


@each_version
@pytest.mark.parametrize("method", ["HEAD", "GET", "DELETE", "OPTIONS"])
async def test_content_where_none_belongs_is_not_the_next_request(
    client: Client, origin: RecordingOrigin, version: int, method: str
) -> None:
    """R44, R101: read and thrown away, or the connection ends."""
    upload = await client.create(version, last=False, sends=b"abc")
    body = request("GET", "/smuggled")
    connection = await client.connect()
    length = ("Content-Length", str(len(body)))
    head = request(method, upload.path, (VERSION_FIELD, str(version)), length)
    await connection.send(head, body)
    response = await connection.hear(method)
    assert response.status in (200, 204)
    if response.one("Connection") != "close":
        await _goes_on(connection)
    assert "/smuggled" not in [got.target for got in origin.requests]


@each_version
async def test_extensions_and_trailers_of_chunking_are_no_content(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """RFC 9112 "Chunked Transfer Coding"."""
    connection = await client.connect()
    head = _creation(version, last=True, length=None)
    said = b"3;a=b\r\nabc\r\n00003\r\ndef\r\n0;x\r\nX-Trailer: 1\r\n\r\n"
    await connection.send(head, said)
    assert (await connection.hear()).status == 200
    assert origin.bodies == [b"abcdef"]
    assert origin.requests[0].one("X-Trailer") is None


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("version", [0, 3, 10])
async def test_a_trailer_never_becomes_a_field_of_the_next_request(
    client: Client, origin: RecordingOrigin, version: int, together: bool
) -> None:
    """P11: behind a front that shares connections the next one is another user's.

    The parser hands the last trailer field to the next head, so there is none.
    """
    head = (
        _creation(version, last=True, length=None)
        if version
        else request("POST", "/", ("Transfer-Encoding", "chunked"))
    )
    trailed = head + chunk(b"abc") + b"0\r\nCookie: sid=attacker\r\n\r\n"
    following = request("GET", "/victim", ("Cookie", "sid=victim"))
    connection = await client.connect()
    await connection.send(trailed, following if together else b"")
    answer = await connection.hear()
    assert (answer.status, answer.one("Connection")) == (200, "close")
    if not together:
        await connection.send(following)
    assert await connection.ended() == b""
    assert [seen.target for seen in origin.requests] == [origin.requests[0].target]


@each_version
async def test_a_refusal_without_content_leaves_the_connection_usable(
    client: Client, version: int
) -> None:
    """R49: close only where content was left unread."""
    upload = await client.create(version, last=False, sends=b"abc")
    connection = await client.connect()
    fields = (VERSION_FIELD, str(version)), ("Upload-Offset", "3")
    await connection.send(request("HEAD", upload.path, *fields))
    assert (await connection.hear("HEAD")).status == 400
    await _goes_on(connection)


async def test_a_client_that_wants_to_close_is_closed(client: Client) -> None:
    connection = await client.connect()
    fields = (VERSION_FIELD, "6"), ("Upload-Complete", "?1"), ("Connection", "close")
    await connection.send(
        request("POST", "/files", *fields, ("Content-Length", "3")), b"abc"
    )
    assert (await connection.hear()).status == 200
    assert await connection.ended() == b""
