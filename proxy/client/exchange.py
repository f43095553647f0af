"""One request and its answer: content goes out while interim responses come in.

A final response ends the sending, and what is said before a connection ends is heard.
The one invariant: every connection is used by one request at a time, and closed unless
it takes another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from .target import Target
from .wire import Connection, Lines, NoAnswer, Said

_CONTENT_S: Final = 10.0
"""Seconds for the content of an answer; without a length, whoever gave it may wait for
us to close."""
_LAST_WORDS_S: Final = 2.0
"""For the response that a connection may have brought before it ended."""


@dataclass(slots=True)
class Sending:
    """What goes into a request, and what is to be told of it."""

    method: str
    fields: Lines = ()
    content: AsyncGenerator[bytes, None] | None = None
    """None: no content."""
    interim: Callable[[Said], None] = lambda said: None
    sent: Callable[[int], None] = lambda count: None
    """Called with the bytes of each piece, once it was taken."""
    over: Callable[[], None] = lambda: None
    """Called when nothing more will be heard."""
    answer_s: float | None = None
    """For its answer; None: as long as for others."""


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
        answer = _Answer(sending)
        hearing = asyncio.ensure_future(
            connection.hear(sending.method, None, answer.heard)
        )
        hearing.add_done_callback(lambda _: sending.over())
        try:
            try:
                await self._send(connection, sending, hearing, answer)
            except NoAnswer as exc:
                return await _last_words(hearing, exc)
            return await self._wait(hearing, answer)
        finally:
            hearing.cancel()
            await asyncio.wait([hearing])
            if not hearing.cancelled():
                hearing.exception()  # seen: it was raised above, or nobody waits

    async def _send(
        self,
        connection: Connection,
        sending: Sending,
        hearing: asyncio.Future[Said],
        answer: _Answer,
    ) -> None:
        """All of the content, unless the answer or the end of the connection comes."""
        if sending.content is not None:
            async with aclosing(sending.content) as pieces:
                async for piece in pieces:
                    if hearing.done() or answer.head is not None:
                        return
                    await connection.send(piece, self.stall_s)
                    sending.sent(len(piece))
        if not (hearing.done() or answer.head is not None):
            await connection.end(self.stall_s)

    async def _wait(self, hearing: asyncio.Future[Said], answer: _Answer) -> Said:
        hearing.add_done_callback(lambda _: answer.came.set())
        bound_s = answer.sending.answer_s or self.answer_s
        try:
            async with asyncio.timeout(bound_s):
                await answer.came.wait()
        except TimeoutError:
            pass  # told below
        if answer.head is None and not hearing.done():
            raise NoAnswer(f"no answer within {bound_s:g} s")
        await asyncio.wait([hearing], timeout=_CONTENT_S)
        if answer.head is not None and not hearing.done():
            return answer.head  # its content does not matter so much
        return await hearing


@dataclass(slots=True)
class _Answer:
    """The answer, as far as it is there."""

    sending: Sending
    head: Said | None = None
    """The final one, without its content."""
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def heard(self, head: Said) -> None:
        if head.status < 200:
            self.sending.interim(head)
        else:
            self.head = head
            self.came.set()
            self.sending.over()


async def _last_words(hearing: asyncio.Future[Said], lost: NoAnswer) -> Said:
    """What was said before the connection ended. Raises NoAnswer: nothing."""
    try:
        async with asyncio.timeout(_LAST_WORDS_S):
            return await asyncio.shield(hearing)
    except TimeoutError:
        raise lost from None
