"""How a connection to the origin comes about: TCP, a unix socket, TLS over TCP.

Names are looked up by the loop and remembered for some seconds. Of several addresses
the one that worked last is tried first, then the others, each for its share of the
time. The one invariant: what fails here is ``OriginUnreached``, for nothing has left.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from typing import Any, Final

from proxy.core.errors import OriginUnreached

from .connection import Connection
from .failures import Failure, NotConnectedError, said
from .observer import NOBODY, Observer

REMEMBERED_S: Final = 10.0
"""Seconds for which an address is believed: an origin that has moved is found soon, and
one that is busy costs no look-up for each request."""

_Address = tuple[int, int, int, str, Any]
"""One of getaddrinfo's results: family, type, protocol, name, address."""


class Dialer:
    """Connects to one origin."""

    def __init__(
        self,
        unix_path: str | None,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        *,
        server_name: str | None = None,
        connect_timeout_s: float,
        silence_s: float,
        observer: Observer = NOBODY,
    ) -> None:
        """`unix_path`: None for `host` and `port`. `tls`: None without. `server_name`:
        whom to expect by it; None: `host`.

        `silence_s`: how long the origin may say nothing when it is its turn.
        """
        self._unix_path = unix_path
        self._host = host
        self._port = port
        self._tls = tls
        self._server_name = server_name or host
        self._timeout_s = connect_timeout_s
        self._silence_s = silence_s
        self._observer = observer
        self.open: set[Connection] = set()
        """All that came about here and have not ended."""
        self._addresses: list[_Address] = []
        self._believed_until = 0.0

    @property
    def is_local(self) -> bool:
        """To a unix socket."""
        return self._unix_path is not None

    async def dial(self, route: str) -> Connection:
        """A new connection, for a request that takes `route`.

        Raises:
            OriginUnreached: none came about in time.
        """
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = await self._dial()
        except OSError as exc:
            failed = NotConnectedError(_failure(exc), said(exc))
            self._observer.failed(failed.failure, route, reached=False)
            raise OriginUnreached(str(failed)) from failed
        self._observer.connected(time.monotonic() - began)
        return connection

    async def _dial(self) -> Connection:
        if self._unix_path is not None:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_unix_connection(
                self._connection, self._unix_path
            )
            return connection
        failure: OSError | None = None
        addresses = await self._looked_up()
        for address in addresses:
            try:
                async with asyncio.timeout(self._timeout_s / len(addresses)):
                    connection = await self._dial_to(address)
            except OSError as exc:
                failure = exc
                continue
            self._addresses.sort(key=lambda one: one is not address)
            return connection
        self._believed_until = 0.0
        raise failure or OSError("the name has no address")

    async def _dial_to(self, address: _Address) -> Connection:
        loop = asyncio.get_running_loop()
        family, kind, protocol, _, where = address
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, where)
            _, connection = await loop.create_connection(
                self._connection,
                sock=sock,
                ssl=self._tls,
                server_hostname=None if self._tls is None else self._server_name,
            )
        except BaseException:  # cancelled too: the socket is nobody's yet
            sock.close()
            raise
        return connection

    async def _looked_up(self) -> list[_Address]:
        loop = asyncio.get_running_loop()
        if loop.time() >= self._believed_until:
            self._addresses = await self._look_up(loop)
            self._believed_until = loop.time() + REMEMBERED_S
        return list(self._addresses)

    async def _look_up(self, loop: asyncio.AbstractEventLoop) -> list[_Address]:
        what = (self._host, self._port)
        try:
            # An address as it stands needs no thread to look it up.
            return list(
                socket.getaddrinfo(
                    *what, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
                )
            )
        except socket.gaierror:
            return list(await loop.getaddrinfo(*what, type=socket.SOCK_STREAM))

    def _connection(self) -> Connection:
        return Connection(self._silence_s, self.open)


def _failure(exc: OSError) -> Failure:
    match exc:
        case TimeoutError():
            return Failure.CONNECTION_TIMEOUT
        case socket.gaierror():
            return Failure.DNS_ERROR
        case ssl.SSLCertVerificationError():
            return Failure.TLS_CERTIFICATE_ERROR
        case ssl.SSLError():
            return Failure.TLS_PROTOCOL_ERROR
        case _:
            return Failure.CONNECTION_REFUSED
