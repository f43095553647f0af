"""The content of a request, as it comes in, and why it ended.

aiohttp raises as soon as a connection is lost, even while it still holds bytes that
came before; those are what ``leftover`` is for. ``read`` costs as little as it can: no
timer and no task per chunk. The one invariant: what was received is given out once and
in order, by ``read`` or, after that has raised, by ``leftover``.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.web_protocol import RequestPayloadError

from proxy.core.errors import ClientGone, Gone

from .pace import Pace

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Body:
    """The content of one request. Made before the first byte of it is read."""

    def __init__(
        self, request: web.BaseRequest, idle_timeout_s: float, minimum_rate: int = 0
    ) -> None:
        """`idle_timeout_s`: how long a read may wait for a byte. `minimum_rate`: bytes
        per second that have to come; 0: any will do."""
        self._request = request
        self._content = request.content
        self._loop = asyncio.get_running_loop()
        self._idle_timeout_s = idle_timeout_s
        self._pace = Pace(minimum_rate)
        self._timer: asyncio.TimerHandle | None = None
        self._reading_since: float | None = None
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

    async def read(self) -> bytes:
        """The next bytes, empty at the proper end.

        Raises:
            ClientGone: there will be no more: the connection was lost, its framing
                broke, nothing or too little came for too long, or `end` said so. See
                `leftover`.
        """
        content = self._content
        began = self._reading_since = self._loop.time()
        if self._timer is None and not content.is_eof():
            self._watch(began, began)
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
        else:
            self._consumed = True
            self._unwatch()
        return chunk

    def leftover(self) -> bytes:
        """What had been received but not read when the content broke off. Once only."""
        if not self._content.total_bytes:
            return b""
        # Private, and the only way: every public one raises although they are here.
        take = getattr(self._content, "_read_nowait", None)
        if take is None:
            return b""
        pieces: list[bytes] = []
        # Again until it is empty: taking makes the parser give what it held back.
        while piece := take(-1):
            pieces.append(piece)
        return b"".join(pieces)

    def end(self, why: Gone) -> None:
        """Make the pending or next `read` raise ClientGone, without losing a byte."""
        if self._gone is None and not self._consumed:
            self._gone = why
            self._content.set_exception(ClientGone(why))

    def _went(self, why: Gone) -> ClientGone:
        self._unwatch()
        if self._gone is None:
            self._gone = why
        return ClientGone(self._gone)

    def _watch(self, now: float, since: float) -> None:
        """Look when what comes may be too late or too little; `since`: idle for us."""
        waited_s = self._waited_s + now - since
        when = min(since + self._idle_timeout_s, now + self._pace.next_look_s(waited_s))
        self._timer = self._loop.call_at(when, self._look)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        """End a read that waits too long, or for too little; else look again when it
        could be so."""
        self._timer = None
        if self._content.is_eof() or self._request.transport is None:
            return  # nothing to wait for, even if whoever read it has lost interest
        now = self._loop.time()
        # While nobody reads, it is not the client that is slow.
        since = now if self._reading_since is None else self._reading_since
        waited_s = self._waited_s + now - since
        if since + self._idle_timeout_s <= now:
            self.end(Gone.IDLE)
        elif self._pace.too_slow(waited_s, self._content.total_bytes):
            self.end(Gone.SLOW)
        else:
            self._watch(now, since)
