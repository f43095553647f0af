"""The content of one request as it comes in: how much, and how it ends.

It is what ``proxy.wire`` makes of a connection, without the connection. The model is
told of every chunk when it has reached the proxy, whatever becomes of it there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from proxy.core.errors import ClientGone, Gone

from .promise import Promise

End = Literal["ends", "ends late", "cut", "stalls"]
"""How a content comes to its end, or does not."""
LATE_S = 1.0
"""How long after its last byte an end comes that is late, in the time of the loop."""


class Content:
    """Bytes that come, and then `end`."""

    def __init__(
        self,
        *chunks: bytes,
        end: End = "ends",
        held: bytes = b"",
        at: int = 0,
        finishing: bool = False,
        length: int | None = None,
        act: Callable[[], None] = lambda: None,
    ) -> None:
        """`held`: what has come and is not read when it is cut. `at`: where in the
        upload it starts. `length`: of the whole upload, as its request tells it.
        `act`: called for each read; may raise."""
        self._chunks = [chunk for chunk in chunks if chunk]
        self._end = end
        self._held = held
        self._at = at
        self._finishing = finishing
        self._length = length
        self._act = act
        self._consumed = False
        self._ended = asyncio.Event()
        """Nothing more will come: whoever waits for it is told so."""
        self.promise: Promise | None = None
        """Of the upload that the content belongs to, once that is known."""
        self.gone: Gone | None = None
        self.last_byte_at = 0.0
        self._asks_only = False
        """All of the body is there: it can only ask for the answer, by being empty."""
        self.kills = False
        """It runs over the length of its upload, which is the end of both."""

    def belongs_to(self, promise: Promise) -> None:
        """Its request is made, for this upload."""
        self.promise = promise
        if self._finishing and self._at == self._length:
            promise.wished = self._length

    @property
    def all_came(self) -> bool:
        return self._end == "ends" and not self._chunks

    def begin(self) -> None:
        assert self.promise is not None
        self._asks_only = self._finishing and self._at == self.promise.whole
        if not self._asks_only:
            self._is_taken()

    def _is_taken(self) -> None:
        assert self.promise is not None
        self.promise.begins(self._at, self._length)
        # of a length that was reached before, nothing more has to come
        self.promise.comes(b"", finishing=self._finishing)
        self.promise.may_be_gone |= self.kills

    async def pour(self, store: Callable[[memoryview], bool]) -> bool:
        """All of it is for `read`: there is no loop here that brings it by itself."""
        if self._asks_only and self.promise is not None and not self.promise.known:
            # that all was there has been lost with what has failed
            self._asks_only = False
            self._is_taken()
        return True

    async def read(self) -> bytes:
        self._act()
        # as if it had to wait: others get their turn
        await asyncio.sleep(0)
        if self.gone is None and self._chunks:
            return self._comes(self._chunks.pop(0))
        if self.gone is None and self._end == "ends late":
            await self._comes_late()
        if self.gone is None and self._end == "ends":
            self._has_ended()
            return b""
        if self.gone is None and self._end == "stalls":
            await self._ended.wait()
        self.gone = self.gone or Gone.CUT
        raise ClientGone(self.gone)

    async def _comes_late(self) -> None:
        try:
            async with asyncio.timeout(LATE_S):
                await self._ended.wait()
        except TimeoutError:
            self._end = "ends"

    def leftover(self) -> bytes:
        """What had come: all that was to come, in a content that is whole."""
        rest = self._held
        if self._end == "ends":
            rest, self._chunks = b"".join(self._chunks), []
        self._held = b""
        self._comes(rest)
        if self.all_came:
            self._has_ended()
        return rest

    def end(self, why: Gone) -> None:
        if self.gone is None and not self._consumed:
            self.gone = why
            self._ended.set()

    def breaks(self) -> None:
        """The connection is lost, if it is still waited on."""
        self.end(Gone.CUT)

    def _comes(self, chunk: bytes) -> bytes:
        assert self.promise is not None
        self.last_byte_at = asyncio.get_running_loop().time()
        if not self._asks_only:
            self.promise.comes(chunk, finishing=self._finishing)
        return chunk

    def _has_ended(self) -> None:
        assert self.promise is not None
        self._consumed = self.gone is None
        if self._finishing and not self._asks_only:
            self.promise.ends()
