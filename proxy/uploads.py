"""The road of every upload: create, append, tell an offset, cancel, tell the limits.

Each method is one short walk: take the lease (which ends an older request), load, ask
``core.decide`` for the plan, receive, ask the table where that leads, save, give the
lease back, deliver. The rules are not here, nor the words: refusals are raised as they
were decided. The one invariant: an offset in an outcome or a refusal has been made
durable first (P1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.admission import Admission, Grant
from proxy.allowance import Allowance
from proxy.core import decide
from proxy.core.decide import Deliver, Drop, Receive, Replay
from proxy.core.errors import (
    ClientGone,
    Gone,
    Refusal,
    SpoolError,
    UploadLost,
    UploadMissing,
)
from proxy.core.headers import with_credentials_of
from proxy.core.intents import (
    Answered,
    Append,
    Appended,
    AskLimits,
    AskOffset,
    Cancel,
    Cancelled,
    Create,
    Created,
    Intent,
    LimitsTold,
    Malformed,
    OffsetTold,
    Outcome,
    Resumable,
)
from proxy.core.lifecycle import Event
from proxy.core.upload import Head, State, Token, Upload
from proxy.deliveries import Deliveries, stopping
from proxy.elsewhere import Elsewhere
from proxy.followers import Follower
from proxy.handover import Handover
from proxy.intake import Body
from proxy.lanes import Courses
from proxy.leases import Lease, Leases
from proxy.ledger import Ledger
from proxy.reception import Exchange, Reception
from proxy.recognition import Recognition
from proxy.replays import Replays
from proxy.standings import Standings

_FIRST_BYTE_WAIT_S: Final = 2.0
"""Seconds for the first byte of an append to an upload that has all of its bytes, or
for the end that shows it to be empty: the packet behind its head, on a bad network."""

_MOST_LOOKS: Final = 8
"""At an upload whose deliverer changes: each is a process that has stopped or died."""

_ALL_IN: Final = {State.COMPLETE, State.FORWARDING, State.RESPONDED}


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
        self._replays = replays
        self._handover = Handover(ledger, standings, log)
        self._admission = admission
        self._allowance = Allowance(ledger, standings)
        self._courses = courses
        self._mint = mint
        self._log = log

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
        except SpoolError as exc:
            if not isinstance(exc, UploadMissing | UploadLost):
                # whatever it was that failed, content would hardly fare better
                self._reception.failed()
            self._log.error("spool failed", error=str(exc))
            raise decide.not_stored() from exc

    def _fulfilled(self, intent: Intent, exchange: Exchange) -> Awaitable[Outcome]:
        match intent:
            case Create():
                return self._create(intent, exchange)
            case Append():
                return self._append(intent, exchange)
            case AskOffset():
                return self._tell_offset(intent, exchange)
            case Cancel():
                return self._cancel(intent, exchange)
            case AskLimits():
                return self._tell_limits(intent, exchange)
            case Malformed():
                return self._refuse(intent)

    async def _create(self, intent: Create, exchange: Exchange) -> Outcome:
        plan = decide.creation(intent, self._courses.named(exchange.route).limits)
        await self._reception.ready()
        whose = ""
        if self._recognition is not None:
            whose = await self._recognition.admitted(exchange)
        new = self._new(plan, intent, exchange, whose)
        plan = await self._bounded(new, plan, intent)
        async with self._leases.hold(new.token) as lease:
            with self._admission.grant(new, plan, intent.content_length) as grant:
                await self._allowance.admit(new)
                exchange.about(new)
                upload = await self._begin(new, plan, exchange)
                upload = await self._reception.receive(
                    upload, plan, intent, lease, exchange, grant
                )
            follower = await self._follow(upload, exchange.body)
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

    async def _bounded(
        self, upload: Upload, plan: Receive, intent: Create | Append
    ) -> Receive:
        """See ``Allowance.bounded``. What is nobody's has no bound of its own.

        Raises:
            Refusal: whose it is may not have so much.
        """
        if not upload.principal:
            return plan
        try:
            return await self._allowance.bounded(upload, plan, intent.content_length)
        except Refusal as refusal:
            if upload.state is not State.CREATED:
                upload = await self._standings.acknowledge(upload)
                refusal.standing = self._standings.of(upload)
            raise

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

    async def _append(self, intent: Append, exchange: Exchange) -> Outcome:
        """What an append leads to, as often as it takes: one that joins a delivery in
        another process waits until that is over and is looked at again."""
        for _ in range(_MOST_LOOKS):
            found = await self._append_once(intent, exchange)
            if not isinstance(found, Append):
                return found
            intent = found
            async with exchange.present():
                await self._joined(intent.token)
        raise stopping()

    async def _joined(self, token: Token) -> None:
        """Wait for the end of a delivery in another process.

        Raises:
            Refusal: the client is not to wait any longer.
        """
        try:
            await self._elsewhere.over(token)
        except Refusal as refusal:
            refusal.standing = await self._standings.after(refusal, token)
            raise

    async def _append_once(
        self, intent: Append, exchange: Exchange
    ) -> Outcome | Append:
        """What an append leads to; itself, as it has turned out to be, when another
        process delivers the upload."""
        brief = intent.content_length == 0
        async with self._leases.hold(intent.token, brief=brief) as lease:
            upload = await self._standings.load(intent.token)
            exchange.about(upload)
            if _may_turn_out_empty(intent, upload):
                intent = await self._counted(intent, lease, exchange.body)
                # Its delivery went on meanwhile: what was loaded before is stale.
                upload = await self._standings.load(intent.token)
            plan = await self._plan(upload, intent)
            follower = None
            match plan:
                case Receive():
                    await self._check_route(upload)
                    plan = await self._bounded(upload, plan, intent)
                    with await self._granted(upload, plan, intent) as grant:
                        upload = await self._attach(upload, plan, exchange.head)
                        upload = await self._reception.receive(
                            upload, plan, intent, lease, exchange, grant
                        )
                    follower = await self._follow(upload, exchange.body)
                case Deliver():
                    if upload.denied and not self._elsewhere.has(intent.token):
                        await self._ask_again(upload, exchange.head)
                    follower = self._deliveries.join(intent.token)
                    if follower is None:
                        if not self._elsewhere.has(intent.token):
                            await self._check_route(upload)
                        return intent
                case _:
                    assert isinstance(plan, Replay)
        if follower is not None:
            return await self._handover.answer(
                upload, follower, exchange.present, by_creation=False
            )
        if isinstance(plan, Replay):
            async with exchange.present():
                return await self._replays.outcome(upload)
        return Appended(self._standings.of(upload))

    async def _ask_again(self, upload: Upload, head: Head) -> None:
        """Try once more to send what was not let through, by the credentials that its
        client has now if those count. The caller holds the lease.

        Raises:
            Refusal: its route is configured no more; or its delivery does not end.
        """
        await self._check_route(upload)
        if not await self._deliveries.ended(upload.token):
            raise decide.not_stored()
        upload = await self._standings.read(upload.token)
        if upload.state is State.COMPLETE:
            upload = replace(self._finished_by(upload, head), denied=False)
            await self._ledger.save(upload)
            self._deliveries.start(upload)

    def _finished_by(self, upload: Upload, head: Head) -> Upload:
        """`upload` with the credentials of the request that finishes it, if those
        count."""
        if not self._courses.needed(upload).finishing_credentials:
            return upload
        fields = with_credentials_of(upload.request.fields, head)
        return replace(upload, request=replace(upload.request, fields=fields))

    async def _check_route(self, upload: Upload) -> None:
        """Take nothing of an upload, and wait for no answer, that cannot go on.

        Raises:
            Refusal: its route is configured no more.
        """
        try:
            self._courses.needed(upload)
        except Refusal as refusal:
            upload = await self._standings.acknowledge(upload)
            refusal.standing = self._standings.of(upload)
            raise

    async def _counted(self, intent: Append, lease: Lease, body: Body) -> Append:
        """`intent`, with its content known to be empty if that is how it turns out."""
        try:
            with lease.revocable(partial(body.end, Gone.SUPERSEDED)):
                body.begin()
                async with asyncio.timeout(_FIRST_BYTE_WAIT_S):
                    chunk = await body.read()
        except TimeoutError:
            return intent
        return intent if chunk else replace(intent, content_length=0)

    async def _tell_offset(self, intent: AskOffset, exchange: Exchange) -> Outcome:
        async with self._leases.hold(intent.token, brief=True):
            upload = await self._standings.load(intent.token)
            exchange.about(upload)
            await self._plan(upload, intent)
            upload = await self._standings.acknowledge(upload)
        return OffsetTold(self._standings.of(upload))

    async def _cancel(self, intent: Cancel, exchange: Exchange) -> Outcome:
        async with self._leases.hold(intent.token, brief=True):
            if self._elsewhere.has(intent.token):
                upload = await self._standings.recorded(intent.token)
                await self._plan(upload, intent)
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
            plan = await self._plan(upload, intent)
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
            await self._ledger.secure(intent.token)
        raise Refusal(intent.problem, intent.detail, standing=told)

    async def _granted(self, upload: Upload, plan: Receive, intent: Append) -> Grant:
        """Room for what an append brings; refused at its head is what could not be
        stored anyway.

        One that brings nothing is never refused: it can end an upload, and by that free
        a disk that is full.
        """
        try:
            if intent.content_length != 0:
                await self._reception.ready()
            return self._admission.grant(upload, plan, intent.content_length)
        except SpoolError as exc:
            refusal = await self._refused_storage(decide.not_stored(), upload)
            raise refusal from exc
        except Refusal as refusal:
            raise await self._refused_storage(refusal, upload) from None

    async def _refused_storage(self, refusal: Refusal, upload: Upload) -> Refusal:
        """`refusal` with the offset, if that is durable, or can still be made so."""
        if upload.acknowledged == upload.offset:
            try:
                await self._ledger.secure(upload.token)
                refusal.standing = self._standings.of(upload)
            except SpoolError as exc:
                self._log.error("spool failed", error=str(exc))
        return refusal

    async def _plan(
        self, upload: Upload, intent: Append | AskOffset | Cancel
    ) -> decide.Plan:
        try:
            return decide.request_on(upload, intent, self._ledger.now())
        except Refusal as refusal:
            if refusal.event is not None:
                refusal.standing = None
                await self._ledger.advance(upload, refusal.event)
            elif refusal.standing is not None:
                refusal.standing = self._standings.of(
                    await self._standings.acknowledge(upload)
                )
            raise

    async def _attach(self, upload: Upload, plan: Receive, head: Head) -> Upload:
        """`upload` with the append's body attached, its length and credentials
        saved."""
        broke_off = bool(upload.why)
        upload = replace(upload, length=plan.length, finishing=plan.finishing, why="")
        if plan.finishing:
            upload = self._finished_by(upload, head)
        upload = await self._ledger.advance(upload, Event.BODY_ATTACHED)
        if broke_off:
            self._ledger.witness.resumed(upload)
        return upload

    async def _follow(self, upload: Upload, body: Body) -> Follower | None:
        """Start the delivery of an upload that is COMPLETE; None for one that is not.

        Raises:
            ClientGone: the client has not stayed. The forward goes on (P4, R64).
        """
        if body.gone is not None:
            if upload.state is State.COMPLETE:
                self._deliveries.start(upload)
                await self._handover.secure(upload.token)
            raise ClientGone(body.gone)
        if upload.state is State.COMPLETE:
            return self._deliveries.follow(upload)
        return None

    async def given(self, answered: Answered, *, heard: bool) -> None:
        """See ``Handover``."""
        await self._handover.given(answered, heard=heard)


def _may_turn_out_empty(intent: Append, upload: Upload) -> bool:
    """True for an append that may be the one which only asks for the answer (R60).

    Chunked content does not say beforehand whether there is any. Only where all bytes
    are in: there nothing of it is taken in any case.
    """
    asks = intent.finishing and intent.content_length is None
    return asks and upload.state in _ALL_IN and intent.offset == upload.offset
