"""What is granted of a spool with bounds: tables."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.errors import Problem
from proxy.core.room import (
    FIRST_STEP,
    LARGEST_STEP,
    UNBOUNDED,
    Bounds,
    Demand,
    Space,
    default_floor,
    demand,
    granted,
    left,
    never_room,
    no_room,
    own,
    step,
)
from proxy.core.upload import MOMENTS, Head, Limits, Moment, State, Token, Upload
from proxy.spool.record import Record, encode

SPACE = Space(used=300, promised=50, free=500, size=2000)
GIB = 2**30
HEAD = Head("POST", "/", ())
OWN = own(HEAD)


@pytest.mark.parametrize(
    ("quota", "floor", "expected"),
    [
        pytest.param(None, 0, UNBOUNDED, id="no bound"),
        pytest.param(1000, 0, 650, id="quota"),
        pytest.param(None, 100, 350, id="floor"),
        pytest.param(1000, 100, 350, id="the floor is nearer"),
        pytest.param(400, 100, 50, id="the quota is nearer"),
        pytest.param(340, 0, -10, id="over the quota"),
        pytest.param(None, 460, -10, id="below the floor"),
    ],
)
def test_what_is_left(quota: int | None, floor: int, expected: int) -> None:
    assert left(SPACE, Bounds(quota, floor)) == expected


@pytest.mark.parametrize(
    ("length", "offset", "content", "expected"),
    [
        pytest.param(100, 0, 100, Demand(100, 100), id="whole"),
        pytest.param(100, 40, 60, Demand(60, 60), id="the rest"),
        pytest.param(100, 40, 10, Demand(60, 60), id="all that is missing"),
        pytest.param(100, 40, None, Demand(60, 60), id="chunked, length known"),
        pytest.param(100, 0, 0, Demand(100, 100), id="announced only"),
        pytest.param(None, 40, 10, Demand(10, 10), id="only this part is known"),
        pytest.param(None, 40, 0, Demand(0, 0), id="nothing, of unknown length"),
        pytest.param(None, 40, None, Demand(1, FIRST_STEP), id="nothing is known"),
        pytest.param(100, 100, 0, Demand(0, 0), id="all is there"),
    ],
)
def test_what_a_request_asks_for(
    length: int | None, offset: int, content: int | None, expected: Demand
) -> None:
    assert demand(length, offset, content) == expected


@pytest.mark.parametrize(
    ("wanted", "room", "expected"),
    [
        pytest.param(Demand(60, 60), 60, 60, id="it just fits"),
        pytest.param(Demand(60, 60), 59, None, id="whole or not at all"),
        pytest.param(Demand(1, 60), 59, 59, id="what is left of a step"),
        pytest.param(Demand(1, 60), 0, None, id="nothing left"),
        pytest.param(Demand(1, 60), -5, None, id="less than nothing left"),
        pytest.param(Demand(0, 0), -5, 0, id="who asks for nothing"),
    ],
)
def test_what_is_granted(wanted: Demand, room: int, expected: int | None) -> None:
    assert granted(wanted, room) == expected


@given(st.integers(0, 100), st.integers(0, 100), st.integers(-50, 150))
def test_never_more_than_there_is(least: int, more: int, room: int) -> None:
    size = granted(Demand(least, least + more), room)
    if size is not None:
        assert least <= size <= max(room, 0) or size == 0


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (0, FIRST_STEP),
        (FIRST_STEP, FIRST_STEP),
        (3 * FIRST_STEP, 3 * FIRST_STEP),
        (10 * LARGEST_STEP, LARGEST_STEP),
    ],
)
def test_steps_grow_with_what_has_come(received: int, expected: int) -> None:
    assert step(received) == expected


@pytest.mark.parametrize(
    ("size", "floor"),
    [(0, 0), (1000, 50), (10 * GIB, GIB // 2), (20 * GIB, GIB), (900 * GIB, GIB)],
)
def test_the_floor_by_default(size: int, floor: int) -> None:
    assert default_floor(size) == floor


@pytest.mark.parametrize("fields", [0, 1, 30])
def test_a_record_is_estimated_to_be_no_smaller_than_it_is(fields: int) -> None:
    """Together with a draft, which says the same."""
    told = tuple((b"Field-%d" % number, b"value" * 100) for number in range(fields))
    head = Head("POST", "/photos?album=7", told)
    limits = Limits(10**12, 10**12, 10**12, 10**12, 1e12)
    upload = Upload(Token("t" * 43), State.INTERRUPTED, head, limits, 1e9, 1e9)
    moments = (Moment(1e9, "origin_lost_repeatable", 10**12, "found after a crash"),)
    long = replace(
        upload,
        peer="2001:db8::1234:5678",
        why="found after a crash",
        principal="d" * 32,
        denied=True,
        history=moments * MOMENTS,
    )
    size = len(encode(Record(long, "b" * 36, "c" * 32)))
    assert size <= own(head) / 2 <= size + 600


def test_no_room_now_is_told_with_a_time() -> None:
    refusal = no_room()
    assert refusal.problem is Problem.NO_ROOM
    assert refusal.retry_after_s


@pytest.mark.parametrize(
    ("wanted", "floor", "quota", "bound"),
    [
        pytest.param(1900, 100, None, None, id="it fits when all is free"),
        pytest.param(1901, 100, None, 1900, id="it never does"),
        pytest.param(1901, 0, None, None, id="nobody looks"),
        pytest.param(1, 3000 + OWN, None, 0, id="a floor above the file system"),
        pytest.param(0, 3000 + OWN, None, None, id="nothing is never too large"),
        pytest.param(700, 100, 700 + OWN, None, id="a quota that it fits into"),
        pytest.param(701, 0, 700 + OWN, 700, id="a quota, but for its record"),
        pytest.param(1901, 100, 5000 + OWN, 1900, id="the smaller of both"),
    ],
)
def test_what_never_fits_is_told_with_the_bound(
    wanted: int, floor: int, quota: int | None, bound: int | None
) -> None:
    limits = Limits(min_size=3)
    upload = Upload(Token("t" * 43), State.CREATED, HEAD, limits, 0.0, 0.0)
    space = replace(SPACE, size=2000 + OWN)
    refusal = never_room(upload, Demand(wanted, wanted), space, Bounds(quota, floor))
    if bound is None:
        assert refusal is None
    else:
        assert refusal is not None
        assert refusal.problem is Problem.TOO_LARGE
        assert refusal.limits == replace(limits, max_size=bound)
