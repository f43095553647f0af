"""The listeners of one process: where clients are served, and where operators ask.

Both are given sockets that listen already, which may be another process's too. The one
invariant: what operators can ask is answered on their own sockets only.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from socket import socket
from typing import Final

from aiohttp import web

from proxy.admin.listener import AdminHandler
from proxy.sockets import BACKLOG, address_of, takes_tls
from proxy.wire import Door, GateSite, TlsTerms

ADMIN_KEEPALIVE_S: Final = 15.0
GREETING_S: Final = 1.0
"""Seconds in which a client that has connected says what it wants: some round trips.
One that has connected in advance does not, and finds the connection ended."""
LOOK_S: Final = 0.01
"""Between two looks whether all have."""


class Listening:
    """One for the process."""

    def __init__(self, door: Door, seal: TlsTerms | None, at_once: int) -> None:
        """`seal`: how clients by TCP are spoken to with TLS; None: without. `at_once`:
        connections that are accepted before others have a chance."""
        self._door = door
        self._seal = seal
        self._at_once = at_once
        self._gates: list[GateSite] = []
        self._public: list[socket] = []
        self._admin: web.ServerRunner | None = None
        self.addresses: list[str] = []
        """Where clients are served, such as ``http://127.0.0.1:8080``."""
        self.admin_address: str | None = None
        """Where operators ask; None when that is turned off."""

    async def serve(self, public: list[socket]) -> None:
        """Serve clients from now on."""
        self._runner = await _running(self._door)
        self._public = public
        for sock in public:
            await _listen(self._site(sock), sock)
        tls = self._seal is not None
        self.addresses = [address_of(sock, tls=tls) for sock in public]

    async def answer(self, handler: AdminHandler, admin: list[socket]) -> None:
        """Answer operators from now on."""
        self._admin = await _running(
            web.Server(handler, keepalive_timeout=ADMIN_KEEPALIVE_S)
        )
        for sock in admin:
            site = web.SockSite(self._admin, sock, backlog=self._at_once)
            await _listen(site, sock)
            self.admin_address = address_of(sock)

    def settle(self, *, timeout_s: float) -> None:
        """Give clients that come from now on so long until TLS is spoken."""
        for gate in self._gates:
            gate.terms = replace(gate.terms, timeout_s=timeout_s)

    async def accept_no_more(self) -> None:
        """No client from now on, and no more than an answer on each connection;
        operators are answered still."""
        self._door.closes = True
        # First no more is accepted: of what was just now the event loop makes a
        # connection in its next turn, and forgets it where the listener has gone.
        for sock in self._public:
            asyncio.get_running_loop().remove_reader(sock)
        await asyncio.sleep(0)
        for site in list(self._runner.sites):
            await site.stop()

    async def hear_out(self, most_s: float = GREETING_S) -> None:
        """Wait for what those want who have just been let in, up to `most_s` seconds:
        soon they have said it, and whoever has connected counts on an answer."""
        loop = asyncio.get_running_loop()
        until = loop.time() + most_s
        # first, until what was accepted last has become a connection
        await asyncio.sleep(LOOK_S)
        # an event would have to be looked after with every request
        while self._greeted_by() and loop.time() < until:  # noqa: ASYNC110 - see above
            await asyncio.sleep(LOOK_S)

    async def see_out(self, most_s: float) -> None:
        """Wait until clients have taken what was said to them, up to `most_s` seconds:
        what the kernel has not got yet would be gone with us."""
        loop = asyncio.get_running_loop()
        until = loop.time() + most_s
        # as above: an event would cost something with every write
        while self._door.has_unsent and loop.time() < until:  # noqa: ASYNC110 - see above
            await asyncio.sleep(LOOK_S)

    def _greeted_by(self) -> int:
        """Connections of which we do not know yet what they want."""
        return len(self._door.heads) + sum(gate.waiting for gate in self._gates)

    async def close(self) -> None:
        """End all connections."""
        for gate in self._gates:
            gate.end_waiting()
        await self._runner.cleanup()
        if self._admin is not None:
            await self._admin.cleanup()

    def _site(self, sock: socket) -> web.SockSite:
        """Where clients that come by `sock` are served."""
        if self._seal is None or not takes_tls(sock):
            return web.SockSite(self._runner, sock, backlog=self._at_once)
        gate = GateSite(
            self._runner, sock, self._door, self._seal, backlog=self._at_once
        )
        self._gates.append(gate)
        return gate


async def _running(server: web.Server) -> web.ServerRunner:
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    return runner


async def _listen(site: web.SockSite, sock: socket) -> None:
    await site.start()
    # The loop means one number by how many may wait and how many it takes at once.
    sock.listen(BACKLOG)
