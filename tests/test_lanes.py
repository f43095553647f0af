"""Uploads of several routes: each goes its own way, and waits for nobody else's."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import structlog

from proxy.core.errors import OriginLost, OriginUnreached, Problem, Refusal
from proxy.core.upload import DEFAULT_ROUTE, Limits, State, Token, Upload
from proxy.lanes import RETRY_AFTER_S, Course, Courses, Lane, Slots
from proxy.spool.memory import MemorySpool

from .stage import ANSWER, Origin, Stage, Stream, answered, refused

DOWN = OriginUnreached("down")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.deliveries.FIRST_PAUSE_S", 0.01)


def course(origin: Origin, *, lane: Lane | None = None, **settings: float) -> Course:
    return Course(
        lane=lane or Lane(origin, int(settings.get("max_forwards", 16))),
        limits=Limits(),
        retry_for_s=settings.get("retry_for_s", 5),
        repeatable=bool(settings.get("repeatable", False)),
        finishing_credentials=False,
    )


async def test_each_upload_goes_to_the_origin_of_its_route() -> None:
    here, there = Origin(Stream(b"here")), Origin(Stream(b"there"))
    stage = Stage(here, routes={"far": course(there)})
    one = await stage.complete("a", b"one")
    other = await stage.complete("b", b"other", route="far")
    assert await answered(stage.deliveries.follow(one)) == (ANSWER, b"here")
    assert await answered(stage.deliveries.follow(other)) == (ANSWER, b"there")
    assert (here.bodies, there.bodies) == ([b"one"], [b"other"])


async def test_an_origin_that_is_down_is_down_for_its_own_uploads_only() -> None:
    """P5: who comes for another origin is not held as if that one were down."""
    here, there = Origin(Stream(b"ok")), Origin(DOWN)
    here.go.clear()
    far = course(there, retry_for_s=0)
    stage = Stage(here, retry_for_s=0, routes={"far": far})
    waits = stage.deliveries.follow(await stage.complete("b", route="far"))
    assert (await refused(waits)).problem is Problem.ORIGIN_DOWN
    assert far.lane.is_down
    goes_on = stage.deliveries.follow(await stage.complete("a"))
    await here.asked.wait()
    here.go.set()
    assert await answered(goes_on) == (ANSWER, b"ok")
    assert not stage.courses.named(DEFAULT_ROUTE).lane.is_down
    assert far.lane.is_down


async def test_who_waits_for_another_origin_is_no_hope_for_this_one() -> None:
    """Whether an attempt that is under way may find its origin back is a question of
    that origin: one that is slow must not keep the clients of one that is down."""
    here, there = Origin(Stream()), Origin(DOWN)
    here.go.clear()
    stage = Stage(here, routes={"far": course(there, retry_for_s=0)})
    slow = await stage.complete("a")
    stage.deliveries.start(slow)
    await here.asked.wait()
    waits = stage.deliveries.follow(await stage.complete("b", route="far"))
    assert (await refused(waits)).problem is Problem.ORIGIN_DOWN
    here.go.set()
    await stage.over(slow.token)


async def test_a_queue_before_one_origin_holds_up_no_other() -> None:
    here, there = Origin(Stream()), Origin(Stream(b"ok"))
    here.go.clear()
    stage = Stage(here, max_forwards=1, routes={"far": course(there, max_forwards=1)})
    for letter in "ab":
        stage.deliveries.start(await stage.complete(letter))
    await here.asked.wait()
    goes = stage.deliveries.follow(await stage.complete("c", route="far"))
    assert await answered(goes) == (ANSWER, b"ok")
    assert len(here.bodies) == 1
    here.go.set()
    await stage.over(Token("b" * 43))


async def test_routes_to_one_origin_share_its_lane() -> None:
    """What max_forwards bounds is what one origin gets at the same time."""
    origin = Origin(Stream())
    origin.go.clear()
    lane = Lane(origin, 1)
    routes = {name: course(origin, lane=lane) for name in ("x", "y")}
    stage = Stage(Origin(Stream()), routes=routes)
    stage.deliveries.start(await stage.complete("a", route="x"))
    await origin.asked.wait()
    waits = stage.deliveries.follow(await stage.complete("b", route="y"))
    await asyncio.sleep(0)
    assert len(origin.bodies) == 1
    origin.go.set()
    assert (await answered(waits))[0] == ANSWER


async def test_whether_a_request_may_be_repeated_is_said_by_its_route() -> None:
    here = Origin(OriginLost("no answer"))
    there = Origin(OriginLost("no answer"), Stream(b"ok"))
    stage = Stage(here, routes={"far": course(there, repeatable=True)})
    lost = stage.deliveries.follow(await stage.complete("a"))
    again = stage.deliveries.follow(await stage.complete("b", route="far"))
    assert (await refused(lost)).problem is Problem.OUTCOME_UNKNOWN
    assert await answered(again) == (ANSWER, b"ok")
    assert [head.has(b"idempotency-key") for head in there.heads] == [True, True]
    assert [head.has(b"idempotency-key") for head in here.heads] == [False]


async def stayed(state: State, stage: Stage, **changes: int) -> Upload:
    """An upload of a route that is gone, as it is after it has been looked after."""
    upload = await stage.complete("g", route="gone")
    left = replace(upload, state=state, finishing=True, **changes)  # type: ignore[arg-type]
    await stage.spool.save(left, durable=False)
    await stage.upkeep.tidy(upload.token)
    return await stage.spool.load(upload.token)


@pytest.mark.parametrize(
    "state", [State.COMPLETE, State.FORWARDING, State.INTERRUPTED, State.UNKNOWN]
)
async def test_an_upload_whose_route_is_gone_stays_as_it_is(state: State) -> None:
    """P3: one that may have been sent, too: what may be done with it is not known."""
    stage = Stage(Origin(Stream()), finish_stalled_after_s=0)
    assert (await stayed(state, stage)).state is state
    assert stage.deliveries.live(Token("g" * 43)) is None
    assert stage.origin.heads == []


@pytest.mark.parametrize(
    ("state", "repeatable", "then"),
    [
        (State.COMPLETE, False, State.RESPONDED),
        (State.FORWARDING, False, State.UNKNOWN),
        (State.FORWARDING, True, State.RESPONDED),
    ],
)
async def test_it_goes_on_when_its_route_is_back(
    state: State, *, repeatable: bool, then: State
) -> None:
    spool = MemorySpool()
    left = await stayed(state, Stage(Origin(Stream()), spool=spool))
    back = Origin(Stream(b"ok"))
    routes = {"gone": course(back, repeatable=repeatable)}
    stage = Stage(Origin(Stream()), spool=spool, routes=routes)
    await stage.upkeep.tidy(left.token)
    await stage.over(left.token)
    assert (await spool.load(left.token)).state is then
    assert len(back.heads) == (then is State.RESPONDED)
    assert stage.origin.heads == []


@pytest.mark.parametrize("state", [State.COMPLETE, State.FORWARDING])
async def test_without_its_route_it_lives_no_longer(state: State) -> None:
    stage = Stage(Origin(Stream()))
    left = await stayed(state, stage)
    stage.now += Limits().max_age_s
    await stage.upkeep.tidy(left.token)
    assert list(stage.spool.tokens()) == []


async def test_a_missing_route_is_said_once_for_each_upload_and_told_its_client() -> (
    None
):
    heard = structlog.testing.CapturingLogger()
    log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        heard, processors=[], wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    courses = Courses({}, log)
    upload = await Stage(Origin(Stream())).complete("g", route="gone")
    assert courses.of(upload) is None
    with pytest.raises(Refusal) as refusal:
        courses.needed(upload)
    assert refusal.value.problem is Problem.ROUTE_MISSING
    assert refusal.value.retry_after_s == RETRY_AFTER_S
    [call] = heard.calls
    assert call.method_name == "error"
    assert call.kwargs["route"] == "gone"
    assert call.kwargs["upload"] == "gggggg"


async def test_turns_end_when_recalled_and_are_bound_anew() -> None:
    slots = Slots(1)
    assert await slots.enter()
    first, second = (asyncio.ensure_future(slots.enter()) for _ in range(2))
    await asyncio.sleep(0)
    slots.recall()
    assert [await first, await second] == [False, False]
    third, fourth = (asyncio.ensure_future(slots.enter()) for _ in range(2))
    await asyncio.sleep(0)
    slots.bound(2)
    assert await third
    assert not fourth.done()
    slots.leave()
    assert await fourth


async def test_a_turn_that_comes_to_who_has_gone_is_the_next_ones() -> None:
    slots = Slots(1)
    assert await slots.enter()
    gone, late, last = (asyncio.ensure_future(slots.enter()) for _ in range(3))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    slots.leave()
    late.cancel()  # it has its turn, but has not run yet
    await asyncio.wait([late])
    assert await last
