"""The forward of a complete upload: sent once, and its outcome said truly (P3)."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from proxy.core.errors import OriginError, OriginUnreached
from proxy.core.upload import Head
from proxy.origin import Failure, failure_of
from tests.kit.origin import RecordingOrigin, Reply
from tests.relay.conftest import read_request, serving

from .conftest import CREATION, FIELDS, OpenOrigin, StoredBytes, whole


@pytest.mark.parametrize("size", [0, 1, 16_384, 16_385, 262_144, 3_000_001])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_one_plain_request_with_a_true_length(
    open_origin: OpenOrigin, origin: RecordingOrigin, method: str, size: int
) -> None:
    origin.then(Reply(201, (("Set-Cookie", "a=1"), ("set-cookie", "b=2")), b"done"))
    body = StoredBytes(random.Random(size).randbytes(size))
    head = Head(method, "/photos?x=%7E", FIELDS)
    stream = await open_origin(origin.address).post(head, body)
    body.close()
    assert await whole(stream) == b"done"
    assert (stream.answer.status, stream.answer.reason) == (201, "Fine")
    assert stream.answer.fields == ((b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=2"))
    assert len(origin.requests) == 1
    seen = origin.complete[0]
    assert (seen.method, seen.target, seen.body) == (method, head.target, body.content)
    assert seen.fields == (
        ("Host", "h.test"),
        ("Content-Type", "image/jpeg"),
        ("Content-Length", str(size)),
        ("Connection", "close"),
    )


async def test_an_absolute_target_is_asked_for_as_a_path(
    open_origin: OpenOrigin, origin: RecordingOrigin
) -> None:
    head = Head("POST", "http://h.test//a/../b?", FIELDS)
    await whole(await open_origin(origin.address).post(head, StoredBytes(b"abc")))
    assert origin.requests[0].target == "//a/../b?"


async def test_every_upload_has_a_connection_of_its_own(
    open_origin: OpenOrigin,
) -> None:
    accepted = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        while await read_request(reader):
            await reader.readexactly(3)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with serving(serve) as url:
        to = open_origin(url)
        for _ in range(3):
            await whole(await to.post(CREATION, StoredBytes(b"abc")))
    assert accepted == 3


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
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for sock in (first, second):
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        to = open_origin(url, connect_timeout_s=0.2)
        with pytest.raises(OriginUnreached, match="connection_timeout"):
            await to.post(CREATION, StoredBytes(b"abc"))
