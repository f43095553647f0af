"""One attempt to bring a complete upload to the origin, and what is known after it
(P3).

A connection comes first: without one, nothing has begun. Then FORWARDING is on stable
storage before the first byte leaves, but for what the spool may keep in memory or only
show (``spool.tiers``); afterwards the record says exactly what is known:
answered, surely not reached, or unknown. The answer's head is saved before a client
sees a byte of it, its content is passed on as it comes and kept beside. The one
invariant: a request leaves only from here, and only after that first save.
"""

from __future__ import annotations

import hashlib

from structlog.typing import FilteringBoundLogger

from proxy.auth import denied
from proxy.core.decide import outcome_unknown, unknown_upload
from proxy.core.errors import (
    BodyUnreadableError,
    Denial,
    InDoubt,
    OriginCut,
    OriginError,
    OriginLost,
    OriginUnreached,
    SpoolError,
    UploadLost,
)
from proxy.core.forms import NOTHING, Around
from proxy.core.headers import harmless
from proxy.core.lifecycle import TERMINAL, Event
from proxy.core.upload import Answer, Head, State, Upload, shortened
from proxy.core.values import replace
from proxy.delivery import Change, Delivery
from proxy.keeper import Keeper
from proxy.lanes import AnswerStream
from proxy.ledger import Ledger
from proxy.spans import Span, Spans
from proxy.spool import Reader, Spool


class Forward:
    """Makes attempts, for every delivery."""

    def __init__(
        self,
        spool: Spool,
        ledger: Ledger,
        keep_answer_size: int,
        log: FilteringBoundLogger,
        spans: Spans | None = None,
    ) -> None:
        """`keep_answer_size`: bytes of an answer's content that are kept for replay.
        `spans`: None where nothing is traced."""
        self._spans = spans
        self._spool = spool
        self._ledger = ledger
        self.keep_answer_size = keep_answer_size
        self._log = log

    async def attempt(self, delivery: Delivery) -> AnswerStream | None:
        """Send the request once; the answer, its head recorded, or None without one.

        Without an answer the upload is COMPLETE when the request surely did not reach
        the origin whole, and else in whatever state that led to.

        Raises:
            UploadLost: the body is not what was received.
            InDoubt: it may not be; the request has surely not left whole.
            SpoolError: the attempt has not begun.
        """
        upload = delivery.upload
        reader = self._spool.reader(upload.token)
        try:
            if reader.size != upload.length:
                raise UploadLost(
                    f"the body has {reader.size} bytes, expected {upload.length}"
                )
            if delivery.course.repeatable:
                # After a power loss this very body may be sent again: it must be whole.
                await self._sync(delivery)
            try:
                stream = await self._exchange(delivery, reader)
            except _CancelledMeanwhileError:
                await self._drop_hidden(delivery)
                return None
            except BodyUnreadableError as exc:
                if isinstance(exc.__cause__, InDoubt):
                    raise exc.__cause__ from None
                await self._failed(delivery, exc)
                raise SpoolError(str(exc)) from exc
            except OriginError as exc:
                await self._failed(delivery, exc)
                return None
        finally:
            reader.close()
        await self._record_answer(delivery, stream)
        return stream

    async def denied(self, delivery: Delivery, denial: Denial) -> None:
        """It was not let through, and stays, for a client that comes with what is;
        until then nobody is asked again."""

        def refused(current: Upload) -> Upload:
            why = f"not authorised: {denial.answer.status}"
            attempts = current.attempts + 1
            return replace(current, denied=True, attempts=attempts, why=why)

        await self._record_failure(delivery, Event.FORWARD_DENIED, refused)
        delivery.refuse_all(lambda: denied(denial))
        await self._drop_hidden(delivery)

    async def unasked(self, delivery: Delivery, why: str) -> None:
        """Nobody said whether it may be sent: it waits for that."""
        await self._not_begun(delivery, Event.AUTH_SILENT, why)

    async def _exchange(self, delivery: Delivery, body: Reader) -> AnswerStream:
        """Connect, record that the forward begins, send."""
        if self._spans is None:
            return await self._sent(delivery, body, None)
        span, why = self._spans.forward(delivery.upload), "not sent"
        stream = None
        try:
            stream = await self._sent(delivery, body, span)
            return stream
        except OriginError as exc:
            why = str(exc)
            raise
        finally:
            if stream is None:
                span.failed(why)
            else:
                span.answered(stream.answer.status, {})

    async def _sent(
        self, delivery: Delivery, body: Reader, span: Span | None
    ) -> AnswerStream:
        sender, route = delivery.course.lane.sender, delivery.upload.route
        channel = await sender.connect(body.size, route)
        try:
            await delivery.advance(Event.FORWARD_BEGAN, _unless_hidden, durable=True)
            request, around = _shaped(delivery)
            if span is not None:
                request = span.onward(request)
            return await channel.send(request, body, around)
        finally:
            channel.close()

    async def _sync(self, delivery: Delivery) -> None:
        """Have all of the body acknowledged, hence kept through a power loss."""
        if delivery.upload.acknowledged != delivery.upload.length:
            synced = await self._ledger.sync_body(delivery.upload)
            await delivery.amend(lambda current: replace(current, acknowledged=synced))

    async def _failed(self, delivery: Delivery, exc: OriginError) -> None:
        """Record what is known of the failed attempt.

        From here on the upload waits, for the next attempt or for the operator, and its
        client may never come back: all of it has to survive a power loss.
        """
        if delivery.upload.state is State.COMPLETE:
            await self._not_begun(delivery, Event.ORIGIN_UNREACHED, str(exc))
            return
        match exc:
            case OriginUnreached():
                event = Event.ORIGIN_UNREACHED
            case OriginCut():
                event = Event.ORIGIN_CUT
            case OriginLost() if delivery.course.repeatable:
                event = Event.ORIGIN_LOST_REPEATABLE
            case _:
                event = Event.ORIGIN_LOST
        why = str(exc)
        await self._record_failure(
            delivery, event, lambda current: replace(current, why=why)
        )
        if event is Event.ORIGIN_LOST:
            delivery.refuse_all(outcome_unknown)
        await self._drop_hidden(delivery)

    async def doubted(self, delivery: Delivery, why: str) -> None:
        """The body cannot be sent, see ``InDoubt``: its client has to send again what
        is not acknowledged. Whoever has taken over will find that it is cut back."""

        def taken_back(current: Upload) -> Upload:
            return replace(current, offset=current.acknowledged, why=why)

        event = Event.BODY_DOUBTED
        try:
            await delivery.advance(event, taken_back, durable=True)
        except SpoolError as exc:
            self._not_recorded(delivery, event, exc)
            await delivery.believe(event, taken_back)
        await self._drop_hidden(delivery)

    async def _not_begun(self, delivery: Delivery, event: Event, why: str) -> None:
        """There was no connection, or no word: the upload is what it was, and waits.

        That has to be recorded once only. While that is so, nothing is written.
        """

        def failed(current: Upload) -> Upload:
            return replace(current, why=why, attempts=current.attempts + 1)

        try:
            if delivery.waits_durably:
                await delivery.note(event, failed)
            else:
                await self._wait_durably(delivery, event, failed)
        except SpoolError as exc:
            # It says COMPLETE all the same, and the next attempt tries to save it.
            self._log.warning(
                "waiting for the origin not recorded",
                upload=shortened(delivery.upload.token),
                error=str(exc),
            )
            await delivery.note(event, failed)
        await self._drop_hidden(delivery)

    async def _record_failure(
        self, delivery: Delivery, event: Event, failed: Change
    ) -> None:
        try:
            await self._wait_durably(delivery, event, failed)
        except SpoolError as exc:
            self._not_recorded(delivery, event, exc)
            await delivery.believe(event, failed)

    async def _wait_durably(
        self, delivery: Delivery, event: Event, failed: Change
    ) -> None:
        """Body and record, since this may be found again only by who starts next."""
        synced = delivery.upload.acknowledged
        if synced != delivery.upload.length:
            synced = await self._ledger.sync_body(delivery.upload)

        def failed_with_all(current: Upload) -> Upload:
            return replace(failed(current), acknowledged=synced)

        await delivery.advance(event, failed_with_all, durable=True)
        delivery.waits_durably = delivery.upload.state is State.COMPLETE

    async def _record_answer(self, delivery: Delivery, stream: AnswerStream) -> None:
        """Have the answer's head on stable storage before a client sees any of it."""
        answer, answered_at = self._expected(stream), self._ledger.now()

        def answered(current: Upload) -> Upload:
            return replace(
                current,
                request=harmless(current.request),
                answer=answer,
                answered_at=answered_at,
            )

        try:
            await delivery.advance(Event.ORIGIN_ANSWERED, answered, durable=True)
        except SpoolError as exc:
            # The clients that wait get their answer all the same.
            self._not_recorded(delivery, Event.ORIGIN_ANSWERED, exc)
            await delivery.believe(Event.ORIGIN_ANSWERED, answered)

    def _expected(self, stream: AnswerStream) -> Answer:
        """The answer as it will be kept, if all goes well: said beforehand, so that a
        client which has got all of it finds it kept, whatever happens to us then."""
        if stream.length is None:
            return stream.answer
        size = int(stream.length)
        return replace(stream.answer, size=size, kept=size <= self.keep_answer_size)

    async def pass_on(self, delivery: Delivery, stream: AnswerStream) -> None:
        """Pass the answer's content on as it comes, and be done with the upload."""
        followers, delivery.followers = delivery.followers, []
        delivery.served = followers
        keeper = Keeper(self._spool, delivery.upload.token, self.keep_answer_size)
        try:
            length = None if stream.length is None else int(stream.length)
            for follower in followers:
                follower.answered(stream.answer, length)
            await self._pass_on(delivery, stream, keeper)
        finally:
            keeper.close()
            for follower in followers:
                follower.break_off()
            await stream.close()
        await self.record_late(delivery)
        await self._drop_hidden(delivery)

    async def record_late(self, delivery: Delivery) -> None:
        """Have the record say how it went, if it could not before, and free the body of
        an upload that was answered.

        As long as it says FORWARDING the body has to stay, since to whoever finds that
        after us the outcome is unknown; and where it is, the body is the operator's.
        """
        if delivery.is_believed:
            try:
                await delivery.amend(lambda current: current)
            except SpoolError as exc:
                self._not_recorded(delivery, Event.ORIGIN_ANSWERED, exc)
                return
        if delivery.upload.state is State.RESPONDED:
            await self._spool.drop_body(delivery.upload.token)

    def _not_recorded(self, delivery: Delivery, event: Event, exc: SpoolError) -> None:
        """We know better than the record, which still says FORWARDING.

        Should we die now, the outcome counts as unknown: nothing is sent twice.
        """
        self._log.error(
            "outcome of a forward not recorded",
            upload=shortened(delivery.upload.token),
            outcome=event.value,
            error=str(exc),
        )

    async def _pass_on(
        self, delivery: Delivery, stream: AnswerStream, keeper: Keeper
    ) -> None:
        """Feed the content to who follows and to the spool; record what was kept."""
        token, followers = delivery.upload.token, delivery.served
        try:
            async for chunk in stream.chunks():
                keeper.keep(chunk)
                for follower in followers:
                    await follower.feed(chunk)
        except OriginError as exc:
            self._log.warning(
                "answer broke off", upload=shortened(token), error=str(exc)
            )
            await keeper.drop()
            await self._record_content(delivery, kept=False, size=None)
            return
        kept = await keeper.finish()
        await self._record_content(delivery, kept=kept, size=keeper.size)
        # Only now: who sees the end finds the answer kept.
        for follower in followers:
            await follower.feed(b"")

    async def _record_content(
        self, delivery: Delivery, *, kept: bool, size: int | None
    ) -> None:
        """Save what became of the answer's content, unless the record says so."""
        answer = delivery.upload.answer
        assert answer is not None
        if (answer.kept, answer.size) == (kept, size):
            return
        told = replace(answer, kept=kept, size=size)

        def came(current: Upload) -> Upload:
            return replace(current, answer=told)

        try:
            await delivery.amend(came)
        except SpoolError as exc:
            self._not_recorded(delivery, Event.ORIGIN_ANSWERED, exc)
            await delivery.believe(None, came)

    async def _drop_hidden(self, delivery: Delivery) -> None:
        """Remove an upload that was cancelled while it was forwarded (R70)."""
        # A cancel that is just being recorded counts: its client is told 204.
        await delivery.settled()
        if delivery.upload.hidden and delivery.upload.state not in TERMINAL:
            await delivery.advance(Event.CANCEL_ASKED)
            delivery.refuse_all(unknown_upload)


class _CancelledMeanwhileError(Exception):
    """The client has given the upload up: nothing of it may leave any more."""


def _shaped(delivery: Delivery) -> tuple[Head, Around]:
    """What the origin gets, and what of that stands around the body.

    What is kept and counted is the body alone. The shape is the one that the route has
    now: an upload may have waited for its operator to put it right.

    Raises:
        UploadLost: the record does not hold a request.
    """
    request, wrapping = _request(delivery), delivery.course.wrapping
    if wrapping is None:
        return request, NOTHING
    return wrapping.wrapped(request, delivery.upload.token)


def _request(delivery: Delivery) -> Head:
    """What the origin gets; where it may come twice, with a key that tells so."""
    head = delivery.upload.request
    if not delivery.course.repeatable or head.has(b"idempotency-key"):
        return head
    # Made from the token, so that every attempt and every process sends the same one,
    # and hashed, because the token itself is the capability to the upload.
    secret = b"idempotency-key " + delivery.upload.token.encode()
    digest = hashlib.sha256(secret).hexdigest()
    key = (b"Idempotency-Key", f'"{digest[:32]}"'.encode())
    return replace(head, fields=(*head.fields, key))


def _unless_hidden(upload: Upload) -> Upload:
    """`upload` as it is, as long as an attempt may begin."""
    if upload.hidden:
        raise _CancelledMeanwhileError
    return upload
