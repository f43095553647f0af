"""One request and its answer: content goes out while interim responses come in.

A final response ends the sending, and what is said before a connection ends is heard.
The one invariant: every connection is used by one request at a time, and closed unless
it takes another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

from .target import Target
from .wire import Connection, Lines, NoAnswer, Said

_LAST_WORDS_S: Final = 2.0
"""For the response that a connection may have brought before it ended."""


@dataclass(slots=True)
class Sending:
    """What goes into a request, and what is to be told of it."""

    method: str
    fields: Lines = ()
    content: AsyncIterator[bytes] | None = None
    """None: no content."""
    interim: Callable[[Said], None] = lambda said: None
    sent: Callable[[int], None] = lambda count: None
    """Called with the bytes of each piece, once it was taken."""
    over: Callable[[], None] = lambda: None
    """Called when nothing more will be heard."""


@dataclass(slots=True)
class Exchanges:
    """Requests, one after the other."""

    stall_s: float
    """In which a piece must be taken."""
    answer_s: float
    """For an answer, once everything was sent."""
    _idle: tuple[tuple[str, str, int], Connection] | None = field(default=None)

    async def ask(self, where: Target, sending: Sending, *, fresh: bool = True) -> Said:
        """The final response. fresh: not over a connection that was used before.

        Raises:
            Unreached: no connection.
            NoAnswer: it was not answered.
        """
        connection = None if fresh else self._take(where)
        if connection is None:
            await self.close()
            connection = await Connection.open(where)
        kept = False
        try:
            said = await self._exchange(connection, where, sending)
            kept = connection.renew()
        finally:
            if not kept:
                await connection.close()
        if kept:
            self._idle = where.place, connection
        return said

    async def close(self) -> None:
        """End the connection that is kept."""
        if self._idle is not None:
            (_, connection), self._idle = self._idle, None
            await connection.close()

    def _take(self, where: Target) -> Connection | None:
        if self._idle is None or self._idle[0] != where.place:
            return None
        (_, connection), self._idle = self._idle, None
        return connection

    async def _exchange(
        self, connection: Connection, where: Target, sending: Sending
    ) -> Said:
        await connection.begin(sending.method, where.path, sending.fields)
        hearing = asyncio.ensure_future(
            connection.hear(sending.method, None, sending.interim)
        )
        hearing.add_done_callback(lambda _: sending.over())
        try:
            try:
                await self._send(connection, sending, hearing)
            except NoAnswer as exc:
                return await _last_words(hearing, exc)
            async with asyncio.timeout(self.answer_s):
                return await asyncio.shield(hearing)
        except TimeoutError:
            raise NoAnswer(f"no answer within {self.answer_s:g} s") from None
        finally:
            hearing.cancel()
            await asyncio.wait([hearing])
            if not hearing.cancelled():
                hearing.exception()  # seen: it was raised above, or nobody waits

    async def _send(
        self, connection: Connection, sending: Sending, hearing: asyncio.Future[Said]
    ) -> None:
        """All of the content, unless the answer is there before, or none will be."""
        if sending.content is not None:
            async for piece in sending.content:
                if hearing.done():
                    return
                await connection.send(piece, self.stall_s)
                sending.sent(len(piece))
        if not hearing.done():
            await connection.end(self.stall_s)


async def _last_words(hearing: asyncio.Future[Said], lost: NoAnswer) -> Said:
    """What was said before the connection ended. Raises NoAnswer: nothing."""
    try:
        async with asyncio.timeout(_LAST_WORDS_S):
            return await asyncio.shield(hearing)
    except TimeoutError:
        raise lost from None
