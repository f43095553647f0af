"""Where uploads stand: loaded, recovered, and told only once that is durable.

Whoever works on an upload gets it from here: from its delivery while there is one,
which alone knows how far it has got, else from the record, set right when a crash has
left it in the middle of something. One that another process delivers is in the middle
of something there, and left alone. The one invariant: an offset in a ``Standing`` has
been made durable first (P1).
"""

from __future__ import annotations

from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.core import decide
from proxy.core.errors import (
    Problem,
    Refusal,
    UploadLost,
    UploadMissing,
    UploadTorn,
)
from proxy.core.intents import Append, AskLimits, AskOffset, Cancel
from proxy.core.lifecycle import TERMINAL, Event, event_after_crash, next_state
from proxy.core.upload import Standing, State, Token, Upload, shortened
from proxy.core.values import replace
from proxy.deliveries import Deliveries
from proxy.delivery import Delivery
from proxy.elsewhere import Elsewhere
from proxy.lanes import Courses
from proxy.leases import Leases, LocalLeases
from proxy.ledger import Ledger
from proxy.spool import Spool

_LOOKED_AT: Final = 32
"""Uploads that are looked at when there seem to be too many: enough to find one that is
over, few enough for a client that asks again and again."""
_IN_DELIVERY: Final = {State.COMPLETE, State.FORWARDING}
_TO_BE_SENT: Final = {State.RECEIVING, State.INTERRUPTED, *_IN_DELIVERY}
"""These need their route some day."""
_NOT_RESUMABLE: Final = {State.RESPONDED, State.UNKNOWN}
"""There its offset is the total, and no promise that could be taken up."""

_KEPT: Final = {
    Problem.ORIGIN_DOWN,
    Problem.OUTCOME_UNKNOWN,
    Problem.AUTH_DOWN,
    Problem.NOT_AUTHORISED,
}
"""Refusals of a delivery after which all of the upload is durable."""


class Standings:
    """Uploads as they stand just now."""

    def __init__(
        self,
        spool: Spool,
        ledger: Ledger,
        deliveries: Deliveries,
        courses: Courses,
        log: FilteringBoundLogger,
        elsewhere: Elsewhere | None = None,
        leases: Leases | None = None,
    ) -> None:
        """`elsewhere`: None where no other process shares the spool. `leases`: None
        where nobody has any."""
        self._spool = spool
        self._elsewhere = Elsewhere() if elsewhere is None else elsewhere
        self._leases = LocalLeases() if leases is None else leases
        self._ledger = ledger
        self._deliveries = deliveries
        self._courses = courses
        self._log = log
        self._told_lost: set[Token] = set()
        """Uploads whose loss has been logged: once is loud enough."""

    def of(self, upload: Upload) -> Standing:
        """What may be told of `upload`, whose offset is durable."""
        return decide.standing(upload, self._ledger.now())

    async def plan(
        self, upload: Upload, intent: Append | AskOffset | Cancel
    ) -> decide.Plan:
        """What a request does with `upload`. The caller holds the lease.

        Raises:
            Refusal: nothing; what follows for the upload has been saved, and an offset
                that is told is durable.
        """
        try:
            return decide.request_on(upload, intent, self._ledger.now())
        except Refusal as refusal:
            if refusal.event is not None:
                refusal.standing = None
                await self._ledger.advance(upload, refusal.event)
            elif refusal.standing is not None:
                refusal.standing = self.of(await self.acknowledge(upload))
            raise

    async def read(self, token: Token, *, change: bool = True) -> Upload:
        """The upload as its record tells it.

        Without `change` a body that a reboot calls for cutting back is left as it is:
        without the lease somebody may be writing to it.
        """
        try:
            if change:
                return await self._spool.load(token)
            return await self._spool.peek(token)
        except UploadMissing as exc:
            raise decide.unknown_upload() from exc
        except UploadLost as exc:
            if token not in self._told_lost:
                self._told_lost.add(token)
                # of one that is torn nothing was promised
                torn = isinstance(exc, UploadTorn)
                self._ledger.witness.recovered("torn" if torn else "lost")
                say = self._log.warning if torn else self._log.error
                say("upload lost", upload=shortened(token), error=str(exc))
            raise decide.unknown_upload() from exc

    async def load(self, token: Token, *, to_remove: bool = False) -> Upload:
        """The upload as it stands, set right if a crash left it in the middle of
        something; one that is COMPLETE has its delivery started.

        One that another process delivers is given as that one has recorded it, with all
        of it acknowledged. The caller holds the lease. `to_remove`: it is about to be
        removed, so nothing is saved and nothing started, which also works where nothing
        can be saved.
        """
        delivery = self._deliveries.live(token)
        if delivery is not None:
            return delivery.upload
        upload = await self.recorded(token)
        while upload.state in _IN_DELIVERY:
            with self._deliveries.claim(token) as claimed:
                if claimed:
                    # Once more, now that no other process can be changing it.
                    upload = await self.read(token)
                    return await self._set_right(upload, to_remove=to_remove)
            if self._is_acknowledged(upload):
                return upload
            await self._elsewhere.acknowledge(token)
            upload = await self.read(token)
        return await self._set_right(upload, to_remove=to_remove)

    async def recorded(self, token: Token, *, change: bool = True) -> Upload:
        """The upload as its record tells it, also if another process has it to itself;
        `change` as in `read`.

        Raises:
            Refusal: there is none, in any process; or one of them does not tell.
        """
        try:
            return await self.read(token, change=change)
        except Refusal as refusal:
            if not isinstance(refusal.__cause__, UploadMissing):
                raise
        # A client that hears 404 starts over: had another process kept the upload, and
        # be it for a disk that was full, the origin would have it twice.
        await self._elsewhere.show(token)
        return await self.read(token, change=change)

    async def _set_right(self, upload: Upload, *, to_remove: bool) -> Upload:
        """`upload`, which nobody works on but us, as it has to go on.

        One whose route is configured no more stays where it is, to go on when that is
        back: until then nobody can say whether it may be sent once more.
        """
        course = self._courses.of(upload) if upload.state in _TO_BE_SENT else None
        repeatable = course is not None and course.repeatable
        event = event_after_crash(upload, repeatable=repeatable)
        found = upload if event is None else self._found(upload)
        if to_remove or self._is_over(found, event):
            if event is Event.ORIGIN_LOST:
                self._ledger.note(found, event)  # said aloud, though it goes at once
            state = found.state if event is None else next_state(found.state, event)
            return replace(found, state=state)
        if event is Event.ORIGIN_LOST:
            if course is None:
                return upload
            found = await self._ledger.made_durable(found)
        if event is not None:
            found = await self._ledger.advance(found, event, durable=True)
        if event is not None or found.state is State.COMPLETE:
            self._ledger.witness.recovered(found.state.value)
        if found.state is State.COMPLETE and course is not None:
            if found.denied and course.gate is not None:
                return found  # it waits for its client
            self._deliveries.start(found)
        return found

    def _found(self, upload: Upload) -> Upload:
        """`upload` as it is found after a crash.

        When its last byte came is known only for parts that ended; that the process
        that took it has died must not make it old.
        """
        fed_at = upload.fed_at
        if upload.state is State.RECEIVING:
            fed_at = self._ledger.now()
        return replace(upload, fed_at=fed_at, why="found after a crash")

    def _is_over(self, upload: Upload, event: Event | None) -> bool:
        stopped = upload
        if event is not None:
            stopped = replace(upload, state=next_state(upload.state, event))
        return upload.hidden or decide.expired(stopped, self._ledger.now())

    async def as_recorded(self, token: Token) -> Upload:
        """The upload, without the lease: for what of it never changes.

        Raises:
            Refusal: there is none.
        """
        delivery = self._deliveries.live(token)
        if delivery is not None:
            return delivery.upload
        return await self.recorded(token, change=False)

    async def glance(self, token: Token) -> Upload:
        """The upload as acknowledged, whatever is being done with it."""
        upload = await self.as_recorded(token)
        decide.request_on(upload, AskLimits(token), self._ledger.now())
        if upload.state in _NOT_RESUMABLE:
            # Its total needs no acknowledging: there is nothing to resume.
            return upload
        return replace(upload, offset=upload.acknowledged)

    async def acknowledge(self, upload: Upload) -> Upload:
        """`upload` with its offset durable, in body and record, so that it may be
        told. Of one that is finished nothing is left to be resumed, but it is to be
        found again. The caller holds the lease of one that is not.

        Raises:
            Refusal: it has ended meanwhile, and is no more.
        """
        if self._is_acknowledged(upload):
            await self._ledger.secure(upload.token)
            return upload
        # Before anything is awaited: it may end meanwhile, and then the record says
        # more than `upload` does. None begins, because that takes the lease.
        delivery = self._deliveries.live(upload.token)
        if delivery is None:
            synced = await self._ledger.sync_body(upload)
            acknowledged = replace(upload, acknowledged=synced)
            await self._ledger.save(acknowledged, durable=True)
            return acknowledged
        told = await self.acknowledged_by(delivery)
        return await self._anew(upload.token) if told is None else told

    async def acknowledged_by(self, delivery: Delivery) -> Upload | None:
        """The upload of a live `delivery` with its offset durable; None when the
        delivery has ended meanwhile, and nothing is known of the upload here any more.

        Without the lease, too.
        """
        upload = delivery.upload
        if self._is_acknowledged(upload):
            await self._ledger.secure(upload.token)
            return upload
        synced = await self._ledger.sync_body(upload)
        if not await delivery.acknowledge(synced):
            return None
        return replace(upload, acknowledged=synced)

    async def _anew(self, token: Token) -> Upload:
        """An upload whose delivery has ended, as that left it, acknowledged."""
        upload = await self.read(token)
        if upload.state in TERMINAL:
            raise decide.unknown_upload()
        return await self.acknowledge(upload)

    async def recount(self, upload: Upload) -> None:
        """Look which of those in the way of `upload` other processes have ended."""
        for token in self._ledger.oldest(upload, _LOOKED_AT):
            if self._is_worked_on(token):
                continue
            try:
                self._ledger.looked_at(await self.read(token, change=False))
            except Refusal:
                self._ledger.gone(token)

    def _is_worked_on(self, token: Token) -> bool:
        """True while somebody, in whatever process, will tell what becomes of the
        upload. One that is not stored yet, or only in the memory of another process, is
        always one of these."""
        # In this order: a delivery begins under the lease.
        return (
            not self._leases.is_free(token)
            or self._deliveries.live(token) is not None
            or self._elsewhere.has(token)
        )

    def _is_acknowledged(self, upload: Upload) -> bool:
        """True when its offset may be told as it is."""
        return upload.acknowledged == upload.offset or upload.state in _NOT_RESUMABLE

    async def after(self, refusal: Refusal, token: Token) -> Standing | None:
        """What may be told with the refusal of a delivery; None when nothing is
        durable.

        Without the lease: a delivery that is live saves for us, and one that has lost
        its request has acknowledged all of it.
        """
        if refusal.problem not in _KEPT:
            return None
        delivery = self._deliveries.live(token)
        if delivery is not None:
            upload = await self.acknowledged_by(delivery)
            if upload is not None:
                return self.of(upload)
        upload = await self.read(token, change=False)
        return self.of(upload) if upload.acknowledged == upload.offset else None
