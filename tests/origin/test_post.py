"""The forward of a complete upload: sent once, and its outcome said truly (P3)."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trustme

from proxy.core.errors import OriginError, OriginLost, OriginUnreached, UploadLost
from proxy.core.upload import Head
from proxy.origin import SHARED, Failure, failure_of
from tests.kit.backlog import full_port
from tests.kit.origin import RecordingOrigin, Reply
from tests.relay.conftest import read_request, serving

from .conftest import CREATION, FIELDS, OpenOrigin, Store, StoredBytes, whole


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1_048_577, 3_000_001])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_one_plain_request_with_a_true_length(
    open_origin: OpenOrigin,
    store: Store,
    origin: RecordingOrigin,
    method: str,
    size: int,
) -> None:
    origin.then(Reply(201, (("Set-Cookie", "a=1"), ("set-cookie", "b=2")), b"done"))
    content = random.Random(size).randbytes(size)
    body = store(content)
    head = Head(method, "/photos?x=%7E", FIELDS)
    stream = await open_origin(origin.address).post(head, body)
    body.close()
    assert await whole(stream) == b"done"
    assert (stream.answer.status, stream.answer.reason) == (201, "Fine")
    assert stream.answer.fields == ((b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=2"))
    assert len(origin.requests) == 1
    seen = origin.complete[0]
    assert (seen.method, seen.target, seen.body) == (method, head.target, content)
    assert seen.fields == (
        ("Host", "h.test"),
        ("Content-Type", "image/jpeg"),
        ("Content-Length", str(size)),
        *((("Connection", "close"),) if size > SHARED else ()),
    )


async def test_an_absolute_target_is_asked_for_as_a_path(
    open_origin: OpenOrigin, origin: RecordingOrigin
) -> None:
    head = Head("POST", "http://h.test//a/../b?", FIELDS)
    await whole(await open_origin(origin.address).post(head, StoredBytes(b"abc")))
    assert origin.requests[0].target == "//a/../b?"


async def test_through_a_unix_socket_every_upload_has_a_connection_of_its_own(
    open_origin: OpenOrigin, store: Store, tmp_path: Path
) -> None:
    """No evidence could be had of what its other end has taken."""
    accepted: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(await read_request(reader))
        accepted.append(await reader.readexactly(1_000_000))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert not await reader.read()

    content = random.Random(1).randbytes(1_000_000)
    async with serving(serve, path=tmp_path / "origin.sock") as url:
        to = open_origin(url)
        for _ in range(2):
            await whole(await to.post(CREATION, store(content)))
    assert accepted[1] == accepted[3] == content
    assert b"\r\nConnection: close\r\n" in accepted[0]


async def test_through_tls_it_is_the_same_request(
    open_origin: OpenOrigin, store: Store
) -> None:
    authority = trustme.CA()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    content = random.Random(1).randbytes(3_000_001)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        assert await reader.readexactly(len(content)) == content
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with serving(serve, tls=theirs) as url:
        to = open_origin(url, tls=ours)
        assert await whole(await to.post(CREATION, store(content))) == b"ok"


@pytest.mark.parametrize("broken", [b"a\r\nX: b", b"a\nb", b"a\rb", b"a\0b"])
async def test_a_record_that_holds_no_head_is_not_sent(
    open_origin: OpenOrigin, origin: RecordingOrigin, broken: bytes
) -> None:
    """P11."""
    head = Head("POST", "/", ((b"Host", b"h"), (b"X", broken)))
    with pytest.raises(UploadLost, match="line break"):
        await open_origin(origin.address).post(head, StoredBytes(b"abc"))
    assert origin.requests == []


async def test_interim_answers_are_passed_over(
    open_origin: OpenOrigin, origin: RecordingOrigin
) -> None:
    origin.then(Reply(201, (), b"done", interims=(100, 103, 104)))
    stream = await open_origin(origin.address).post(CREATION, StoredBytes(b"abc"))
    assert stream.answer.status == 201
    assert await whole(stream) == b"done"


async def test_an_upgrade_is_no_answer(
    open_origin: OpenOrigin, origin: RecordingOrigin
) -> None:
    origin.then(Reply(101, (("Upgrade", "x"),), b"", framing="none"))
    with pytest.raises(OriginLost, match="nobody asked for"):
        await open_origin(origin.address).post(CREATION, StoredBytes(b"abc"))


async def test_an_answer_that_breaks_off_says_so(
    open_origin: OpenOrigin, origin: RecordingOrigin
) -> None:
    origin.then(Reply(200, (), b"x" * 1000, cut_after=500))
    stream = await open_origin(origin.address).post(CREATION, StoredBytes(b"abc"))
    with pytest.raises(OriginError, match="http_response_incomplete"):
        await whole(stream)


async def _refused(tmp_path: Path) -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


async def _no_socket(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/none.sock"


async def _no_host(tmp_path: Path) -> str:
    return "http://no-such-host.invalid:80"


@pytest.mark.parametrize(
    ("where", "failure"),
    [
        (_refused, Failure.CONNECTION_REFUSED),
        (_no_socket, Failure.CONNECTION_REFUSED),
        (_no_host, Failure.DNS_ERROR),
    ],
)
async def test_unreached_when_there_is_no_connection(
    open_origin: OpenOrigin,
    tmp_path: Path,
    where: Callable[[Path], Awaitable[str]],
    failure: Failure,
) -> None:
    to = open_origin(await where(tmp_path))
    with pytest.raises(OriginUnreached) as raised:
        await to.post(CREATION, StoredBytes(b"abc"))
    assert failure_of(raised.value) is failure
    # it goes to logs, where no target belongs
    assert "photos" not in str(raised.value)


async def test_unreached_when_connecting_takes_too_long(
    open_origin: OpenOrigin,
) -> None:
    with full_port() as port:
        to = open_origin(f"http://127.0.0.1:{port}", connect_timeout_s=0.2)
        with pytest.raises(OriginUnreached, match="connection_timeout"):
            await to.post(CREATION, StoredBytes(b"abc"))
