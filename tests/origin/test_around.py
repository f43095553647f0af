"""A body with something before and behind it: one content, with the same promises."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from proxy.core.errors import BodyUnreadableError, OriginCut, OriginLost
from proxy.core.forms import Around
from proxy.origin import SHARED, Origin
from proxy.origin.sending import KEPT_BACK, SMALL
from proxy.spool import Reader
from tests.kit.bounds import BOUND_S
from tests.kit.origin import RecordingOrigin, Reset, Silence
from tests.relay.conftest import read_request, serving

from .conftest import CREATION, OpenOrigin, Store, StoredBytes, whole

AROUND = Around(b"before " * 30, b" after that")
SIZES = [
    0,
    1,
    SMALL - 1,
    SMALL,
    SMALL + 1,
    SMALL + KEPT_BACK,
    SHARED,
    SHARED + 1,
    3_000_001,
]


def content_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


async def send(origin: Origin, body: Reader, around: Around = AROUND) -> bytes:
    channel = await origin.connect(body.size)
    try:
        return await whole(await channel.send(CREATION, body, around))
    finally:
        channel.close()


@pytest.mark.parametrize("size", SIZES)
async def test_one_content_with_a_true_length(
    open_origin: OpenOrigin, store: Store, origin: RecordingOrigin, size: int
) -> None:
    assert await send(open_origin(origin.address), store(content_of(size))) == b"stored"
    [seen] = origin.complete
    assert seen.body == AROUND.before + content_of(size) + AROUND.after
    assert seen.one("Content-Length") == str(size + AROUND.size)


@pytest.mark.parametrize("size", [0, SMALL, 100_000, 500_000])
async def test_connections_are_used_again(
    open_origin: OpenOrigin, store: Store, size: int
) -> None:
    """What was handed on is counted to the byte, or there would be two of them."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(0)
        while True:
            try:
                await read_request(reader)
            except asyncio.IncompleteReadError:
                return
            await reader.readexactly(size + AROUND.size)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            connections[-1] += 1

    async with serving(serve) as url:
        to = open_origin(url)
        for _ in range(3):
            assert await send(to, store(content_of(size))) == b"ok"
    assert connections == [3]


@pytest.mark.parametrize("size", [0, SMALL])
async def test_a_small_one_leaves_in_one_write(
    open_origin: OpenOrigin,
    store: Store,
    origin: RecordingOrigin,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    written: list[tuple[bytes, int]] = []
    write = os.write

    def noted(fd: int, piece: bytes) -> int:
        count = write(fd, piece)
        written.append((bytes(piece), count))
        return count

    monkeypatch.setattr(os, "write", noted)
    await send(open_origin(origin.address), store(content_of(size)))
    [seen] = origin.complete
    [(piece, count)] = [one for one in written if one[0].startswith(b"POST ")]
    assert piece.endswith(AROUND.before + content_of(size) + AROUND.after)
    assert count == len(piece)
    assert len(seen.body) == size + AROUND.size


@asynccontextmanager
async def taking(
    path: Path | None, tls: ssl.SSLContext | None
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """An origin that takes what it is told it gets."""
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await read_request(reader)).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        got.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    async with serving(serve, path=path, tls=tls) as url:
        yield url, got


@pytest.mark.parametrize("size", SIZES)
async def test_through_a_unix_socket(
    open_origin: OpenOrigin, store: Store, tmp_path: Path, size: int
) -> None:
    async with taking(tmp_path / "origin.sock", None) as (url, got):
        assert await send(open_origin(url), store(content_of(size))) == b"ok"
    assert got == [AROUND.before + content_of(size) + AROUND.after]


@pytest.mark.parametrize("size", SIZES)
async def test_through_tls(open_origin: OpenOrigin, store: Store, size: int) -> None:
    authority = trustme.CA()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    async with taking(None, theirs) as (url, got):
        assert await send(open_origin(url, tls=ours), store(content_of(size))) == b"ok"
    assert got == [AROUND.before + content_of(size) + AROUND.after]


@pytest.mark.parametrize("size", [0, SMALL, SMALL + 1, 3_000_001])
async def test_what_follows_a_damaged_body_does_not_leave(
    open_origin: OpenOrigin, origin: RecordingOrigin, size: int
) -> None:
    """Nor do its last bytes: the origin must not take it for whole."""
    body = StoredBytes(content_of(size), damaged=True)
    with pytest.raises(BodyUnreadableError):
        await send(open_origin(origin.address), body)
    for request in origin.requests:
        await asyncio.wait_for(request.ended.wait(), BOUND_S)
        assert len(request.body) <= len(AROUND.before) + size
        assert AROUND.after not in request.body
    assert origin.complete == []


class ReadBefore(StoredBytes):
    """Notes how much had been read when it was checked."""

    def check(self) -> None:
        assert self.content_read == self.size
        self.checks += 1

    checks = 0
    content_read = 0

    def read(self, offset: int, size: int) -> bytes:
        piece = super().read(offset, size)
        self.content_read = offset + len(piece)
        return piece


@pytest.mark.parametrize("size", [0, SMALL, SMALL + 1, 1_000_000])
async def test_it_is_checked_once_when_all_has_been_read(
    open_origin: OpenOrigin, origin: RecordingOrigin, size: int
) -> None:
    body = ReadBefore(content_of(size))
    await send(open_origin(origin.address), body)
    assert body.checks == 1


@pytest.mark.parametrize("size", [0, 100, SMALL + 1])
async def test_lost_when_all_of_it_had_left(
    open_origin: OpenOrigin, store: Store, origin: RecordingOrigin, size: int
) -> None:
    origin.then(Reset())
    with pytest.raises(OriginLost):
        await send(open_origin(origin.address), store(content_of(size)))


async def test_cut_when_only_of_what_follows_something_has_not_left(
    open_origin: OpenOrigin,
) -> None:
    """It belongs to the request as its body does; here there is more of it than fits
    into sockets."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serving(serve) as url:
        to = open_origin(url, response_timeout_s=0.3)
        with pytest.raises(OriginCut):
            await send(to, StoredBytes(b"body"), Around(b"", bytes(16_000_000)))


async def test_an_origin_that_takes_nothing_is_waited_for_no_longer_than_said(
    open_origin: OpenOrigin, origin: RecordingOrigin, store: Store
) -> None:
    origin.then(Silence(after=1000))
    to = open_origin(origin.address, response_timeout_s=0.3)
    with pytest.raises(OriginCut):
        await send(to, store(bytes(30_000_000)))
    assert not origin.complete


async def test_a_request_that_was_missed_is_sent_again_whole(
    open_origin: OpenOrigin, store: Store
) -> None:
    """On a connection that the origin closes as the request comes."""
    first = asyncio.Event()
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        got.append(await reader.readexactly(100 + AROUND.size))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        if not first.is_set():
            first.set()
            sock: socket.socket = writer.get_extra_info("socket")
            sock.shutdown(socket.SHUT_WR)

    async with serving(serve) as url:
        to = open_origin(url)
        for _ in range(2):
            assert await send(to, store(content_of(100))) == b"ok"
    assert got == [AROUND.before + content_of(100) + AROUND.after] * 2
