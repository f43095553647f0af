"""Deliveries over a spool in memory and an origin that does as it is told (P3 to
P5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
import structlog

from proxy.core.errors import (
    OriginCut,
    OriginError,
    OriginLost,
    OriginUnreached,
    Problem,
    Refusal,
    UploadMissing,
)
from proxy.core.upload import Answer, Head, Limits, State, Token, Upload
from proxy.deliveries import Deliveries
from proxy.followers import Follower
from proxy.forward import Forward, Terms
from proxy.ledger import Ledger
from proxy.spool import Reader
from proxy.spool.memory import MemorySpool
from proxy.tasks import Tasks

ANSWER = Answer(201, "Created", ((b"Content-Type", b"text/plain"),))
REQUEST = Head(
    "POST",
    "/photos",
    ((b"Host", b"h"), (b"Authorization", b"secret"), (b"Cookie", b"secret")),
)


class Stream:
    """An answer whose content is given, and may break off."""

    def __init__(self, *chunks: bytes, breaks: bool = False) -> None:
        self.answer = ANSWER
        self.length: bytes | None = None
        self._chunks = chunks
        self._breaks = breaks
        self.closed = False

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        if self._breaks:
            raise OriginCut("the answer broke off")

    async def close(self) -> None:
        self.closed = True


class Origin:
    """Does what its script says, one step for each request; the last step stays."""

    def __init__(self, *script: OriginError | Stream) -> None:
        self.script = list(script)
        self.bodies: list[bytes] = []
        self.heads: list[Head] = []
        self.go = asyncio.Event()
        """Answers are held until this is set."""
        self.go.set()
        self.asked = asyncio.Event()
        self.on_post: Callable[[], None] = lambda: None

    async def post(self, head: Head, body: Reader) -> Stream:
        self.on_post()
        self.heads.append(head)
        self.bodies.append(body.read(0, body.size + 1))
        self.asked.set()
        await self.go.wait()
        step = self.script[0] if len(self.script) == 1 else self.script.pop(0)
        if isinstance(step, OriginError):
            raise step
        return step


class Stage:
    """Deliveries with everything around them."""

    def __init__(
        self,
        origin: Origin,
        *,
        repeatable: bool = False,
        retry_for_s: float = 5,
        max_forwards: int = 16,
    ) -> None:
        log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            structlog.ReturnLogger(),
            processors=[],
            wrapper_class=structlog.make_filtering_bound_logger(50),
        )
        self.now = 1000.0
        self.spool = MemorySpool()
        self.ledger = Ledger(self.spool, lambda: self.now, log)
        self.tasks = Tasks(log)
        terms = Terms(repeatable=repeatable, keep_answer_size=100)
        self.deliveries = Deliveries(
            Forward(self.spool, self.ledger, origin, terms, log),
            self.ledger,
            retry_for_s=retry_for_s,
            max_forwards=max_forwards,
            spawn=self.tasks.spawn,
            log=log,
        )

    async def complete(self, letter: str = "t", body: bytes = b"body") -> Upload:
        """An upload that is COMPLETE, in the spool."""
        token = Token(letter * 43)
        upload = Upload(token, State.COMPLETE, REQUEST, Limits(), self.now, self.now)
        await self.spool.create(replace(upload, state=State.RECEIVING))
        writer = self.spool.writer(token)
        writer.write(body)
        writer.close()
        upload = replace(upload, length=len(body), offset=len(body))
        await self.spool.save(upload, durable=False)
        return upload

    async def over(self, token: Token) -> None:
        delivery = self.deliveries.live(token)
        if delivery is not None:
            async with asyncio.timeout(2):
                await delivery.over.wait()


async def answered(follower: Follower) -> tuple[Answer, bytes]:
    async with asyncio.timeout(2):
        answer = await follower.answer()
        return answer, b"".join([chunk async for chunk in follower])


async def refused(follower: Follower) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        async with asyncio.timeout(2):
            await follower.answer()
    return refusal.value


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(2):
        for _ in range(10_000):
            if true():
                return
            await asyncio.sleep(0)
    raise AssertionError("never became true")


async def stored_answer(stage: Stage, token: Token) -> bytes:
    reader = stage.spool.answer_reader(token)
    return reader.read(0, reader.size)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.deliveries.FIRST_PAUSE_S", 0.01)


async def test_the_origin_gets_one_request_and_the_client_its_answer() -> None:
    stream = Stream(b"hello ", b"world")
    origin = Origin(stream)
    stage = Stage(origin)
    upload = await stage.complete()
    assert await answered(stage.deliveries.follow(upload)) == (ANSWER, b"hello world")
    await stage.over(upload.token)
    assert origin.bodies == [b"body"]
    assert stream.closed
    kept = await stage.spool.load(upload.token)
    assert kept.state is State.RESPONDED
    assert kept.answer == replace(ANSWER, size=11)
    assert await stored_answer(stage, upload.token) == b"hello world"


async def test_forwarding_is_saved_before_the_first_byte_leaves() -> None:
    """P3."""
    origin = Origin(Stream())
    stage = Stage(origin)
    upload = await stage.complete()
    states: list[State] = []

    def look() -> None:
        delivery = stage.deliveries.live(upload.token)
        assert delivery is not None
        states.append(delivery.upload.state)

    origin.on_post = look
    await answered(stage.deliveries.follow(upload))
    assert states == [State.FORWARDING]


async def test_credentials_are_erased_once_the_origin_has_answered() -> None:
    """P11."""
    stage = Stage(Origin(Stream()))
    upload = await stage.complete()
    await answered(stage.deliveries.follow(upload))
    kept = await stage.spool.load(upload.token)
    assert kept.request.fields == ((b"Host", b"h"),)


async def test_the_forward_goes_on_when_nobody_waits() -> None:
    """P4."""
    origin = Origin(Stream(b"x"))
    stage = Stage(origin)
    upload = await stage.complete()
    stage.deliveries.start(upload)
    await stage.over(upload.token)
    assert (await stage.spool.load(upload.token)).state is State.RESPONDED


async def test_several_clients_share_one_forward() -> None:
    origin = Origin(Stream(b"x"))
    origin.go.clear()
    stage = Stage(origin)
    upload = await stage.complete()
    first = stage.deliveries.follow(upload)
    await origin.asked.wait()
    second = stage.deliveries.follow(upload)
    origin.go.set()
    assert await answered(first) == await answered(second) == (ANSWER, b"x")
    assert len(origin.bodies) == 1


@pytest.mark.parametrize("trouble", [OriginUnreached("refused"), OriginCut("reset")])
async def test_an_origin_that_surely_got_nothing_whole_is_tried_again(
    trouble: OriginError,
) -> None:
    """P5."""
    origin = Origin(trouble, trouble, Stream(b"x"))
    stage = Stage(origin)
    upload = await stage.complete()
    assert await answered(stage.deliveries.follow(upload)) == (ANSWER, b"x")
    assert origin.bodies == [b"body"] * 3
    assert (await stage.spool.load(upload.token)).attempts == 3


async def test_a_client_is_held_no_longer_than_retry_for_and_the_upload_goes_on() -> (
    None
):
    """P5."""
    origin = Origin(OriginUnreached("refused"))
    stage = Stage(origin, retry_for_s=0.01)
    upload = await stage.complete()
    refusal = await refused(stage.deliveries.follow(upload))
    assert refusal.problem is Problem.ORIGIN_DOWN
    assert refusal.retry_after_s == 1
    assert stage.deliveries.live(upload.token) is not None
    origin.script = [Stream(b"x")]
    assert await answered(stage.deliveries.follow(upload)) == (ANSWER, b"x")


async def test_who_joins_in_a_pause_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.deliveries.FIRST_PAUSE_S", 3600)
    origin = Origin(OriginUnreached("refused"), Stream(b"x"))
    stage = Stage(origin)
    upload = await stage.complete()
    delivery = stage.deliveries.start(upload)
    await until(lambda: origin.asked.is_set() and not delivery.begun)
    assert await answered(stage.deliveries.follow(upload)) == (ANSWER, b"x")


async def test_a_lost_answer_leaves_the_outcome_unknown() -> None:
    """P3: never sent again unasked, and all of it durable for the operator."""
    origin = Origin(OriginLost("reset"))
    stage = Stage(origin)
    upload = await stage.complete()
    refusal = await refused(stage.deliveries.follow(upload))
    assert refusal.problem is Problem.OUTCOME_UNKNOWN
    await stage.over(upload.token)
    kept = await stage.spool.load(upload.token)
    assert (kept.state, kept.acknowledged, kept.why) == (State.UNKNOWN, 4, "reset")
    assert len(origin.bodies) == 1


async def test_a_repeatable_request_is_sent_again_with_the_same_key() -> None:
    """P3, unknown_outcome: repeat."""
    origin = Origin(OriginLost("reset"), Stream(b"x"))
    stage = Stage(origin, repeatable=True)
    upload = await stage.complete()
    assert await answered(stage.deliveries.follow(upload)) == (ANSWER, b"x")
    keys = [head.value(b"idempotency-key") for head in origin.heads]
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert keys[0] is not None
    assert upload.token.encode() not in keys[0]


async def test_a_key_of_the_client_is_left_alone() -> None:
    origin = Origin(Stream())
    stage = Stage(origin, repeatable=True)
    upload = await stage.complete()
    own = (b"Idempotency-Key", b'"mine"')
    request = replace(upload.request, fields=(*upload.request.fields, own))
    await answered(stage.deliveries.follow(replace(upload, request=request)))
    assert origin.heads[0].lines(b"idempotency-key") == [b'"mine"']


async def test_the_queue_is_served_oldest_first() -> None:
    origin = Origin(Stream())
    origin.go.clear()
    stage = Stage(origin, max_forwards=1)
    bodies = [b"1", b"2", b"3"]
    followers = [
        stage.deliveries.follow(await stage.complete(body.decode(), body))
        for body in bodies
    ]
    await origin.asked.wait()
    assert origin.bodies == [b"1"]
    origin.go.set()
    for follower in followers:
        await answered(follower)
    assert origin.bodies == bodies


async def test_an_answer_over_the_bound_reaches_who_waits_but_is_not_kept() -> None:
    stage = Stage(Origin(Stream(b"x" * 60, b"y" * 60)))
    upload = await stage.complete()
    _, content = await answered(stage.deliveries.follow(upload))
    assert content == b"x" * 60 + b"y" * 60
    await stage.over(upload.token)
    kept = await stage.spool.load(upload.token)
    assert kept.answer == replace(ANSWER, size=120, kept=False)
    assert await stored_answer(stage, upload.token) == b""


async def test_an_answer_that_breaks_off_is_a_cut_and_is_not_kept() -> None:
    stage = Stage(Origin(Stream(b"half", breaks=True)))
    upload = await stage.complete()
    follower = stage.deliveries.follow(upload)
    with pytest.raises(OriginCut):
        await answered(follower)
    await stage.over(upload.token)
    kept = await stage.spool.load(upload.token)
    assert kept.state is State.RESPONDED
    assert kept.answer == replace(ANSWER, size=None, kept=False)


async def test_an_upload_cancelled_in_flight_is_hidden_and_removed_at_the_end() -> None:
    """R70 under FORWARDING."""
    origin = Origin(Stream())
    origin.go.clear()
    stage = Stage(origin)
    upload = await stage.complete()
    delivery = stage.deliveries.start(upload)
    await origin.asked.wait()
    assert not stage.deliveries.withdraw(upload.token)
    await delivery.amend(lambda current: replace(current, hidden=True))
    assert (await stage.spool.load(upload.token)).hidden
    origin.go.set()
    await stage.over(upload.token)
    with pytest.raises(UploadMissing):
        await stage.spool.load(upload.token)


@pytest.mark.parametrize("trouble", [OriginLost("reset"), OriginUnreached("refused")])
async def test_a_hidden_upload_is_removed_however_its_forward_ends(
    trouble: OriginError,
) -> None:
    origin = Origin(trouble)
    origin.go.clear()
    stage = Stage(origin)
    upload = await stage.complete()
    delivery = stage.deliveries.start(upload)
    await origin.asked.wait()
    await delivery.amend(lambda current: replace(current, hidden=True))
    origin.go.set()
    await stage.over(upload.token)
    with pytest.raises(UploadMissing):
        await stage.spool.load(upload.token)
    assert len(origin.bodies) == 1


async def test_a_delivery_that_has_not_begun_can_be_withdrawn() -> None:
    origin = Origin(Stream())
    origin.go.clear()
    stage = Stage(origin, max_forwards=1)
    stage.deliveries.start(await stage.complete("a"))
    await origin.asked.wait()
    waiting = await stage.complete("b")
    follower = stage.deliveries.follow(waiting)
    assert stage.deliveries.withdraw(waiting.token)
    assert (await refused(follower)).problem is Problem.UNKNOWN_UPLOAD
    origin.go.set()
    await stage.over(Token("a" * 43))
    assert len(origin.bodies) == 1


async def test_withdrawing_what_is_not_there_is_no_trouble() -> None:
    assert Stage(Origin()).deliveries.withdraw(Token("a" * 43))


async def test_a_body_of_another_size_is_never_forwarded() -> None:
    """P1."""
    origin = Origin(Stream())
    stage = Stage(origin)
    upload = replace(await stage.complete(), length=5)
    refusal = await refused(stage.deliveries.follow(upload))
    assert refusal.problem is Problem.UNKNOWN_UPLOAD
    await stage.over(upload.token)
    assert origin.bodies == []
    with pytest.raises(UploadMissing):
        await stage.spool.load(upload.token)


async def test_what_has_outlived_its_time_is_not_tried_any_more() -> None:
    origin = Origin(OriginUnreached("refused"))
    stage = Stage(origin)
    upload = await stage.complete()
    stage.deliveries.start(upload)
    await origin.asked.wait()
    stage.now += upload.limits.max_age_s
    await stage.over(upload.token)
    with pytest.raises(UploadMissing):
        await stage.spool.load(upload.token)


class TestStopping:
    async def test_what_is_in_flight_may_finish(self) -> None:
        origin = Origin(Stream(b"x"))
        origin.go.clear()
        stage = Stage(origin)
        upload = await stage.complete()
        follower = stage.deliveries.follow(upload)
        await origin.asked.wait()
        stopping = asyncio.create_task(stage.deliveries.stop(2))
        await asyncio.sleep(0)
        origin.go.set()
        assert await answered(follower) == (ANSWER, b"x")
        await stopping
        assert (await stage.spool.load(upload.token)).state is State.RESPONDED

    async def test_what_has_not_begun_stays_complete(self) -> None:
        origin = Origin(Stream())
        origin.go.clear()
        stage = Stage(origin, max_forwards=1)
        stage.deliveries.start(await stage.complete("a"))
        await origin.asked.wait()
        waiting = await stage.complete("b")
        follower = stage.deliveries.follow(waiting)
        stopping = asyncio.create_task(stage.deliveries.stop(2))
        assert (await refused(follower)).problem is Problem.UNAVAILABLE
        origin.go.set()
        await stopping
        assert (await stage.spool.load(waiting.token)).state is State.COMPLETE
        assert len(origin.bodies) == 1

    async def test_what_does_not_finish_in_time_is_found_forwarding(self) -> None:
        origin = Origin(Stream())
        origin.go.clear()
        stage = Stage(origin)
        upload = await stage.complete()
        stage.deliveries.start(upload)
        await origin.asked.wait()
        assert stage.deliveries.in_flight == 1
        await stage.deliveries.stop(0.01)
        assert (await stage.spool.load(upload.token)).state is State.FORWARDING

    async def test_nothing_new_begins(self) -> None:
        origin = Origin(Stream())
        stage = Stage(origin)
        await stage.deliveries.stop(0.01)
        follower = stage.deliveries.follow(await stage.complete())
        assert (await refused(follower)).problem is Problem.UNAVAILABLE
        assert origin.bodies == []
