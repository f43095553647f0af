"""A new upload: admitted, stored, told of, and its first part received.

The one invariant: nothing of it is stored before it is known that there may be one more
upload, whose it is, and that there is room for what it announces.
"""

from __future__ import annotations

from collections.abc import Callable

from proxy.admission import Admission
from proxy.allowance import Allowance
from proxy.core import decide
from proxy.core.decide import Receive
from proxy.core.intents import Create, Created, Outcome, Resumable
from proxy.core.lifecycle import Event
from proxy.core.upload import State, Token, Upload
from proxy.deliveries import Deliveries
from proxy.handover import Handover
from proxy.lanes import Courses
from proxy.leases import Leases
from proxy.ledger import Ledger
from proxy.reception import Exchange, Reception
from proxy.recognition import Recognition
from proxy.standings import Standings


class Creation:
    """Begins uploads."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        leases: Leases,
        deliveries: Deliveries,
        standings: Standings,
        reception: Reception,
        handover: Handover,
        admission: Admission,
        allowance: Allowance,
        courses: Courses,
        mint: Callable[[], Token],
        recognition: Recognition | None,
    ) -> None:
        """`mint`, `recognition`: see ``Uploads``."""
        self._ledger = ledger
        self._leases = leases
        self._deliveries = deliveries
        self._standings = standings
        self._reception = reception
        self._handover = handover
        self._admission = admission
        self._allowance = allowance
        self._courses = courses
        self._mint = mint
        self._recognition = recognition

    async def create(self, intent: Create, exchange: Exchange) -> Outcome:
        """What a creation leads to.

        Raises:
            Refusal, ClientGone, SpoolError
        """
        plan = decide.creation(intent, self._courses.named(exchange.route).limits)
        await self._reception.ready()
        whose = ""
        if self._recognition is not None:
            whose = await self._recognition.admitted(exchange)
        upload = self._new(plan, intent, exchange, whose)
        share = await self._allowance.share(upload, plan, intent)
        async with self._leases.hold(upload.token) as lease:
            grant = self._admission.grant(upload, plan, intent.content_length)
            with grant:
                await self._allowance.admit(upload)
                with share:
                    exchange.about(upload)
                    upload = await self._begin(upload, plan, exchange)
                    upload = await self._reception.receive(
                        upload, plan, intent, lease, exchange, grant, share
                    )
            follower = await self._handover.follow(upload, exchange.body)
            if follower is None and plan.finish_after:
                told = self._standings.of(upload)
                upload = await self._ledger.advance(upload, Event.FINISHED_INTERNALLY)
                self._deliveries.start(upload)
                return Created(told)
        if follower is None:
            return Created(self._standings.of(upload))
        return await self._handover.answer(
            upload, follower, exchange.present, by_creation=True
        )

    async def _begin(self, new: Upload, plan: Receive, exchange: Exchange) -> Upload:
        """`new`, stored, and told to its client where that wants to know."""
        upload = await self._ledger.open(new)
        if plan.announce:
            age_left_s = upload.deadline - upload.created_at
            exchange.tell(Resumable(upload.token, upload.limits, age_left_s))
        return upload

    def _new(
        self, plan: Receive, intent: Create, exchange: Exchange, whose: str
    ) -> Upload:
        now = self._ledger.now()
        return Upload(
            token=self._mint(),
            state=State.CREATED,
            request=exchange.to_origin(),
            limits=self._courses.named(exchange.route).limits,
            created_at=now,
            fed_at=now,
            length=plan.length,
            finishing=plan.finishing,
            version=intent.version,
            peer=exchange.peer,
            route=exchange.route,
            principal=whose,
        )
