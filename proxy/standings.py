"""Where uploads stand: loaded, recovered, and told only once that is durable.

Whoever works on an upload gets it from here: from its delivery while there is one,
which alone knows how far it has got, else from the record, set right when a crash has
left it in the middle of something. The one invariant: an offset in a ``Standing`` has
been made durable first (P1).
"""

from __future__ import annotations

from dataclasses import replace

from structlog.typing import FilteringBoundLogger

from proxy.core import decide
from proxy.core.errors import Problem, Refusal, UploadLost, UploadMissing
from proxy.core.intents import AskLimits
from proxy.core.lifecycle import event_after_crash
from proxy.core.upload import Standing, State, Token, Upload, shortened
from proxy.deliveries import Deliveries
from proxy.ledger import Ledger
from proxy.spool import Spool


class Standings:
    """Uploads as they stand just now."""

    def __init__(
        self,
        spool: Spool,
        ledger: Ledger,
        deliveries: Deliveries,
        log: FilteringBoundLogger,
    ) -> None:
        self._spool = spool
        self._ledger = ledger
        self._deliveries = deliveries
        self._log = log

    def of(self, upload: Upload) -> Standing:
        """What may be told of `upload`, whose offset is durable."""
        return decide.standing(upload, self._ledger.now())

    async def read(self, token: Token) -> Upload:
        """The upload as its record tells it."""
        try:
            return await self._spool.load(token)
        except UploadMissing as exc:
            raise decide.unknown_upload() from exc
        except UploadLost as exc:
            self._log.error("upload lost", upload=shortened(token), error=str(exc))
            raise decide.unknown_upload() from exc

    async def load(self, token: Token) -> Upload:
        """The upload as it stands, recovered if a crash left it in the middle of
        something.

        The caller holds the lease.
        """
        delivery = self._deliveries.live(token)
        if delivery is not None:
            return delivery.upload
        upload = await self.read(token)
        event = event_after_crash(upload, repeatable=self._deliveries.repeatable)
        if event is not None:
            upload = replace(upload, why="found after a crash")
            upload = await self._ledger.advance(upload, event, durable=True)
        over = upload.hidden or decide.expired(upload, self._ledger.now())
        if upload.state is State.COMPLETE and not over:
            self._deliveries.start(upload)
        return upload

    async def glance(self, token: Token) -> Upload:
        """The upload as acknowledged, whatever is being done with it."""
        delivery = self._deliveries.live(token)
        upload = delivery.upload if delivery else await self.read(token)
        decide.request_on(upload, AskLimits(token), self._ledger.now())
        return replace(upload, offset=upload.acknowledged)

    async def acknowledge(self, upload: Upload) -> Upload:
        """`upload` with its offset durable, in body and record, so that it may be
        told."""
        if upload.acknowledged == upload.offset or upload.finished:
            return upload
        # Before anything is awaited: it may end meanwhile, and then the record says more
        # than `upload` does. None begins, because that takes the lease.
        delivery = self._deliveries.live(upload.token)
        synced = await self._ledger.sync_body(upload)

        def acknowledged(current: Upload) -> Upload:
            return replace(current, acknowledged=synced)

        if delivery is None:
            await self._ledger.save(acknowledged(upload), durable=True)
        else:
            await delivery.amend(acknowledged)
        return acknowledged(upload)

    async def after(self, refusal: Refusal, token: Token) -> Standing | None:
        """What may be told with the refusal of a delivery; None when nothing is
        durable.

        Without the lease: a delivery that is live saves for us, and one that has lost
        its request has acknowledged all of it.
        """
        if refusal.problem not in (Problem.ORIGIN_DOWN, Problem.OUTCOME_UNKNOWN):
            return None
        delivery = self._deliveries.live(token)
        if delivery is not None:
            return self.of(await self.acknowledge(delivery.upload))
        upload = await self.read(token)
        return self.of(upload) if upload.acknowledged == upload.offset else None
