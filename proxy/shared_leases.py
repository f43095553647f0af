"""Leases among all processes on a spool: the newest request is the one, anywhere (P6).

Within a process the order of ``LocalLeases`` stands. Around it is a lock of the
system, so that a process that dies holds up nobody. Where another process has it, all
of them are asked to let go; which of two requests is the newer one, the machine's
monotonic clock tells, by when each was read. A part that its client has long given up
may be read late by one process, so that one without content is answered all the same,
and only one with content gives way. Undisputed, a lease costs two system calls and
waits for nothing. The one invariant: the lock is held only by whoever has its turn in
its own process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from proxy.asks import Ask, Said, Wish, Word
from proxy.core.errors import ClientGone, Gone, Refusal
from proxy.core.upload import Token
from proxy.leases import WAIT_S, Lease, LocalLeases, still_held
from proxy.peers import Peers
from proxy.spool.claims import TokenLocks

_FIRST_PAUSE_S: Final = 0.005
_LONGEST_PAUSE_S: Final = 0.25
"""Between two rounds of asking: the holder may be about to give it back, or may have
died a moment ago."""


class SharedLeases:
    """Leases among the requests of all processes."""

    def __init__(self, locks: TokenLocks, peers: Peers) -> None:
        self._local = LocalLeases()
        self._locks = locks
        self._peers = peers

    @asynccontextmanager
    async def hold(
        self, token: Token, *, politely: bool = False, brief: bool = False
    ) -> AsyncIterator[Lease]:
        """See ``Leases``."""
        async with self._local.hold(token, politely=politely) as turn:
            try:
                if not self._locks.try_lock(token):
                    if politely:
                        raise still_held()
                    await self._take_over(token, None if brief else turn.since)
                yield turn
            finally:
                self._locks.unlock(token)

    def is_free(self, token: Token) -> bool:
        """See ``Leases``."""
        return self._local.is_free(token) and not self._locks.is_taken(token)

    def is_ours(self, token: Token) -> bool:
        """True when a request of this process holds the lease or waits for it."""
        return not self._local.is_free(token)

    async def let_go(self, token: Token, since: float) -> Word:
        """Give the lease back, to a request that came to another process at `since`."""
        newest = self._local.newest_since(token)
        if newest is None:
            return Word.NONE
        if newest > since:
            return Word.NEWER
        try:
            async with self._local.hold(token, since=since):
                return Word.DONE
        except Refusal:
            return Word.NONE  # who asks will see that it is still held

    async def _take_over(self, token: Token, since: float | None) -> None:
        """Have the lock that another process holds.

        `since`: when our request came; None: it is to be taken for the newest.

        Raises:
            Refusal: it has not been given back in time.
            ClientGone: it is for a newer request.
        """
        try:
            async with asyncio.timeout(WAIT_S):
                await self._ask_for(token, since)
        except TimeoutError:
            raise still_held() from None

    async def _ask_for(self, token: Token, since: float | None) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            came = time.monotonic() if since is None else since
            ask = Ask(Wish.LET_GO, token, came)
            said = await self._peers.ask(ask, lambda said: self._settles(token, said))
            if said is not None and said.word is Word.NEWER and since is not None:
                raise ClientGone(Gone.SUPERSEDED)
            if self._locks.try_lock(token):
                return
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _settles(self, token: Token, said: Said) -> bool:
        return said.word is Word.NEWER or self._locks.try_lock(token)
