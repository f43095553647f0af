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
from .shards import behind

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
        "_growing",
        "_inner",
        "_token",
    )

    def __init__(
        self, inner: Writer, token: Token, changed: Changed, growing: Growing
    ) -> None:
        """`growing`: knows of it until it is closed."""
        self._inner = inner
        self._token = token
        self._changed = changed
        self._growing = growing
        self._counted = inner.offset
        self._count_at = self._counted + EVERY
        growing.add(token, self)

    @property
    def offset(self) -> int:
        """See ``Writer``."""
        return self._inner.offset

    def write(self, chunk: bytes | memoryview) -> None:
        """See ``Writer``."""
        self._inner.write(chunk)
        if self._inner.offset >= self._count_at:
            self.count()

    async def sync(self) -> int:
        """See ``Writer``."""
        return await self._inner.sync()

    def close(self) -> None:
        """See ``Writer``."""
        self._growing.remove(self._token, self)
        self._inner.close()
        self.count()

    def count(self) -> None:
        """Tell what has not been told yet."""
        grown = self._inner.offset - self._counted
        if grown:
            self._counted += grown
            self._changed(self._token, grown)
        self._count_at = self._counted + EVERY


class Growing:
    """The open writers of one process, by the shards of their uploads.

    Whoever measures files finds bytes that were not counted yet. So those are counted
    just before: else they would be in the figures twice.
    """

    def __init__(self) -> None:
        self._writers: dict[str, set[CountedWriter]] = {}

    def add(self, token: Token, writer: CountedWriter) -> None:
        self._writers.setdefault(token[:2], set()).add(writer)

    def remove(self, token: Token, writer: CountedWriter) -> None:
        """One that is not known any more is no error."""
        writers = self._writers.get(token[:2], set())
        writers.discard(writer)
        if not writers:
            self._writers.pop(token[:2], None)

    def count(self, after: str, shards: int) -> None:
        """Have all in so many shards, behind that one, tell what they have not yet."""
        for shard in behind(after, shards):
            for writer in tuple(self._writers.get(shard, ())):
                writer.count()
