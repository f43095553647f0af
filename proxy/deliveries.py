"""One forward per complete upload, which outlives the request that completed it (P3,
P4).

A delivery is a task of the process, not of a request: clients join it and leave it. It
waits for its turn, has FORWARDING on stable storage before the first byte leaves, and
says afterwards exactly what is known: answered, surely not reached (tried again, with
growing pauses, P5), or unknown. The one invariant: while a delivery is live, only it
saves the record of its upload; others ask it to ``amend``.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from structlog.typing import FilteringBoundLogger

from proxy.core.decide import STORAGE_RETRY_AFTER_S, expired, unknown_upload
from proxy.core.errors import (
    OriginCut,
    OriginError,
    OriginLost,
    OriginUnreached,
    Problem,
    Refusal,
    SpoolError,
    UploadLost,
)
from proxy.core.headers import without_credentials
from proxy.core.lifecycle import TERMINAL, Event, next_state
from proxy.core.upload import Answer, Head, State, Token, Upload, shortened
from proxy.followers import Follower
from proxy.ledger import Ledger
from proxy.spool import Reader, Spool, Writer

FIRST_PAUSE_S: Final = 0.2
"""Before the second attempt: an origin that restarts is back within moments."""
LONGEST_PAUSE_S: Final = 60.0
"""Between attempts on an origin that stays down, so that it is found soon after."""

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Starts a task that somebody keeps a reference to."""


class AnswerStream(Protocol):
    """The origin's answer: its head is here, its content still comes."""

    @property
    def answer(self) -> Answer: ...

    @property
    def length(self) -> bytes | None:
        """The `Content-Length` of the content; None without one."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The content.

        Raises:
            OriginError: it broke off.
        """
        ...

    async def close(self) -> None: ...


class Sender(Protocol):
    """Sends one complete request to the origin."""

    async def post(self, head: Head, body: Reader) -> AnswerStream:
        """The answer to `head` with the whole of `body`, sent once.

        Raises:
            OriginUnreached, OriginCut, OriginLost: each says what the origin can have
            seen.
        """
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator decided about forwarding."""

    retry_for_s: float
    """Seconds a waiting client is held while the origin is down."""
    max_forwards: int
    """Forwards in flight at the same time; the rest wait, oldest first."""
    repeatable: bool
    """The origin may get a request twice; an Idempotency-Key lets it find out."""
    keep_answer_size: int
    """Bytes of an answer's content that are kept for replay."""


class Delivery:
    """The forward of one upload, from its first attempt to its end."""

    def __init__(self, upload: Upload, ledger: Ledger) -> None:
        self.upload = upload
        self.begun = False
        """True from before FORWARDING is saved until the attempt has ended."""
        self.followers: list[Follower] = []
        self.hurry = asyncio.Event()
        """Somebody waits for the answer: end the pause."""
        self.over = asyncio.Event()
        """Nothing more happens here; the record says how it went."""
        self._ledger = ledger
        self._saving = asyncio.Lock()

    async def advance(self, event: Event, *, durable: bool = False) -> Upload:
        async with self._saving:
            self.upload = await self._ledger.advance(
                self.upload, event, durable=durable
            )
        return self.upload

    async def amend(self, change: Callable[[Upload], Upload]) -> None:
        """Save a change that is no event, durably.

        Raises:
            SpoolError: the earlier record still stands.
        """
        async with self._saving:
            if self.upload.state in TERMINAL:
                return
            changed = change(self.upload)
            await self._ledger.save(changed, durable=True)
            self.upload = changed

    def refuse_all(self, refusal: Callable[[], Refusal]) -> None:
        """Whoever waits for the answer is told why there will be none now."""
        for follower in self.followers:
            follower.refuse(refusal())
        self.followers.clear()


class Deliveries:
    """Every forward of this process: the queue, its pauses, and who waits for what."""

    def __init__(
        self,
        spool: Spool,
        ledger: Ledger,
        sender: Sender,
        terms: Terms,
        spawn: Spawn,
        log: FilteringBoundLogger,
    ) -> None:
        self._spool = spool
        self._ledger = ledger
        self._sender = sender
        self._terms = terms
        self._spawn = spawn
        self._log = log
        self._slots = asyncio.Semaphore(terms.max_forwards)
        self._live: dict[Token, Delivery] = {}
        self._tasks: dict[Token, asyncio.Task[None]] = {}
        self._stopping = False

    @property
    def repeatable(self) -> bool:
        return self._terms.repeatable

    @property
    def in_flight(self) -> int:
        """Forwards begun and not yet ended."""
        return sum(delivery.begun for delivery in self._live.values())

    def live(self, token: Token) -> Delivery | None:
        """The delivery of an upload, while there is one."""
        return self._live.get(token)

    def start(self, upload: Upload) -> Delivery:
        """The delivery of `upload`; started when there is none, which takes a COMPLETE
        one.

        The caller holds the lease, and has the upload from that delivery, or from the
        record while there was none: nobody else can have forwarded it meanwhile.
        """
        delivery = self._live.get(upload.token)
        if delivery is None:
            delivery = Delivery(upload, self._ledger)
            if not self._stopping:
                self._live[upload.token] = delivery
                self._tasks[upload.token] = self._spawn(self._run(delivery))
        return delivery

    def follow(self, upload: Upload) -> Follower:
        """Wait for the answer in the delivery of `upload`, as `start` finds or makes
        it."""
        follower = Follower()
        delivery = self.start(upload)
        if self._stopping and not delivery.begun:
            follower.refuse(_stopping())
        else:
            delivery.followers.append(follower)
            delivery.hurry.set()
        return follower

    def withdraw(self, token: Token) -> bool:
        """Stop a delivery whose attempt has not begun; False when it is too late."""
        delivery = self._live.get(token)
        if delivery is None:
            return True
        if delivery.begun:
            return False
        task = self._tasks.pop(token, None)
        if task is not None:
            task.cancel()
        del self._live[token]
        delivery.refuse_all(unknown_upload)
        return True

    async def stop(self, grace_s: float) -> None:
        """Begin nothing more; what is in flight may finish within `grace_s` seconds.

        What has not begun stays COMPLETE in the spool; what is cut stays FORWARDING,
        hence UNKNOWN when it is found again.
        """
        self._stopping = True
        for token, delivery in list(self._live.items()):
            if not delivery.begun:
                self._tasks[token].cancel()
                delivery.refuse_all(_stopping)
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace_s)
            for task in late:
                task.cancel()
            if late:
                self._log.error("forwards cut by stopping", forwards=len(late))
                await asyncio.wait(late)

    async def _run(self, delivery: Delivery) -> None:
        token = delivery.upload.token
        try:
            pause_s = FIRST_PAUSE_S
            while await self._attempt_in_turn(delivery, pause_s):
                delivery.hurry.clear()
                try:
                    async with asyncio.timeout(pause_s):
                        await delivery.hurry.wait()
                except TimeoutError:
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        finally:
            if self._live.get(token) is delivery:
                del self._live[token]
                self._tasks.pop(token, None)
            delivery.over.set()
            delivery.refuse_all(_stopping)

    async def _attempt_in_turn(self, delivery: Delivery, pause_s: float) -> bool:
        """One attempt when its turn has come; True when there is to be another."""
        async with self._slots:
            if expired(delivery.upload, self._ledger.now()):
                await delivery.advance(Event.LIFETIME_ENDED)
                delivery.refuse_all(unknown_upload)
                return False
            delivery.begun = True
            try:
                return await self._attempt(delivery)
            except UploadLost as exc:
                await self._lose(delivery, str(exc))
                return False
            except SpoolError as exc:
                self._log.error(
                    "spool failed under a forward",
                    upload=shortened(delivery.upload.token),
                    error=str(exc),
                )
                delivery.refuse_all(_storage)
                return delivery.upload.state is State.COMPLETE
            finally:
                delivery.begun = False
                self._hold(delivery, pause_s)

    async def _lose(self, delivery: Delivery, why: str) -> None:
        delivery.upload = replace(delivery.upload, why=why)
        await delivery.advance(Event.SPOOL_LOST)
        delivery.refuse_all(unknown_upload)

    def _hold(self, delivery: Delivery, pause_s: float) -> None:
        """The origin was not reached: who waits is held for `retry_for`, not longer."""

        def down() -> Refusal:
            return Refusal(
                Problem.ORIGIN_DOWN,
                "The upload is complete, but the server behind cannot be reached; "
                "it is tried on.",
                retry_after_s=max(1, math.ceil(pause_s)),
            )

        for follower in delivery.followers:
            follower.hold(self._terms.retry_for_s, down)

    async def _attempt(self, delivery: Delivery) -> bool:
        """Send the request once; True when it surely did not reach the origin whole."""
        upload = replace(delivery.upload, attempts=delivery.upload.attempts + 1)
        reader = self._spool.reader(upload.token)
        try:
            if reader.size != upload.length:
                raise UploadLost(
                    f"the body has {reader.size} bytes, expected {upload.length}"
                )
            if self._terms.repeatable and upload.acknowledged != upload.length:
                # After a power loss this very body may be sent again: it must be whole.
                upload = await self._ledger.sync_body(upload)
            delivery.upload = replace(upload, why="")
            await delivery.advance(Event.FORWARD_BEGAN, durable=True)
            try:
                stream = await self._sender.post(self._request(upload), reader)
            except OriginError as exc:
                return await self._failed(delivery, exc)
        finally:
            reader.close()
        await self._answered(delivery, stream)
        return False

    def _request(self, upload: Upload) -> Head:
        """What the origin gets; where it may come twice, with a key that tells so."""
        head = upload.request
        if not self._terms.repeatable or head.has(b"idempotency-key"):
            return head
        # Made from the token, so that every attempt and every process sends the same
        # one, and hashed, because the token itself is the capability to the upload.
        digest = hashlib.sha256(b"idempotency-key " + upload.token.encode()).hexdigest()
        key = (b"Idempotency-Key", f'"{digest[:32]}"'.encode())
        return replace(head, fields=(*head.fields, key))

    async def _failed(self, delivery: Delivery, exc: OriginError) -> bool:
        """Record what is known of the failed attempt; True when it may be repeated.

        From here on the upload waits, for the next attempt or for the operator, and its
        client may never come back: all of it has to survive a power loss.
        """
        delivery.upload = replace(delivery.upload, why=str(exc))
        match exc:
            case OriginUnreached():
                event = Event.ORIGIN_UNREACHED
            case OriginCut():
                event = Event.ORIGIN_CUT
            case OriginLost() if self._terms.repeatable:
                event = Event.ORIGIN_LOST_REPEATABLE
            case _:
                event = Event.ORIGIN_LOST
        await self._record_failure(delivery, event)
        if event is Event.ORIGIN_LOST:
            delivery.refuse_all(outcome_unknown)
        dropped = await self._drop_hidden(delivery)
        return not dropped and event is not Event.ORIGIN_LOST

    async def _record_failure(self, delivery: Delivery, event: Event) -> None:
        try:
            upload = delivery.upload
            if upload.acknowledged != upload.length:
                delivery.upload = await self._ledger.sync_body(upload)
            await delivery.advance(event, durable=True)
        except SpoolError as exc:
            # We know better than the record, which still says FORWARDING. Should we die
            # now, the outcome counts as unknown: nothing is sent twice.
            self._log.error(
                "outcome of a forward not recorded",
                upload=shortened(delivery.upload.token),
                error=str(exc),
            )
            state = next_state(delivery.upload.state, event)
            delivery.upload = replace(delivery.upload, state=state)

    async def _answered(self, delivery: Delivery, stream: AnswerStream) -> None:
        """Save the answer's head, then pass its content on as it comes."""
        try:
            upload = delivery.upload
            length = None if stream.length is None else int(stream.length)
            delivery.upload = replace(
                upload,
                answer=self._expected(stream.answer, length),
                answered_at=self._ledger.now(),
                request=replace(
                    upload.request, fields=without_credentials(upload.request.fields)
                ),
            )
            await self._record_answer(delivery)
            followers, delivery.followers = delivery.followers, []
            for follower in followers:
                follower.answered(stream.answer, length)
            await self._pass_on(delivery, stream, followers)
            await self._spool.drop_body(upload.token)
        finally:
            await stream.close()
        await self._drop_hidden(delivery)

    def _expected(self, answer: Answer, length: int | None) -> Answer:
        """`answer` as it will be kept, if all goes well: said beforehand, so that a
        client which has got all of it finds it kept, whatever happens to us then."""
        if length is None:
            return answer
        return replace(answer, size=length, kept=length <= self._terms.keep_answer_size)

    async def _record_answer(self, delivery: Delivery) -> None:
        """Have the answer's head on stable storage before a client sees a byte of
        it."""
        try:
            await delivery.advance(Event.ORIGIN_ANSWERED, durable=True)
        except SpoolError as exc:
            # The clients that wait get their answer all the same. Who comes later, or
            # after a restart, finds the forward without an outcome: UNKNOWN.
            self._log.error(
                "answer not recorded",
                upload=shortened(delivery.upload.token),
                error=str(exc),
            )

    async def _pass_on(
        self, delivery: Delivery, stream: AnswerStream, followers: list[Follower]
    ) -> None:
        """Feed the content to who follows and to the spool; record what was kept."""
        token = delivery.upload.token
        keeper = Keeper(self._spool, token, self._terms.keep_answer_size)
        try:
            async for chunk in stream.chunks():
                keeper.keep(chunk)
                for follower in followers:
                    await follower.feed(chunk)
        except OriginError as exc:
            self._log.warning(
                "answer broke off", upload=shortened(token), error=str(exc)
            )
            for follower in followers:
                follower.break_off()
            await keeper.drop()
            await _record_content(delivery, kept=False, size=None)
            return
        kept = await keeper.finish()
        await _record_content(delivery, kept=kept, size=keeper.size)
        # Only now: who sees the end finds the answer kept.
        for follower in followers:
            await follower.feed(b"")

    async def _drop_hidden(self, delivery: Delivery) -> bool:
        """Remove an upload that was cancelled while it was forwarded (R70)."""
        if not delivery.upload.hidden:
            return False
        if delivery.upload.state is State.FORWARDING:  # pragma: no cover
            raise AssertionError("removed only when the forward has ended")
        await delivery.advance(Event.CANCEL_ASKED)
        return True


class Keeper:
    """Keeps the content of an answer for replay, up to a bound."""

    def __init__(self, spool: Spool, token: Token, bound: int) -> None:
        self._spool = spool
        self._token = token
        self._bound = bound
        self._writer: Writer | None = None
        self._kept = True
        self.size = 0
        """Bytes of the content so far, kept or not."""

    def keep(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if not self._kept:
            return
        if self.size > self._bound:
            self._kept = False
            return
        try:
            if self._writer is None:
                self._writer = self._spool.answer_writer(self._token)
            self._writer.write(chunk)
        except SpoolError:
            # The answer still goes to who waits; a replay will say it was not kept.
            self._kept = False

    async def finish(self) -> bool:
        """True when all of the content is kept."""
        if self._writer is not None:
            try:
                if self._kept:
                    await self._writer.sync()
            except SpoolError:
                self._kept = False
            self._writer.close()
            if not self._kept:
                await self.drop()
        return self._kept

    async def drop(self) -> bool:
        """Keep nothing after all; always False."""
        if self._writer is not None:
            self._writer.close()
            await self._spool.drop_answer(self._token)
        self._kept = False
        return False


async def _record_content(delivery: Delivery, *, kept: bool, size: int | None) -> None:
    """Save what became of the answer's content, unless the record says so already."""
    answer = delivery.upload.answer
    assert answer is not None
    if (answer.kept, answer.size) == (kept, size):
        return
    told = replace(answer, kept=kept, size=size)
    await delivery.amend(lambda current: replace(current, answer=told))


def outcome_unknown() -> Refusal:
    return Refusal(
        Problem.OUTCOME_UNKNOWN,
        "The whole upload was sent on, but no answer came back; "
        "whether it took effect is not known.",
    )


def _stopping() -> Refusal:
    return Refusal(
        Problem.UNAVAILABLE,
        "The upload is complete and will be sent on; this server is stopping.",
        retry_after_s=1,
    )


def _storage() -> Refusal:
    return Refusal(
        Problem.STORAGE,
        "The upload is complete, but its forward cannot be recorded at the moment.",
        retry_after_s=STORAGE_RETRY_AFTER_S,
    )
