"""The road of every upload: create, append, tell an offset, cancel, tell the limits.

Each method is one short walk: take the lease (which ends an older request), load, ask
``core.decide`` for the plan, receive, ask the table where that leads, save, give the
lease back, deliver. The rules are not here, nor the words: refusals are raised as they
were decided. The one invariant: an offset in an outcome or a refusal has been made
durable first (P1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.core import decide
from proxy.core.decide import Deliver, Drop, Receive, Replay, Settled
from proxy.core.errors import (
    ClientGone,
    Gone,
    Problem,
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
from proxy.core.lifecycle import TERMINAL, Event, event_after_crash
from proxy.core.upload import Head, Limits, Standing, State, Token, Upload, shortened
from proxy.deliveries import Deliveries, Spawn
from proxy.followers import Follower
from proxy.intake import Body, receive
from proxy.leases import Lease, Leases
from proxy.ledger import Ledger
from proxy.progress import ProgressTeller, Tell
from proxy.spool import Spool, Stored, Writer

_REPLAY_WAIT_S: Final = 60.0
"""Seconds a replay waits for an answer whose content still comes from the origin."""

_CARRIES_OFFSET: Final = {
    Event.PART_ENDED,
    Event.ENDED_SHORT,
    Event.LIMIT_REACHED,
    Event.OVERRAN_KEPT,
    Event.STORAGE_FAILED,
}
"""Ends of a part after which the client is told the offset: it must be durable."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a request brings along beside its intent."""

    head: Head
    body: Body
    tell: Tell
    """Sends an interim response, in the client's dialect, if it may have one."""
    peer: str
    """Address of the client, for the record and the log."""
    to_origin: Callable[[], Head]
    """The head as the origin is to get it, should this become an upload."""


class Uploads:
    """What can be done with uploads. One for the process."""

    def __init__(
        self,
        *,
        spool: Spool,
        ledger: Ledger,
        leases: Leases,
        deliveries: Deliveries,
        limits: Limits,
        keep_answer_s: float,
        finish_stalled_after_s: float | None,
        finishing_credentials: bool,
        mint: Callable[[], Token],
        spawn: Spawn,
        log: FilteringBoundLogger,
    ) -> None:
        self._spool = spool
        self._ledger = ledger
        self._leases = leases
        self._deliveries = deliveries
        self._limits = limits
        self._keep_answer_s = keep_answer_s
        self._finish_stalled_after_s = finish_stalled_after_s
        self._finishing_credentials = finishing_credentials
        self._mint = mint
        self._spawn = spawn
        self._log = log
        self._bodies: set[Body] = set()
        self._stopping = False

    @property
    def receiving(self) -> int:
        """Bodies being received just now."""
        return len(self._bodies)

    async def fulfil(self, intent: Intent, exchange: Exchange) -> Outcome:
        """What `intent` leads to.

        Raises:
            Refusal: the request cannot have what it asks for.
            ClientGone: the connection is to be closed without an answer.
        """
        with self._storage_trouble():
            match intent:
                case Create():
                    return await self._create(intent, exchange)
                case Append():
                    return await self._append(intent, exchange)
                case AskOffset():
                    return await self._tell_offset(intent)
                case Cancel():
                    return await self._cancel(intent)
                case AskLimits():
                    return await self._tell_limits(intent)
                case Malformed():
                    return await self._refuse(intent)

    def stop_receiving(self) -> None:
        """End every body at the bytes it has brought; its client comes back later."""
        self._stopping = True
        for body in self._bodies:
            body.end(Gone.STOPPING)

    async def tidy(self, token: Token) -> None:
        """Recover an upload nobody works on, or remove what its time has run out for.

        Raises:
            SpoolError: nothing has changed, the next round tries again.
        """
        if not self._leases.is_free(token) or self._deliveries.live(token):
            return
        try:
            async with self._leases.hold(token):
                await self._tidy(token)
        except Refusal:
            # Its record cannot be read, which has been logged; or a client's request is
            # at work on it, which recovers it as well.
            return

    async def _create(self, intent: Create, exchange: Exchange) -> Outcome:
        plan = decide.creation(intent, self._limits)
        upload = self._new(plan, intent, exchange)
        async with self._leases.hold(upload.token) as lease:
            upload = await self._ledger.open(upload)
            if plan.announce:
                age_left_s = upload.deadline - upload.created_at
                exchange.tell(Resumable(upload.token, upload.limits, age_left_s))
            upload = await self._receive(upload, plan, intent, lease, exchange)
            follower = self._follow(upload, exchange.body)
            if follower is None and plan.finish_after:
                told = self._standing(upload)
                upload = await self._ledger.advance(upload, Event.FINISHED_INTERNALLY)
                self._deliveries.start(upload)
                return Created(told)
        if follower is None:
            return Created(self._standing(upload))
        return await self._answered(upload, follower, by_creation=True)

    def _new(self, plan: Receive, intent: Create, exchange: Exchange) -> Upload:
        now = self._ledger.now()
        return Upload(
            token=self._mint(),
            state=State.CREATED,
            request=exchange.to_origin(),
            limits=self._limits,
            created_at=now,
            fed_at=now,
            length=plan.length,
            finishing=plan.finishing,
            version=intent.version,
            peer=exchange.peer,
        )

    async def _append(self, intent: Append, exchange: Exchange) -> Outcome:
        async with self._leases.hold(intent.token) as lease:
            upload = await self._load(intent.token)
            plan = await self._plan(upload, intent)
            follower = None
            match plan:
                case Receive():
                    upload = await self._attach(upload, plan, exchange.head)
                    upload = await self._receive(upload, plan, intent, lease, exchange)
                    follower = self._follow(upload, exchange.body)
                case Deliver():
                    follower = self._deliveries.follow(upload)
                case _:
                    assert isinstance(plan, Replay)
        if follower is not None:
            return await self._answered(upload, follower)
        if isinstance(plan, Replay):
            return await self._replay(upload)
        return Appended(self._standing(upload))

    async def _tell_offset(self, intent: AskOffset) -> Outcome:
        async with self._leases.hold(intent.token):
            upload = await self._load(intent.token)
            await self._plan(upload, intent)
            upload = await self._acknowledge(upload)
        return OffsetTold(self._standing(upload))

    async def _cancel(self, intent: Cancel) -> Outcome:
        async with self._leases.hold(intent.token):
            upload = await self._load(intent.token)
            plan = await self._plan(upload, intent)
            assert isinstance(plan, Drop)
            delivery = self._deliveries.live(intent.token)
            if delivery is not None and not self._deliveries.withdraw(intent.token):
                # In flight: hidden at once, removed by the delivery when it has ended.
                await delivery.amend(lambda current: replace(current, hidden=True))
            else:
                await self._ledger.advance(upload, Event.CANCEL_ASKED)
        return Cancelled()

    async def _tell_limits(self, intent: AskLimits) -> Outcome:
        """Without the lease: discovery disturbs no transfer (R84)."""
        upload = await self._glance(intent.token)
        return LimitsTold(self._standing(upload))

    async def _refuse(self, intent: Malformed) -> Outcome:
        """From the last acknowledged offset, without the lease: it disturbs nothing."""
        told = None
        if intent.token is not None:
            told = self._standing(await self._glance(intent.token))
        raise Refusal(intent.problem, intent.detail, standing=told)

    async def _glance(self, token: Token) -> Upload:
        """The upload as acknowledged, whatever is being done with it."""
        delivery = self._deliveries.live(token)
        upload = delivery.upload if delivery else await self._read(token)
        plan = decide.request_on(upload, AskLimits(token), self._ledger.now())
        assert plan is not None
        return replace(upload, offset=upload.acknowledged)

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
                refusal.standing = self._standing(await self._acknowledge(upload))
            raise

    async def _attach(self, upload: Upload, plan: Receive, head: Head) -> Upload:
        """`upload` with the append's body attached, its length and credentials
        saved."""
        upload = replace(upload, length=plan.length, finishing=plan.finishing, why="")
        if plan.finishing and self._finishing_credentials:
            fields = with_credentials_of(upload.request.fields, head)
            upload = replace(upload, request=replace(upload.request, fields=fields))
        return await self._ledger.advance(upload, Event.BODY_ATTACHED)

    async def _receive(
        self,
        upload: Upload,
        plan: Receive,
        intent: Create | Append,
        lease: Lease,
        exchange: Exchange,
    ) -> Upload:
        """The upload with the request's content taken and settled."""
        body = exchange.body
        writer = self._spool.writer(upload.token)
        progress = ProgressTeller(
            upload, writer, body, self._ledger, exchange.tell, self._spawn
        )
        try:
            with (
                lease.revocable(partial(body.end, Gone.SUPERSEDED)),
                self._registered(body),
            ):
                if intent.progress and intent.interims:
                    progress.start()
                body.begin()
                ending = await receive(body, writer, plan.ceiling)
            upload = await progress.stop()
            settled = decide.settle(plan, writer.offset, ending)
            return await self._settle(upload, settled, intent, writer, body)
        finally:
            writer.close()

    async def _settle(
        self,
        upload: Upload,
        settled: Settled,
        intent: Create | Append,
        writer: Writer,
        body: Body,
    ) -> Upload:
        """Save what the part did; raise what the client is to hear of it."""
        upload = replace(
            upload,
            offset=writer.offset,
            length=settled.length,
            fed_at=self._ledger.now()
            if writer.offset > upload.offset
            else upload.fed_at,
            why=body.gone.value if body.gone else "",
        )
        told = settled.event in _CARRIES_OFFSET or body.gone is Gone.STOPPING
        try:
            if told:
                upload = replace(upload, acknowledged=await writer.sync())
            upload = await self._ledger.advance(upload, settled.event, durable=told)
        except SpoolError as exc:
            if intent.cut_on_storage_failure:
                self._log.error("spool failed", error=str(exc))
                raise ClientGone(Gone.CUT) from exc
            raise
        if settled.refusal is None:
            return upload
        if settled.event is Event.STORAGE_FAILED and intent.cut_on_storage_failure:
            # R97: such a client resumes after a cut, never after a 5xx.
            raise ClientGone(Gone.CUT)
        if settled.event is not Event.OVERRAN_FATAL:
            settled.refusal.standing = self._standing(upload)
        raise settled.refusal

    def _follow(self, upload: Upload, body: Body) -> Follower | None:
        """Start the delivery of an upload that is COMPLETE; None for one that is not.

        Raises:
            ClientGone: the client has not stayed. The forward goes on (P4, R64).
        """
        if body.gone is not None:
            if upload.state is State.COMPLETE:
                self._deliveries.start(upload)
            raise ClientGone(body.gone)
        if upload.state is State.COMPLETE:
            return self._deliveries.follow(upload)
        return None

    async def _answered(
        self, upload: Upload, follower: Follower, *, by_creation: bool = False
    ) -> Outcome:
        """The origin's answer, as soon as its head is here. The lease is given back."""
        try:
            answer = await follower.answer()
        except Refusal as refusal:
            refusal.standing = await self._standing_after(refusal, upload.token)
            raise
        return Answered(
            upload.token,
            upload.offset,
            answer,
            follower,
            by_creation=by_creation,
            length=follower.length,
        )

    async def _standing_after(self, refusal: Refusal, token: Token) -> Standing | None:
        """What may be told with the refusal of a delivery; None when nothing is
        durable.

        Without the lease: a delivery that is live saves for us, and one that has lost
        its request has acknowledged all of it.
        """
        if refusal.problem not in (Problem.ORIGIN_DOWN, Problem.OUTCOME_UNKNOWN):
            return None
        delivery = self._deliveries.live(token)
        if delivery is not None:
            return self._standing(await self._acknowledge(delivery.upload))
        upload = await self._read(token)
        return self._standing(upload) if upload.acknowledged == upload.offset else None

    async def _replay(self, upload: Upload) -> Outcome:
        """The stored answer, once all of it is stored."""
        delivery = self._deliveries.live(upload.token)
        if delivery is not None:
            try:
                async with asyncio.timeout(_REPLAY_WAIT_S):
                    await delivery.over.wait()
            except TimeoutError:
                raise Refusal(
                    Problem.UNAVAILABLE,
                    "The answer is still coming in.",
                    standing=self._standing(upload),
                    retry_after_s=1,
                ) from None
            upload = await self._read(upload.token)
        return self._stored_answer(upload)

    def _stored_answer(self, upload: Upload) -> Outcome:
        """The answer as it was kept, unless its content is not all there."""
        answer = upload.answer
        assert answer is not None
        reader = self._spool.answer_reader(upload.token)
        old = self._answer_is_old(upload, self._ledger.now())
        if old or not answer.kept or reader.size != answer.size:
            # Too old, too large, broken off, or cut by a crash of ours.
            reader.close()
            refusal = decide.answer_not_kept(answer)
            refusal.standing = self._standing(upload)
            raise refusal
        self._ledger.note(upload, Event.ANSWER_REPLAYED)
        stored = Stored(reader)
        return Answered(upload.token, upload.offset, answer, stored, length=answer.size)

    async def _acknowledge(self, upload: Upload) -> Upload:
        """`upload` with its offset durable, in body and record, so that it may be
        told."""
        if upload.acknowledged == upload.offset or upload.finished:
            return upload
        synced = await self._ledger.sync_body(upload)
        delivery = self._deliveries.live(upload.token)
        if delivery is None:
            await self._ledger.save(synced, durable=True)
        else:
            acknowledged = synced.acknowledged
            await delivery.amend(
                lambda current: replace(current, acknowledged=acknowledged)
            )
        return synced

    def _standing(self, upload: Upload) -> Standing:
        return decide.standing(upload, self._ledger.now())

    async def _read(self, token: Token) -> Upload:
        """The upload as its record tells it."""
        try:
            return await self._spool.load(token)
        except UploadMissing as exc:
            raise decide.unknown_upload() from exc
        except UploadLost as exc:
            self._log.error("upload lost", upload=shortened(token), error=str(exc))
            raise decide.unknown_upload() from exc

    async def _load(self, token: Token) -> Upload:
        """The upload as it stands, recovered if a crash left it in the middle of
        something.

        The caller holds the lease.
        """
        delivery = self._deliveries.live(token)
        if delivery is not None:
            return delivery.upload
        upload = await self._read(token)
        event = event_after_crash(upload, repeatable=self._deliveries.repeatable)
        if event is not None:
            upload = replace(upload, why="found after a crash")
            upload = await self._ledger.advance(upload, event, durable=True)
        over = upload.hidden or decide.expired(upload, self._ledger.now())
        if upload.state is State.COMPLETE and not over:
            self._deliveries.start(upload)
        return upload

    async def _tidy(self, token: Token) -> None:
        try:
            upload = await self._load(token)
        except Refusal as refusal:
            if isinstance(refusal.__cause__, UploadMissing):
                # A body without a record: what a crash left of a creation or a removal.
                await self._spool.delete(token)
            raise
        now = self._ledger.now()
        if upload.state in TERMINAL:
            await self._spool.delete(token)
        elif upload.hidden:
            await self._ledger.advance(upload, Event.CANCEL_ASKED)
        elif decide.expired(upload, now):
            await self._ledger.advance(upload, Event.LIFETIME_ENDED)
        elif self._is_stalled(upload, now):
            finished = await self._ledger.advance(upload, Event.FINISHED_INTERNALLY)
            self._deliveries.start(finished)
        elif self._answer_is_old(upload, now):
            assert upload.answer is not None
            await self._spool.drop_answer(upload.token)
            tombstone = replace(upload.answer, kept=False)
            await self._ledger.save(replace(upload, answer=tombstone))

    def _is_stalled(self, upload: Upload, now: float) -> bool:
        """True when no request will ever end the upload, as the operator sees it (R103)."""
        after_s = self._finish_stalled_after_s
        if after_s is None or upload.state is not State.INTERRUPTED:
            return False
        return upload.offset == upload.length and now >= upload.fed_at + after_s

    def _answer_is_old(self, upload: Upload, now: float) -> bool:
        """True when the content of its answer is not to be kept any longer."""
        answer, answered_at = upload.answer, upload.answered_at
        if answer is None or answered_at is None or not answer.kept:
            return False
        return answer.size != 0 and now >= answered_at + self._keep_answer_s

    @contextmanager
    def _registered(self, body: Body) -> Iterator[None]:
        self._bodies.add(body)
        if self._stopping:
            body.end(Gone.STOPPING)
        try:
            yield
        finally:
            self._bodies.discard(body)

    @contextmanager
    def _storage_trouble(self) -> Iterator[None]:
        try:
            yield
        except SpoolError as exc:
            self._log.error("spool failed", error=str(exc))
            raise Refusal(
                Problem.STORAGE,
                "The upload cannot be stored at the moment.",
                retry_after_s=decide.STORAGE_RETRY_AFTER_S,
            ) from exc
