"""The gate: from a connection that was accepted to one that speaks TLS.

Before the handshake nothing of a request exists; what waits here counts among the
connections there may be, and has the time of a head. The first byte tells TLS from a
request in plain HTTP, which is told so. TLS itself is the event loop's, put on the
connection here and not by the loop, which tells nobody of a handshake that fails. The
one invariant: `Door` makes a connection only when the handshake has succeeded.

Source: RFC 8446 "Record Layer": every TLS connection begins with a handshake record.
"""

from __future__ import annotations

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from dataclasses import dataclass
from socket import socket
from typing import Final, cast

from aiohttp import web

from .door import Connection, Door
from .replies import STALL_S

HANDSHAKE: Final = 0x16
"""The first byte of whoever speaks TLS."""
GOODBYE_S: Final = 2.0
"""Seconds that a client has to end TLS in order, once it has taken all that was said to
it; then it is ended without."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How connections come to speak TLS."""

    context: Callable[[], ssl.SSLContext]
    """Asked for every connection: certificates are renewed."""
    timeout_s: float
    """From its beginning until the handshake has succeeded."""
    failed: Callable[[str, str], None]
    """Told of each that did not come about: the peer's address, and why."""


class GateSite(web.SockSite):
    """A listener of the door's runner that speaks TLS."""

    def __init__(
        self,
        runner: web.BaseRunner,
        sock: socket,
        door: Door,
        terms: Terms,
        *,
        backlog: int,
    ) -> None:
        super().__init__(runner, sock, backlog=backlog)
        self._door = door
        self.terms = terms
        """Of the connections to come."""
        self._waiting: set[asyncio.Transport] = set()

    async def start(self) -> None:
        await web.BaseSite.start(self)
        self._server = await asyncio.get_running_loop().create_server(
            self._gate, sock=self._sock, backlog=self._backlog
        )

    @property
    def waiting(self) -> int:
        """Connections that were accepted and do not speak TLS yet."""
        return len(self._waiting)

    def end_waiting(self) -> None:
        """End those."""
        for transport in tuple(self._waiting):
            transport.abort()

    def _gate(self) -> asyncio.Protocol:
        if not self._door.admits():
            return _Unheard()
        return Gate(self._door, self.terms, self._waiting)


class Gate(asyncio.Protocol):
    """One connection, until it speaks TLS; then its end of that."""

    def __init__(
        self, door: Door, terms: Terms, waiting: set[asyncio.Transport]
    ) -> None:
        """`waiting`: all that are on their way to it."""
        self._door = door
        self._terms = terms
        self._waiting = waiting
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + terms.timeout_s
        self._peer = ""
        self._transport: asyncio.Transport | None = None
        """What was accepted; None once nothing is decided here any more."""
        self._timer: asyncio.TimerHandle | None = None
        self._is_shaking = False
        door.open += 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Casts: transports of other event loops look the same and share no ancestor.
        connection = cast("asyncio.Transport", transport)
        if self._is_shaking:
            self._passed(connection)
            return
        self._transport = connection
        self._waiting.add(connection)
        self._peer = (transport.get_extra_info("peername") or ("",))[0]
        self._timer = self._loop.call_at(self._until, connection.abort)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if self._timer is not None:
            self._timer.cancel()
        if data[0] == HANDSHAKE:
            self._shake(self._transport, data)
        else:
            transport = self._transport
            self._leave()
            self._door.refuse_plain(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        # Without a word: a probe of the port, or a connection made in advance.
        if self._timer is not None:
            self._timer.cancel()
        self._leave()

    def _shake(self, transport: asyncio.Transport, first: bytes) -> None:
        """Speak TLS on `transport`, on which `first` has come."""
        self._is_shaking = True
        left_s = max(0.001, self._until - self._loop.time())
        done = self._loop.create_future()
        done.add_done_callback(self._shaken)
        tls = _Patient(
            self._loop,
            self,
            self._terms.context(),
            done,
            server_side=True,
            # Seconds as the loop counts them, whatever the stubs say.
            ssl_handshake_timeout=cast("int", left_s),
            ssl_shutdown_timeout=cast("int", GOODBYE_S),
        )
        transport.set_protocol(tls)
        tls.connection_made(transport)
        while first:
            room = memoryview(tls.get_buffer(len(first)))
            count = min(len(room), len(first))
            room[:count] = first[:count]
            tls.buffer_updated(count)
            first = first[count:]

    def _passed(self, sealed: asyncio.Transport) -> None:
        """The handshake has succeeded, and nothing has been decrypted yet."""
        below = self._transport
        # Before the door counts it again, which finds room for it so.
        self._leave()
        connection = self._door()
        sealed.set_protocol(connection)
        connection.connection_made(sealed)
        if below is not None and isinstance(connection, Connection):
            connection.stand_on(below)

    def _shaken(self, done: asyncio.Future[None]) -> None:
        """It is over: `_passed` was told so, or there is no TLS."""
        exc = done.exception()
        if self._transport is not None:
            self._leave()
            self._terms.failed(self._peer, _why(exc))

    def _leave(self) -> None:
        if self._transport is not None:
            self._waiting.discard(self._transport)
            self._transport = None
            self._door.open -= 1


class _Patient(SSLProtocol):
    """TLS that does not end before the client has taken what was said last.

    The loop's own counts that time as part of the goodbye: of an answer with which the
    connection ends, who takes it slowly would lose what is not in the kernel by then.
    """

    _until: float | None = None
    """When the client has had time enough, in seconds of the loop; None before its
    goodbye is late."""

    def _check_shutdown_timeout(self) -> None:
        now = self._loop.time()
        self._until = until = self._until or now + STALL_S
        below = cast("asyncio.Transport | None", self._transport)
        if now < until and below is not None and below.get_write_buffer_size():
            again = self._check_shutdown_timeout
            self._shutdown_timeout_handle = self._loop.call_later(GOODBYE_S, again)
        else:
            # The stubs do not know it.
            super()._check_shutdown_timeout()  # type: ignore[misc]


class _Unheard(asyncio.Protocol):
    """A connection over the limit. Closed without a word, which would take a handshake,
    the dearest that there is to do for a connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).abort()


def _why(exc: BaseException | None) -> str:
    """In the words of the library, which never quote what was received."""
    match exc:
        case ssl.SSLError():
            return (exc.reason or "tls error").lower().replace("_", " ")
        case ConnectionAbortedError():
            return "not done in time"
        case _:
            return "the client has gone"
