"""The door: aiohttp's low-level server, and what its connections do not tell.

Five things are added to its connections. Whoever waits for something else can be told
that a client has gone (``attendance``). The reader of a body whose framing breaks is
told so, where aiohttp would let it wait for ever. Bytes that are no HTTP get an answer
in the form of all our errors. A head has to be whole in time. And there are only so
many of them. One thing is done in our own way, so that a connection costs little while
it waits: ``turns`` has one request after the other answered. The one invariant: nothing
here stands between two reads of a body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler, RequestPayloadError

from proxy.core.upload import Reply
from proxy.waits import Waits

from .problems import problem_reply
from .replies import STALL_S, Sent, rendered
from .turned import TurnedAway
from .turns import LINGER_S, Turns
from .unparsed import unparsed_reply

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Terms:
    """On which clients are let in, and may stay."""

    keepalive_timeout_s: float
    """How long the next head may keep us waiting for its first byte."""
    header_timeout_s: float
    """How long a head may take."""
    header_limit: int
    """Bytes of a line; ``read_head`` bounds the whole head."""
    max_connections: int | None = None
    """Of all listeners together; None: no limit."""


class Door(web.Server):
    """A server for one handler; call it to make the protocol of a connection."""

    def __init__(
        self,
        handler: Handler,
        terms: Terms,
        *,
        unparsed: Callable[[asyncio.BaseTransport, Sent, str], None] | None = None,
        crowded: Callable[[], None] | None = None,
    ) -> None:
        """`unparsed`: told of every connection that speaks no HTTP, or too slowly: its
        transport, what it was answered, and why. `crowded`: told of every connection
        that is one too many, and turned away.
        """
        super().__init__(handler)
        self.unparsed = unparsed
        self.open = 0
        """Connections of clients that are open, those turned away not counted."""
        self.closes = False
        """Nobody is let in any more, and connections end with their next answer."""
        self._max_connections = terms.max_connections
        self._crowded = crowded
        self._turned_away: set[TurnedAway] = set()
        self.heads: Waits[Connection] = Waits(terms.header_timeout_s, Connection.late)
        """Connections on which a head is due: new ones, and those where one has
        begun."""
        self.rests: Waits[Connection] = Waits(
            terms.keepalive_timeout_s, Connection.force_close
        )
        """Connections on which nothing has come since the last answer."""
        self.endings: Waits[Connection] = Waits(STALL_S, Connection.give_up)
        """Connections that end when their clients have taken what was said last."""
        self._options: dict[str, Any] = {
            # Otherwise a coded body arrives decoded, and every offset is wrong.
            "auto_decompress": False,
            "access_log": None,
            # Not by aiohttp: it has a timer for every connection, see `rests`.
            "keepalive_timeout": 0,
            "lingering_time": LINGER_S,
            **_lines(terms),
        }

    def settle(self, terms: Terms) -> None:
        """Go by these from now on; the length of a line holds for new connections."""
        self.heads.timeout_s = terms.header_timeout_s
        self.rests.timeout_s = terms.keepalive_timeout_s
        self._max_connections = terms.max_connections
        self._options |= _lines(terms)

    # Wider than what it overrides: asyncio, which calls it, is content with a protocol.
    def __call__(self) -> Connection | TurnedAway:  # type: ignore[override]
        if not self.admits():
            return TurnedAway(self._turned_away)
        # Counted before it is made: several may be accepted in one turn of the loop.
        self.open += 1
        return Connection(self, loop=asyncio.get_running_loop(), **self._options)

    def admits(self) -> bool:
        """There may be one more connection; tells `crowded` when there may not."""
        if self._max_connections is None or self.open < self._max_connections:
            return True
        if self._crowded is not None:
            self._crowded()
        return False

    def refuse_plain(self, transport: asyncio.Transport) -> None:
        """Tell a client that speaks plain HTTP that this is no place for it."""
        reply = _expects_tls()
        refused = TurnedAway(self._turned_away, rendered(reply))
        transport.set_protocol(refused)
        refused.connection_made(transport)
        if self.unparsed is not None:
            sent = Sent(reply.status, goes_on=False, problem=reply.problem)
            self.unparsed(transport, sent, "plain HTTP where TLS is due")

    def connection_lost(
        self, handler: RequestHandler, exc: BaseException | None = None
    ) -> None:
        # Not when its handler is done, which may wait for the origin much longer.
        self.open -= 1
        super().connection_lost(handler, exc)

    @property
    def has_unsent(self) -> bool:
        """Something that was said to a client is still here."""
        ours = (one for one in self.connections if isinstance(one, Connection))
        return any(one.unsent for one in ours)

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        for connection in tuple(self._turned_away):
            connection.close()
        await super().shutdown(timeout)


class Connection(Turns):
    """One connection of a client."""

    __slots__ = ("_below", "_door", "_head_came", "_watchers")

    def __init__(self, door: Door, **options: Any) -> None:
        super().__init__(door, **options)
        self._door = door
        self._head_came = False
        """Some of the head that is due is here."""
        self._below: asyncio.Transport | None = None
        """That of the socket; None while there is none."""
        self._watchers: tuple[Callable[[], None], ...] = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Before its turns begin, which from Python 3.12 on is within the call below.
        self._door.heads.begin(self)
        self.stand_on(transport)
        super().connection_made(transport)

    def stand_on(self, transport: asyncio.BaseTransport) -> None:
        """What is said on it goes to the kernel by `transport`."""
        self._below = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._below = None
        self._door.heads.end(self)
        self._door.rests.end(self)
        self._door.endings.end(self)
        for tell in self._watchers:
            tell()

    @property
    def ends(self) -> bool:
        return self._door.closes

    @property
    def unsent(self) -> int:
        """Bytes said to the client that the kernel has not taken yet."""
        return 0 if self._below is None else self._below.get_write_buffer_size()

    def force_close(self) -> None:
        # It ends when that has been taken, for which the event loop waits for ever.
        if self.unsent:
            self._door.endings.begin(self)
        super().force_close()

    def eof_received(self) -> None:
        if self.unsent:
            self._door.endings.begin(self)
        super().eof_received()

    def give_up(self) -> None:
        """The client takes nothing."""
        if self._below is not None:
            self._below.abort()

    def watch(self, tell: Callable[[], None]) -> None:
        """Call `tell` when the connection is lost."""
        self._watchers = (*self._watchers, tell)

    def unwatch(self, tell: Callable[[], None]) -> None:
        """Call `tell` no more."""
        self._watchers = tuple(one for one in self._watchers if one != tell)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._messages:
            self._door.heads.end(self)
            self._door.rests.end(self)
            self._head_came = False
            self._tell_broken_framing()
        elif self.rests and data.strip(b"\r\n"):
            # Empty lines before a head are allowed, and no head (RFC 9112 2.2). What
            # came of one in the packet of the request before is not seen here: then the
            # next byte counts as the first, or `keepalive_timeout` ends the wait.
            self._head_came = True
            if self not in self._door.heads:
                self._door.rests.end(self)
                self._door.heads.begin(self)

    def rest(self) -> None:
        """Nothing is to be answered: the next request is waited for."""
        if self not in self._door.heads:
            self._door.rests.begin(self)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what could not be parsed, as aiohttp found out."""
        if status != 400 or request.writer.output_size or self.transport is None:
            return super().handle_error(request, status, exc, message)
        # The name only: the message quotes what was received, credentials and all.
        return self._refuse(unparsed_reply(exc), type(exc).__name__)

    def _refuse(self, reply: Reply, why: str) -> Sent:
        """Answer what is no request, on a connection that is still there."""
        transport = self.transport
        assert transport is not None
        transport.write(rendered(reply))
        sent = Sent(reply.status, goes_on=False, problem=reply.problem)
        if self._door.unparsed is not None:
            self._door.unparsed(transport, sent, why)
        return sent

    def late(self) -> None:
        """The head has not come in time."""
        if self.transport is None:
            return
        if self._head_came:
            # Whoever has said nothing has asked nothing, and is owed no answer.
            self._refuse(_late_head(), "head not whole in time")
        self.force_close()

    def _tell_broken_framing(self) -> None:
        """aiohttp queues an error behind the request it broke: tell that one."""
        message = self._messages[-1][0]
        request = self._current_request
        if isinstance(message, RawRequestMessage) or request is None:
            return
        if not request.content.is_eof():
            request.content.set_exception(RequestPayloadError(message.message))


def _lines(terms: Terms) -> dict[str, int]:
    """How long lines of a head may be, for aiohttp."""
    return {"max_line_size": terms.header_limit, "max_field_size": terms.header_limit}


def _expects_tls() -> Reply:
    detail = "Plain HTTP is not spoken here: ask again with https."
    return problem_reply(400, "tls-expected", detail)


def _late_head() -> Reply:
    detail = "The head of the request was not whole in time."
    return problem_reply(408, "head-too-slow", detail)
