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
    step,
)
from proxy.core.upload import Limits

SPACE = Space(used=300, promised=50, free=500, size=2000)
GIB = 2**30


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


def test_no_room_now_is_told_with_a_time() -> None:
    refusal = no_room()
    assert refusal.problem is Problem.NO_ROOM
    assert refusal.retry_after_s


@pytest.mark.parametrize(
    ("wanted", "floor", "bound"),
    [
        pytest.param(1900, 100, None, id="it fits when all is free"),
        pytest.param(1901, 100, 1900, id="it never does"),
        pytest.param(1901, 0, None, id="nobody looks"),
        pytest.param(1, 3000, 0, id="a floor above the file system"),
    ],
)
def test_what_never_fits_is_told_with_the_bound(
    wanted: int, floor: int, bound: int | None
) -> None:
    limits = Limits(min_size=3)
    refusal = never_room(limits, Demand(wanted, wanted), SPACE, Bounds(None, floor))
    if bound is None:
        assert refusal is None
    else:
        assert refusal is not None
        assert refusal.problem is Problem.TOO_LARGE
        assert refusal.limits == replace(limits, max_size=bound)
