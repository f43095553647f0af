"""One attempt to bring a complete upload to the origin, and what is known after it
(P3).

A connection comes first: without one, nothing has begun. Then FORWARDING is on stable
storage before the first byte leaves, but for what the spool may keep in memory or only
show (``spool.tiers``); afterwards the record says exactly what is known: answered
(``answering``), surely not reached, or unknown. The one invariant: a request leaves
only from here, and only after that first save.
"""

from __future__ import annotations

import hashlib

from structlog.typing import FilteringBoundLogger

from proxy.answering import Answering
from proxy.auth import denied
from proxy.core.decide import outcome_unknown
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
from proxy.core.lifecycle import Event
from proxy.core.upload import Head, State, Upload, shortened
from proxy.core.values import replace
from proxy.delivery import Change, Delivery, tell_unrecorded
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
        self.answering = Answering(spool, ledger, keep_answer_size, log)
        """What is done with the answers."""
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
                await delivery.drop_hidden()
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
        await self.answering.record(delivery, stream)
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
        await delivery.drop_hidden()

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
        await delivery.drop_hidden()

    async def doubted(self, delivery: Delivery, why: str) -> None:
        """The body cannot be sent, see ``InDoubt``: its client has to send again what
        is not acknowledged. Whoever has taken over will find that it is cut back."""

        def taken_back(current: Upload) -> Upload:
            return replace(current, offset=current.acknowledged, why=why)

        event = Event.BODY_DOUBTED
        try:
            await delivery.advance(event, taken_back, durable=True)
        except SpoolError as exc:
            tell_unrecorded(self._log, delivery, event, exc)
            await delivery.believe(event, taken_back)
        await delivery.drop_hidden()

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
        await delivery.drop_hidden()

    async def _record_failure(
        self, delivery: Delivery, event: Event, failed: Change
    ) -> None:
        try:
            await self._wait_durably(delivery, event, failed)
        except SpoolError as exc:
            tell_unrecorded(self._log, delivery, event, exc)
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
