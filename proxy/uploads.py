"""The road of every upload: create, append, tell an offset, cancel, tell the limits.

The two that take content have rooms of their own (``creation``, ``appending``), the
short ones are here. Each is one short walk: take the lease (which ends an older
request), load, ask ``core.decide`` for the plan, receive, ask the table where that
leads, save, give the lease back, deliver. The rules are not here, nor the words:
refusals are raised as they were decided. The one invariant: an offset in an outcome or
a refusal has been made durable first (P1).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from structlog.typing import FilteringBoundLogger

from proxy.admission import Admission
from proxy.allowance import Allowance
from proxy.appending import Appending
from proxy.core import decide
from proxy.core.decide import Drop
from proxy.core.errors import (
    Refusal,
    SpoolError,
    StillFailing,
    UploadLost,
    UploadMissing,
)
from proxy.core.intents import (
    Answered,
    Append,
    AskLimits,
    AskOffset,
    Cancel,
    Cancelled,
    Create,
    Intent,
    LimitsTold,
    Malformed,
    OffsetTold,
    Outcome,
)
from proxy.core.lifecycle import Event
from proxy.core.upload import Token
from proxy.creation import Creation
from proxy.deliveries import Deliveries
from proxy.elsewhere import Elsewhere
from proxy.handover import Handover
from proxy.lanes import Courses
from proxy.leases import Leases
from proxy.ledger import Ledger
from proxy.reception import Exchange, Reception
from proxy.recognition import Recognition
from proxy.replays import Replays
from proxy.standings import Standings


class Uploads:
    """What can be done with uploads. One for the process."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        leases: Leases,
        deliveries: Deliveries,
        elsewhere: Elsewhere,
        standings: Standings,
        reception: Reception,
        replays: Replays,
        admission: Admission,
        courses: Courses,
        mint: Callable[[], Token],
        log: FilteringBoundLogger,
        recognition: Recognition | None = None,
    ) -> None:
        """`mint` makes a token: random, never twice the same. `recognition`: None where
        everybody may upload, and whoever has its URL has an upload."""
        self._recognition = recognition
        self._elsewhere = elsewhere
        self._ledger = ledger
        self._leases = leases
        self._deliveries = deliveries
        self._standings = standings
        self._reception = reception
        self._handover = Handover(ledger, deliveries, standings, log)
        self._log = log
        allowance = Allowance(ledger, standings)
        self._creation = Creation(
            ledger=ledger,
            leases=leases,
            deliveries=deliveries,
            standings=standings,
            reception=reception,
            handover=self._handover,
            admission=admission,
            allowance=allowance,
            courses=courses,
            mint=mint,
            recognition=recognition,
        )
        self._appending = Appending(
            ledger=ledger,
            leases=leases,
            deliveries=deliveries,
            elsewhere=elsewhere,
            standings=standings,
            reception=reception,
            replays=replays,
            handover=self._handover,
            admission=admission,
            allowance=allowance,
            courses=courses,
            log=log,
        )

    async def fulfil(self, intent: Intent, exchange: Exchange) -> Outcome:
        """What `intent` leads to.

        Raises:
            Refusal: the request cannot have what it asks for.
            ClientGone: the connection is to be closed without an answer.
        """
        # Not a context: one of a generator costs half a kilobyte as long as it lasts.
        try:
            if self._recognition is not None and not isinstance(intent, Create):
                token = intent.token
                if token is not None:
                    await self._recognition.recognise(token, exchange)
            return await self._fulfilled(intent, exchange)
        except StillFailing as exc:
            # The line of the request is enough: there may be thousands of them.
            raise decide.not_stored() from exc
        except SpoolError as exc:
            if not isinstance(exc, UploadMissing | UploadLost):
                # whatever it was that failed, content would hardly fare better
                self._reception.failed()
            self._log.error("spool failed", error=str(exc))
            raise decide.not_stored() from exc

    def _fulfilled(self, intent: Intent, exchange: Exchange) -> Awaitable[Outcome]:
        match intent:
            case Create():
                return self._creation.create(intent, exchange)
            case Append():
                return self._appending.append(intent, exchange)
            case AskOffset():
                return self._tell_offset(intent, exchange)
            case Cancel():
                return self._cancel(intent, exchange)
            case AskLimits():
                return self._tell_limits(intent, exchange)
            case Malformed():
                return self._refuse(intent)

    async def _tell_offset(self, intent: AskOffset, exchange: Exchange) -> Outcome:
        async with self._leases.hold(intent.token, brief=True):
            upload = await self._standings.load(intent.token)
            exchange.about(upload)
            await self._standings.plan(upload, intent)
            upload = await self._standings.acknowledge(upload)
        return OffsetTold(self._standings.of(upload))

    async def _cancel(self, intent: Cancel, exchange: Exchange) -> Outcome:
        async with self._leases.hold(intent.token, brief=True):
            if self._elsewhere.has(intent.token):
                upload = await self._standings.recorded(intent.token)
                await self._standings.plan(upload, intent)
                if await self._elsewhere.cancel(intent.token):
                    return Cancelled()
            await self._give_up(intent, exchange)
        return Cancelled()

    async def _give_up(self, intent: Cancel, exchange: Exchange) -> None:
        """Remove the upload, which no other process delivers; or hide it while its
        forward is in flight, which removes it. The caller holds the lease."""
        while True:
            upload = await self._standings.load(intent.token, to_remove=True)
            exchange.about(upload)
            plan = await self._standings.plan(upload, intent)
            assert isinstance(plan, Drop)
            delivery = self._deliveries.live(intent.token)
            if not plan.hide and await self._deliveries.withdraw(intent.token):
                delivery = None
            if delivery is None:
                await self._ledger.advance(upload, Event.CANCEL_ASKED)
                return
            if await delivery.hide():
                return
            # It has ended meanwhile, and says where the upload stands now.

    async def _tell_limits(self, intent: AskLimits, exchange: Exchange) -> Outcome:
        """Without the lease: discovery disturbs no transfer (R84)."""
        upload = await self._standings.glance(intent.token)
        exchange.about(upload)
        return LimitsTold(self._standings.of(upload))

    async def _refuse(self, intent: Malformed) -> Outcome:
        """From the last acknowledged offset, without the lease: it disturbs nothing."""
        told = None
        if intent.token is not None:
            told = self._standings.of(await self._standings.glance(intent.token))
            # It tells an offset, and be it 0: the upload has to be there later, too.
            await self._ledger.secure(intent.token, told=True)
        raise Refusal(intent.problem, intent.detail, standing=told)

    async def given(self, answered: Answered, *, heard: bool) -> None:
        """See ``Handover``."""
        await self._handover.given(answered, heard=heard)
