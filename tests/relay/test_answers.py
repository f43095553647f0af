"""What the client gets of the origin's answer, row by row."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.origin import Framing, RecordingOrigin, Reply
from tests.kit.raw import chunk, request

from .conftest import RunRelay, answering, dial, heard, read_request, serving

OURS = {"x-request-id", "date", "content-length", "transfer-encoding"}


async def test_the_answer_is_the_origins_and_little_is_added(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    fields = (("Set-Cookie", "a=1, x"), ("server", "legacy"), ("Set-Cookie", "b=2"))
    origin.then(Reply(418, fields, b"teapot", reason="I'm a Teapot"))
    client = await between.connect()
    await client.send(request("GET", "/"))
    answer = await client.hear("GET")
    await client.close()
    assert (answer.status, answer.reason) == (418, "I'm a Teapot")
    assert answer.content == b"teapot"
    assert answer.fields[:3] == fields
    assert {name.lower() for name, _ in answer.fields[3:]} == OURS - {
        "transfer-encoding"
    }


async def test_a_date_and_a_request_id_of_the_origin_are_kept(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    fields = (("Date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("x-request-id", "its own"))
    origin.then(Reply(200, fields, b""))
    client = await between.connect()
    await client.send(request("GET", "/"))
    answer = await client.hear("GET")
    await client.close()
    assert answer.fields[:2] == fields
    assert len(answer.all("date")) == len(answer.all("x-request-id")) == 1


async def test_bytes_that_are_not_utf8_come_back_as_they_are(
    run_relay: RunRelay,
) -> None:
    head = b"HTTP/1.1 200 Fin\xe9\r\nX-Name: caf\xe9\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(head)) as url:
        between = await run_relay(url)
        client = await between.connect()
        await client.send(request("GET", "/"))
        answer = await client.hear("GET")
        await client.close()
    assert answer.one("x-name") == "caf\xe9"
    assert answer.reason == "Fin\xe9"


async def test_fields_of_one_connection_do_not_come_back(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    fields = (
        ("Connection", "x-own"),
        ("Keep-Alive", "timeout=5"),
        ("X-Own", "1"),
        ("Proxy-Authenticate", "Basic"),
        ("Upgrade", "h2c"),
        ("X-Kept", "1"),
    )
    origin.then(Reply(200, fields))
    client = await between.connect()
    await client.send(request("GET", "/"))
    answer = await client.hear("GET")
    await client.close()
    assert {name.lower() for name, _ in answer.fields} - OURS == {"x-kept"}


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("size", [0, 1, 5_000_000])
async def test_content_comes_back_whole_however_it_is_framed(
    run_relay: RunRelay, origin: RecordingOrigin, framing: Framing, size: int
) -> None:
    between = await run_relay(origin.address)
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    origin.then(Reply(200, (), body, framing=framing))
    client = await between.connect()
    await client.send(request("GET", "/"))
    answer = await client.hear("GET")
    assert answer.content == body
    assert answer.whole
    if framing == "length":
        assert answer.one("content-length") == str(size)
    # the client's connection goes on in every case
    await client.send(request("GET", "/2"))
    assert (await client.hear("GET")).status == 200
    await client.close()


async def test_a_small_answer_that_came_at_once_gets_a_length(
    run_relay: RunRelay,
) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with serving(answering(head + chunk(b"abc") + chunk(b""))) as url:
        between = await run_relay(url)
        client = await between.connect()
        keep_alive = ("Connection", "keep-alive")
        await client.send(request("GET", "/", keep_alive, protocol="HTTP/1.0"))
        answer = await client.hear("GET")
        await client.close()
    assert (answer.content, answer.one("content-length")) == (b"abc", "3")
    assert answer.one("connection") == "keep-alive"


@pytest.mark.parametrize("framing", ["chunked", "close"])
async def test_http_1_0_gets_content_of_unknown_length_until_the_end(
    run_relay: RunRelay, origin: RecordingOrigin, framing: Framing
) -> None:
    between = await run_relay(origin.address)
    body = b"x" * 2_000_000  # what comes at once has a length after all
    origin.then(Reply(200, (), body, framing=framing))
    client = await between.connect()
    keep_alive = ("Connection", "keep-alive")
    await client.send(request("GET", "/", keep_alive, protocol="HTTP/1.0"))
    answer = await client.hear("GET")
    await client.close()
    assert answer.content == body
    assert answer.one("transfer-encoding") is None
    assert answer.one("connection") == "close"


@pytest.mark.parametrize(
    ("method", "reply", "length"),
    [
        ("HEAD", Reply(200, (), b"x" * 1234), "1234"),
        ("HEAD", Reply(200, (), b"x", framing="chunked"), None),
        ("GET", Reply(204, (), b"", framing="none"), None),
        ("GET", Reply(204, (), b""), None),
        ("GET", Reply(304, (("ETag", '"1"'),), framing="none"), None),
    ],
)
async def test_answers_without_content(
    run_relay: RunRelay,
    origin: RecordingOrigin,
    method: str,
    reply: Reply,
    length: str | None,
) -> None:
    between = await run_relay(origin.address)
    origin.then(reply)
    client = await between.connect()
    await client.send(request(method, "/"))
    answer = await client.hear(method)
    assert answer.status == reply.status
    assert answer.one("content-length") == length
    assert answer.one("transfer-encoding") is None
    await client.send(request("GET", "/2"))
    assert (await client.hear("GET")).content == b"stored"
    await client.close()


@pytest.mark.parametrize("content", [b"", b"abc"], ids=["asked", "sent"])
@pytest.mark.parametrize(
    ("said", "status", "gets"),
    [
        (b"204 No Content\r\nContent-Length: 5\r\n\r\nhello", 204, b""),
        (b"304 Not Modified\r\n\r\nhello", 304, b""),
        (b"200 OK\r\nContent-Length: 5\r\n\r\nhello and more", 200, b"hello"),
        (b"200 OK\r\nContent-Length: 0\r\n\r\nhello", 200, b""),
    ],
)
async def test_what_comes_behind_an_answer_is_thrown_away(
    run_relay: RunRelay, content: bytes, said: bytes, status: int, gets: bytes
) -> None:
    """However it comes; and nobody else gets it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.readexactly(len(content))
        writer.write(b"HTTP/1.1 " + said)
        await reader.read()

    length = (("Content-Length", str(len(content))),) if content else ()
    async with serving(serve) as url:
        between = await run_relay(url)
        client = await between.connect()
        for _ in range(2):
            await client.send(
                request("POST" if content else "GET", "/", *length), content
            )
            answer = await client.hear("GET")
            assert (answer.status, answer.content) == (status, gets)
        await client.close()


async def test_304_keeps_the_length_of_what_it_is_about(run_relay: RunRelay) -> None:
    head = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\n\r\n"
    async with serving(answering(head)) as url:
        between = await run_relay(url)
        client = await between.connect()
        await client.send(request("GET", "/"))
        answer = await client.hear("GET")
        await client.close()
    assert answer.one("content-length") == "1234"


async def test_content_codings_are_not_touched(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    origin.then(Reply(200, (("Content-Encoding", "br"),), b"this is no brotli"))
    client = await between.connect()
    await client.send(request("GET", "/", ("Accept-Encoding", "br")))
    answer = await client.hear("GET")
    await client.close()
    assert answer.one("content-encoding") == "br"
    assert answer.content == b"this is no brotli"


async def test_trailers_are_dropped_and_not_announced(run_relay: RunRelay) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    serve = answering(head, chunk(b"abc"), b"0\r\nX-Sum: 1\r\n\r\n")
    async with serving(serve) as url:
        between = await run_relay(url)
        client = await between.connect()
        await client.send(request("GET", "/"))
        answer = await client.hear("GET")
        await client.close()
    assert (answer.content, answer.whole) == (b"abc", True)
    assert answer.one("trailer") is None


async def test_redirects_and_cookies_are_the_clients_business(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    client = await between.connect()
    origin.then(Reply(302, (("Location", "/b"), ("Set-Cookie", "a=1"))))
    await client.send(request("GET", "/a"))
    assert (await client.hear("GET")).one("location") == "/b"
    await client.send(request("GET", "/b"))
    await client.hear("GET")
    await client.close()
    assert origin.requests[1].one("cookie") is None
    assert len(origin.requests) == 2


async def test_interim_responses_of_the_origin_stay_behind(
    run_relay: RunRelay, origin: RecordingOrigin
) -> None:
    between = await run_relay(origin.address)
    origin.then(Reply(200, interims=(102, 103)))
    client = await between.connect()
    await client.send(request("GET", "/"))
    answer = await client.hear("GET")
    await client.close()
    assert (answer.status, answer.interims) == (200, ())


async def test_an_answer_is_streamed_as_it_comes(run_relay: RunRelay) -> None:
    more = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(chunk(b"first"))
        await more.wait()
        writer.write(chunk(b"second") + chunk(b""))
        await writer.drain()

    async with serving(serve) as url:
        between = await run_relay(url)
        reader, writer = await dial(between.address)
        writer.write(request("GET", "/"))
        await read_request(reader)
        assert await heard(reader, 10) == chunk(b"first")
        more.set()
        rest = chunk(b"second") + chunk(b"")
        assert await heard(reader, len(rest)) == rest
        writer.close()


async def test_an_echo_is_streamed_both_ways_at_once(run_relay: RunRelay) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while data := await reader.readuntil(b"\r\n"):
            content = await reader.readexactly(int(data, 16) + 2)
            writer.write(data + content)
            if int(data, 16) == 0:
                return

    async with serving(serve) as url:
        between = await run_relay(url)
        reader, writer = await dial(between.address)
        writer.write(request("POST", "/", ("Transfer-Encoding", "chunked")))
        assert b" 200 " in await read_request(reader)
        for word in (b"one", b"two"):
            writer.write(chunk(word))
            assert await heard(reader, 8) == chunk(word)
        writer.write(chunk(b""))
        assert await heard(reader, 5) == chunk(b"")
        writer.close()


@pytest.mark.parametrize(
    "field", [b"X: a\r\n b", b"X: a\x01b", b"X : a", b"X: a\rb", b"X: a\0b"]
)
async def test_no_field_of_a_sloppy_origin_injects_a_line(
    run_relay: RunRelay, field: bytes
) -> None:
    head = b"HTTP/1.1 200 OK\r\n" + field + b"\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(head)) as url:
        between = await run_relay(url)
        client = await between.connect()
        await client.send(request("GET", "/"))
        answer = await client.hear("GET")
        await client.close()
    assert answer.status in (200, 502)
    assert "\r" not in (answer.one("x") or "")
    assert "\0" not in (answer.one("x") or "")
