"""What becomes of a delivery that is to be sent on: one attempt, when its turn comes.

It is let through or held, sent, or at its end; and whoever waits for its answer is told
what that means for them. The pauses between two attempts are of ``deliveries``, the
attempt itself of ``forward``, its answer of ``answering``. The one invariant: a
delivery counts as in its attempt until the outcome has been recorded, or cannot be.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from structlog.typing import FilteringBoundLogger

from proxy.core.decide import expired, not_stored, unknown_upload
from proxy.core.errors import (
    AuthSilent,
    InDoubt,
    Refusal,
    SpoolError,
    UploadLost,
    UploadMissing,
)
from proxy.core.lifecycle import Event
from proxy.core.upload import State, Upload, shortened
from proxy.core.values import replace
from proxy.delivery import Delivery
from proxy.forward import Forward
from proxy.lanes import AnswerStream, Course, Courses, Lane
from proxy.ledger import Ledger
from proxy.outages import hold
from proxy.turns import NotLetThroughError, Turns


class Attempts:
    """Those of every delivery of this process."""

    def __init__(
        self,
        forward: Forward,
        ledger: Ledger,
        courses: Courses,
        awaited: set[Delivery],
        log: FilteringBoundLogger,
    ) -> None:
        """`awaited`: those that somebody waits for, or did not long ago."""
        self._forward = forward
        self._ledger = ledger
        self._turns = Turns(courses)
        self._awaited = awaited
        self._log = log

    async def make(self, delivery: Delivery) -> bool:
        """One attempt when its turn has come; True when there is to be another."""
        try:
            stream = await self._attempt_in_turn(delivery)
            if isinstance(stream, bool):
                return stream
            # Its turn is over: a client that reads slowly holds up nobody else.
            await self._forward.answering.pass_on(delivery, stream)
        except UploadLost as exc:
            await self._lose(delivery, str(exc))
        except InDoubt as exc:
            await self._forward.doubted(delivery, str(exc))
            delivery.refuse_all(not_stored)
        except UploadMissing:
            # Removed, though that could not be seen through: there is nothing to send.
            delivery.refuse_all(unknown_upload)
        except SpoolError as exc:
            self._log.error(
                "spool failed under a forward",
                upload=shortened(delivery.upload.token),
                error=str(exc),
            )
            delivery.refuse_all(not_stored)
            return _goes_on(delivery.upload)
        finally:
            delivery.in_attempt = False
        return False

    async def _attempt_in_turn(self, delivery: Delivery) -> AnswerStream | bool:
        """The answer, its head recorded; or whether to try again."""
        if self._has_outlived(delivery):
            return await self._end_life(delivery)
        try:
            lane = await self._turns.of(delivery)
        except Refusal as refusal:
            delivery.refuse_all(partial(_again, refusal))
            return False
        except AuthSilent as exc:
            return await self._unasked(delivery, str(exc))
        except NotLetThroughError as exc:
            delivery.in_attempt = True  # until that is recorded
            await self._forward.denied(delivery, exc.denial)
            return False
        try:
            if self._has_outlived(delivery):
                return await self._end_life(delivery)
            return await self._attempt_on(lane, delivery)
        finally:
            lane.slots.leave()

    def _has_outlived(self, delivery: Delivery) -> bool:
        """True when the time of the upload is over."""
        return expired(delivery.upload, self._ledger.now())

    async def _end_life(self, delivery: Delivery) -> bool:
        """End the upload with its time; False: it is not tried again."""
        await delivery.advance(Event.LIFETIME_ENDED)
        delivery.refuse_all(unknown_upload)
        return False

    async def _attempt_on(self, lane: Lane, delivery: Delivery) -> AnswerStream | bool:
        """One attempt in its turn; what `_attempt_in_turn` has."""
        delivery.in_attempt = True
        delivery.hurry.clear()
        lane.trying += 1
        try:
            stream = await self._forward.attempt(delivery)
        finally:
            lane.trying -= 1
        again = _goes_on(delivery.upload)
        lane.is_down = stream is None and again
        if stream is not None:
            return stream
        delivery.in_attempt = False
        if again:
            self._hold_all(lambda course: course.lane is lane)
        return again

    async def _unasked(self, delivery: Delivery, why: str) -> bool:
        """Nobody said whether it may go; True when it is to be asked again. Of the
        origin that says nothing."""
        course = delivery.course
        delivery.in_attempt = True  # until that is recorded
        await self._forward.unasked(delivery, why)
        delivery.in_attempt = False
        self._hold_all(course.leads_as)
        return _goes_on(delivery.upload)

    def _hold_all(self, goes_so: Callable[[Course], bool]) -> None:
        """Hold whoever waits for what goes by such a course, which leads nowhere now.

        Not all that is to be sent so: of thousands of uploads that wait for an origin
        that is down hardly one has a client, and each is tried again and again.
        """
        for delivery in [one for one in self._awaited if goes_so(one.course)]:
            if delivery.is_awaited:
                hold(delivery)
            else:
                self._awaited.discard(delivery)

    async def _lose(self, delivery: Delivery, why: str) -> None:
        try:
            await delivery.advance(
                Event.SPOOL_LOST, lambda current: replace(current, why=why)
            )
        except SpoolError:
            # The ledger has said so; whoever looks at it next finds it lost again.
            delivery.refuse_all(not_stored)
        else:
            delivery.refuse_all(unknown_upload)


def _goes_on(upload: Upload) -> bool:
    """True when it is to be tried again, though nobody asks for it."""
    return upload.state is State.COMPLETE and not upload.denied


def _again(refusal: Refusal) -> Refusal:
    """The same for one more follower."""
    return Refusal(refusal.problem, refusal.detail, retry_after_s=refusal.retry_after_s)
