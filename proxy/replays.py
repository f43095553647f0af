"""The answer that an upload got, given again to a client that lost it (R60, R61).

Only when all of it is stored: a client that comes while the answer's content still
comes in waits for that, wherever the upload is being delivered. The one invariant: what
is replayed is all of the answer, or a refusal that tells at least its status.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final

from proxy.core import decide
from proxy.core.errors import Problem, Refusal
from proxy.core.intents import Answered, Outcome
from proxy.core.lifecycle import TERMINAL, Event
from proxy.core.upload import Upload
from proxy.deliveries import Deliveries
from proxy.elsewhere import Elsewhere
from proxy.ledger import Ledger
from proxy.spool import Spool, Stored
from proxy.standings import Standings

WAIT_S: Final = 60.0
"""Seconds a replay waits for an answer whose content still comes from the origin."""


class Replays:
    """Gives stored answers."""

    def __init__(
        self,
        *,
        spool: Spool,
        ledger: Ledger,
        deliveries: Deliveries,
        elsewhere: Elsewhere,
        standings: Standings,
        keep_answer_s: float,
    ) -> None:
        """`keep_answer_s`: how long the content of an answer is kept."""
        self._spool = spool
        self._ledger = ledger
        self._deliveries = deliveries
        self._elsewhere = elsewhere
        self._standings = standings
        self._keep_answer_s = keep_answer_s

    async def outcome(self, upload: Upload) -> Outcome:
        """The stored answer, once all of it is stored.

        Raises:
            Refusal: it is not kept, or still coming in; or the upload is cancelled.
        """
        delivery = self._deliveries.live(upload.token)
        if delivery is not None:
            delivery.newest_wins()
            await self._patiently(upload, delivery.over.wait())
            # Not the record, which may not have been told what the delivery knows.
            upload = delivery.upload
        elif self._elsewhere.has(upload.token):
            upload = await self._over_elsewhere(upload)
        if upload.hidden or upload.state in TERMINAL:
            raise decide.unknown_upload()
        return await self._stored_answer(upload)

    async def _over_elsewhere(self, upload: Upload) -> Upload:
        await self._patiently(upload, self._elsewhere.over(upload.token))
        return await self._standings.read(upload.token)

    async def _patiently(self, upload: Upload, over: Awaitable[object]) -> None:
        """Wait until all of the answer has come.

        Raises:
            Refusal: it takes too long.
        """
        try:
            async with asyncio.timeout(WAIT_S):
                await over
        except TimeoutError:
            raise Refusal(
                Problem.UNAVAILABLE,
                "The answer is still coming in.",
                standing=self._standings.of(await self._standings.acknowledge(upload)),
                retry_after_s=1,
            ) from None

    async def _stored_answer(self, upload: Upload) -> Outcome:
        """The answer as it was kept, unless its content is not all there."""
        answer = upload.answer
        assert answer is not None
        reader = self._spool.answer_reader(upload.token)
        old = decide.answer_is_old(upload, self._ledger.now(), self._keep_answer_s)
        if old or not answer.kept or reader.size != answer.size:
            # Too old, too large, broken off, or cut by a crash of ours.
            reader.close()
            refusal = decide.answer_not_kept(answer)
            upload = await self._standings.acknowledge(upload)
            refusal.standing = self._standings.of(upload)
            raise refusal
        self._ledger.note(upload, Event.ANSWER_REPLAYED)
        stored = Stored(reader)
        return Answered(upload.token, upload.offset, answer, stored, length=answer.size)
