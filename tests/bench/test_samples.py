"""Medians, spreads and ratios."""

from __future__ import annotations

import pytest

from bench.samples import Row, Sample, Spread, Table, figures, ratio, spread
from bench.scale import GIB, KIB, MIB, size_text


def row(*values: float) -> Row:
    return Row("a", [{"mib_s": value} for value in values])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3], Spread(3, 3, 3)),
        ([4, 1, 2], Spread(2, 1, 4)),
        ([4, 1, 2, 3], Spread(2.5, 1, 4)),
    ],
)
def test_a_spread_is_median_and_range(values: list[float], expected: Spread) -> None:
    assert spread(values) == expected


@pytest.mark.parametrize(
    ("found", "digits", "text"),
    [
        (Spread(1234.5, 999.4, 2000), 0, "1,234 (999-2,000)"),
        (Spread(0.5, 0.25, 1), 2, "0.50 (0.25-1.00)"),
        (Spread(7, 7, 7), 1, "7.0"),
    ],
)
def test_a_spread_in_a_table(found: Spread, digits: int, text: str) -> None:
    assert found.text(digits) == text


def test_a_ratio_is_taken_within_each_round() -> None:
    # the machine slowed down in the second round; that says nothing of either
    assert ratio(row(10, 2, 30), row(5, 1, 10), "mib_s") == Spread(2, 2, 3)


def test_a_ratio_of_rounds_that_only_one_has_is_none() -> None:
    assert ratio(row(), row(1), "mib_s") is None
    assert ratio(row(1), row(2), "req_s") is None
    assert ratio(row(1, 4), row(2), "mib_s") == Spread(0.5, 0.5, 0.5)


def test_figures_come_in_the_order_of_rounds() -> None:
    samples: list[Sample] = [{"mib_s": 3}, {"req_s": 9}, {"mib_s": 1}]
    assert figures(Row("a", samples), "mib_s") == [3, 1]


def test_rows_by_name() -> None:
    table = Table("key", "title", ("mib_s",), [row(1)])
    assert table.row("a") is table.rows[0]
    assert table.row("b") is None


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (GIB, "1 GiB"),
        (100 * MIB, "100 MiB"),
        (KIB, "1 KiB"),
        (1500, "1500 bytes"),
        (0, "0 bytes"),
    ],
)
def test_sizes_for_titles(size: int, text: str) -> None:
    assert size_text(size) == text
