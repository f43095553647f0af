"""One client that waits for the origin's answer and then follows its content.

A follower stands between a delivery, which goes on whatever its clients do, and one
request, which may leave at any time. The delivery feeds it with back-pressure, so that
a large answer is not piled up in memory, but drops one that does not take its bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from proxy.core.errors import OriginCut, Refusal
from proxy.core.upload import Answer

_CHUNKS: Final = 4
"""Chunks held for one client: enough to keep both sides busy, at most 1 MiB or so."""
_PATIENCE_S: Final = 60.0
"""Seconds a client may leave its answer untouched before the delivery goes on without
it; the usual time-out of a proxy for a client that does not read."""


class Follower:
    """Waits for the answer's head, then is the stream of its content."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._head: asyncio.Future[Answer] = loop.create_future()
        # Not a queue of asyncio, which has three more inside: most answers are one
        # chunk, and here before anybody asks.
        self._chunks: list[bytes | None] = []
        self._came: asyncio.Future[None] | None = None
        """Who waits for a chunk; None: nobody does."""
        self._taken: asyncio.Future[None] | None = None
        """Who waits for room for one."""
        self._held: asyncio.TimerHandle | None = None
        self._left = False
        self._ended = False
        self._whole = False
        """It has ended as it should: all of the content has been fed."""
        self._overdue = False
        self.length: int | None = None
        """Bytes of the content, when the origin has told them beforehand."""

    async def answer(self) -> Answer:
        """The head of the answer.

        Raises:
            Refusal: there is none to be had now.
        """
        try:
            return await self._head
        finally:
            self._let_loose()

    def at_once(self) -> bytes | None:
        """All of the content, when all of it is here; None when it is to be had as it
        comes."""
        if not self._whole:
            return None
        chunks, self._chunks = self._chunks, []
        _wake(self._taken)
        return b"".join([chunk for chunk in chunks if chunk])

    def __aiter__(self) -> Follower:
        return self

    async def __anext__(self) -> bytes:
        """The next bytes of the content.

        Raises:
            OriginCut: it broke off; the client must see a cut, not an end.
        """
        while not self._chunks:
            self._came = asyncio.get_running_loop().create_future()
            await self._came
        chunk = self._chunks.pop(0)
        _wake(self._taken)
        if chunk is None:
            raise OriginCut("the answer broke off")
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """The client is gone, or served: take nothing more."""
        self._leave()

    def _leave(self) -> None:
        self._left = True
        self._chunks.clear()
        _wake(self._taken)

    def answered(self, answer: Answer, length: int | None = None) -> None:
        """The head is here; its content will have `length` bytes, if that is known."""
        if not self._head.done():
            self.length = length
            self._head.set_result(answer)

    @property
    def has_left(self) -> bool:
        """Nothing more is taken: whoever feeds may forget it."""
        return self._left

    def refuse(self, refusal: Refusal) -> None:
        """There is no answer now; one that has its head already is not disturbed."""
        if not self._head.done():
            self._leave()
            self._head.set_exception(refusal)
            # One whose request ended meanwhile is never awaited again.
            self._head.exception()

    def hold(
        self,
        seconds: float,
        may_come: Callable[[], bool],
        refusal: Callable[[], Refusal],
    ) -> None:
        """Refuse in `seconds` unless the answer has come by then.

        Of several holds the first one counts. When its time is up while the answer
        `may_come`, because an attempt is under way, the next hold refuses at once.
        """
        if self._head.done():
            return
        if self._overdue:
            self.refuse(refusal())
        elif self._held is None:
            loop = asyncio.get_running_loop()
            self._held = loop.call_later(seconds, self._time_is_up, may_come, refusal)

    def _time_is_up(
        self, may_come: Callable[[], bool], refusal: Callable[[], Refusal]
    ) -> None:
        if may_come():
            self._overdue = True
        else:
            self.refuse(refusal())

    async def feed(self, chunk: bytes) -> None:
        """Pass on the next bytes, empty at the end; drops a client that does not
        read."""
        if len(self._chunks) >= _CHUNKS:  # seldom: then a timer is worth its price
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await self._room()
            except TimeoutError:
                self.break_off()
        if not self._left:
            self._put(chunk)
            self._ended = self._whole = not chunk

    async def _room(self) -> None:
        """Wait until there is room for a chunk, or nobody who takes it."""
        while len(self._chunks) >= _CHUNKS:
            self._taken = asyncio.get_running_loop().create_future()
            await self._taken

    def _put(self, chunk: bytes | None) -> None:
        self._chunks.append(chunk)
        _wake(self._came)

    def break_off(self) -> None:
        """The content ends here, and not as it should, unless it has ended already."""
        if not self._ended:
            self._ended = True
            self._leave()
            self._put(None)

    def _let_loose(self) -> None:
        if self._held is not None:
            self._held.cancel()


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
