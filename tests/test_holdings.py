"""What a principal has open: counted by upload and by byte."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import tally as rooms
from proxy.core.errors import Problem, Refusal
from proxy.core.upload import Head, Limits, State, Token, Upload
from proxy.holdings import Holdings, Share
from proxy.register import Register
from proxy.tally import Tally
from tests.kit.registers import kept

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


class Holder:
    """A tally in which there are bounds on principals only."""

    def __init__(
        self, max_uploads: int | None, max_bytes: int | None, register: Register
    ) -> None:
        self.holdings = Holdings(max_uploads, max_bytes, register)
        self.tally = Tally(None, None, self.holdings)

    def refused(self, new: Upload, now: float = NOW) -> Refusal | None:
        try:
            self.tally.admit(new, now)
        except Refusal as refusal:
            return refusal
        return None

    def left(self, upload: Upload) -> float:
        return self.holdings.left(upload)

    def grant(self, upload: Upload, end: int) -> int:
        return self.holdings.grant(upload, end)


def test_each_has_so_many(register: Register) -> None:
    holder = Holder(2, None, register)
    assert [holder.refused(upload(number)) for number in (1, 2)] == [None, None]
    refusal = holder.refused(upload(3))
    assert refusal is not None
    assert (refusal.problem, refusal.retry_after_s) == (Problem.TOO_MANY, 30)
    assert ALICE not in refusal.detail
    assert holder.refused(upload(4, BOB)) is None
    holder.tally.gone(upload(1).token)
    assert holder.refused(upload(3)) is None


def test_each_has_so_many_bytes(register: Register) -> None:
    holder = Holder(None, 100, register)
    assert holder.refused(upload(1, length=60)) is None
    assert holder.refused(upload(2, length=41)) is not None
    assert holder.refused(upload(2)) is None
    grown = replace(upload(2), offset=30)
    assert holder.left(grown) == 40
    holder.tally.note(grown)
    assert holder.left(upload(1)) == 70
    assert holder.left(upload(9, BOB)) == 100
    holder.tally.note(replace(grown, offset=40))
    assert holder.refused(upload(3)) is not None


def test_what_comes_just_now_counts_as_it_comes(register: Register) -> None:
    holder = Holder(None, 100, register)
    one, other = upload(1), upload(2)
    assert [holder.refused(each) for each in (one, other)] == [None, None]
    assert [holder.grant(one, 60), holder.grant(other, 60)] == [60, 40]
    assert holder.grant(one, 61) == 60
    assert holder.left(upload(3)) == 0
    assert holder.left(upload(3, BOB)) == 100
    holder.tally.note(replace(one, offset=10))
    assert holder.left(upload(3)) == 0
    holder.holdings.release(one)
    assert holder.left(upload(3)) == 50
    assert holder.grant(other, 200) == 90
    holder.tally.gone(other.token)
    holder.holdings.release(other)
    assert holder.left(upload(3)) == 90


def test_what_is_granted_is_counted_as_soon_as_the_upload_is(
    register: Register,
) -> None:
    holder = Holder(2, 100, register)
    assert holder.grant(upload(1), 60) == 60
    holder.tally.note(upload(1))
    assert holder.left(upload(2)) == 40
    holder.holdings.release(upload(1))
    assert (holder.left(upload(2)), holder.tally.counted) == (100, 1)


def test_somewhat_more_is_granted_where_that_has_to_be_told(
    register: Register,
) -> None:
    """Less and less of it: what nobody needs is refused to nobody for long."""
    register.ahead = 1000
    holder = Holder(None, 100_000, register)
    assert holder.refused(upload(1)) is None
    assert holder.grant(upload(1), 500) == 1500
    assert holder.left(upload(2)) == 98_500
    assert holder.grant(upload(1), 99_000) == 99_062
    assert holder.grant(upload(1), 99_990) == 99_990
    assert holder.grant(upload(1), 100_001) == 100_000


def test_what_is_only_looked_at_does_not_become_less(register: Register) -> None:
    """Another process may have taken more of it since."""
    holder = Holder(None, 100, register)
    holder.tally.note(replace(upload(1), offset=30))
    for offset, left in ((20, 70), (40, 60)):
        holder.tally.looked_at(replace(upload(1), offset=offset))
        assert holder.left(upload(2)) == left


def test_what_could_never_be_is_no_matter_of_time(register: Register) -> None:
    refusal = Holder(None, 100, register).refused(upload(1, length=101))
    assert refusal is not None
    assert (refusal.problem, refusal.retry_after_s) == (Problem.TOO_LARGE, None)


def test_what_is_nobodys_is_not_counted(register: Register) -> None:
    holder = Holder(1, 1, register)
    for number in (1, 2):
        assert holder.refused(upload(number, "", length=50)) is None
    assert holder.tally.counted == 0


def test_those_that_must_have_ended_do_not_count(register: Register) -> None:
    holder = Holder(1, None, register)
    assert holder.refused(upload(1)) is None
    assert holder.refused(upload(2), NOW + 99) is not None
    assert holder.refused(upload(2), NOW + 100) is None


def test_past_the_bound_the_oldest_is_forgotten(
    monkeypatch: pytest.MonkeyPatch, register: Register
) -> None:
    monkeypatch.setattr(rooms, "MOST_COUNTED", 2)
    tally = Holder(5, None, register).tally
    for number, whose in ((1, ALICE), (2, BOB), (3, BOB)):
        tally.note(upload(number, whose))
    assert tally.counted == 2
    assert tally.oldest(upload(9), 5) == []
    assert len(tally.oldest(upload(9, BOB), 5)) == 2


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["count", "drop", "grant", "release"]),
        st.integers(1, 3),
        st.integers(0, 200),
    ),
    max_size=30,
)


@pytest.mark.parametrize("kind", ["memory", "shared"])
@given(steps=STEPS)
def test_what_is_left_is_what_the_others_do_not_have(
    kind: str, steps: list[tuple[str, int, int]]
) -> None:
    """However it came about; by a reckoning that begins anew each time."""
    with TemporaryDirectory() as directory, kept(kind, Path(directory)) as register:
        _reckon(Holder(None, 1000, register), steps)


def _reckon(holder: Holder, steps: list[tuple[str, int, int]]) -> None:
    holdings = holder.holdings
    known: dict[int, int] = {}
    granted: dict[int, int] = {}
    for step, number, size in steps:
        one = replace(upload(number), offset=size)
        match step:
            case "count":
                holder.tally.note(one)
                known[number] = size
            case "drop":
                holder.tally.gone(one.token)
                known.pop(number, None)
            case "grant":
                found = replace(one, offset=known.get(number, 0))
                granted[number] = holdings.grant(found, size)
            case _:
                holdings.release(one)
                granted.pop(number, None)
        for asks in range(1, 5):
            others = known.keys() - {asks}
            has = sum(max(known[other], granted.get(other, 0)) for other in others)
            assert holdings.left(upload(asks)) == 1000 - has
    assert holder.tally.counted == len(known)


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
        tally = Tally(None, None, holdings)
        for number in range(has):
            tally.note(upload(number, length=1))
        coming = upload(has)
        with Share(holdings, coming, 0) as share:
            share.up_to(1)
            return [
                steps_taken(lambda: share.up_to(2)),
                steps_taken(lambda: holdings.check(upload(has + 1), NOW)),
            ]

    assert taken(1000) == taken(10)


@pytest.mark.parametrize("state", [State.RESPONDED, State.UNKNOWN, State.FAILED])
def test_the_tally_tells_what_has_become_of_them(
    state: State, register: Register
) -> None:
    tally = Holder(1, None, register).tally
    tally.admit(upload(1), NOW)
    with pytest.raises(Refusal):
        tally.admit(upload(2), NOW)
    assert tally.oldest(upload(2), 5) == [upload(1).token]
    tally.note(replace(upload(1), state=state))
    tally.admit(upload(2), NOW)
    tally.gone(upload(2).token)
    tally.admit(upload(3), NOW)
    tally.gone(upload(3).token)
    assert tally.counted == 0
