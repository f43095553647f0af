"""Several workers as one proxy: bound, watched, counted and stopped in one place.

The supervisor binds the sockets and hands them on, so that a worker that dies loses
nothing of what waits to be accepted. Operators ask it alone. It sweeps and recovers
itself, by the same parts as everybody: what a dead worker has left needs no other
worker. It serves no client.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.admin.glimpse import Hands
from proxy.app import App, Part
from proxy.config import Config
from proxy.core.room import Bounds, Space
from proxy.metrics.cells import Snapshot
from proxy.metrics.exposition import Page, exposed
from proxy.outfit import bound, check_files, logger_of
from proxy.reload import Reload, reloaded
from proxy.reloaded import Reloaded
from proxy.sockets import address_of
from proxy.workforce import Workforce

OURS: Final = 1
"""Part of the bounds on all processes that the supervisor keeps for itself."""


class Supervisor:
    """The proxy, as far as operators and signals are concerned."""

    def __init__(
        self,
        config: Config,
        log: FilteringBoundLogger | None = None,
        reload: Reload | None = None,
    ) -> None:
        """`reload`: see ``App``."""
        self._config = config
        self._reload = reload
        self._log = log or logger_of(config)
        share = config.workers + OURS
        self._app = App(config, self._log, Part(share=share), reload)
        self._workforce = Workforce(
            config, share=share, lost=self._app.look_soon, log=self._log
        )
        self.addresses: list[str] = []
        """See ``App``."""

    async def start(self) -> None:
        """Bind, sweep, and have the workers serve.

        Raises:
            CannotStart: the spool, an address or a certificate cannot be used.
        """
        check_files(self._config)
        self._public, admin = await bound(self._config)
        await self._app.start_on([], admin, self)
        self._app.meters.workers(
            serving=lambda: self._workforce.serving, died=lambda: self._workforce.died
        )
        self._app.measures_with(self._workforce.count_behind)
        self._workforce.start(self._public, self._app.place)
        tls = self._config.tls.certificate is not None
        self.addresses = [address_of(sock, tls=tls) for sock in self._public]
        self._log.info(
            "serving",
            addresses=self.addresses,
            admin=self._app.admin_address,
            workers=self._config.workers,
        )

    async def stop(self) -> None:
        """Stop the workers and what is done here, at the same time, then close."""
        grace_s = self._config.shutdown_grace
        await asyncio.gather(self._workforce.stop(grace_s), self._app.end_work())
        await self._app.close()

    @property
    def config(self) -> Config:
        """See ``App``."""
        return self._config

    async def reload(self) -> Reloaded:
        """See ``Vitals``."""
        return await reloaded(self._reload, self, self._log)

    async def apply(self, config: Config) -> None:
        """See ``App``: here first, where it may fail, then in all workers. One that
        cannot is replaced.

        Raises:
            CannotApply: nothing has changed.
        """
        await self._app.apply(config)
        self._config = config
        await self._workforce.settle(config)

    def look(self) -> None:
        """See ``App``: in all processes."""
        self._app.look()
        self._workforce.look()

    def renew(self) -> None:
        """Replace one worker after the other, soon, with what files say by then."""
        self._app.renew()
        self._workforce.renew()

    def reopen(self) -> None:
        """See ``App``: in all processes."""
        self._app.reopen()
        self._workforce.reopen()

    async def begun(self) -> None:
        """See ``App``: by one worker at least."""
        await self._workforce.begun()

    async def is_well(self) -> bool:
        """See ``App``: of this process and one worker at least."""
        return await self._workforce.is_awake()

    def kill(self) -> None:
        """End the workers at once."""
        self._workforce.kill()

    @property
    def draining(self) -> bool:
        """See ``Vitals``."""
        return self._app.draining

    async def in_flight(self) -> dict[str, int]:
        """See ``Vitals``: of all processes together."""
        total = Counter(self._app.counts)
        for counts in await self._workforce.count():
            total.update(counts)
        return dict(total)

    async def metrics(self, accept: str) -> Page:
        """See ``Vitals``: of all processes together."""
        return exposed(await self.numbers(), accept)

    async def numbers(self) -> Snapshot:
        """See ``Watched``."""
        reports = self._workforce.reports
        await reports.ask()
        return reports.with_ours(self._app.snapshot())

    async def hands(self) -> list[Hands]:
        """See ``Watched``: this process sends on what dead workers have left."""
        return [self._app.outlook.hands(), *await self._workforce.hands()]

    def space(self) -> tuple[Space, Bounds]:
        """See ``Watched``."""
        return self._app.space()

    async def serving(self) -> bool:
        """See ``Vitals``."""
        return self._workforce.serving > 0

    async def spool_writable(self) -> bool:
        """See ``Vitals``."""
        return await self._app.spool_writable()

    def spool_above_floor(self) -> bool:
        """See ``Vitals``."""
        return self._app.spool_above_floor()

    def drain(self) -> None:
        """See ``Vitals``."""
        self._app.drain()
        self._workforce.drain()
