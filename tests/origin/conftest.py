"""An ``Origin`` before raw servers, and bodies to send."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable

import pytest

from proxy.core.errors import SpoolError
from proxy.core.upload import Fields, Head
from proxy.origin import AnswerStream, Origin
from tests.kit.bounds import BOUND_S

OpenOrigin = Callable[..., Origin]

FIELDS: Fields = ((b"Host", b"h.test"), (b"Content-Type", b"image/jpeg"))
CREATION = Head("POST", "/photos?x=%7E", FIELDS)


class StoredBytes:
    """A body in memory, to be read like one in the spool."""

    def __init__(self, content: bytes, *, fails_at: int | None = None) -> None:
        self.content = content
        self.fails_at = fails_at
        self.closed = False

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, offset: int, size: int) -> bytes:
        assert not self.closed
        if self.fails_at is not None and offset + size > self.fails_at:
            raise SpoolError("the disk is gone")
        return self.content[offset : offset + size]

    def close(self) -> None:
        self.closed = True


async def whole(stream: AnswerStream) -> bytes:
    """All of an answer's content, after which it is closed."""
    try:
        return b"".join([chunk async for chunk in stream.chunks()])
    finally:
        await stream.close()


@pytest.fixture
async def open_origin() -> AsyncIterator[OpenOrigin]:
    """Opens origins, and closes them at the end."""
    opened: list[Origin] = []

    def open_(
        url: str,
        *,
        connect_timeout_s: float = 2.0,
        response_timeout_s: float = BOUND_S,
        tls: ssl.SSLContext | None = None,
    ) -> Origin:
        origin = Origin(
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
