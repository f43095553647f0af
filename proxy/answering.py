"""The origin's answer: recorded, passed on to who waits for it, and kept.

Its head is saved before a client sees a byte of it; its content is passed on as it
comes and kept beside. What the record could not be told is known here only, and told
later. The one invariant: who has seen the end of an answer finds it kept, or is told
that it was not.
"""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from proxy.core.errors import OriginError, SpoolError
from proxy.core.headers import harmless
from proxy.core.lifecycle import Event
from proxy.core.upload import Answer, State, Upload, shortened
from proxy.core.values import replace
from proxy.delivery import Delivery, tell_unrecorded
from proxy.keeper import Keeper
from proxy.lanes import AnswerStream
from proxy.ledger import Ledger
from proxy.spool import Spool


class Answering:
    """Does so for every delivery."""

    def __init__(
        self, spool: Spool, ledger: Ledger, keep_size: int, log: FilteringBoundLogger
    ) -> None:
        self._spool = spool
        self._ledger = ledger
        self.keep_size = keep_size
        """Bytes of an answer's content that are kept for replay."""
        self._log = log

    async def record(self, delivery: Delivery, stream: AnswerStream) -> None:
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
            tell_unrecorded(self._log, delivery, Event.ORIGIN_ANSWERED, exc)
            await delivery.believe(Event.ORIGIN_ANSWERED, answered)

    def _expected(self, stream: AnswerStream) -> Answer:
        """The answer as it will be kept, if all goes well: said beforehand, so that a
        client which has got all of it finds it kept, whatever happens to us then."""
        if stream.length is None:
            return stream.answer
        size = int(stream.length)
        return replace(stream.answer, size=size, kept=size <= self.keep_size)

    async def pass_on(self, delivery: Delivery, stream: AnswerStream) -> None:
        """Pass the answer's content on as it comes, and be done with the upload."""
        followers, delivery.followers = delivery.followers, []
        delivery.served = followers
        keeper = Keeper(self._spool, delivery.upload.token, self.keep_size)
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
        await delivery.drop_hidden()

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
                tell_unrecorded(self._log, delivery, Event.ORIGIN_ANSWERED, exc)
                return
        if delivery.upload.state is State.RESPONDED:
            await self._spool.drop_body(delivery.upload.token)

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
            tell_unrecorded(self._log, delivery, Event.ORIGIN_ANSWERED, exc)
            await delivery.believe(None, came)
