"""Who is silent for too long is told of once, and only when it is its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from proxy.origin.silence import Silence


class _Clock:
    """A loop whose time is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.rings: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, what: Callable[[], None]) -> _Timer:
        self.rings.append((when, what))
        return _Timer(self, (when, what))

    def ring(self, now: float) -> None:
        self.now = now
        due = [one for one in self.rings if one[0] <= now]
        self.rings = [one for one in self.rings if one[0] > now]
        for _, what in due:
            what()


class _Timer:
    def __init__(self, clock: _Clock, ring: tuple[float, Callable[[], None]]) -> None:
        self._clock, self._ring = clock, ring

    def cancel(self) -> None:
        self._clock.rings.remove(self._ring)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    clock = _Clock()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: clock)
    return clock


def silence(late: list[Any]) -> Silence:
    return Silence(60.0, lambda: late.append("late"))


def test_it_is_late_when_nothing_came_since_its_turn_began(clock: _Clock) -> None:
    late: list[str] = []
    silence(late).begin()
    clock.ring(59.0)
    assert late == []
    clock.ring(60.0)
    clock.ring(600.0)
    assert late == ["late"]


def test_whatever_comes_begins_its_time_anew_with_the_same_timer(clock: _Clock) -> None:
    late: list[str] = []
    one = silence(late)
    for now in (0.0, 30.0, 50.0):
        clock.now = now
        one.begin()
    assert len(clock.rings) == 1
    clock.ring(60.0)
    assert late == []
    clock.ring(110.0)
    assert late == ["late"]


def test_it_is_not_late_when_it_is_not_its_turn(clock: _Clock) -> None:
    late: list[str] = []
    one = silence(late)
    one.begin()
    one.end()
    clock.ring(60.0)
    assert (late, clock.rings) == ([], [])


def test_nothing_rings_for_what_is_closed(clock: _Clock) -> None:
    one = silence([])
    one.close()
    one.begin()
    assert clock.rings == []
    other = silence([])
    other.begin()
    other.close()
    assert clock.rings == []
