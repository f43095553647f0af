"""The content of a request, as it comes in, and why it ended.

aiohttp raises as soon as a connection is lost, even while it still holds bytes that
came before; those are what ``leftover`` is for. ``read`` costs as little as it can: no
timer and no task per chunk. ``pour`` takes the shortcut where there is one, and leaves
to ``read`` how it ended. The one invariant: what was received is given out once and in
order, by ``pour``, by ``read`` or, after that has raised, by ``leftover``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.web_protocol import RequestPayloadError

from proxy.core.errors import ClientGone, Gone

from .pace import ContentPace
from .shortcut import Pour, Shortcut, Store

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Body:
    """The content of one request. Made before the first byte of it is read."""

    __slots__ = (
        "_awaits_continue",
        "_consumed",
        "_content",
        "_gone",
        "_idle_timeout_s",
        "_loop",
        "_pace",
        "_pour",
        "_reading_since",
        "_request",
        "_shortcut",
        "_store",
        "_timer",
        "_waited_s",
        "last_byte_at",
    )

    def __init__(
        self,
        request: web.BaseRequest,
        idle_timeout_s: float,
        minimum_rate: int = 0,
        shortcut: Shortcut | None = None,
    ) -> None:
        """`idle_timeout_s`: how long a read may wait for a byte. `minimum_rate`: bytes
        per second that have to come; 0: any will do. `shortcut`: None: there is none.
        """
        self._request = request
        self._content = request.content
        self._loop = asyncio.get_running_loop()
        self._idle_timeout_s = idle_timeout_s
        self._pace = ContentPace(minimum_rate)
        self._shortcut = shortcut
        self._pour: Pour | None = None
        self._store: Store | None = None
        """Where a pour brings what comes."""
        self._timer: asyncio.TimerHandle | None = None
        self._reading_since: float | None = None
        """When the read that waits began, or the shortcut; seconds of the loop."""
        self._waited_s = 0.0
        """Seconds that the reads which are over have waited, all together."""
        self._gone: Gone | None = None
        self._consumed = False
        self._awaits_continue = (
            request.version >= HttpVersion11
            and request.headers.get(hdrs.EXPECT, "").lower() == "100-continue"
        )
        self.last_byte_at = self._loop.time()
        """When the last byte was read, or the body was made: seconds of the loop."""

    @property
    def gone(self) -> Gone | None:
        """Why the content will not come to its end; None while it may, or did."""
        return self._gone

    @property
    def all_came(self) -> bool:
        """True once the proper end of the content has come, read or not."""
        return self._content.is_eof()

    @property
    def consumed(self) -> bool:
        """True once `read` has given the end: all of the content is out."""
        return self._consumed

    @property
    def arrived(self) -> bool:
        """Some of the content, or its end, is here: the first `read` will not wait."""
        return bool(self._content.total_bytes) or self._content.is_eof()

    def begin(self) -> None:
        """The content is wanted: say `100 (Continue)` where the client waits for it.

        Once, and not when some of it has come already. Nothing is said to a connection
        that does not take it: the next `read` tells how that ends.

        Source: RFC 9110 "Expect"; R65.
        """
        if not self._awaits_continue:
            return
        self._awaits_continue = False
        transport = self._request.transport
        if self._content.total_bytes or transport is None or transport.is_closing():
            return
        # Not by aiohttp's writer, which would count it as the response: an error after
        # it would then end the connection without an answer.
        transport.write(_CONTINUE)

    async def pour(self, store: Store) -> bool:
        """Store what comes as far as the shortcut goes; the rest, and the end, is for
        `read`. False when `store` would not take all.

        Raises:
            SpoolError: from `store`.
        """
        if self._shortcut is None or not self._shortcut.suits(self._request):
            return True
        if not self._stored_held(store):
            return False
        self._store = store
        pour = self._pour = self._shortcut.enter(self._request, self._take)
        if pour is None:
            return True
        began = self._reading_since = self._loop.time()
        if self._timer is None:
            self._watch(began, began, self._waited_s)
        try:
            await pour.over
        finally:
            pour.stop()
            self._pour = None
            self._reading_since = None
            self._waited_s += self._loop.time() - began
        return pour.result()

    async def read(self) -> bytes:
        """The next bytes, empty at the proper end.

        Raises:
            ClientGone: there will be no more: the connection was lost, its framing
                broke, nothing or too little came for too long, or `end` said so. See
                `leftover`.
        """
        content = self._content
        if content.at_eof() and content.exception() is None:
            return self._ended()  # as every content does, most of them in the next read
        began = self._reading_since = self._loop.time()
        if self._timer is None and not content.is_eof():
            self._watch(began, began, self._waited_s)
        try:
            chunk = await content.readany()
        except (OSError, RequestPayloadError) as exc:
            raise self._went(Gone.CUT) from exc
        except ClientGone as exc:
            raise self._went(exc.why) from None
        except RuntimeError as exc:
            if self._request.transport is not None:
                raise
            # how aiohttp says that there is no connection to wait on
            raise self._went(Gone.CUT) from exc
        finally:
            self._reading_since = None
        if chunk:
            self.last_byte_at = self._loop.time()
            self._waited_s += self.last_byte_at - began
            return chunk
        return self._ended()

    def _ended(self) -> bytes:
        """The end of the content, as `read` says it."""
        self._consumed = True
        self._unwatch()
        return b""

    def leftover(self) -> bytes:
        """What had been received but not read when the content broke off. Once only."""
        return b"".join(self._held())

    def end(self, why: Gone) -> None:
        """Make the pending or next `read` raise ClientGone, without losing a byte."""
        if self._gone is None and not self._consumed:
            self._gone = why
            self._content.set_exception(ClientGone(why))
            if self._pour is not None:
                self._pour.stop()

    def _stored_held(self, store: Store) -> bool:
        """Store what aiohttp has; False when `store` would not take all. A call of its
        own: the last piece must not stay as long as the rest takes to come."""
        for piece in self._held():
            self.last_byte_at = self._loop.time()
            if not store(memoryview(piece)):
                return False
        return True

    def _take(self, chunk: memoryview) -> bool:
        """Store what has come on the shortcut."""
        assert self._store is not None
        self._content.total_bytes += len(chunk)
        self.last_byte_at = self._loop.time()
        return self._store(chunk)

    def _held(self) -> Iterator[bytes]:
        """What aiohttp has and nobody has read."""
        if not self._content.total_bytes:
            return
        # Private, and the only way: every public one raises although they are here.
        take = getattr(self._content, "_read_nowait", None)
        # Again until it is empty: taking makes the parser give what it held back.
        while take is not None and (piece := take(-1)):
            yield piece

    def _went(self, why: Gone) -> ClientGone:
        self._unwatch()
        if self._gone is None:
            self._gone = why
        return ClientGone(self._gone)

    def _watch(self, now: float, since: float, waited_s: float) -> None:
        """Look when what comes may be too late or too little; `since`: idle for us;
        `waited_s`: all together."""
        when = min(since + self._idle_timeout_s, now + self._pace.next_look_s(waited_s))
        self._timer = self._loop.call_at(when, self._look)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        """End a read that waits too long, or for too little; else look again when it
        could be so."""
        self._timer = None
        if self._pour is not None:
            self._pour.catch_up()
        if self._content.is_eof() or self._request.transport is None:
            return  # nothing to wait for, even if whoever read it has lost interest
        now = self._loop.time()
        # While nobody reads, it is not the client that is slow.
        reading_since = now if self._reading_since is None else self._reading_since
        waited_s = self._waited_s + now - reading_since
        since = max(reading_since, self.last_byte_at)
        if since + self._idle_timeout_s <= now:
            self.end(Gone.IDLE)
        elif self._pace.too_slow(waited_s, self._content.total_bytes):
            self.end(Gone.SLOW)
        else:
            self._watch(now, since, waited_s)
