"""Where clients come in to one process, and operators ask: door, listeners and page.

Made from the configuration, and set when that changes. What is behind the door is
nothing of this. The one invariant: the bounds on all processes are divided here, so
that all doors together keep them.
"""

from __future__ import annotations

from socket import socket
from typing import TYPE_CHECKING, Final, Protocol

from structlog.typing import FilteringBoundLogger

from proxy import choices
from proxy.access import Audience, tell_crowded, tell_unparsed
from proxy.admin.glimpse import Watched
from proxy.admin.listener import AdminHandler, Vitals
from proxy.config import Config
from proxy.listening import Listening
from proxy.spool.owner import Foothold
from proxy.tasks import Spawn
from proxy.wire import Door, DoorTerms, Handler, TlsTerms

if TYPE_CHECKING:
    from proxy.admin.desk import Desk
    from proxy.admin.watcher import Watcher

_AT_ONCE: Final = 256
"""Connections of a crowd that are accepted before clients who are in are served on:
some milliseconds."""
_AT_ONCE_BESIDE_OTHERS: Final = 8
"""The same in one of several processes: else the first to wake up would serve all of a
crowd."""


class Operated(Vitals, Watched, Protocol):
    """What operators ask, and look at."""


class Entrance:
    """That of one process."""

    def __init__(
        self,
        config: Config,
        handler: Handler,
        tls: TlsTerms | None,
        *,
        share: int,
        audience: Audience,
        log: FilteringBoundLogger,
        access_log: FilteringBoundLogger,
    ) -> None:
        """`handler`: answers requests of clients. `share`: processes among which the
        bounds on all of them are divided. `tls`, `access_log`: see ``Listening`` and
        ``Road``."""
        self._share = share
        self._log = log
        self._watcher: Watcher | None = None
        self.door = Door(
            handler,
            self._terms(config),
            unparsed=tell_unparsed(access_log, audience),
            crowded=tell_crowded(log, audience=audience),
        )
        at_once = _AT_ONCE if share == 1 else _AT_ONCE_BESIDE_OTHERS
        self.listening = Listening(self.door, tls, at_once)

    def settle(self, config: Config) -> None:
        """Go by `config` from now on."""
        self.door.settle(self._terms(config))
        self.listening.settle(timeout_s=config.header_timeout)

    def _terms(self, config: Config) -> DoorTerms:
        """Of this door, which has its share of all connections."""
        return DoorTerms(
            keepalive_timeout_s=config.keepalive_timeout,
            header_timeout_s=config.header_timeout,
            header_limit=config.header_limit,
            max_connections=max(1, config.max_connections // self._share),
        )

    async def answer(
        self,
        config: Config,
        vitals: Operated,
        admin: list[socket],
        spool: Foothold,
        spawn: Spawn,
    ) -> None:
        """Answer operators from now on; with the page, if there is to be one. `spool`:
        as its owner has it."""
        desk = self._desk(config, vitals, spool, spawn) if admin else None
        handler = AdminHandler(vitals, desk, choices.admin_hosts(config))
        await self.listening.answer(handler, admin)

    def _desk(
        self, config: Config, watched: Watched, spool: Foothold, spawn: Spawn
    ) -> Desk | None:
        """Of the uploads page; None where there is to be none."""
        terms = choices.page(config)
        if terms is None:
            return None
        # Here: workers have none, and need not carry what it takes.
        from proxy.admin.desk import Desk
        from proxy.admin.watcher import Watcher

        self._watcher = Watcher(watched, spool, config.spool.sync, spawn, self._log)
        return Desk(self._watcher, terms)

    def give_back(self) -> None:
        """What the page has of the spool, once no task is left that uses it."""
        if self._watcher is not None:
            self._watcher.close()
