"""One forward for each complete upload, whoever waits for it (P3 to P5)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from proxy.core.errors import (
    OriginCut,
    OriginError,
    OriginLost,
    OriginUnreached,
    Problem,
    SpoolError,
)
from proxy.core.upload import State, Upload
from proxy.spool.memory import MemorySpool

from .stage import (
    ANSWER,
    Gone,
    Origin,
    Stage,
    Stream,
    answered,
    refused,
    stored_answer,
    until,
)


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


@pytest.mark.parametrize(
    "trouble", [OriginUnreached("refused"), Gone("refused"), OriginCut("reset")]
)
async def test_an_origin_that_surely_got_nothing_whole_is_tried_again(
    trouble: OriginError,
) -> None:
    """P5."""
    origin = Origin(trouble, trouble, Stream(b"x"))
    stage = Stage(origin)
    upload = await stage.complete()
    assert await answered(stage.deliveries.follow(upload)) == (ANSWER, b"x")
    assert origin.connects == 3
    assert origin.bodies == [b"body"] * (1 if type(trouble) is OriginUnreached else 3)
    assert (await stage.spool.load(upload.token)).attempts == 3


async def test_an_origin_that_is_down_costs_one_record_and_no_more() -> None:
    """P5. All of it is durable, and it never says that the forward had begun."""
    saved: list[tuple[State, int | None, bool]] = []

    class Watched(MemorySpool):
        async def save(self, upload: Upload, *, durable: bool) -> None:
            saved.append((upload.state, upload.acknowledged, durable))
            await super().save(upload, durable=durable)

    down = OriginUnreached("refused")
    stage = Stage(Origin(down, down, down, down, Stream(b"x")), spool=Watched())
    upload = await stage.complete()
    saved.clear()
    assert await answered(stage.deliveries.follow(upload)) == (ANSWER, b"x")
    await stage.over(upload.token)
    assert saved[:3] == [
        (State.COMPLETE, 4, True),
        (State.FORWARDING, 4, True),
        (State.RESPONDED, 4, True),
    ]
    assert (await stage.spool.load(upload.token)).attempts == 5


async def test_the_way_there_is_closed_when_the_forward_cannot_be_recorded() -> None:
    class Full(MemorySpool):
        async def save(self, upload: Upload, *, durable: bool) -> None:
            if upload.state is State.FORWARDING:
                raise SpoolError("no space left on device")
            await super().save(upload, durable=durable)

    origin = Origin(Stream())
    stage = Stage(origin, spool=Full())
    refusal = await refused(stage.deliveries.follow(await stage.complete()))
    assert refusal.problem is Problem.STORAGE
    assert origin.bodies == []
    assert origin.closed == origin.connects


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
    await until(lambda: origin.asked.is_set() and not delivery.in_attempt)
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


async def test_a_client_that_reads_slowly_holds_up_no_other_upload() -> None:
    """Its turn is over when the origin has answered."""
    origin = Origin(Stream(*[b"x"] * 50))
    stage = Stage(origin, max_forwards=1)
    slow = stage.deliveries.follow(await stage.complete("a"))
    await slow.answer()
    assert await answered(stage.deliveries.follow(await stage.complete("b"))) == (
        ANSWER,
        b"x" * 50,
    )
    await slow.aclose()


async def test_who_comes_while_the_origin_is_down_is_held_from_then_on() -> None:
    """P5: no longer than retry_for, even when its own turn is far off."""
    origin = Origin(OriginUnreached("refused"))
    stage = Stage(origin, max_forwards=1, retry_for_s=0.01)
    first = await stage.complete("a")
    await refused(stage.deliveries.follow(first))
    origin.go.clear()
    origin.asked.clear()
    stage.deliveries.start(first).hurry.set()
    await origin.asked.wait()  # the one turn there is has been taken
    late = stage.deliveries.follow(await stage.complete("b"))
    waiting = asyncio.create_task(refused(late))
    await asyncio.sleep(0.02)
    assert not late.has_left  # the attempt in flight may find that the origin is back
    origin.go.set()
    assert (await waiting).problem is Problem.ORIGIN_DOWN


async def test_those_who_have_left_are_forgotten() -> None:
    origin = Origin(OriginUnreached("refused"))
    stage = Stage(origin, retry_for_s=0)
    upload = await stage.complete()
    for _ in range(5):
        await refused(stage.deliveries.follow(upload))
    delivery = stage.deliveries.live(upload.token)
    assert delivery is not None
    assert len(delivery.followers) <= 1
