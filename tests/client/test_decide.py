"""What a client does next: what it knew, did and heard, and what follows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.client.acts import (
    Act,
    Append,
    Ask,
    Collect,
    Create,
    Discover,
    Done,
    GiveUp,
    Lost,
    Request,
    Wait,
)
from proxy.client.creating import RENEWALS
from proxy.client.decide import after, beginning, interim
from proxy.client.failures import Reason
from proxy.client.known import Known, Policy
from proxy.client.limits import Limits
from proxy.client.parts import Part, append, creation, piece
from proxy.client.speech import Heard

POLICY = Policy(attempts=3)
NEW = Known("http://h/files", "POST", 10, length=1_000_000)
SURE = replace(NEW, assured=True)
BEGUN = replace(SURE, upload_url="http://h/u", offset=400)
SENT = replace(BEGUN, whole=True)
THERE = replace(SENT, offset=1_000_000, finished=True)
SHORT = replace(SENT, offset=500, finished=True)
LOST = Lost("cut")
UNSENT = Lost("nobody", reached=False)

SIX = replace(BEGUN, version=6)
UNTRUE = Reason.BROKEN_PROMISE


def over(reason: Reason) -> Act:
    return GiveUp(reason, "")


def paused(act: Request, seconds: float = 0.25) -> Act:
    return Wait(seconds, act, "")


def plain(act: Act) -> Act:
    """Without words, which are for people."""
    match act:
        case GiveUp():
            return replace(act, words="")
        case Wait():
            return replace(act, why="")
    return act


CREATIONS: list[tuple[Known, Heard | Lost, Act]] = [
    # nobody who knows of uploads: the answer is the result
    (NEW, Heard(200), Done()),
    (NEW, Heard(303, location="http://h/done"), Done()),
    (NEW, Heard(500), Done()),
    (NEW, Heard(404), Done()),
    (NEW, Heard(413), Done()),
    (NEW, Heard(503), paused(Create())),
    (NEW, Heard(429, retry_after_s=7.0), paused(Create(), 7.0)),
    (NEW, Heard(429, retry_after_s=301.0), over(Reason.BUSY)),
    (NEW, LOST, over(Reason.UNKNOWN_OUTCOME)),
    (NEW, UNSENT, paused(Create())),
    (replace(NEW, method="PUT"), LOST, paused(Create())),
    # somebody who does
    (SURE, Heard(201, offset=10, complete=True, location="http://h/u"), over(UNTRUE)),
    (SURE, Heard(200, offset=10, complete=True, answers=True), over(UNTRUE)),
    (SURE, Heard(413, offset=10, complete=True, answers=True), Done()),
    (SURE, Heard(200, complete=True, answers=True), Done()),
    (SURE, Heard(500, complete=True, answers=True), Done()),
    (SURE, Heard(422, complete=True, answers=True), Done()),
    (SURE, LOST, paused(Create())),
    (replace(SURE, whole=True), LOST, over(Reason.UNKNOWN_OUTCOME)),
    (SENT, LOST, paused(Ask())),
    (SENT, Heard(502), paused(Ask())),
    (SURE, Heard(500, complete=False), paused(Create())),
    (SURE, Heard(400, complete=False), over(Reason.REFUSED)),
    (SURE, Heard(413), Create()),
    (SURE, Heard(413, limits=Limits(max_size=9)), over(Reason.TOO_LARGE)),
    (SURE, Heard(201, offset=500, location="http://h/u"), Append(500)),
    (SURE, Heard(201, offset=1_000_000, location="http://h/u"), Done()),
    (SURE, Heard(201, offset=5, complete=False), over(Reason.REFUSED)),
    (SURE, Heard(307, location="http://h/else"), Create()),
    (SURE, Heard(307), over(Reason.ELSEWHERE)),
    (
        replace(SURE, renewals=RENEWALS),
        Heard(308, location="http://h/else"),
        over(Reason.ELSEWHERE),
    ),
    # created without content
    (replace(SURE, apart=True), Heard(200), over(Reason.REFUSED)),
    (replace(SURE, apart=True), LOST, paused(Create())),
    (
        replace(SURE, apart=True),
        Heard(201, offset=0, complete=False, location="http://h/u"),
        Append(0),
    ),
]

OTHERS: list[tuple[Known, Request, Heard | Lost, Act]] = [
    (NEW, Discover(), LOST, paused(Discover())),
    (replace(NEW, attempts=1), Discover(), LOST, Create()),
    (NEW, Discover(), Heard(503, retry_after_s=2.0), paused(Discover(), 2.0)),
    (NEW, Discover(), Heard(429, retry_after_s=301.0), over(Reason.BUSY)),
    (replace(NEW, attempts=3, version=6), Discover(), Heard(503), Create()),
    (replace(NEW, version=6), Discover(), Heard(501), Create()),
    (NEW, Discover(), UNSENT, paused(Discover())),
    (NEW, Discover(), Heard(404), Discover()),
    (replace(NEW, version=6), Discover(), Heard(404), Create()),
    (replace(NEW, fixed=True), Discover(), Heard(404), Create()),
    (NEW, Discover(), Heard(200, limits=Limits(max_size=9)), over(Reason.TOO_LARGE)),
    (BEGUN, Ask(), Heard(204, offset=500), Append(500)),
    (BEGUN, Ask(), Heard(204, offset=400), Append(400)),
    (BEGUN, Ask(), Heard(204, offset=399), over(Reason.BROKEN_PROMISE)),
    (BEGUN, Ask(), Heard(204, offset=1_000_001), over(Reason.BROKEN_PROMISE)),
    (BEGUN, Ask(), Heard(204), over(Reason.BROKEN_PROMISE)),
    (BEGUN, Ask(), Heard(204, offset=1_000_000, complete=True), Collect()),
    (BEGUN, Ask(), Heard(404), Create()),
    (replace(BEGUN, again=False), Ask(), Heard(404), over(Reason.GONE)),
    (replace(BEGUN, renewals=1), Ask(), Heard(410), over(Reason.GONE)),
    (SENT, Ask(), Heard(404), over(Reason.GONE)),
    (BEGUN, Ask(), Heard(503, retry_after_s=2.0), paused(Ask(), 2.0)),
    (BEGUN, Ask(), Heard(401), over(Reason.REFUSED)),
    (BEGUN, Ask(), Heard(302, location="http://h/x"), over(Reason.ELSEWHERE)),
    (BEGUN, Ask(), Heard(308, location="http://h/x"), Ask()),
    (BEGUN, Ask(), LOST, paused(Ask())),
    (BEGUN, Append(400), LOST, paused(Ask())),
    (BEGUN, Append(400), Heard(204, offset=900, complete=False), Append(900)),
    (BEGUN, Append(400), Heard(204), Ask()),
    (BEGUN, Append(400), Heard(409, offset=700), Append(700)),
    (BEGUN, Append(400), Heard(409, offset=300), over(Reason.BROKEN_PROMISE)),
    (BEGUN, Append(400), Heard(409), paused(Ask())),
    (BEGUN, Append(400), Heard(413), Ask()),
    (replace(BEGUN, most=20_000), Append(400), Heard(413), over(Reason.TOO_LARGE)),
    (BEGUN, Append(400), Heard(500), paused(Ask())),
    (BEGUN, Append(400), Heard(415), over(Reason.REFUSED)),
    (BEGUN, Append(400), Heard(200, complete=True), Done()),
    (SENT, Append(400), Heard(204, offset=1_000_000), Done()),
    (SENT, Append(400), Heard(200), Done()),
    (SENT, Append(400), Heard(500, complete=True, answers=True), Done()),
    (SENT, Append(400), Heard(400, problem="completed-upload"), Ask()),
    (SENT, Append(400), Heard(400, complete=True), Ask()),
    (SENT, Append(400), Heard(204, offset=400, complete=False), Ask()),
    (THERE, Collect(), Heard(201, complete=True), Done()),
    (THERE, Collect(), Heard(404), Done(answered=False)),
    (THERE, Collect(), Heard(400, complete=True), Done(answered=False)),
    (THERE, Collect(), Heard(503), paused(Collect())),
    (THERE, Collect(), LOST, paused(Ask())),
    # complete, and not with everything: an early answer is the application's
    (BEGUN, Ask(), Heard(204, offset=500, complete=True), Collect()),
    (BEGUN, Ask(), Heard(204, offset=10, complete=True), over(UNTRUE)),
    (SIX, Ask(), Heard(204, offset=500, complete=True), over(UNTRUE)),
    (SIX, Append(400), Heard(201, offset=500, complete=True), over(UNTRUE)),
    (BEGUN, Append(400), Heard(200, 500, complete=True, answers=True), over(UNTRUE)),
    (BEGUN, Append(400), Heard(422, 500, complete=True, answers=True), Done()),
    (SHORT, Collect(), Heard(422, complete=True, answers=True), Done()),
    (SHORT, Collect(), Heard(200, complete=True, answers=True), over(UNTRUE)),
    (SHORT, Collect(), Heard(404), over(UNTRUE)),
]


@pytest.mark.parametrize(
    ("known", "did", "came", "then"),
    [
        *[(known, Create(), came, then) for known, came, then in CREATIONS],
        *OTHERS,
    ],
)
def test_what_follows(
    known: Known, did: Request, came: Heard | Lost, then: Act
) -> None:
    _, act = after(known, did, came, POLICY, 0.5)
    assert plain(act) == then


def test_an_upload_that_is_resumed_begins_with_a_question() -> None:
    assert beginning(NEW) == Discover()
    assert beginning(BEGUN) == Ask()


@pytest.mark.parametrize(
    ("did", "came"),
    [
        (Append(400), LOST),
        (Append(400), Heard(204, offset=400, complete=False)),
        (Append(400), Heard(409, offset=400)),
        (Append(400), Heard(500)),
    ],
)
def test_without_progress_it_ends(did: Append, came: Heard | Lost) -> None:
    known, acts = BEGUN, 0
    act: Act = did
    while not isinstance(act, GiveUp):
        acts += 1
        assert acts < 20
        if isinstance(act, Wait):
            act = act.act
        heard = Heard(204, offset=400) if isinstance(act, Ask) else came
        assert isinstance(act, Ask | Append)
        known, act = after(known, act, heard, POLICY, 1.0)
    assert act.reason is Reason.UNREACHABLE


def test_pauses_grow_to_a_bound_and_begin_again_with_progress() -> None:
    policy = Policy(attempts=9, base_s=1.0, most_s=5.0)
    known, pauses = BEGUN, []
    for _ in range(4):
        known, act = after(known, Ask(), Heard(503), policy, 1.0)
        assert isinstance(act, Wait)
        pauses.append(act.seconds)
    assert pauses == [1.0, 2.0, 4.0, 5.0]
    known, _ = after(known, Ask(), Heard(204, offset=401), policy, 1.0)
    assert known.attempts == 0


def test_a_104_locates_and_acknowledges() -> None:
    known = interim(NEW, Heard(104, location="http://h/u", version=10))
    assert (known.upload_url, known.assured) == ("http://h/u", True)
    assert interim(known, Heard(104, offset=9, version=10)).offset == 9
    assert interim(known, Heard(103, offset=5, version=10)) == known
    again = interim(known, Heard(104, location="http://h/x", version=10))
    assert again.upload_url == "http://h/u"


@pytest.mark.parametrize("version", [None, 9])
def test_a_104_of_another_version_is_ignored(version: int | None) -> None:
    assert interim(NEW, Heard(104, 5, location="http://h/u", version=version)) == NEW


def test_an_upload_begun_anew_begins_at_nothing() -> None:
    known, act = after(BEGUN, Ask(), Heard(404), POLICY, 0.5)
    assert (known.upload_url, known.offset, act) == (None, 0, Create())


def test_parts_are_as_long_as_is_allowed() -> None:
    whole = Part(0, 1_000_000, last=True)
    assert creation(NEW, Policy(chunk_size=10)) == whole
    assert creation(SURE, Policy()) == whole
    assert creation(SURE, Policy(chunk_size=10)) == Part(0, 0, last=False)
    assert creation(replace(NEW, length=None), Policy()) == Part(0, None, last=True)
    assert creation(replace(SURE, length=None), Policy()) == Part(0, 0, last=False)
    limited = replace(BEGUN, limits=Limits(max_append_size=9, min_append_size=7))
    assert append(limited, Policy(), 400) == Part(400, 9, last=False)
    assert append(limited, Policy(chunk_size=2), 400) == Part(400, 7, last=False)
    assert append(limited, Policy(), 999_995) == Part(999_995, 5, last=True)
    assert append(BEGUN, Policy(), 400) == Part(400, 999_600, last=True)
    assert piece(replace(limited, length=None), Policy()) == 9
