"""The way to the origin for one upload: connected first, then sent on, once.

Whoever forwards has the connection before it records that the forward begins: an origin
that is down costs no record. Small requests may use a connection again that has just
carried another. The one invariant: a request is sent a second time only if the first
surely was not seen whole, since the origin had closed the connection before, or if who
sends it says that it may come twice.
"""

from __future__ import annotations

from http.client import REQUEST_TIMEOUT
from typing import Final

from aiohttp.http import HttpVersion11, RawResponseMessage
from aiohttp.streams import StreamReader

from proxy.core.errors import BodyUnreadableError, OriginError, OriginLost
from proxy.core.forms import NOTHING, Around
from proxy.core.upload import Head
from proxy.spool import Reader

from .answers import AnswerStream
from .connection import Connection
from .dialing import Dialer
from .failures import FOREIGN, failed, failure_of
from .idle import IdleConnections, patience_s
from .observer import NOBODY, Observer
from .requests import request_head
from .sending import PlainSending, SealedSending, Sending


class Channel:
    """A connection for one request. Whoever has it closes it, in every case."""

    def __init__(
        self,
        connection: Connection,
        dialer: Dialer,
        idle: IdleConnections | None,
        stall_s: float,
        route: str,
        observer: Observer = NOBODY,
    ) -> None:
        """`idle`: where the connection may wait afterwards; None for one request only.

        `stall_s`: how long the origin may take nothing at all. `route`: the one that
        the request takes.
        """
        self._connection: Connection | None = connection
        self._dialer = dialer
        self._idle = idle
        self._stall_s = stall_s
        self._route = route
        self._observer = observer

    async def send(
        self,
        head: Head,
        body: Reader,
        around: Around = NOTHING,
        *,
        framed: bool = False,
        repeatable: bool = False,
    ) -> AnswerStream:
        """The answer to `head` with the whole of `body`, sent once.

        `around`: what is sent before and behind it. `framed`: the length of it all is
        among the fields of `head`. `repeatable`: where the origin ends a connection of
        an earlier request, it may come to it twice.

        `body` is not read any more when this returns: the origin has all of it, or has
        answered without wanting the rest.

        Raises:
            OriginUnreached: the connection is gone, and no other came about.
            OriginCut: the kernel had not taken the whole request when it ended.
            OriginLost: it had, and no valid answer came.
            UploadLost: `head` cannot be sent.
        """
        length = None if framed else body.size + around.size
        said = request_head(head, length, keep=self._idle is not None) + around.before
        connection, self._connection = self._connection, None
        assert connection is not None, "a channel is for one request"
        # It may have died while the forward was recorded.
        alive = connection.is_quiet() if connection.reused else connection.is_open
        if not alive:
            connection.end()
            connection = await self._dialer.dial(self._route)
        exchange = self._exchange(connection, said, body, around.after)
        try:
            return await exchange.answer(head.method, self._idle, repeatable)
        except _MissedError:
            connection = await self._dialer.dial(self._route)
        exchange = self._exchange(connection, said, body, around.after)
        return await exchange.answer(head.method, self._idle)

    def _exchange(
        self, connection: Connection, head: bytes, body: Reader, after: bytes
    ) -> _Exchange:
        told = (self._route, self._observer)
        return _Exchange(connection, head, body, after, self._stall_s, *told)

    def close(self) -> None:
        """Nothing is to be sent; does nothing after `send`."""
        if self._connection is not None:
            self._connection.end()


class _MissedError(Exception):
    """The origin surely has not seen the request, since it had closed before it came;
    or that does not matter."""


class _Exchange:
    """One request on one connection, and its answer."""

    def __init__(
        self,
        connection: Connection,
        head: bytes,
        body: Reader,
        after: bytes,
        stall_s: float,
        route: str,
        observer: Observer,
    ) -> None:
        self._route = route
        self._observer = observer
        kind = SealedSending if connection.is_sealed else PlainSending
        self._connection = connection
        self._sending: Sending = kind(connection, head, body, after, stall_s)

    async def answer(
        self, method: str, idle: IdleConnections | None, repeatable: bool = False
    ) -> AnswerStream:
        """Send, and wait for the answer, and until nothing more is sent.

        `repeatable`: see ``Channel.send``.

        Raises:
            OriginCut, OriginLost: see ``Channel``.
            _MissedError: only on a connection that was used before.
        """
        try:
            self._connection.expect(method)
            self._sending.start()
            stream = await self._answered(idle, repeatable)
            answered_at = self._connection.loop.time()
            await self._sending.ended()
            self._check_readable()
        except _MissedError:
            self._sending.stop()
            self._connection.throw_away()
            raise
        except BaseException as exc:  # however it ends, nothing more may leave
            self._sending.stop()
            self._connection.end()
            self._tell_failed(exc)
            raise
        self._tell_answered(stream, answered_at)
        return stream

    def _tell_answered(self, stream: AnswerStream, answered_at: float) -> None:
        sending = self._sending
        waited_s = answered_at - sending.began - sending.took_s
        self._observer.sent(
            sending.content_sent, sending.took_s, waited_s if waited_s >= 0 else None
        )
        self._observer.answered(stream.answer.status, self._route)

    def _tell_failed(self, exc: BaseException) -> None:
        self._observer.sent(self._sending.content_sent, self._sending.took_s, None)
        ours = isinstance(exc, BodyUnreadableError)
        if isinstance(exc, OriginError) and not ours:
            self._observer.failed(failure_of(exc), self._route, reached=True)

    async def _answered(
        self, idle: IdleConnections | None, repeatable: bool
    ) -> AnswerStream:
        connection, sending = self._connection, self._sending
        try:
            message, content = await connection.answer()
        except FOREIGN as exc:
            sending.stop()
            self._check_readable()
            missed = connection.missed(all_left=sending.all_left)
            if missed or (repeatable and connection.was_left):
                raise _MissedError from exc
            raise failed(exc, all_left=sending.all_left) from exc
        if connection.is_unasked:
            # It was said to nobody: a server may say 408 before it closes.
            if message.code == REQUEST_TIMEOUT or message.should_close:
                raise _MissedError
            raise OriginLost("the origin spoke before it was asked, and went on")
        if message.code >= 400:
            # An origin that refuses does not want the rest. One that accepts early may
            # still be reading, and would take a stop for a cut.
            sending.stop()
        return AnswerStream(Received(connection, sending, message, content, idle))

    def _check_readable(self) -> None:
        """Raise OriginCut when it was our spool that broke the request off."""
        unreadable = self._sending.unreadable
        if unreadable is not None:
            raise BodyUnreadableError(str(unreadable)) from unreadable


class Received:
    """An answer, and what becomes of the connection it came on."""

    connection: Final = None
    """It never becomes one of another protocol."""

    def __init__(
        self,
        connection: Connection,
        sending: Sending,
        message: RawResponseMessage,
        content: StreamReader,
        idle: IdleConnections | None,
    ) -> None:
        self.status = message.code
        self.reason = message.reason
        self.raw_headers = message.raw_headers
        self.content = content
        self._on = connection
        self._sending = sending
        self._message = message
        self._idle = idle
        self._is_over = False
        content.on_eof(self._over)

    def close(self) -> None:
        """End the connection, if something of the answer is still on it."""
        if not self._is_over:
            self._on.end()

    def _over(self) -> None:
        """All of the answer has come."""
        self._is_over = True
        self._sending.stop()
        self._on.handed += self._sending.size
        idle = self._idle if self._allows_another() else None
        if idle is not None and self._on.settle():
            idle.put(self._on, patience_s(self._message.headers))
        else:
            self._on.end()

    def _allows_another(self) -> bool:
        message = self._message
        is_1_1 = message.version >= HttpVersion11
        return is_1_1 and not message.should_close and self._sending.all_left
