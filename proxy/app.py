"""The only place where parts are chosen and joined; the order of starting and stopping.

Starting serves first and recovers meanwhile. Stopping ends what can come back (bodies:
their clients resume), lets finish what cannot (forwards), and leaves a spool that says
the truth at every moment, so that being killed in the middle costs nothing that was
promised.
"""

from __future__ import annotations

import asyncio
from socket import socket
from typing import Final

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from proxy import choices
from proxy.access import tell_crowded, tell_unparsed
from proxy.admin.listener import AdminHandler
from proxy.config import Config
from proxy.core.errors import SpoolError
from proxy.deliveries import Deliveries
from proxy.discovery import Discovery
from proxy.forward import Forward
from proxy.leases import LocalLeases
from proxy.ledger import Ledger
from proxy.log import logger
from proxy.origin import Origin
from proxy.reception import Reception
from proxy.relay import Relay
from proxy.server import Server
from proxy.sockets import BACKLOG, CannotListen, address_of, listening_socket
from proxy.spool.clock import LifetimeClock, boot_id
from proxy.spool.disk import DiskSpool
from proxy.spool.owner import Owner
from proxy.standings import Standings
from proxy.sweep import Sweep
from proxy.tally import Tally
from proxy.tasks import Tasks
from proxy.upkeep import Upkeep
from proxy.uploads import Uploads
from proxy.wire import Door

ADMIN_KEEPALIVE_S: Final = 15.0


class CannotStart(Exception):
    """The proxy cannot be started; the message says what is in the way."""


class App:
    """One proxy: start it, ask its addresses, stop it."""

    def __init__(self, config: Config, log: FilteringBoundLogger | None = None) -> None:
        self._config = config
        self._log = log or logger(config.log.level, config.log.format)
        self._tasks = Tasks(self._log)
        self._draining = False
        self.addresses: list[str] = []
        """Where clients are served, such as ``http://127.0.0.1:8080``."""
        self.admin_address: str | None = None
        """Where operators ask; None when that is turned off."""

    async def start(self) -> None:
        """Serve, and recover what the spool holds meanwhile.

        Raises:
            CannotStart: the spool or an address cannot be used.
        """
        try:
            sockets = self._bind()
            self._build()
        except (SpoolError, CannotListen) as exc:
            raise CannotStart(str(exc)) from exc
        await self._serve_on(*sockets)
        self._tasks.spawn(self._sweep.run())
        self._log.info("serving", addresses=self.addresses, admin=self.admin_address)

    async def stop(self) -> None:
        """End bodies durably, let forwards finish within the grace, close all."""
        grace_s = self._config.shutdown_grace
        deadline = asyncio.get_running_loop().time() + grace_s
        self._draining = True
        self._log.info("stopping", grace_s=grace_s, **self.in_flight)
        self._server.closing = True
        for site in list(self._runner.sites):
            await site.stop()
        self._reception.stop()
        await self._deliveries.stop(grace_s)
        await self._answered(deadline)
        await self._tasks.cancel_all()
        await self._runner.cleanup()
        await self._admin.cleanup()
        await self._origin.close()
        await self._save_clock()
        self._spool.close()
        self._owner.release()
        self._log.info("stopped")

    async def _answered(self, deadline: float) -> None:
        """Wait until the requests that are still being answered have been."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._server.idle.wait()
        except TimeoutError:
            self._log.warning("requests cut by stopping", requests=self._server.busy)

    @property
    def draining(self) -> bool:
        return self._draining

    @property
    def in_flight(self) -> dict[str, int]:
        return {
            "requests": self._server.busy,
            "bodies": self._reception.bodies,
            "forwards": self._deliveries.in_flight,
        }

    async def spool_writable(self) -> bool:
        return await self._spool.writable()

    def drain(self) -> None:
        """Be unready, so that no new uploads are sent here; go on with what is."""
        if not self._draining:
            self._log.info("draining", **self.in_flight)
        self._draining = True

    def _build(self) -> None:
        """Make the parts, from the disk up.

        Raises:
            SpoolError: the spool cannot be used, or another process does.
        """
        config, log = self._config, self._log
        self._open_spool()
        self._origin = Origin(
            config.origin.url,
            connect_timeout_s=config.origin.connect_timeout,
            response_timeout_s=config.origin.response_timeout,
        )
        tally = Tally(config.uploads.max_per_client)
        ledger = Ledger(self._spool, self._clock.now, log, tally)
        terms = choices.forward_terms(config)
        self._deliveries = Deliveries(
            Forward(self._spool, ledger, self._origin, terms, log),
            ledger,
            retry_for_s=config.origin.retry_for,
            max_forwards=config.origin.max_forwards,
            spawn=self._tasks.spawn,
            log=log,
        )
        self._build_road(ledger)

    def _open_spool(self) -> None:
        directory, boot = self._config.spool.directory, boot_id()
        self._spool = DiskSpool(directory, boot_id=boot, sync=self._config.spool.sync)
        self._owner = Owner(directory)
        self._clock = LifetimeClock(directory, boot_id=boot)
        if self._clock.damage is not None:
            self._log.error("lifetime clock lost", error=self._clock.damage)

    def _build_road(self, ledger: Ledger) -> None:
        """What clients walk on, and what is done when none does."""
        spool, log, config = self._spool, self._log, self._config
        leases = LocalLeases()
        standings = Standings(spool, ledger, self._deliveries, log)
        self._reception = Reception(spool, spool, ledger, self._tasks.spawn, log)
        uploads = Uploads(
            spool=spool,
            ledger=ledger,
            leases=leases,
            deliveries=self._deliveries,
            standings=standings,
            reception=self._reception,
            terms=choices.upload_terms(config),
            log=log,
        )
        upkeep = Upkeep(
            spool=spool,
            ledger=ledger,
            leases=leases,
            deliveries=self._deliveries,
            standings=standings,
            keep_answer_s=config.uploads.keep_answer,
            finish_stalled_after_s=config.uploads.finish_stalled_after,
        )
        self._server = self._make_server(uploads)
        self._sweep = Sweep(spool, upkeep, after_round=self._save_clock, log=log)

    def _make_server(self, uploads: Uploads) -> Server:
        config = self._config
        dialects = choices.dialects(config)
        passage = choices.passage(config, self._origin.authority)
        return Server(
            dialects=dialects,
            uploads=uploads,
            relay=Relay(
                self._origin,
                passage,
                idle_timeout_s=config.uploads.idle_timeout,
                minimum_rate=config.uploads.minimum_rate,
            ),
            discovery=Discovery(
                dialects,
                choices.limits(config),
                choices.rules(config),
                config.cors.allow_origins,
            ),
            manners=choices.manners(config, self._log),
            passage=passage,
            log=self._log,
        )

    def _bind(self) -> tuple[list[socket], list[socket]]:
        """Sockets for clients, and for operators if they are to have one.

        Raises:
            CannotListen: an address cannot be used.
        """
        admin = self._config.admin
        addresses = [*self._config.listen, *([admin.listen] if admin else [])]
        bound: list[socket] = []
        try:
            bound.extend(map(listening_socket, addresses))
        except CannotListen:
            for sock in bound:
                sock.close()
            raise
        count = len(self._config.listen)
        return bound[:count], bound[count:]

    async def _serve_on(self, public: list[socket], admin: list[socket]) -> None:
        door = Door(
            self._server,
            keepalive_timeout_s=self._config.keepalive_timeout,
            header_timeout_s=self._config.header_timeout,
            header_limit=self._config.header_limit,
            max_connections=self._config.max_connections,
            unparsed=tell_unparsed(self._log),
            crowded=tell_crowded(self._log),
        )
        operators = web.Server(AdminHandler(self), keepalive_timeout=ADMIN_KEEPALIVE_S)
        self._runner, self.addresses = await _serving(door, public)
        self._admin, found = await _serving(operators, admin)
        self.admin_address = found[0] if found else None

    async def _save_clock(self) -> None:
        try:
            await asyncio.to_thread(self._clock.save)
        except SpoolError as exc:
            self._log.error("lifetime clock not saved", error=str(exc))


async def _serving(
    server: web.Server, sockets: list[socket]
) -> tuple[web.ServerRunner, list[str]]:
    """`server` on every one of `sockets`, and where they can be reached."""
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    for sock in sockets:
        await web.SockSite(runner, sock, backlog=BACKLOG).start()
    return runner, [address_of(sock) for sock in sockets]
