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
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final

from proxy.asks import Ask, Said, Wish, Word
from proxy.core.errors import ClientGone, Gone, Refusal
from proxy.core.upload import Token
from proxy.leases import WAIT_S, Lease, LocalLeases, Turn, still_held
from proxy.peers import Peers
from proxy.spool.claims import TokenLocks

_FIRST_PAUSE_S: Final = 0.005
_LONGEST_PAUSE_S: Final = 0.25
"""Between two rounds of asking: the holder may be about to give it back, or may have
died a moment ago."""


class SharedLeases:
    """Leases among the requests of all processes."""

    def __init__(
        self,
        locks: TokenLocks,
        peers: Peers,
        waited: Callable[[float], None] = lambda took_s: None,
    ) -> None:
        """`waited`: told how many seconds each request has waited for its turn."""
        self._waited = waited
        self._local = LocalLeases()
        self._locks = locks
        self._peers = peers

    def hold(
        self, token: Token, *, politely: bool = False, brief: bool = False
    ) -> AbstractAsyncContextManager[Lease]:
        """See ``Leases``."""
        return _Hold(self, token, politely=politely, brief=brief)

    async def take(self, token: Token, *, politely: bool, brief: bool) -> Turn:
        """What `hold` begins with; `give_back` has to follow. Raises what it does."""
        turn = await self._local.take(token, politely=politely)
        try:
            await self._lock(token, None if brief else turn.since, politely=politely)
        except BaseException:  # a cancelled one has its turn, too
            self.give_back(token, turn)
            raise
        if not politely:
            self._waited(time.monotonic() - turn.since)
        return turn

    async def _lock(self, token: Token, since: float | None, *, politely: bool) -> None:
        if not self._locks.try_lock(token):
            if politely:
                raise still_held()
            await self._take_over(token, since)

    def give_back(self, token: Token, turn: Turn) -> None:
        """The lease is held no longer."""
        try:
            self._locks.unlock(token)
        finally:
            self._local.give_back(token, turn)

    def is_free(self, token: Token) -> bool:
        """See ``Leases``."""
        return self._local.is_free(token) and not self._locks.is_taken(token)

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


class _Hold(AbstractAsyncContextManager[Lease]):
    """Holds the lease. Not by generators: a slow upload would have two of them, half a
    kilobyte each."""

    __slots__ = ("_brief", "_leases", "_politely", "_token", "_turn")

    def __init__(
        self, leases: SharedLeases, token: Token, *, politely: bool, brief: bool
    ) -> None:
        self._leases = leases
        self._token = token
        self._politely = politely
        self._brief = brief
        self._turn: Turn | None = None

    async def __aenter__(self) -> Lease:
        self._turn = turn = await self._leases.take(
            self._token, politely=self._politely, brief=self._brief
        )
        return turn

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._turn is not None
        self._leases.give_back(self._token, self._turn)
