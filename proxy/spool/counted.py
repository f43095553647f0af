"""What is stored and removed, counted where it happens.

A writer that tells how the stored bytes grow: every mebibyte, and what is left when it
is closed, so that the hot path pays for one comparison. The one invariant: after
``close`` exactly the bytes that were written have been told, whether or not a write
failed in between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proxy.core.upload import Token

from . import Writer

Changed = Callable[[Token, int], None]
"""Told of an upload and by how many bytes it has grown, negative when it has shrunk."""

EVERY: Final = 2**20
"""Bytes after which a growing body is counted."""


def uncounted(token: Token, by: int) -> None:
    """Nobody counts."""


class CountedWriter:
    """`inner`, the open end of what is stored of `token`."""

    __slots__ = (
        "_changed",
        "_count_at",
        "_counted",
        "_inner",
        "_token",
    )

    def __init__(self, inner: Writer, token: Token, changed: Changed) -> None:
        self._inner = inner
        self._token = token
        self._changed = changed
        self._counted = inner.offset
        self._count_at = self._counted + EVERY

    @property
    def offset(self) -> int:
        """See ``Writer``."""
        return self._inner.offset

    def write(self, chunk: bytes | memoryview) -> None:
        """See ``Writer``."""
        self._inner.write(chunk)
        if self._inner.offset >= self._count_at:
            self._count()

    async def sync(self) -> int:
        """See ``Writer``."""
        return await self._inner.sync()

    def close(self) -> None:
        """See ``Writer``."""
        self._inner.close()
        self._count()

    def _count(self) -> None:
        grown = self._inner.offset - self._counted
        if grown:
            self._counted += grown
            self._changed(self._token, grown)
        self._count_at = self._counted + EVERY
