"""Whose turn it is, where an auth server is asked: before it, and for that turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from proxy.auth import Denied, Gate, Passed
from proxy.core.errors import (
    AuthSilent,
    Denial,
    OriginUnreached,
    Problem,
    UploadMissing,
)
from proxy.core.lifecycle import Event
from proxy.core.upload import DEFAULT_ROUTE, Answer, Head, Limits, State, Token, Upload
from proxy.lanes import Lane

from .stage import ANSWER, Origin, Stage, Stream, answered, refused, until

DOWN = OriginUnreached("down")
SILENT = AuthSilent("no answer")
DENIED = Denied(Denial(Answer(403, "Forbidden", ()), b""), later=False)
PASSED = Passed(())


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.deliveries.FIRST_PAUSE_S", 0.01)


class Auth:
    """Says what its script says, one word for each question; the last one stays."""

    def __init__(self, *script: AuthSilent | Passed | Denied) -> None:
        self._script = list(script)
        self.questions = 0
        self.go = asyncio.Event()
        self.go.set()
        self.on_ask: Callable[[], None] = lambda: None

    async def ask(self, head: Head) -> Passed | Denied:
        self.questions += 1
        self.on_ask()
        await self.go.wait()
        said = self._script[0] if len(self._script) == 1 else self._script.pop(0)
        if isinstance(said, AuthSilent):
            raise said
        return said


class Heard:
    """Events that the witness heard."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def changed(self, before: Upload, after: Upload, event: Event) -> None:
        self.events.append(event)

    def resumed(self, upload: Upload) -> None:
        return

    def recovered(self, result: str) -> None:
        return


def guarded(
    origin: Origin, auth: Auth, *, max_forwards: int = 16, retry_for_s: float = 5
) -> Stage:
    """A stage whose uploads are asked about, and those of route `open` are not; both
    go to one origin."""
    stage = Stage(origin, max_forwards=max_forwards, retry_for_s=retry_for_s)
    plain = stage.courses.named(DEFAULT_ROUTE)
    asked = replace(plain, gate=cast("Gate", auth))
    stage.courses.replace({DEFAULT_ROUTE: asked, "open": plain})
    stage.ledger.witness = Heard()
    return stage


def lane(stage: Stage) -> Lane:
    return stage.courses.named(DEFAULT_ROUTE).lane


def events(stage: Stage) -> list[Event]:
    return cast("Heard", stage.ledger.witness).events


async def test_a_question_without_an_answer_holds_no_turn() -> None:
    """Of an origin that takes one at a time."""
    auth, origin = Auth(PASSED), Origin(Stream(b"ok"))
    auth.go.clear()
    stage = guarded(origin, auth, max_forwards=1)
    waits = stage.deliveries.follow(await stage.complete("a"))
    await until(lambda: auth.questions == 1)
    goes = stage.deliveries.follow(await stage.complete("b", route="open"))
    assert await answered(goes) == (ANSWER, b"ok")
    assert (await stage.spool.load(Token("a" * 43))).state is State.COMPLETE
    auth.go.set()
    assert await answered(waits) == (ANSWER, b"ok")
    assert auth.questions == 1


async def test_a_silent_auth_server_says_nothing_of_the_origin() -> None:
    """Who waits for what needs no question is not held, and the others hear why."""
    auth, origin = Auth(SILENT), Origin(Stream(b"ok"))
    origin.go.clear()
    stage = guarded(origin, auth, retry_for_s=0)
    goes = stage.deliveries.follow(await stage.complete("b", route="open"))
    await origin.asked.wait()
    waits = stage.deliveries.follow(await stage.complete("a"))
    refusal = await refused(waits)
    assert (refusal.problem, refusal.retry_after_s) == (Problem.AUTH_DOWN, 1)
    assert not lane(stage).is_down
    assert Event.AUTH_SILENT in events(stage)
    assert Event.ORIGIN_UNREACHED not in events(stage)
    later = stage.deliveries.follow(await stage.complete("c", route="open"))
    origin.go.set()
    assert await answered(goes) == (ANSWER, b"ok")
    assert await answered(later) == (ANSWER, b"ok")


@pytest.mark.parametrize("said", [SILENT, DENIED])
async def test_nor_does_any_word_of_it_say_that_the_origin_is_back(
    said: AuthSilent | Denied,
) -> None:
    stage = guarded(Origin(DOWN), Auth(said), retry_for_s=0)
    lane(stage).is_down = True
    stage.deliveries.start(await stage.complete("a"))
    await until(lambda: len(events(stage)) > 0)
    assert lane(stage).is_down


async def test_who_waits_is_served_when_the_auth_server_is_back() -> None:
    auth, origin = Auth(SILENT, SILENT, PASSED), Origin(Stream(b"ok"))
    stage = guarded(origin, auth)
    assert await answered(stage.deliveries.follow(await stage.complete())) == (
        ANSWER,
        b"ok",
    )
    assert len(origin.bodies) == 1
    kept = await stage.spool.load(Token("t" * 43))
    assert (kept.state, kept.attempts) == (State.RESPONDED, 3)


async def test_each_attempt_is_asked_about() -> None:
    auth, origin = Auth(PASSED), Origin(DOWN, DOWN, Stream(b"ok"))
    stage = guarded(origin, auth)
    assert (await answered(stage.deliveries.follow(await stage.complete())))[1] == b"ok"
    assert (auth.questions, origin.connects) == (3, 3)


@pytest.mark.parametrize(
    ("fresh_s", "said", "then"),
    [
        (60, [PASSED], State.RESPONDED),
        (0, [PASSED], State.RESPONDED),
        (0, [PASSED, DENIED], State.COMPLETE),
    ],
)
async def test_one_whose_turn_comes_late_is_asked_about_again(
    fresh_s: float,
    said: list[Passed | Denied],
    then: State,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was allowed once may have been forbidden since."""
    monkeypatch.setattr("proxy.turns.FRESH_S", fresh_s)
    auth, origin = Auth(*said), Origin(Stream(b"ok"))
    stage = guarded(origin, auth, max_forwards=1)
    upload = await stage.complete()
    stage.deliveries.start(upload)
    await stage.over(upload.token)
    assert (await stage.spool.load(upload.token)).state is then
    assert auth.questions == (1 if fresh_s else 2)
    assert len(origin.bodies) == (then is State.RESPONDED)
    goes = stage.deliveries.follow(await stage.complete("b", route="open"))
    assert (await answered(goes))[0] == ANSWER  # the turn has been given back


async def test_no_more_are_asked_about_than_may_go() -> None:
    """What waits in a long queue is not asked about all at once, nor long before."""
    auth, origin = Auth(PASSED), Origin(Stream(b"ok"))
    origin.go.clear()
    stage = guarded(origin, auth, max_forwards=1)
    for letter in "abc":
        stage.deliveries.start(await stage.complete(letter))
    await origin.asked.wait()
    await until(lambda: auth.questions == 2)
    for _ in range(100):  # turns of the loop, in any of which another could be asked
        await asyncio.sleep(0)
    assert (auth.questions, len(origin.bodies)) == (2, 1)
    origin.go.set()
    await stage.over(Token("c" * 43))
    assert (auth.questions, len(origin.bodies)) == (3, 3)


async def test_one_cancelled_while_it_is_asked_about_is_gone_at_once() -> None:
    """R70; its place is the next one's."""
    auth, origin = Auth(PASSED), Origin(Stream(b"ok"))
    auth.go.clear()
    stage = guarded(origin, auth, max_forwards=1)
    upload = await stage.complete("a")
    stage.deliveries.start(upload)
    await until(lambda: auth.questions == 1)
    assert await stage.deliveries.withdraw(upload.token)
    await stage.ledger.advance(upload, Event.CANCEL_ASKED)
    auth.go.set()
    goes = stage.deliveries.follow(await stage.complete("b"))
    assert (await answered(goes))[1] == b"ok"
    assert len(origin.bodies) == 1
    with pytest.raises(UploadMissing):
        await stage.spool.load(upload.token)


async def test_another_auth_server_is_asked_at_once() -> None:
    """After a reload; the last answer of the one before does not count."""
    old, new, origin = Auth(PASSED), Auth(PASSED), Origin(Stream(b"ok"))
    old.go.clear()
    stage = guarded(origin, old)
    waits = stage.deliveries.follow(await stage.complete())
    await until(lambda: old.questions == 1)
    course = stage.courses.named(DEFAULT_ROUTE)
    stage.courses.replace({DEFAULT_ROUTE: replace(course, gate=cast("Gate", new))})
    stage.deliveries.resettle()
    old.go.set()
    assert (await answered(waits))[1] == b"ok"
    assert (old.questions, new.questions, len(origin.bodies)) == (1, 1, 1)


async def test_what_waits_in_vain_ends_with_its_life() -> None:
    auth = Auth(SILENT)
    stage = guarded(Origin(Stream()), auth)
    upload = replace(await stage.complete(), limits=Limits(max_age_s=60))
    await stage.spool.save(upload, durable=False)
    stage.deliveries.start(upload)
    await until(lambda: auth.questions > 0)
    stage.now += 60
    await stage.over(upload.token)
    with pytest.raises(UploadMissing):
        await stage.spool.load(upload.token)


def test_a_lane_bounds_its_questions_as_its_forwards() -> None:
    one = Lane(Origin(Stream()), 1)
    asked = one.questions(cast("Gate", Auth(PASSED)))
    one.bound(2)
    assert (asked.slots._most, one.slots._most) == (2, 2)
