"""What a principal has open: counted by upload and by byte."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import holdings as rooms
from proxy.core.errors import Problem, Refusal
from proxy.core.upload import Head, Limits, State, Token, Upload
from proxy.holdings import Holdings, Share
from proxy.tally import Tally

NOW = 1000.0
ALICE, BOB = "a" * 32, "b" * 32


def upload(number: int, whose: str = ALICE, length: int | None = None) -> Upload:
    return Upload(
        Token(f"{number:043}"),
        State.INTERRUPTED,
        Head("POST", "/", ()),
        Limits(max_age_s=100),
        NOW,
        NOW,
        length=length,
        principal=whose,
    )


def refused(holdings: Holdings, new: Upload, now: float = NOW) -> Refusal | None:
    try:
        holdings.check(new, now)
    except Refusal as refusal:
        return refusal
    holdings.count(new)
    return None


def test_each_has_so_many() -> None:
    holdings = Holdings(2, None)
    assert [refused(holdings, upload(number)) for number in (1, 2)] == [None, None]
    refusal = refused(holdings, upload(3))
    assert refusal is not None
    assert (refusal.problem, refusal.retry_after_s) == (Problem.TOO_MANY, 30)
    assert ALICE not in refusal.detail
    assert refused(holdings, upload(4, BOB)) is None
    holdings.drop(upload(1))
    assert refused(holdings, upload(3)) is None


def test_each_has_so_many_bytes() -> None:
    holdings = Holdings(None, 100)
    assert refused(holdings, upload(1, length=60)) is None
    assert refused(holdings, upload(2, length=41)) is not None
    assert refused(holdings, upload(2)) is None
    grown = replace(upload(2), offset=30)
    assert holdings.left(grown) == 40
    holdings.count(grown)
    assert holdings.left(upload(1)) == 70
    assert holdings.left(upload(9, BOB)) == 100
    holdings.count(replace(grown, offset=40))
    assert refused(holdings, upload(3)) is not None


def test_what_comes_just_now_counts_as_it_comes() -> None:
    holdings = Holdings(None, 100)
    one, other = upload(1), upload(2)
    assert [refused(holdings, each) for each in (one, other)] == [None, None]
    assert [holdings.grant(one, 60), holdings.grant(other, 60)] == [60, 40]
    assert holdings.grant(one, 61) == 60
    assert holdings.left(upload(3)) == 0
    assert holdings.left(upload(3, BOB)) == 100
    holdings.count(replace(one, offset=10))
    assert holdings.left(upload(3)) == 0
    holdings.release(one)
    assert holdings.left(upload(3)) == 50
    assert holdings.grant(other, 200) == 90
    holdings.drop(other)
    holdings.release(other)
    assert holdings.left(upload(3)) == 90


def test_what_is_not_counted_yet_counts_as_it_comes() -> None:
    holdings = Holdings(2, 100)
    assert holdings.grant(upload(1), 60) == 60
    assert holdings.left(upload(2)) == 40
    holdings.release(upload(1))
    assert (holdings.left(upload(2)), holdings.counted) == (100, 0)


def test_what_could_never_be_is_no_matter_of_time() -> None:
    holdings = Holdings(None, 100)
    refusal = refused(holdings, upload(1, length=101))
    assert refusal is not None
    assert (refusal.problem, refusal.retry_after_s) == (Problem.TOO_LARGE, None)


def test_what_is_nobodys_is_not_counted() -> None:
    holdings = Holdings(1, 1)
    for number in (1, 2):
        assert refused(holdings, upload(number, "", length=50)) is None
    assert holdings.counted == 0


def test_those_that_must_have_ended_do_not_count() -> None:
    holdings = Holdings(1, None)
    assert refused(holdings, upload(1)) is None
    assert refused(holdings, upload(2), NOW + 99) is not None
    assert refused(holdings, upload(2), NOW + 100) is None


def test_past_the_bound_the_oldest_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rooms, "MOST_COUNTED", 2)
    holdings = Holdings(5, None)
    for number, whose in ((1, ALICE), (2, BOB), (3, BOB)):
        holdings.count(upload(number, whose))
    assert holdings.counted == 2
    assert holdings.oldest(upload(9), 5) == []
    assert len(holdings.oldest(upload(9, BOB), 5)) == 2


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["count", "drop", "grant", "release"]),
        st.integers(1, 3),
        st.integers(0, 200),
    ),
    max_size=30,
)


@given(STEPS)
def test_what_is_left_is_what_the_others_do_not_have(
    steps: list[tuple[str, int, int]],
) -> None:
    """However it came about; by a reckoning that begins anew each time."""
    holdings = Holdings(None, 1000)
    known: dict[int, int] = {}
    granted: dict[int, int] = {}
    for step, number, size in steps:
        one = replace(upload(number), offset=size)
        match step:
            case "count":
                holdings.count(one)
                known[number] = size
            case "drop":
                holdings.drop(one)
                known.pop(number, None)
            case "grant":
                granted[number] = holdings.grant(one, size)
            case _:
                holdings.release(one)
                granted.pop(number, None)
        for asks in range(1, 5):
            others = (known.keys() | granted.keys()) - {asks}
            has = sum(max(known.get(o, 0), granted.get(o, 0)) for o in others)
            assert holdings.left(upload(asks)) == 1000 - has
    assert holdings.counted == len(known)


def steps_taken(do: Callable[[], object]) -> int:
    """Lines of Python that run: unlike seconds, the same on every machine."""
    lines, before = 0, sys.gettrace()

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    sys.settrace(trace)
    try:
        do()
    finally:
        sys.settrace(before)
    return lines


def test_who_has_many_open_is_reckoned_up_as_fast_as_who_has_few() -> None:
    """It is done for every chunk of a body, and for every upload that begins."""

    def taken(has: int) -> list[int]:
        holdings = Holdings(10_000, 10_000)
        for number in range(has):
            holdings.count(upload(number, length=1))
        coming = upload(has)
        with Share(holdings, coming, 0) as share:
            share.up_to(1)
            return [
                steps_taken(lambda: share.up_to(2)),
                steps_taken(lambda: holdings.check(upload(has + 1), NOW)),
            ]

    assert taken(1000) == taken(10)


@pytest.mark.parametrize("state", [State.RESPONDED, State.UNKNOWN, State.FAILED])
def test_the_tally_tells_what_has_become_of_them(state: State) -> None:
    tally = Tally(None, None, Holdings(1, None))
    tally.admit(upload(1), NOW)
    with pytest.raises(Refusal):
        tally.admit(upload(2), NOW)
    assert tally.oldest(upload(2), 5) == [(ALICE, upload(1).token)]
    tally.note(replace(upload(1), state=state))
    tally.admit(upload(2), NOW)
    tally.gone((ALICE, upload(2).token))
    tally.admit(upload(3), NOW)
    tally.drop(upload(3))
    assert tally.holdings.counted == 0
