"""Every forward of this process: its beginning, its pauses, who waits for it.

A delivery is a task of the process, not of a request: clients join it and leave it, and
it goes on without them (P4). While the origin is down it is tried again with growing
pauses, which who waits for the answer ends (P5); those to other origins go on. The one
invariant: an upload has at most one delivery, in whatever process, and it is started
only by whoever holds its lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.attempts import Attempts
from proxy.core.decide import unknown_upload
from proxy.core.errors import Problem, Refusal, SpoolError
from proxy.core.upload import State, Token, Upload
from proxy.delivery import Delivery
from proxy.followers import Follower
from proxy.forward import Forward
from proxy.lanes import Courses
from proxy.ledger import Ledger
from proxy.outages import hold, is_down
from proxy.spool.claims import TokenLocks, Unshared
from proxy.tasks import Spawn

FIRST_PAUSE_S: Final = 0.2
"""Before the second attempt: an origin that restarts is back within moments."""
LONGEST_PAUSE_S: Final = 60.0
"""Between attempts on an origin that stays down, so that it is found soon after."""

ENDING_S: Final = 5.0
"""For a delivery to record how it went, after that is known."""


class Deliveries:
    """Every forward of this process, its pauses, and who waits for what."""

    def __init__(
        self,
        forward: Forward,
        ledger: Ledger,
        courses: Courses,
        *,
        spawn: Spawn,
        log: FilteringBoundLogger,
        locks: TokenLocks | None = None,
    ) -> None:
        """`locks`: taken on what is delivered here; None where no process shares the
        spool."""
        self._forward = forward
        self._ledger = ledger
        self._courses = courses
        self._spawn = spawn
        self._log = log
        self._locks = Unshared() if locks is None else locks
        self._live: dict[Token, Delivery] = {}
        self._tasks: dict[Token, asyncio.Task[None]] = {}
        self._awaited: set[Delivery] = set()
        """Those that somebody waits for, or did not long ago."""
        self._attempts = Attempts(forward, ledger, courses, self._awaited, log)
        self._stopping = False

    def resettle(self) -> None:
        """The courses are others now: what waits takes its new one, at once if that
        leads elsewhere. An attempt that has begun ends as it began."""
        for delivery in self._live.values():
            course = self._courses.of(delivery.upload)
            if not delivery.course.leads_as(course):
                delivery.course.lane.recall()
                delivery.hurry.set()

    @property
    def in_flight(self) -> int:
        """Forwards begun and not yet ended."""
        return sum(delivery.in_attempt for delivery in self._live.values())

    def waiting(self) -> list[Upload]:
        """Uploads that wait for an attempt: for their turn, or for the origin."""
        return [
            one.upload
            for one in self._live.values()
            if not one.in_attempt and one.upload.state is State.COMPLETE
        ]

    def forwarding(self) -> list[Upload]:
        """Uploads with an attempt under way, until its answer has been passed on."""
        return [one.upload for one in self._live.values() if one.in_attempt]

    def live(self, token: Token) -> Delivery | None:
        """The delivery of an upload, while there is one."""
        return self._live.get(token)

    @contextmanager
    def claim(self, token: Token) -> Iterator[bool]:
        """Within this no other process can deliver the upload; False: one does.

        The caller holds the lease. A delivery that is started within keeps the claim.
        """
        claimed = self._locks.try_lock(token)
        try:
            yield claimed
        finally:
            if claimed and token not in self._live:
                self._locks.unlock(token)

    def start(self, upload: Upload) -> Delivery:
        """The delivery of `upload`; started when there is none, which takes a COMPLETE
        one.

        The caller holds the lease, and has the upload from that delivery, or from the
        record while there was none: nobody else can have forwarded it meanwhile.

        Raises:
            Refusal: its route is configured no more.
            SpoolError: another process is at it, which that rules out.
        """
        token = upload.token
        delivery = self._live.get(token)
        if delivery is None:
            delivery = Delivery(upload, self._ledger, self._courses.needed(upload))
            if not self._stopping:
                if not self._locks.try_lock(token):
                    raise SpoolError("the upload is being sent on by another process")
                self._live[token] = delivery
                self._ledger.tell_resent(upload)
                self._tasks[token] = self._spawn(self._run(delivery))
        return delivery

    def follow(self, upload: Upload) -> Follower:
        """Wait for the answer in the delivery of `upload`, as `start` finds or makes
        it."""
        return self._following(self.start(upload))

    def join(self, token: Token) -> Follower | None:
        """Wait for the answer in the delivery of the upload; None: it has none here."""
        delivery = self._live.get(token)
        if delivery is not None:
            return self._following(delivery)
        return _refused(stopping()) if self._stopping else None

    def _following(self, delivery: Delivery) -> Follower:
        if self._stopping and not delivery.in_attempt:
            return _refused(stopping())
        follower = Follower()
        delivery.add(follower)
        self._awaited.add(delivery)
        if is_down(delivery.course):
            hold(delivery)
        return follower

    async def withdraw(self, token: Token) -> bool:
        """Stop a delivery whose attempt has not begun; False when it is too late.

        When this returns, nothing of it is being saved any more, and nothing will be:
        the caller, who holds the lease here or elsewhere, removes the upload.
        """
        delivery = self._live.get(token)
        if delivery is None:
            return True
        if delivery.in_attempt:
            return False
        task = self._tasks[token]
        if delivery.is_live:
            delivery.is_live = False
            task.cancel()
            delivery.refuse_all(unknown_upload)
        await asyncio.wait([task])
        # A task that had begun has waited for that itself, and given up the claim.
        await delivery.settled()
        if self._live.get(token) is delivery:
            self._end(delivery)
        return True

    async def ended(self, token: Token, until: asyncio.Future[None]) -> bool:
        """Wait for the end of a delivery that has nothing more to do, or for `until`;
        False: it does not come to its end.

        One that cannot record how it went stays for as long as its disk is full, and is
        not waited for.
        """
        delivery, task = self._live.get(token), self._tasks.get(token)
        if delivery is not None and task is not None and not delivery.is_believed:
            await asyncio.wait(
                [task, until], timeout=ENDING_S, return_when=asyncio.FIRST_COMPLETED
            )
        return token not in self._live

    def _drop(self, token: Token) -> None:
        self._live.pop(token).is_live = False
        self._locks.unlock(token)

    async def stop(self, grace_s: float) -> None:
        """Begin nothing more; what is in flight may finish within `grace_s` seconds.

        What has not begun stays COMPLETE in the spool; what is cut stays FORWARDING,
        hence UNKNOWN when it is found again.
        """
        self._stopping = True
        for token, delivery in list(self._live.items()):
            if not delivery.in_attempt:
                self._tasks[token].cancel()
                delivery.refuse_all(stopping)
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace_s)
            for task in late:
                task.cancel()
            if late:
                self._log.error("forwards cut by stopping", forwards=len(late))
                await asyncio.wait(late)

    async def _run(self, delivery: Delivery) -> None:
        try:
            pause_s = FIRST_PAUSE_S
            while await self._attempts.make(delivery) and not self._stopping:
                pause_s = await _pause(delivery, pause_s)
            delivery.over.set()
            await self._record_late(delivery)
        finally:
            try:
                # What somebody else has it save must not come after the claim is gone.
                await delivery.settled()
            finally:
                self._end(delivery)

    def _end(self, delivery: Delivery) -> None:
        token, withdrawn = delivery.upload.token, not delivery.is_live
        if self._live.get(token) is delivery:
            self._drop(token)
            self._tasks.pop(token, None)
        self._awaited.discard(delivery)
        delivery.over.set()
        if withdrawn:
            delivery.refuse_all(unknown_upload)
        else:
            delivery.refuse_all(stopping if self._stopping else _given_up)

    async def _record_late(self, delivery: Delivery) -> None:
        """What could not be recorded is known here only: stay until it can be."""
        pause_s = FIRST_PAUSE_S
        while delivery.is_believed and not self._stopping:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            await self._forward.answering.record_late(delivery)


async def _pause(delivery: Delivery, pause_s: float) -> float:
    """Wait, for `pause_s` or until somebody waits with us; the pause after the next.

    Whoever has come is held for some seconds: an origin that is back is to be found
    within them, however long it was down.
    """
    if delivery.hurry.is_set():
        delivery.hurry.clear()
        pause_s = FIRST_PAUSE_S
    try:
        async with asyncio.timeout(pause_s):
            await delivery.hurry.wait()
    except TimeoutError:
        return min(2 * pause_s, LONGEST_PAUSE_S)
    return FIRST_PAUSE_S


def _refused(refusal: Refusal) -> Follower:
    follower = Follower()
    follower.refuse(refusal)
    return follower


def _given_up() -> Refusal:
    """For who waits when a delivery ends by a bug of ours: nobody is left hanging."""
    return Refusal(
        Problem.UNAVAILABLE,
        "The upload is complete, but something went wrong in sending it on.",
        retry_after_s=1,
    )


def stopping() -> Refusal:
    """For who waits when this process goes: another one, or the next, sends it on."""
    return Refusal(
        Problem.UNAVAILABLE,
        "The upload is complete and will be sent on; this server is stopping.",
        retry_after_s=1,
    )
