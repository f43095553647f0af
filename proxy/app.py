"""One proxy in one process: the order of starting and stopping.

Starting serves first and recovers meanwhile. Stopping ends what can come back, lets
finish what cannot (``stopping``), and leaves a spool that says the truth at every
moment, so that being killed in the middle costs nothing that was promised. With several
workers each of them is one of these, on a socket that was handed to it, and so is their
supervisor, which only sweeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from socket import socket
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy import choices
from proxy import log as logs
from proxy.admin.glimpse import Hands
from proxy.certificates import Unusable
from proxy.config import Config
from proxy.core.errors import SpoolError
from proxy.core.room import Bounds, Space
from proxy.entrance import Entrance, Operated
from proxy.metrics.cells import Snapshot
from proxy.metrics.exposition import Page, exposed
from proxy.metrics.listeners import Listeners
from proxy.metrics.meters import Meters
from proxy.metrics.totals import added
from proxy.outfit import (
    CannotStart,
    access_logger_of,
    bound,
    check_files,
    logger_of,
    tracing_of,
)
from proxy.outlook import Outlook
from proxy.premises import Premises
from proxy.reload import Reload, Reloads, reloaded
from proxy.reloaded import CannotApply, Reloaded
from proxy.renewal import Renewals
from proxy.road import Road
from proxy.seal import Seal
from proxy.sockets import address_of
from proxy.spool.owner import Foothold
from proxy.stopping import end_work
from proxy.tasks import Tasks
from proxy.trimming import HEAP, Trimming
from proxy.wire import Door


@dataclass(frozen=True, slots=True)
class Part:
    """What one process does of the whole."""

    share: int = 1
    """Processes among which the bounds on all of them are divided."""
    sweeps: bool = True
    """It sweeps the spool, unless another process does."""
    place: Foothold | None = None
    """Of the process that has started this one; None: nobody has."""


WHOLE: Final = Part()


class App:
    """One proxy: start it, ask its addresses, stop it."""

    def __init__(
        self,
        config: Config,
        log: FilteringBoundLogger | None = None,
        part: Part = WHOLE,
        reload: Reload | None = None,
    ) -> None:
        """`reload`: how the configuration is read again; None: it is not, here.

        Raises:
            CannotStart: the log cannot be written.
        """
        self._config = config
        self._reload = reload
        self._part = part
        self._log = log or logger_of(config)
        self._access_log = access_logger_of(config, self._log)
        self._tracing = tracing_of(config, self._log)
        self._tasks = Tasks(self._log)
        self._draining = False
        self._stopping = False
        self.renewals = Renewals(self._tasks.spawn)
        """The certificates in use, that for clients first."""
        self._seal = Seal(self._log)

    @property
    def config(self) -> Config:
        """What we go by."""
        return self._config

    @property
    def addresses(self) -> list[str]:
        """Where clients are served, such as ``http://127.0.0.1:8080``."""
        return self._entrance.listening.addresses

    @property
    def admin_address(self) -> str | None:
        """Where operators ask; None when that is turned off."""
        return self._entrance.listening.admin_address

    async def start(self) -> None:
        """Serve, and recover what the spool holds meanwhile.

        Raises:
            CannotStart: the spool, an address or a certificate cannot be used.
        """
        check_files(self._config)
        public, admin = await bound(self._config)
        await self.start_on(public, admin, self)
        self.meters.workers(serving=lambda: 1)
        self._log.info("serving", addresses=self.addresses, admin=self.admin_address)

    async def start_on(
        self, public: list[socket], admin: list[socket], vitals: Operated
    ) -> None:
        """The same on sockets that listen already; `vitals` is what operators see.

        Raises:
            CannotStart: the spool or a certificate cannot be used.
        """
        try:
            self._seal.settle(self._config, self._seal.prepared(self._config))
            self._premises = Premises(
                self._config, self._tasks, self._log, self._part.place
            )
            self.meters = Meters(
                self._premises.clock.now, choices.route_names(self._config)
            )
            self._road = Road(
                self._config,
                self._premises,
                self._tasks,
                self._log,
                self.meters,
                access_log=self._access_log,
                share=self._part.share,
                spans=self._tracing,
            )
            await self._premises.peers.listen(self._road.courtesy)
        except (SpoolError, Unusable) as exc:
            for sock in [*public, *admin]:
                sock.close()
            raise CannotStart(self._why(exc)) from exc
        self._renew_certificates()
        self.meters.watch_certificates(self.renewals.ends)
        await self._serve_on(public, admin, vitals)
        self._tasks.spawn(self.meters.lag.run())
        self._tasks.spawn(Trimming(HEAP).run())
        if self._part.sweeps:
            self.meters.reloads(self._reload or Reloads())
            self._tasks.spawn(self._road.sweep.run())
            self._tasks.spawn(self._road.reckoning.run())

    def _why(self, exc: SpoolError | Unusable) -> str:
        """What keeps it from starting; of the spool, which one it is."""
        directory = self._config.spool.directory
        if isinstance(exc, Unusable) or str(directory) in str(exc):
            return str(exc)
        return f"the spool {directory} cannot be used: {exc}"

    @property
    def place(self) -> Foothold:
        """See ``Premises``."""
        return self._premises.place

    async def reload(self) -> Reloaded:
        """See ``Vitals``."""
        return await reloaded(self._reload, self, self._log)

    async def apply(self, config: Config) -> None:
        """Go by `config` from now on: requests and attempts that come. Those that have
        begun end as they began. What needs a restart must be as it was.

        Raises:
            CannotApply: nothing has changed.
        """
        if self._stopping:
            raise CannotApply("the proxy is stopping")
        settings = None
        try:
            sealing = self._seal.prepared(config)
            settings = self._road.prepared(config)
            if self._part.place is None:
                self._premises.claim(config)
        except (SpoolError, Unusable) as exc:
            if settings is not None:
                await settings.routing.discard()
            raise CannotApply(str(exc)) from exc
        # From here on nothing fails, and nobody else has a turn.
        self._config = config
        self._seal.settle(config, sealing)
        logs.change_level(self._log, config.log.level)
        self._premises.settle(config)
        self._road.settle(settings)
        self._entrance.settle(config)
        self._renew_certificates()

    def renew(self) -> None:
        """Nobody is to be replaced here; the same as `look`."""
        self.look()

    def look(self) -> None:
        """Look whether there are new certificates."""
        self.renewals.look()

    def reopen(self) -> None:
        """Write the log to the files that have its names now."""
        for exc in logs.reopen():
            self._log.error(
                "log not reopened", file=str(exc.filename), error=exc.strerror
            )

    async def begun(self) -> None:
        """Wait until clients are served: so they are, once it has been started."""

    async def is_well(self) -> bool:
        """Clients are being served: asked for on the event loop, by which they are."""
        return True

    def _renew_certificates(self) -> None:
        """From now on."""
        self.renewals.settle((*self._seal.renewals, *self._road.routing.renewals))

    async def stop(self) -> None:
        """End bodies durably, let forwards finish within the grace, close all."""
        await self.end_work()
        await self.close()

    def kill(self) -> None:
        """Nothing has to be ended before this process is."""

    async def end_work(self) -> None:
        """Begin nothing more; what cannot be taken up again may finish in time."""
        self._draining = self._stopping = True
        grace_s = self._config.shutdown_grace
        self._log.info("stopping", grace_s=grace_s, **self.counts)
        await end_work(
            self._entrance.listening,
            self._road,
            self._premises.spool,
            grace_s,
            self._log,
        )

    async def close(self) -> None:
        """Give everything back."""
        # In this order: who asks begins tasks, and those use what is visited.
        await self._entrance.listening.close()
        await self._tasks.cancel_all()
        self._entrance.give_back()
        await self._road.routing.close()
        await self._premises.leave()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)
        self._log.info("stopped")

    @property
    def draining(self) -> bool:
        return self._draining

    @property
    def counts(self) -> dict[str, int]:
        """How much there is of what stopping would wait for or cut."""
        return {
            "requests": self._road.presence.busy,
            "bodies": self._road.reception.bodies,
            "forwards": self._road.deliveries.in_flight,
        }

    async def in_flight(self) -> dict[str, int]:
        """See ``Vitals``."""
        return self.counts

    async def serving(self) -> bool:
        """See ``Vitals``."""
        return True

    async def spool_writable(self) -> bool:
        """See ``Vitals``."""
        return await self._premises.spool.writable()

    def spool_above_floor(self) -> bool:
        """See ``Vitals``."""
        return self._road.admission.above_floor

    async def metrics(self, accept: str) -> Page:
        """See ``Vitals``."""
        return exposed(await self.numbers(), accept)

    async def numbers(self) -> Snapshot:
        """See ``Watched``."""
        return added([self.meters.snapshot()])

    async def hands(self) -> list[Hands]:
        """See ``Watched``."""
        return [self.outlook.hands()]

    def space(self) -> tuple[Space, Bounds]:
        """See ``Watched``."""
        return self._road.admission.space(), self._road.admission.bounds

    def snapshot(self) -> Snapshot:
        """The numbers of this process."""
        return self.meters.snapshot()

    def drain(self) -> None:
        """Be unready, so that no new uploads are sent here; go on with what is."""
        if not self._draining:
            self._log.info("draining", **self.counts)
        self._draining = True

    def count_behind(self, shard: str) -> None:
        """See ``Road``."""
        self._road.count_behind(shard)

    def measures_with(self, others: Callable[[str], None]) -> None:
        """`others` have to do the same before anything is measured here."""
        self._road.reckoning.elsewhere = others

    def look_soon(self) -> None:
        """A process on the spool has died: look what it has left."""
        self._road.sweep.process_ended()
        self._road.reckoning.look_soon()

    async def _serve_on(
        self, public: list[socket], admin: list[socket], vitals: Operated
    ) -> None:
        self._entrance = Entrance(
            self._config,
            self._road.handle,
            self._seal.terms(self._config.header_timeout),
            share=self._part.share,
            audience=self.meters.requests,
            log=self._log,
            access_log=self._access_log,
        )
        self._watch(self._entrance.door, public)
        await self._entrance.listening.serve(public)
        await self._entrance.answer(
            self._config, vitals, admin, self.place, self._tasks.spawn
        )

    def _watch(self, door: Door, public: list[socket]) -> None:
        """Have what is just now counted, too, before any client comes."""
        listeners = Listeners((sock, address_of(sock)) for sock in public)
        self.meters.requests.listen(listeners)
        self.outlook = Outlook(
            self._premises,
            self._road,
            door,
            listeners,
            draining=lambda: self._draining,
            tells_space=self._part.sweeps,
        )
        self.meters.watch(self.outlook)
