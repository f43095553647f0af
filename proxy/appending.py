"""An upload goes on: its next part, or the answer that it has been waiting for.

An append takes what comes, joins a delivery, or is given the answer again, as
``core.decide`` has it; where the content decides, its first byte is waited for. The one
invariant: a part is taken under the lease, and the lease is given back before anything
is waited for that takes as long as the origin does.
"""

from __future__ import annotations

import asyncio
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.admission import Admission, Grant
from proxy.allowance import Allowance
from proxy.core import decide
from proxy.core.decide import Deliver, Receive, Replay
from proxy.core.errors import ClientGone, Gone, Refusal, SpoolError
from proxy.core.headers import with_credentials_of
from proxy.core.intents import Append, Appended, Outcome
from proxy.core.lifecycle import Event
from proxy.core.upload import Head, State, Token, Upload
from proxy.core.values import replace
from proxy.deliveries import Deliveries, stopping
from proxy.elsewhere import Elsewhere
from proxy.handover import Handover
from proxy.intake import Body
from proxy.lanes import Courses
from proxy.leases import Lease, Leases
from proxy.ledger import Ledger
from proxy.reception import Exchange, Reception
from proxy.replays import Replays
from proxy.standings import Standings

_FIRST_BYTE_WAIT_S: Final = 2.0
"""Seconds for the first byte of an append to an upload that has all of its bytes, or
for the end that shows it to be empty: the packet behind its head, on a bad network."""

_MOST_LOOKS: Final = 8
"""At an upload whose deliverer changes: each is a process that has stopped or died."""

_ALL_IN: Final = {State.COMPLETE, State.FORWARDING, State.RESPONDED}


class Appending:
    """Has uploads go on."""

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
        handover: Handover,
        admission: Admission,
        allowance: Allowance,
        courses: Courses,
        log: FilteringBoundLogger,
    ) -> None:
        self._ledger = ledger
        self._leases = leases
        self._deliveries = deliveries
        self._elsewhere = elsewhere
        self._standings = standings
        self._reception = reception
        self._replays = replays
        self._handover = handover
        self._admission = admission
        self._allowance = allowance
        self._courses = courses
        self._log = log

    async def append(self, intent: Append, exchange: Exchange) -> Outcome:
        """What an append leads to, as often as it takes: one that joins a delivery in
        another process waits until that is over and is looked at again.

        Raises:
            Refusal, ClientGone, SpoolError
        """
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
            plan = await self._standings.plan(upload, intent)
            follower = None
            match plan:
                case Receive():
                    await self._check_route(upload)
                    with (
                        await self._allowance.share(upload, plan, intent) as share,
                        await self._granted(upload, plan, intent) as grant,
                    ):
                        upload = await self._attach(upload, plan, exchange.head)
                        upload = await self._reception.receive(
                            upload, plan, intent, lease, exchange, grant, share
                        )
                        if intent.last_if_empty and upload.offset == intent.offset:
                            upload = await self._finished_empty(upload, exchange.head)
                    follower = await self._handover.follow(upload, exchange.body)
                case Deliver():
                    if upload.denied and not self._elsewhere.has(intent.token):
                        await self._ask_again(upload, lease, exchange.head)
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

    async def _ask_again(self, upload: Upload, lease: Lease, head: Head) -> None:
        """Try once more to send what was not let through, by the credentials that its
        client has now if those count. The caller holds the lease.

        Raises:
            Refusal: its route is configured no more; or its delivery does not end.
            ClientGone: a newer request has come before that.
        """
        await self._check_route(upload)
        await self._delivery_ended(upload.token, lease)
        upload = await self._standings.read(upload.token)
        if upload.state is State.COMPLETE:
            upload = replace(self._finished_by(upload, head), denied=False)
            await self._ledger.save(upload)
            self._deliveries.start(upload)

    async def _delivery_ended(self, token: Token, lease: Lease) -> None:
        """Wait for the end of a delivery that has nothing more to do. Raises as
        `_ask_again` does."""
        superseded: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def give_way(why: Gone) -> None:
            if not superseded.done():
                superseded.set_result(None)

        with lease.revocable(give_way):
            if await self._deliveries.ended(token, superseded):
                return
        if superseded.done():
            raise ClientGone(Gone.SUPERSEDED)
        raise decide.not_stored()

    def _finished_by(self, upload: Upload, head: Head) -> Upload:
        """`upload` with the credentials of the request that finishes it, if those
        count."""
        if not self._courses.needed(upload).finishing_credentials:
            return upload
        fields = with_credentials_of(upload.request.fields, head)
        return replace(upload, request=replace(upload.request, fields=fields))

    async def _finished_empty(self, upload: Upload, head: Head) -> Upload:
        """`upload` after an append that may have turned out to be the last; then with
        its credentials saved."""
        finished = self._finished_by(upload, head)
        if upload.state is State.COMPLETE and finished != upload:
            await self._ledger.save(finished)
            return finished
        return upload

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
            with lease.revocable(body.end):
                body.begin()
                async with asyncio.timeout(_FIRST_BYTE_WAIT_S):
                    chunk = await body.read()
        except TimeoutError:
            return intent
        if chunk:
            return intent
        finishing = intent.finishing or intent.last_if_empty
        return replace(intent, content_length=0, finishing=finishing)

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

    async def _attach(self, upload: Upload, plan: Receive, head: Head) -> Upload:
        """`upload` with the append's body attached, its length and, if it is the last,
        its credentials saved."""
        broke_off = bool(upload.why)
        upload = replace(upload, length=plan.length, finishing=plan.finishing, why="")
        if plan.finishing:
            upload = self._finished_by(upload, head)
        upload = await self._ledger.advance(upload, Event.BODY_ATTACHED)
        if broke_off:
            self._ledger.witness.resumed(upload)
        return upload


def _may_turn_out_empty(intent: Append, upload: Upload) -> bool:
    """True for an append that may be the one which only asks for the answer (R60).

    Chunked content does not say beforehand whether there is any. Only where all bytes
    are in: there nothing of it is taken in any case.
    """
    may_finish = intent.finishing or intent.last_if_empty
    asks = may_finish and intent.content_length is None
    return asks and upload.state in _ALL_IN and intent.offset == upload.offset
