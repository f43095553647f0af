"""Deliveries of other processes: what this one wants done with them is asked for.

Only the process that delivers an upload saves its record, withdraws it, and knows when
it is over. A delivery cannot begin elsewhere while we hold the lease, so that one found
to be over stays so. The one invariant: what is not known to be delivered elsewhere is
looked at again, never taken for granted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from proxy.asks import Ask, Said, Wish, Word
from proxy.core.decide import not_stored
from proxy.core.errors import Problem, Refusal
from proxy.core.upload import Token
from proxy.peers import Peers
from proxy.spool.claims import TokenLocks, Unshared

ANSWER_S: Final = 10.0
"""Seconds that another process has for what is asked of it; one on which a client waits
has as many from each sign of life. As long as for giving back a lease, and for the same
reason: a disk in trouble does not turn requests away yet, a process that hangs does."""
_FIRST_PAUSE_S: Final = 0.01
_LONGEST_PAUSE_S: Final = 1.0
"""Between two rounds of asking: a process that has just died frees its locks within
moments, one that hangs may come round."""


class Elsewhere:
    """The deliveries of other processes on the spool."""

    def __init__(
        self,
        locks: TokenLocks | None = None,
        peers: Peers | None = None,
    ) -> None:
        """`locks` of deliveries; both None where there are no other processes."""
        self._locks = Unshared() if locks is None else locks
        self._peers = peers

    def has(self, token: Token) -> bool:
        """True while another process delivers the upload."""
        return self._locks.is_taken(token)

    async def show(self, token: Token) -> None:
        """Have an upload that only another process can see where all can.

        After that, whoever finds none in the spool knows that there is none: all the
        others have been asked, and what is in nobody's memory stays in the spool.

        Raises:
            Refusal: it cannot be stored; or another process does not answer.
        """
        async with _in_time("The upload may be with a process that does not answer."):
            for pause_s in _pauses():
                if self._peers is None:
                    return
                said = await self._peers.ask(Ask(Wish.SHOW, token), _knows)
                match None if said is None else said.word:
                    case Word.FAILED:
                        raise not_stored()
                    case Word.DONE | Word.NONE:
                        return
                await asyncio.sleep(pause_s)

    async def acknowledge(self, token: Token) -> None:
        """Have all of the upload durable, and recorded as acknowledged, if it is
        delivered elsewhere.

        Raises:
            Refusal: it cannot be stored; or the other process does not answer.
        """
        await self._ask(Wish.ACKNOWLEDGE, token)

    async def cancel(self, token: Token) -> bool:
        """Give the upload up; True when whoever delivers it removes it.

        False: nobody else delivers it any more. The caller holds the lease.

        Raises:
            Refusal: it cannot be recorded; or the other process does not answer.
        """
        said = await self._ask(Wish.CANCEL, token)
        return said is not None and said.word is Word.HIDDEN

    async def over(self, token: Token) -> None:
        """Wait until the delivery is over: the record then says how it went.

        A pause between two attempts is ended by that, and an answer that is being
        passed on is not waited for longer than it takes without its client.

        Raises:
            Refusal: the client is not to wait any longer.
        """
        await self._ask(Wish.OVER, token)

    async def _ask(self, wish: Wish, token: Token) -> Said | None:
        """The reply of who delivers the upload; None when nobody else does."""
        async with _in_time(
            "The upload is being sent on by a process that does not answer."
        ) as bound:
            for pause_s in _pauses():
                if self._peers is None or not self.has(token):
                    return None
                alive = partial(_extend, bound) if wish is Wish.OVER else _as_before
                said = await self._peers.ask(Ask(wish, token), _knows, alive)
                match None if said is None else said.word:
                    case Word.REFUSED:
                        assert said is not None
                        assert said.refusal is not None
                        raise said.refusal
                    case Word.FAILED:
                        raise not_stored()
                    case Word.DONE | Word.HIDDEN:
                        return said
                await asyncio.sleep(pause_s)
        return None


@asynccontextmanager
async def _in_time(otherwise: str) -> AsyncIterator[asyncio.Timeout]:
    """Within this another process is asked, for `ANSWER_S` at most.

    Raises:
        Refusal: that is over.
    """
    try:
        async with asyncio.timeout(ANSWER_S) as bound:
            yield bound
    except TimeoutError:
        raise Refusal(Problem.UNAVAILABLE, otherwise, retry_after_s=1) from None


def _extend(bound: asyncio.Timeout) -> None:
    if not bound.expired():
        bound.reschedule(asyncio.get_running_loop().time() + ANSWER_S)


def _as_before() -> None:
    """What has a bound as a whole is not made longer by signs of life."""


def _pauses() -> Iterator[float]:
    """Seconds to wait after each round; without end."""
    pause_s = _FIRST_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _knows(said: Said) -> bool:
    return said.word in (Word.DONE, Word.HIDDEN, Word.REFUSED, Word.FAILED)
