"""Looks at the proxy for all who watch its page: once a second, however many they are.

Nobody watches: nothing is read, and nothing is asked. What is done to an upload is done
as ``uploads`` of the command line does it, by a guest of the spool of its own, under
the locks of the proxy's own processes. The one invariant: an upload is named from
outside by a handle that was given out here, and by nothing else.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing
from functools import partial
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.core.errors import SpoolError
from proxy.core.upload import Token, shortened
from proxy.operating import acts
from proxy.operating.acts import Declined
from proxy.operating.entry import Entry, entry_of
from proxy.operating.guest import Guest
from proxy.spool.disk import Sync
from proxy.spool.owner import Foothold
from proxy.spool.threads import DiskThreads
from proxy.tasks import Spawn

from . import view as views
from .glimpse import Hands, Watched
from .paces import Paces
from .roster import Roster
from .view import View

FRESH_S: Final = 1.0
"""Seconds for which one look has to do for everybody."""
FIRST_S: Final = 0.5
"""Seconds that who looks first waits for what is in the spool."""
MOST_AGAIN: Final = 100
"""Uploads that are read again in one look; others wait for the next round."""
FORGOTTEN_S: Final = 60.0
"""Seconds without a look after which what was read counts no more."""
MOST_HANDLES: Final = 10_000
"""That are remembered; older ones have to be looked up on the page again."""
MOST_ACTS: Final = 4
"""At a time; others wait. Each has descriptors, and a place among the processes of the
spool, of its own."""


class UnknownHandle(Exception):
    """Nothing here has that handle, or not any more."""


class Watcher:
    """One for the listener."""

    def __init__(
        self,
        watched: Watched,
        spool: Foothold,
        sync: Sync,
        spawn: Spawn,
        log: FilteringBoundLogger,
    ) -> None:
        """`spool`: as the proxy has it; `sync`: as it is told."""
        self._watched = watched
        self._spool = spool
        self._sync = sync
        self._spawn = spawn
        self._log = log
        self._secret = secrets.token_bytes(32)
        self._handles: OrderedDict[str, Token] = OrderedDict()
        self._paces = Paces()
        self._threads = DiskThreads()
        self._visits = ExitStack()
        self._guest: Guest | None = None
        self._roster: Roster | None = None
        self._reading: asyncio.Task[None] | None = None
        self._held: frozenset[Token] = frozenset()
        self._trouble = ""
        self._looking = asyncio.Lock()
        self._few = asyncio.Semaphore(MOST_ACTS)
        self._view: View | None = None
        self._stale_at = 0.0

    async def view(self) -> View:
        """How everything stands, or stood within the last second."""
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if now >= self._stale_at + FORGOTTEN_S:
                self._forget()
            if self._view is None or now >= self._stale_at:
                self._view = await self._look()
                self._stale_at = now + FRESH_S
            return self._view

    def _forget(self) -> None:
        self._view, self._held = None, frozenset()
        if self._roster is not None and (self._reading is None or self._reading.done()):
            self._roster.forget()

    def handle(self, token: Token) -> str:
        """What an upload is called here, as long as this process lives."""
        digest = blake2b(token.encode(), key=self._secret, digest_size=12)
        handle = digest.hexdigest()
        self._handles[handle] = token
        self._handles.move_to_end(handle)
        if len(self._handles) > MOST_HANDLES:
            self._handles.popitem(last=False)
        return handle

    async def resend(self, handle: str) -> str:
        """Have an upload of unknown outcome sent on once more; what comes of it.

        Raises:
            UnknownHandle, Declined, SpoolError: it stands as it stood.
        """
        token = self._token(handle)
        self._log.info("resend asked for on the page", upload=shortened(token))
        async with self._visiting() as guest, guest.rights(self._sync) as rights:
            taken = await acts.resend(rights, token)
        await self._changed(token)
        return "it is sent on" if taken else "complete again; sent on in a moment"

    async def purge(self, handle: str) -> str:
        """Remove an upload for good; what became of it.

        Raises:
            UnknownHandle, Declined, SpoolError: it is there still.
        """
        token = self._token(handle)
        self._log.info("purge asked for on the page", upload=shortened(token))
        short = shortened(token)
        async with self._visiting() as guest:
            find = partial(entry_of, guest, token, short)
            entry = await self._threads.run(find)
            if entry is None:
                # It may be in the memory of a process: that lets go of it, or knows
                # better.
                entry = Entry(token, short, None, "", guest.now(), at_work=True)
            async with guest.rights(self._sync) as rights:
                became = await acts.purge(rights, entry)
        await self._changed(token)
        return became.value

    def close(self) -> None:
        """Visit the spool no more. To be called when nobody looks any more, and what
        was spawned has ended."""
        # What runs in a thread still uses what is closed then.
        self._threads.close()
        self._visits.close()

    def _token(self, handle: str) -> Token:
        token = self._handles.get(handle)
        if token is None:
            raise UnknownHandle(handle)
        return token

    @asynccontextmanager
    async def _visiting(self) -> AsyncIterator[Guest]:
        """A visit for one act: two that had the locks of one visit would not keep each
        other out.

        Raises:
            SpoolError
        """
        async with self._few:
            with ExitStack() as opened:
                yield await self._threads.run(partial(self._come, opened))

    async def _opened(self) -> Roster:
        """Raises SpoolError."""
        if self._roster is None:
            self._guest = await self._threads.run(partial(self._come, self._visits))
            self._roster = Roster(self._guest, self._threads)
        return self._roster

    def _come(self, visits: ExitStack) -> Guest:
        """A visit that ends with `visits`, even if nobody waits for it any more.

        Raises:
            SpoolError: there can be none; another spool may be there, not ours.
        """
        self._spool.check()
        return visits.enter_context(closing(Guest(Path(self._spool.directory))))

    async def _changed(self, token: Token) -> None:
        """Something was done to an upload: whoever looks next sees it."""
        if self._roster is not None:
            await self._roster.again([token])
        self._stale_at = asyncio.get_running_loop().time()

    async def _look(self) -> View:
        told, numbers = await asyncio.gather(
            self._watched.hands(), self._watched.numbers()
        )
        found = await self._found(told)
        uploads, beyond = views.joined(told, found.found if found else {})
        unlisted = beyond
        for state, count in (found.unseen if found else {}).items():
            unlisted[views.group(state)] += count
        self._paces.see(views.offsets(told))
        space, bounds = self._watched.space()
        return View(
            uploads=uploads,
            unlisted=unlisted,
            paces=views.paces_of(uploads, self._paces),
            forwards=views.latest(told),
            totals=views.totals(numbers),
            space=space,
            bounds=bounds,
            wall=self._guest.wall if self._guest else lambda moment: moment,
            read_at=found.read_at if found else None,
            draining=self._watched.draining,
            trouble=self._trouble,
        )

    async def _found(self, told: list[Hands]) -> Roster | None:
        """What lies in the spool; None when that cannot be told."""
        try:
            roster = await self._opened()
        except SpoolError as exc:
            self._trouble = str(exc)
            return None
        if (self._reading is None or self._reading.done()) and roster.is_due:
            self._reading = self._spawn(self._read(roster))
        if self._view is None and self._reading is not None:
            await asyncio.wait([self._reading], timeout=FIRST_S)
        # What a process has let go of has changed since it was read.
        held = frozenset(one.token for hands in told for one in hands.held)
        let_go, self._held = self._held - held, held
        if let_go:
            await roster.again(islice(let_go, MOST_AGAIN))
        return roster

    async def _read(self, roster: Roster) -> None:
        try:
            await self._threads.run(self._spool.check)
            await roster.round()
            self._trouble = ""
        except SpoolError as exc:
            self._trouble = str(exc)


__all__ = ["Declined", "UnknownHandle", "Watcher"]
