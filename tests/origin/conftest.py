"""An ``Origin`` before raw servers, and bodies to send."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from proxy.core.errors import InDoubt, SpoolError
from proxy.core.upload import Fields, Head
from proxy.origin import AnswerStream, Origin, idle
from proxy.spool import Reader
from proxy.spool.reader import DiskReader
from tests.kit.bounds import BOUND_S

OpenOrigin = Callable[..., "Posting"]

FIELDS: Fields = ((b"Host", b"h.test"), (b"Content-Type", b"image/jpeg"))
CREATION = Head("POST", "/photos?x=%7E", FIELDS)


class StoredBytes:
    """A body in memory, to be read like one in the spool."""

    def __init__(
        self, content: bytes, *, fails_at: int | None = None, damaged: bool = False
    ) -> None:
        self.content = content
        self.fails_at = fails_at
        self.damaged = damaged
        self.closed = False

    descriptor: int | None = None

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, offset: int, size: int) -> bytes:
        assert not self.closed
        if self.fails_at is not None and offset + size > self.fails_at:
            raise SpoolError("the disk is gone")
        return self.content[offset : offset + size]

    def check(self) -> None:
        if self.damaged:
            raise InDoubt("the disk has failed")

    def close(self) -> None:
        self.closed = True


Store = Callable[[bytes], Reader]


@pytest.fixture(params=["in memory", "in a file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Makes bodies: some to be read, some for the kernel to copy."""
    readers: list[Reader] = []

    def in_a_file(content: bytes) -> Reader:
        path = tmp_path / "body"
        path.write_bytes(content)
        readers.append(DiskReader(os.open(path, os.O_RDONLY)))
        return readers[-1]

    yield StoredBytes if request.param == "in memory" else in_a_file
    for reader in readers:
        reader.close()


class Posting(Origin):
    """An origin to which an upload is sent at once."""

    async def post(self, head: Head, body: Reader) -> AnswerStream:
        channel = await self.connect(body.size)
        try:
            return await channel.send(head, body)
        finally:
            channel.close()


async def whole(stream: AnswerStream) -> bytes:
    """All of an answer's content, after which it is closed."""
    try:
        return b"".join([chunk async for chunk in stream.chunks()])
    finally:
        await stream.close()


@pytest.fixture
async def open_origin() -> AsyncIterator[OpenOrigin]:
    """Opens origins, and closes them at the end."""
    opened: list[Posting] = []

    def open_(
        url: str,
        *,
        connect_timeout_s: float = 2.0,
        response_timeout_s: float = BOUND_S,
        tls: ssl.SSLContext | None = None,
    ) -> Posting:
        origin = Posting(
            url,
            connect_timeout_s=connect_timeout_s,
            response_timeout_s=response_timeout_s,
            tls=tls,
        )
        opened.append(origin)
        return origin

    yield open_
    for origin in opened:
        await origin.close()


@pytest.fixture
def proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are known to stay open, so that they are used again at any age."""
    monkeypatch.setattr(idle, "ASSUMED_S", 2 * BOUND_S)
    monkeypatch.setattr(idle, "IDLE_S", BOUND_S)
