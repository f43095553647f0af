"""What a process has on its spool: the files, the locks, the clock, the others there.

Opened before anything is served and closed after everything else. The one invariant:
nothing in the spool is touched before this process is known to be one of those that may
work on it.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from proxy.config import Config
from proxy.core.errors import SpoolError
from proxy.peers import Peers
from proxy.register import Register
from proxy.register.memory import MemoryRegister
from proxy.register.place import forget
from proxy.spool.claims import Claims
from proxy.spool.clock import LifetimeClock, boot_id
from proxy.spool.disk import DiskSpool
from proxy.spool.figures import Figures
from proxy.spool.owner import Foothold, Owner
from proxy.spool.secret import secret_of
from proxy.spool.tiers import TieredSpool
from proxy.tasks import Tasks


class Premises:
    """One process's place on its spool.

    Raises:
        SpoolError: the spool cannot be used, or processes work on it that send uploads
            elsewhere.
    """

    def __init__(
        self,
        config: Config,
        tasks: Tasks,
        log: FilteringBoundLogger,
        place: Foothold | None = None,
    ) -> None:
        """`place`: of the process that has started this one; None: nobody has."""
        directory = _directory(config, place)
        boot = boot_id()
        self._directory = directory
        self._log = log
        self.disk = DiskSpool(directory, boot_id=boot, sync=config.spool.sync)
        self.spool = TieredSpool(
            self.disk,
            threshold=config.spool.memory_threshold,
            thresholds=_thresholds(config),
            shared=config.workers > 1,
            spawn=tasks.spawn,
            log=log,
        )
        self._boot = boot
        self._owner = (
            Owner(directory, *self._goes_by(config))
            if place is None
            else Owner.inherited(place)
        )
        try:
            # The directory may have gone just before: then another one was made.
            self._owner.place.check()
            self.disk.check()  # it knows the lock from now on
            self.claims = Claims(str(directory))
            self.peers = Peers(str(directory), tasks.spawn, log)
            self.clock = LifetimeClock(directory, boot_id=boot)
            self.figures = Figures(directory)
        except SpoolError:
            self._owner.release()
            raise
        if self.clock.damage is not None:
            log.error("lifetime clock lost", error=self.clock.damage)
        self.register = self._register(config)
        """Of open uploads."""

    def _register(self, config: Config) -> Register:
        if self._owner.was_alone:
            # What is left of those that were here counts uploads that may have ended.
            with suppress(OSError):
                forget(str(self._directory))
        if config.workers > 1:
            # Here: who is alone need not carry what it takes.
            from proxy.register.shared import SharedRegister

            return SharedRegister(str(self._directory), self._log)
        return MemoryRegister()

    def secret(self) -> bytes:
        """What is known to all processes here, and to no client.

        Raises:
            SpoolError: it cannot be read, or made.
        """
        return secret_of(self._directory)

    def _goes_by(self, config: Config) -> tuple[dict[str, str], dict[str, str]]:
        # Where the system does not tell its boot, each process takes another one's
        # uploads for those of an earlier boot: then there can be no other one.
        goes_by = {"origin": config.origin.url, "boot": self._boot}
        routes = {f"route {route.name}": route.origin.url for route in config.routes}
        return goes_by, routes

    @property
    def place(self) -> Foothold:
        """What a process that is started here has to be handed."""
        return self._owner.place

    def claim(self, config: Config) -> None:
        """Send uploads where `config` says, from now on.

        Raises:
            SpoolError: a process on the spool, none of ours, sends them elsewhere.
        """
        self._owner.change(*self._goes_by(config))

    def settle(self, config: Config) -> None:
        """Go by `config` from now on."""
        thresholds = _thresholds(config)
        self.spool.keep_up_to(config.spool.memory_threshold, thresholds)

    async def keep(self) -> None:
        """What has to be done now and then: by who sweeps, after each round."""
        await self._save_clock()
        await self.disk.keep_ballast()

    async def _save_clock(self) -> None:
        """Keep the moment, for the next boot."""
        try:
            await asyncio.to_thread(self.clock.save)
        except SpoolError as exc:
            self._log.error("lifetime clock not saved", error=str(exc))

    async def leave(self) -> None:
        """Be found no more, and give everything back."""
        await self.peers.close()
        await self._save_clock()
        self.spool.close()
        self.register.close()
        self.figures.close()
        self.claims.close()
        self._owner.release()


def _directory(config: Config, place: Foothold | None) -> Path:
    """Where the spool is, before anything is made there.

    Raises:
        SpoolError: it is not where the process has it that has started this one.
    """
    if place is None:
        # The operator may have put a link there; nothing below it may be one.
        return Path(os.path.realpath(config.spool.directory))
    place.check()
    return Path(place.directory)


def _thresholds(config: Config) -> dict[str, int]:
    """Bytes of the longest body that is kept in memory, by the names of the routes."""
    return {route.name: route.spool.memory_threshold for route in config.routes}
