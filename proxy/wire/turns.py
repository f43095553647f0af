"""The requests of one connection, answered one after the other.

In the place of aiohttp's own loop, which keeps a request, its head and its answer
until the next one comes, and has a task for each. Here nothing of a request outlives
it: of an idle connection nothing is left but the connection. A few names that are
private in aiohttp are used, as it leaves no other way. The one invariant: a request is
answered, or the connection ends, before the next one is looked at.

Source: RFC 9112 "Pipelining", "Tear-down".
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiohttp import StreamReader, web
from aiohttp.http_writer import StreamWriter
from aiohttp.web_protocol import (
    ERROR,
    RequestHandler,
    RequestPayloadError,
    _ErrInfo,
)

from proxy.core.errors import ClientGone

LINGER_S: Final = 2.0
"""Seconds for which what a client still sends is read after a refusal, so that it finds
our answer instead of a reset: two round trips of a bad mobile network, and short enough
that a large body is not read for nothing."""
LINGER_TURN_S: Final = 0.02
"""Seconds until it is tried again, where somebody else reads the rest just then."""


class Turns(RequestHandler):
    """A connection whose requests have their turns."""

    __slots__ = ()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # A deque has room for 64 from the beginning, and there is hardly ever one. What
        # aiohttp still does with it works on a list as well: it appends and counts.
        self._messages: list[Any] = []  # type: ignore[assignment]

    def rest(self) -> None:
        """Nothing is to be answered: the next request is waited for."""

    @property
    def ends(self) -> bool:
        """The answer to come is the last one on it."""
        return False

    @property
    def rests(self) -> bool:
        """Nothing is being answered: what comes is the beginning of a request."""
        return self._waiter is not None and not self._waiter.done()

    async def start(self) -> None:
        """Answer what comes, until the connection is to end; called by aiohttp."""
        goes_on = True
        try:
            while goes_on and not self._force_close:
                if not self._messages:
                    await self._message()
                # Of one call: what it knows of a request goes when it returns.
                goes_on = await self._turn()
        except BaseException:  # cancelled too: nobody else would end the connection
            self.force_close()
            raise
        if not self._force_close:
            self._task_handler = None
            self._leave()

    def _leave(self) -> None:
        """End the connection after its last answer, so that all of that arrives.

        Whoever has sent more by now, which nobody will read, would lose what is still
        on its way to a reset, with which the kernel tells of unread bytes. So that is
        read for some time, and thrown away, as all is when aiohttp is told to close.
        """
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if not (self._messages or self._reading_paused or self._buffer_paused):
            self.force_close()
            return
        self.close()
        self._messages.clear()
        self._resume_transport_reading()
        try:
            if transport.can_write_eof():  # not within TLS
                transport.write_eof()
        except OSError:
            # Its client has reset it, which is not seen while nothing is read.
            self.force_close()
        else:
            self._loop.call_later(self._lingering_time, self.force_close)

    async def _message(self) -> None:
        """Wait for the next request."""
        self._waiter = self._loop.create_future()
        self.rest()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def _turn(self) -> bool:
        """Answer the next request; whether there may be another."""
        request, handler = self._taken()
        content = request.content
        try:
            answer, cut = await self._handle_request(request, None, handler)
            if cut:
                return False
            self._keepalive = bool(answer.keep_alive)
            if not content.is_eof() and not self._force_close:
                await self._linger(content)
        except ConnectionError:
            return False
        return self._keepalive and content.is_eof() and not self._close

    def _taken(self) -> tuple[web.BaseRequest, Any]:
        """The next request, and who answers it."""
        message, content = self._messages.pop(0)
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()
        handler: Any = self._request_handler
        if isinstance(message, _ErrInfo):
            handler, message = self._make_error_handler(message), ERROR
        assert self._request_factory is not None
        task = asyncio.current_task()
        assert task is not None
        writer = StreamWriter(self, self._loop)
        return self._request_factory(message, content, self, writer, task), handler

    async def _linger(self, content: StreamReader) -> None:
        """Throw away what is left of `content`, for some time."""
        try:
            async with asyncio.timeout(self._lingering_time):
                while not content.is_eof():
                    try:
                        await content.readany()
                    except RuntimeError:
                        # It is still being read for the origin, which has answered.
                        await asyncio.sleep(LINGER_TURN_S)
        except (TimeoutError, OSError, RequestPayloadError, ClientGone):
            return
