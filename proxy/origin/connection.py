"""One connection to the origin, between the socket and aiohttp's parser.

aiohttp's client protocol reads heads and content, with its limits and back-pressure;
what it does not note is added here: whether anything was heard, how the connection
ended, and what of a request that was missed the origin can have seen. The one
invariant: a connection is used again only when the origin's kernel is known to have
taken all that was sent on it, so that what it takes next can be told apart.
"""

from __future__ import annotations

import asyncio
import select
import socket
import struct
from asyncio.trsock import TransportSocket
from collections.abc import Callable
from typing import Final

from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader

from proxy.core.errors import OriginLost

from .evidence import taken
from .hearing import Hearing
from .sessions import LINE_LIMIT, LINES_LIMIT
from .silence import Silence

_THROW_AWAY: Final = struct.pack("ii", 1, 0)
"""For SO_LINGER: close by a reset, and send nothing any more."""
_HEARD_OR_ENDED: Final = select.POLLIN | getattr(select, "POLLRDHUP", 0)


class Connection(Hearing):
    """One connection, for one request after the other."""

    def __init__(self, silence_s: float, among: set[Connection]) -> None:
        """`silence_s`: how long the origin may say nothing when it is its turn.
        `among`: all that there are, this one too while it is open."""
        super().__init__(asyncio.get_running_loop())
        self._silence_s = silence_s
        self._silence = Silence(silence_s, self._on_read_timeout)
        self._among = among
        self._sock: TransportSocket | None = None
        """None before it is open."""
        self.is_sealed = False
        """It speaks TLS."""
        self._poll = select.poll()
        self._at_first = 0
        self._settled: int | None = None
        """What had been taken before this request; None when it is the first here."""
        self._heard = False
        self._missed = False
        self.is_unasked = False
        """What was heard first was said before the origin's kernel had taken anything
        of the request: it answers nothing."""
        self.handed = 0
        """Bytes of all requests that were handed on here."""
        self.left_at: float | None = None
        """When the origin ended it, in the time of the loop; None while it has not."""
        self._is_given_up = False
        self.on_room: Callable[[], None] | None = None
        """Called when the transport, having been full, takes more."""
        self.on_end: Callable[[], None] | None = None
        """Called when it is over."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._among.add(self)
        self._sock = transport.get_extra_info("socket")
        self.is_sealed = transport.get_extra_info("sslcontext") is not None
        self._poll.register(self.fileno(), _HEARD_OR_ENDED)
        at_first = taken(self._socket())
        self._at_first = at_first.accepted if at_first else 0

    def data_received(self, data: bytes) -> None:
        if data and not self._heard:
            self._heard = True
            # Asked now: the kernel may take the request before anybody reads this.
            self.is_unasked = self._took_nothing()
        super().data_received(data)

    def eof_received(self) -> None:
        # Asked now, while there is a socket to ask.
        self._missed = not self._heard and self._took_nothing()
        super().eof_received()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.on_room is not None:
            self.on_room()

    def resume_reading(self, resume_parser: bool = True) -> None:
        # Said after every read; nothing waits to be parsed where nothing was paused.
        if self._reading_paused or self._buffer_paused:
            super().resume_reading(resume_parser)

    def _reschedule_timeout(self) -> None:
        self._silence.begin()

    def _drop_timeout(self) -> None:
        self._silence.end()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._among.discard(self)
        if not self._is_given_up:
            self.left_at = self._loop.time()
        if self.on_end is not None:
            self.on_end()
        super().connection_lost(exc)
        self._silence.close()

    @property
    def reused(self) -> bool:
        """It has carried a request before the one it is for now."""
        return self._settled is not None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that it is of."""
        return self._loop

    @property
    def is_open(self) -> bool:
        """It can take a request, as far as we have heard."""
        return self.is_connected() and not self.should_close

    def is_quiet(self) -> bool:
        """It is open, and the origin has said nothing since, not even to the kernel."""
        if not self.is_open or self._heard:
            return False
        return not self._poll.poll(0)

    def open_transport(self) -> asyncio.Transport:
        """The transport of a connection that is open."""
        assert self.transport is not None
        return self.transport

    def fileno(self) -> int:
        """The number of the socket of a connection that is open."""
        return self._socket().fileno()

    def expect(self, method: str) -> None:
        """The next head answers a request of `method`, which is now to be sent."""
        self._heard = self._missed = self.is_unasked = False
        self._is_its_turn = False
        self.set_response_params(
            skip_payload=method == "HEAD",
            read_until_eof=True,
            auto_decompress=False,
            read_timeout=self._silence_s,
            max_line_size=LINE_LIMIT,
            max_field_size=LINE_LIMIT,
            max_headers=LINES_LIMIT,
        )

    async def answer(self) -> tuple[RawResponseMessage, StreamReader]:
        """The final head, and the content that follows it.

        Raises:
            ClientError, HttpProcessingError, OSError: there was none.
            OriginLost: the origin changes to a protocol that nobody asked for.
        """
        while True:
            message, content = await self.read()
            if message.code == 101:
                raise OriginLost("http_protocol_error: an upgrade nobody asked for")
            if not 100 <= message.code < 200:
                return message, content

    def missed(self, *, all_left: bool) -> bool:
        """`was_left`, and surely before it had the request that was sent since.

        `all_left`: the kernel has taken the whole of that request.
        """
        return self.was_left and (self._missed or not all_left)

    @property
    def was_left(self) -> bool:
        """The origin ended this connection of an earlier request, without a word."""
        return self.reused and not self._heard and self.left_at is not None

    def settle(self) -> bool:
        """The answer has come to its end: True when the connection may be used again.

        That the count has grown by what was sent is proof that the kernel counts.
        """
        if not self.is_open:
            return False
        now = taken(self._socket())
        if now is None or not now.all_of_it:
            return False
        self._drop_timeout()
        self._heard = False
        self._settled = now.accepted
        return now.accepted - self._at_first >= self.handed

    def give_up(self, why: Exception) -> None:
        """End it at once; who waits for an answer is told `why`."""
        self.set_exception(why)
        self.end()

    def end(self) -> None:
        """End it at once; what a transport has not sent yet is not sent any more."""
        self._is_given_up = True
        if self.transport is not None:
            self.transport.abort()

    def throw_away(self) -> None:
        """End it, and let not even the kernel send any more of what it has."""
        if self.transport is not None:
            self._socket().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _THROW_AWAY)
            self.end()

    def _took_nothing(self) -> bool:
        """This has carried a request before, and since the answer to that the origin's
        kernel has taken nothing."""
        if self._settled is None:
            return False
        now = taken(self._socket())
        return now is not None and now.accepted == self._settled

    def _socket(self) -> TransportSocket:
        assert self._sock is not None
        return self._sock
