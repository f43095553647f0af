"""The origin's answer, handed to a client that waits for it, or that does not.

A client that leaves is not waited for: its forward goes on (P4), and it will come back.
So its upload has to survive us from then on, wherever it was kept so far; the same when
the client hears something else than the origin's answer, or not all of it. The one
invariant: who leaves an answer takes nothing of it any more.
"""

from __future__ import annotations

import asyncio

from structlog.typing import FilteringBoundLogger

from proxy.core.errors import ClientGone, Refusal, SpoolError
from proxy.core.intents import Answered
from proxy.core.upload import State, Token, Upload, shortened
from proxy.deliveries import Deliveries
from proxy.followers import Follower
from proxy.intake import Body
from proxy.ledger import Ledger
from proxy.reception import Present
from proxy.standings import Standings


class Handover:
    """Between deliveries and the requests that wait for them."""

    def __init__(
        self,
        ledger: Ledger,
        deliveries: Deliveries,
        standings: Standings,
        log: FilteringBoundLogger,
    ) -> None:
        self._ledger = ledger
        self._deliveries = deliveries
        self._standings = standings
        self._log = log

    async def follow(self, upload: Upload, body: Body) -> Follower | None:
        """Start the delivery of an upload that is COMPLETE; None for one that is not.

        Raises:
            ClientGone: the client has not stayed. The forward goes on (P4, R64).
        """
        if body.gone is not None:
            if upload.state is State.COMPLETE:
                self._deliveries.start(upload)
                await self.secure(upload.token)
            raise ClientGone(body.gone)
        if upload.state is State.COMPLETE:
            return self._deliveries.follow(upload)
        return None

    async def answer(
        self,
        upload: Upload,
        follower: Follower,
        present: Present,
        *,
        by_creation: bool,
    ) -> Answered:
        """The origin's answer, as soon as its head is here. The lease is given back.

        Raises:
            Refusal: there is none to be had now.
            ClientGone: the client has not waited for it.
        """
        try:
            async with present():
                answer = await follower.answer()
        except Refusal as refusal:
            await self.secure(upload.token)
            refusal.standing = await self._standings.after(refusal, upload.token)
            raise
        except (asyncio.CancelledError, ClientGone):
            # Nobody will read what the delivery feeds: it must not wait for that.
            await follower.aclose()
            await self.secure(upload.token)
            raise
        # What is all here already leaves in one packet with the head.
        whole = follower.at_once()
        return Answered(
            upload.token,
            upload.offset,
            answer,
            follower if whole is None else whole,
            by_creation=by_creation,
            length=follower.length,
        )

    async def given(self, answered: Answered, *, heard: bool) -> None:
        """The answer has been sent, as far as that goes.

        `heard`: to its end. Otherwise its client will come back for it.
        """
        if not isinstance(answered.content, bytes):
            await answered.content.aclose()
        if not heard:
            await self.secure(answered.token)

    async def secure(self, token: Token) -> None:
        """Have the upload survive us, for a client that will come back.

        One that does not listen is not told when it cannot be, and the others get their
        answer all the same.
        """
        try:
            await self._ledger.secure(token)
        except SpoolError as exc:
            self._log.error("not secured", upload=shortened(token), error=str(exc))
