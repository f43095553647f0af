"""What other processes on the spool ask of this one, done.

The other side of ``shared_leases`` and ``elsewhere``: there it is asked, here it is
answered, from what this process holds and delivers. The one invariant: nothing is done
here for an upload that this process neither holds, be it in its memory, nor delivers,
but for one that an operator has set going again.
"""

from __future__ import annotations

from collections.abc import Callable

from proxy.asks import Ask, Said, Wish, Word
from proxy.core.errors import Problem, Refusal, SpoolError, UploadMissing
from proxy.core.upload import State, Token
from proxy.deliveries import Deliveries
from proxy.delivery import Delivery
from proxy.ledger import Ledger
from proxy.shared_leases import SharedLeases
from proxy.standings import Standings


class Courtesy:
    """Answers the other processes."""

    def __init__(
        self,
        ledger: Ledger,
        leases: SharedLeases,
        deliveries: Deliveries,
        standings: Standings,
        *,
        holds: Callable[[Token], bool],
    ) -> None:
        """`holds`: true for an upload that no other process can see."""
        self._holds = holds
        self._ledger = ledger
        self._leases = leases
        self._deliveries = deliveries
        self._standings = standings

    async def __call__(self, ask: Ask) -> Said:
        """What comes of `ask`."""
        try:
            if ask.wish is Wish.LET_GO:
                return Said(await self._leases.let_go(ask.token, ask.since))
            if ask.wish is Wish.SHOW:
                return await self._show(ask.token)
            if ask.wish is Wish.TAKE_UP:
                return await self._take_up(ask.token)
            delivery = self._deliveries.live(ask.token)
            if delivery is None:
                return Said(Word.NONE)
            match ask.wish:
                case Wish.ACKNOWLEDGE:
                    told = await self._standings.acknowledged_by(delivery)
                    return Said(Word.NONE if told is None else Word.DONE)
                case Wish.CANCEL:
                    return await self._cancel(delivery)
                case Wish.OVER:
                    return await self._over(ask.token, delivery)
        except UploadMissing:
            # It was removed meanwhile: who asks finds that out by itself.
            return Said(Word.NONE)
        except SpoolError:
            return Said(Word.FAILED)

    async def _show(self, token: Token) -> Said:
        """Whether anybody works on it or not: a disk in trouble may have kept it here
        when its request was over."""
        if not self._holds(token):
            return Said(Word.NONE)
        await self._ledger.secure(token)
        return Said(Word.DONE)

    async def _take_up(self, token: Token) -> Said:
        """Of all the processes that are asked at once, one is first."""
        try:
            async with self._leases.hold(token, politely=True):
                upload = await self._standings.load(token)
        except Refusal:
            return Said(Word.NONE)
        # Its route may be known to another process only.
        left = upload.state is State.COMPLETE and not self._deliveries.live(token)
        return Said(Word.NONE if left else Word.DONE)

    async def _cancel(self, delivery: Delivery) -> Said:
        """Who asks holds the lease, and removes what has been withdrawn here."""
        if await self._deliveries.withdraw(delivery.upload.token):
            return Said(Word.DONE)
        return Said(Word.HIDDEN if await delivery.hide() else Word.NONE)

    async def _over(self, token: Token, delivery: Delivery) -> Said:
        if delivery.upload.state is State.RESPONDED:
            delivery.newest_wins()
        else:
            refusal = await self._refusal(token)
            if refusal is not None:
                # Stopping here does not end the upload: who asks can go on with it.
                left = refusal.problem is Problem.UNAVAILABLE
                return Said(Word.LEFT) if left else Said(Word.REFUSED, refusal)
        await delivery.over.wait()
        return Said(Word.DONE)

    async def _refusal(self, token: Token) -> Refusal | None:
        """Why a client that waits gets no answer; None as soon as there is one."""
        follower = self._deliveries.join(token)
        if follower is None:
            return None
        try:
            await follower.answer()
        except Refusal as refusal:
            return refusal
        finally:
            await follower.aclose()  # its content is had from the spool
        return None
