"""Verdicts: aim, floor, missed, and what was not measured is never met."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.goals import Goal, Verdict, goals, judged, verdict
from bench.samples import METRICS, Row, Spread, Table
from bench.scale import FULL

MORE = Goal("speed", "t", "mib_s", "ours", "theirs", floor=0.8, aim=1.0)
LESS = Goal("cost", "t", "cpu_s_gib", "ours", "theirs", floor=1.3, aim=1.0)


@pytest.mark.parametrize(
    ("goal", "value", "expected"),
    [
        (MORE, 1.2, "aim"),
        (MORE, 1.0, "aim"),
        (MORE, 0.99, "floor"),
        (MORE, 0.8, "floor"),
        (MORE, 0.79, "missed"),
        (LESS, 0.9, "aim"),
        (LESS, 1.0, "aim"),
        (LESS, 1.01, "floor"),
        (LESS, 1.3, "floor"),
        (LESS, 1.31, "missed"),
    ],
)
def test_a_mark_that_is_just_reached_counts(
    goal: Goal, value: float, expected: Verdict
) -> None:
    assert verdict(goal, value) == expected


def table(*rows: Row) -> Table:
    return Table("t", "title", ("mib_s",), list(rows))


def verdict_on(*tables: Table) -> tuple[Spread | None, Verdict]:
    (one,) = judged([MORE], tables)
    return one.measured, one.verdict


def test_a_goal_is_the_median_of_the_ratios() -> None:
    ours = Row("ours", [{"mib_s": value} for value in (10, 9, 8)])
    theirs = Row("theirs", [{"mib_s": 10} for _ in range(3)])
    assert verdict_on(table(ours, theirs)) == (Spread(0.9, 0.8, 1.0), "floor")


def test_a_figure_may_be_the_goal_itself() -> None:
    start = replace(MORE, metric="start_s", theirs=None, floor=2, aim=0.5)
    (one,) = judged([start], [table(Row("ours", [{"start_s": 0.4}]))])
    assert (one.measured, one.verdict) == (Spread(0.4, 0.4, 0.4), "aim")


def test_what_the_product_has_not_is_not_offered() -> None:
    ours = Row("ours", why="not offered: no setting workers")
    assert verdict_on(table(ours)) == (None, "not offered")


def test_what_was_not_measured_is_not_met() -> None:
    ours = Row("ours", [{"mib_s": 1}])
    failed = Row("ours", why="failed: 3 requests failed, the first with 500")
    theirs = Row("theirs", [{"mib_s": 1}])
    absent = Row("theirs", why="not measured: tusd is not installed")
    nothing = (None, "not measured")
    assert verdict_on() == nothing
    assert verdict_on(table(ours)) == nothing
    assert verdict_on(table(ours, absent)) == nothing
    assert verdict_on(table(failed, theirs)) == nothing


def test_every_goal_has_a_column_and_a_floor_below_its_aim() -> None:
    every = goals(FULL)
    assert len({goal.figure for goal in every}) == len(every)
    for goal in every:
        assert goal.metric in METRICS
        more = goal.metric in ("mib_s", "req_s")
        assert goal.more_is_better is more, goal.figure
