"""How fast uploads come in."""

from __future__ import annotations

import pytest

from proxy.admin.paces import Paces, time_left_s
from tests.spool.samples import new_token

T = new_token()


def rate(*looks: tuple[float, int]) -> float | None:
    paces = Paces()
    for at, offset in looks:
        paces.see([(at, {T: offset})])
    pace = paces.of(T)
    assert pace is not None
    return pace.rate


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        pytest.param([(0.0, 500)], None, id="one look tells none"),
        pytest.param([(0.0, 0), (1.0, 100)], 100.0, id="two do"),
        pytest.param([(0.0, 0), (0.1, 100)], None, id="too close to tell"),
        pytest.param([(0.0, 0), (2.0, 100)], 50.0, id="a second is a second"),
        pytest.param([(0.0, 0), (1.0, 100), (2.0, 50)], None, id="begun anew"),
        pytest.param([(0.0, 7), (1.0, 7)], 0.0, id="nothing comes"),
    ],
)
def test_a_rate_takes_two_looks(
    looks: list[tuple[float, int]], expected: float | None
) -> None:
    assert rate(*looks) == expected


def test_it_is_smoothed_and_follows() -> None:
    steady = [(float(second), 1000 * second) for second in range(10)]
    assert rate(*steady) == pytest.approx(1000)
    stalled = [*steady, (10.0, 9000)]
    assert rate(*stalled) == pytest.approx(1000 * 0.8187, rel=1e-3)
    assert (rate(*stalled, (40.0, 9000)) or 0) < 5


def test_when_it_grew_last_is_known() -> None:
    paces = Paces()
    for at, offset in ((0.0, 1), (1.0, 2), (2.0, 2)):
        paces.see([(at, {T: offset})])
    pace = paces.of(T)
    assert pace is not None
    assert pace.grew_at == 1.0


def test_what_comes_no_more_is_forgotten() -> None:
    paces = Paces()
    paces.see([(0.0, {T: 1})])
    paces.see([])
    assert paces.of(T) is None


@pytest.mark.parametrize(
    ("offset", "length", "at_rate", "expected"),
    [
        (40, 100, 20.0, 3.0),
        (100, 100, 20.0, 0.0),
        (40, None, 20.0, None),
        (40, 100, None, None),
        (40, 100, 0.0, None),
    ],
)
def test_the_time_left(
    offset: int, length: int | None, at_rate: float | None, expected: float | None
) -> None:
    assert time_left_s(offset, length, at_rate) == expected
