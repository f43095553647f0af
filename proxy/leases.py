"""One writer per upload, and the newest request is the one (P6).

A lease is held while a request works on an upload's bytes or record. A newcomer asks
the holder to let go, which ends the body the holder is receiving, and waits, with a
bound, until it has. Only the newest of several newcomers gets its turn. ``LocalLeases``
is for one process; ``shared_leases`` puts the order among processes around it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
)
from types import TracebackType
from typing import Final, Protocol

from proxy.core.errors import Gone, Problem, Refusal
from proxy.core.upload import Token

WAIT_S: Final = 10.0
"""Seconds a newcomer waits for the older request. Letting go takes one write and one
save; picked by hand so that a disk in trouble does not yet turn requests away."""


POLITE: Final = 0.0
"""When a polite request came: it is older than every other one, and gives way."""


class Lease(Protocol):
    """The right to change one upload."""

    @property
    def since(self) -> float:
        """When the request came, in seconds of the machine's monotonic clock."""

    def revocable(self, end: Callable[[Gone], None]) -> AbstractContextManager[None]:
        """Within this, a newcomer's wish calls `end`, at once when it came before, and
        says that it is superseded."""


class Leases(Protocol):
    def hold(
        self, token: Token, *, politely: bool = False, brief: bool = False
    ) -> AbstractAsyncContextManager[Lease]:
        """Hold the lease; the older request is ended and waited for.

        `politely`: disturb nobody, neither an older request nor a newer one. `brief`:
        the request takes no content, hence holds up nobody; it has its turn even if a
        newer one has come to another process meanwhile.

        Raises:
            Refusal: the older request did not let go in time; or, `politely`, there is
                one.
            ClientGone: a newer request was faster, in another process; not if `brief`.
        """

    def is_free(self, token: Token) -> bool:
        """True when nobody holds the lease or waits for it."""


class Turn(AbstractContextManager[None]):
    """One request's turn at an upload."""

    __slots__ = (
        "_end",
        "_wanted",
        "before",
        "is_over",
        "since",
        "successors",
    )

    def __init__(self, before: Turn | None, since: float) -> None:
        self.before = before
        """Who has to be over first; None once nobody has."""
        self.since = since
        """When the request came, in seconds of the machine's monotonic clock."""
        self.is_over = False
        self.successors: tuple[asyncio.Future[None], ...] = ()
        """Who waits for this turn to be over."""
        self._wanted = False
        self._end: Callable[[Gone], None] | None = None

    def revocable(self, end: Callable[[Gone], None]) -> AbstractContextManager[None]:
        """See ``Lease``."""
        self._end = end
        if self._wanted:
            end(Gone.SUPERSEDED)
        return self  # the context of a generator is ten times as large

    def __enter__(self) -> None:
        return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end = None

    def let_go(self) -> None:
        """A newcomer wants the lease: end the body, the one that is to come as well."""
        self._wanted = True
        if self._end is not None:
            self._end(Gone.SUPERSEDED)

    def end(self) -> None:
        """This turn is over; whoever waits for it goes on."""
        self.is_over = True
        for waiter in self.successors:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self) -> None:
        """Until everybody before is over.

        Raises:
            Refusal: one of them does not let go.
        """
        while self.before is not None:
            if not self.before.is_over:
                await self._wait_for(self.before)
            # One that gave up waiting passes on whom it waited for.
            self.before = self.before.before

    async def _wait_for(self, before: Turn) -> None:
        waiter = asyncio.get_running_loop().create_future()
        before.successors += (waiter,)
        try:
            async with asyncio.timeout(WAIT_S):
                await waiter
        except TimeoutError:
            raise still_held() from None


def still_held() -> Refusal:
    """Somebody works on the upload, and goes on."""
    return Refusal(
        Problem.UNAVAILABLE,
        "An older request for this upload has not let go of it yet.",
        retry_after_s=1,
    )


class LocalLeases:
    """Leases among the requests of one process."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        """Seconds of the machine's monotonic clock."""
        self._newest: dict[Token, Turn] = {}

    @asynccontextmanager
    async def hold(
        self,
        token: Token,
        *,
        politely: bool = False,
        brief: bool = False,
        since: float | None = None,
    ) -> AsyncIterator[Lease]:
        """See ``Leases``. `since`: when the request came; None: now."""
        turn = await self.take(token, politely=politely, since=since)
        try:
            yield turn
        finally:
            self.give_back(token, turn)

    async def take(
        self, token: Token, *, politely: bool = False, since: float | None = None
    ) -> Turn:
        """What `hold` begins with; `give_back` has to follow.

        Raises:
            Refusal: see ``Leases``.
        """
        before = self._newest.get(token)
        if politely and before is not None:
            raise still_held()
        if since is None:
            since = POLITE if politely else self.now()
        turn = self._newest[token] = Turn(before, since)
        if before is not None:
            try:
                before.let_go()
                await turn.wait()
            except BaseException:  # a cancelled one has been before others, too
                self.give_back(token, turn)
                raise
        return turn

    def give_back(self, token: Token, turn: Turn) -> None:
        """The turn is over."""
        turn.end()
        if self._newest.get(token) is turn:
            self._hand_back(token, turn)

    def _hand_back(self, token: Token, turn: Turn) -> None:
        """Nobody newer has come: the newest is now whoever still works before
        `turn`."""
        older = turn.before
        while older is not None and older.is_over:
            older = older.before
        if older is None:
            del self._newest[token]
        else:
            self._newest[token] = older

    def is_free(self, token: Token) -> bool:
        return token not in self._newest

    def newest_since(self, token: Token) -> float | None:
        """When the newest request for the upload came; None when there is none."""
        turn = self._newest.get(token)
        return None if turn is None else turn.since
