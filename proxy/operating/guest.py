"""A process that visits a spool: it serves nobody, and is gone in a moment.

It looks without a lock, and changes something only under the same locks as the proxy's
own processes, which go on meanwhile. It never becomes an owner, so it neither holds up
a proxy that starts nor is held up by where a running one sends its uploads. The one
invariant: a guest is the user that the spool belongs to; a file of anybody else would
shut the proxy out.
"""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from proxy.core.errors import SpoolError
from proxy.core.upload import Token
from proxy.elsewhere import Elsewhere
from proxy.ledger import Ledger
from proxy.log import silent
from proxy.peers import Peers
from proxy.shared_leases import SharedLeases
from proxy.spool.claims import Claims, TokenLocks
from proxy.spool.clock import LifetimeClock, boot_id
from proxy.spool.disk import DiskSpool, Sync
from proxy.spool.figures import Figures
from proxy.spool.looks import Looks
from proxy.spool.owner import living
from proxy.spool.threads import DiskThreads
from proxy.tasks import Tasks


class Guest:
    """A visit to the spool in `directory`, to look at it. `reached`: the path by which
    it is reached, where that is not its own.

    Raises:
        SpoolError: there is none, it belongs to another user, or cannot be read.
    """

    def __init__(self, directory: Path, reached: str | None = None) -> None:
        self.directory = os.path.realpath(directory)
        """What it is called."""
        root = self._root = reached or self.directory
        self.boot_id = boot_id()
        self._goes_by = living(Path(root))
        _check_user(self.directory, Path(root, "lock").stat().st_uid)
        self.looks = Looks(root, boot_id=self.boot_id)
        self._clock = LifetimeClock(root, boot_id=self.boot_id)
        self._claims = Claims(root)

    @property
    def is_served(self) -> bool:
        """A proxy works on the spool."""
        return self._goes_by is not None

    def now(self) -> float:
        """Seconds of the lifetime clock."""
        return self._clock.now()

    def wall(self, moment: float) -> float:
        """A moment of the lifetime clock as seconds of the wall clock, as that is set
        now."""
        return time.time() - (self.now() - moment)

    def is_received(self, token: Token) -> bool:
        """A process of the proxy works on the upload's bytes or record just now."""
        return self._claims.leases.is_taken(token)

    def is_delivered(self, token: Token) -> bool:
        """One sends it on, or waits to."""
        return self._claims.deliveries.is_taken(token)

    @asynccontextmanager
    async def rights(self, sync: Sync) -> AsyncIterator[Rights]:
        """What it takes to change something. `sync`: as the proxy is told.

        Raises:
            SpoolError: the processes there cannot be shared with.
        """
        self._check_boot()
        log = silent()
        tasks = Tasks(log)
        threads = DiskThreads()

        def take() -> Rights:
            """In a thread: the loop may be that of a proxy, and directories are synced.
            What it has opened is closed, even if nobody waits for it any more."""
            spool = DiskSpool(Path(self._root), boot_id=self.boot_id, sync=sync)
            opened.callback(spool.close)
            figures = Figures(Path(self._root))
            opened.callback(figures.close)
            # What is removed is room for others at once, records too.
            spool.changed = spool.recorded = figures.changed
            peers = Peers(self._root, tasks.spawn, log)
            opened.push_async_callback(peers.close)
            return Rights(self, spool, self._claims, peers, figures, log)

        async with AsyncExitStack() as opened:
            opened.callback(threads.close)
            opened.push_async_callback(tasks.cancel_all)
            yield await threads.run(take)

    def close(self) -> None:
        self._claims.close()

    def _check_boot(self) -> None:
        """What this process takes for an earlier boot it would cut back."""
        if self._goes_by is not None and self._goes_by.get("boot") != self.boot_id:
            raise SpoolError(
                f"a proxy works on the spool {self.directory} and does not share it: "
                "stop it first"
            )


class Rights:
    """What a guest changes uploads with, for as long as it has them."""

    def __init__(
        self,
        guest: Guest,
        spool: DiskSpool,
        claims: Claims,
        peers: Peers,
        figures: Figures,
        log: FilteringBoundLogger,
    ) -> None:
        self.guest = guest
        self.spool = spool
        self.peers = peers
        self.figures = figures
        self.ledger = Ledger(spool, guest.now, log)
        self.leases = SharedLeases(claims.leases, peers)
        self.deliveries: TokenLocks = claims.deliveries
        self.elsewhere = Elsewhere(claims.deliveries, peers)


def _check_user(directory: str, owner: int) -> None:
    """Who the lock belongs to, `owner`, is who the proxy runs as."""
    here = os.geteuid()
    if owner != here:
        raise SpoolError(
            f"the spool {directory} belongs to {_name(owner)}, this is {_name(here)}: "
            "run it as the user of the proxy"
        )


def _name(user: int) -> str:
    try:
        return f"the user {pwd.getpwuid(user).pw_name}"
    except KeyError:
        return f"the user number {user}"
