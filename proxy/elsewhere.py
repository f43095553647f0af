"""Deliveries of other processes: what this one wants done with them is asked for.

Only the process that delivers an upload saves its record, withdraws it, and knows when
it is over. A delivery cannot begin elsewhere while we hold the lease, so that one found
to be over stays so. The one invariant: what is not known to be delivered elsewhere is
looked at again, never taken for granted.
"""

from __future__ import annotations

import asyncio
from typing import Final

from proxy.asks import Ask, Said, Wish, Word
from proxy.core.decide import not_stored
from proxy.core.errors import Problem, Refusal
from proxy.core.upload import Token
from proxy.peers import Peers
from proxy.spool.claims import TokenLocks, Unshared

_PAUSES_S: Final = tuple(0.01 * 2**step for step in range(10))
"""Between two rounds of asking, ten seconds in all: a process that has just died frees
its locks within moments, one that hangs may come round."""


class Elsewhere:
    """The deliveries of other processes on the spool."""

    def __init__(
        self,
        locks: TokenLocks | None = None,
        peers: Peers | None = None,
        leases: TokenLocks | None = None,
    ) -> None:
        """`locks` of deliveries, and `leases`; all None where there are no other
        processes."""
        self._locks = Unshared() if locks is None else locks
        self._leases = Unshared() if leases is None else leases
        self._peers = peers

    def has(self, token: Token) -> bool:
        """True while another process delivers the upload."""
        return self._locks.is_taken(token)

    async def show(self, token: Token) -> bool:
        """Have an upload that another process works on where all can see it; False when
        none does, or it did not work."""
        worked_on = self._leases.is_taken(token) or self.has(token)
        if self._peers is None or not worked_on:
            return False
        said = await self._peers.ask(Ask(Wish.SHOW, token), _knows)
        return said is not None and said.word is Word.DONE

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
        for pause_s in _PAUSES_S:
            if self._peers is None or not self.has(token):
                return None
            said = await self._peers.ask(Ask(wish, token), _knows)
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
        raise Refusal(
            Problem.UNAVAILABLE,
            "The upload is being sent on by a process that does not answer.",
            retry_after_s=1,
        )


def _knows(said: Said) -> bool:
    return said.word in (Word.DONE, Word.HIDDEN, Word.REFUSED, Word.FAILED)
