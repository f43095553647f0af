"""What the figures have to be, and whether they are.

A goal is a ratio within one run (ours by theirs, the median over the rounds), or a
plain figure. The floor must hold, the aim is what we go for. The one invariant: a goal
that was not measured is never met.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from .fleet import NAIVE, NGINX, NGINX_TUNED, PRODUCT, TUSD
from .samples import Row, Spread, Table, figures, ratio, spread
from .scale import Scale, size_text
from .tables import bodies, growth, latency, memory, receiving, resuming, small, workers

Verdict = Literal["aim", "floor", "missed", "not offered", "not measured"]


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of what is promised."""

    figure: str
    table: str
    metric: str
    ours: str
    theirs: str | None
    """None: the figure itself is the goal, not a ratio."""
    floor: float
    aim: float

    @property
    def more_is_better(self) -> bool:
        return self.aim > self.floor


@dataclass(frozen=True, slots=True)
class Judged:
    """A goal, held against what was measured."""

    goal: Goal
    measured: Spread | None
    verdict: Verdict


def verdict(goal: Goal, value: float) -> Verdict:
    """For a value that was measured."""

    def reached(mark: float) -> bool:
        return value >= mark if goal.more_is_better else value <= mark

    if reached(goal.aim):
        return "aim"
    return "floor" if reached(goal.floor) else "missed"


def judged(goals: Iterable[Goal], tables: Sequence[Table]) -> list[Judged]:
    """Every goal, in order."""
    by_key = {table.key: table for table in tables}
    return [_judged(goal, by_key.get(goal.table)) for goal in goals]


def _judged(goal: Goal, table: Table | None) -> Judged:
    ours = table.row(goal.ours) if table else None
    if ours is not None and ours.why.startswith("not offered"):
        return Judged(goal, None, "not offered")
    measured = _measured(goal, table, ours)
    if measured is None:
        return Judged(goal, None, "not measured")
    return Judged(goal, measured, verdict(goal, measured.middle))


def _measured(goal: Goal, table: Table | None, ours: Row | None) -> Spread | None:
    if table is None or ours is None:
        return None
    if goal.theirs is None:
        values = figures(ours, goal.metric)
        return spread(values) if values else None
    theirs = table.row(goal.theirs)
    return ratio(ours, theirs, goal.metric) if theirs is not None else None


def goals(scale: Scale) -> list[Goal]:
    """All of them, named after what a run of that scale measures."""
    return [
        *_of_bodies(scale),
        *_of_small(),
        *_of_others(scale),
        *_of_growth(scale.waiting),
    ]


def _of_bodies(scale: Scale) -> Iterable[Goal]:
    for size, table in ((scale.large, bodies.LARGE), (scale.huge, bodies.HUGE)):
        speed = f"{size_text(size)}, throughput"
        cost = f"{size_text(size)}, CPU s/GiB"
        yield Goal(f"{speed} vs nginx", table, "mib_s", PRODUCT, NGINX, 1.3, 1.7)
        yield Goal(
            f"{speed} vs nginx tuned", table, "mib_s", PRODUCT, NGINX_TUNED, 0.8, 1.0
        )
        yield Goal(f"{cost} vs nginx", table, "cpu_s_gib", PRODUCT, NGINX, 0.65, 0.5)
        yield Goal(
            f"{cost} vs nginx tuned", table, "cpu_s_gib", PRODUCT, NGINX_TUNED, 1.3, 1.0
        )
    figure = "1 MiB, throughput vs nginx"
    yield Goal(figure, bodies.MEDIUM, "mib_s", PRODUCT, NGINX, 0.7, 1.0)


def _of_small() -> Iterable[Goal]:
    table = small.key(32)
    uploads, passed = small.UPLOADS, small.PASSED
    figure = "1 KiB uploads, requests/s, 32 connections"
    yield Goal(f"{figure}, vs nginx", table, "req_s", uploads, NGINX, 0.12, 0.18)
    yield Goal(f"{figure}, vs naive", table, "req_s", uploads, NAIVE, 5, 8)
    figure = "1 KiB passed through, requests/s vs nginx"
    yield Goal(figure, table, "req_s", passed, NGINX, 0.06, 0.09)


def _of_others(scale: Scale) -> Iterable[Goal]:
    figure = "receive only, CPU s/GiB vs tusd"
    yield Goal(figure, receiving.KEY, "cpu_s_gib", PRODUCT, TUSD, 0.8, 0.6)
    figure = "HEAD p99, 100 streams at full speed, vs nginx"
    yield Goal(figure, latency.FULL, "p99_ms", PRODUCT, NGINX, 0.6, 0.3)
    figure = "HEAD p99, 100 streams paced, vs nginx"
    yield Goal(figure, latency.PACED, "p99_ms", PRODUCT, NGINX, 1.2, 0.8)
    figure = f"{scale.slow:,} slow uploads, memory per connection vs nginx"
    yield Goal(figure, memory.SLOW, "kib", PRODUCT, NGINX, 1.1, 0.9)
    whole = f"{size_text(scale.huge)} in one request"
    marks = {
        "v6": (f"{whole}, v6", 0.95, 1.0),
        "v8": (f"{whole}, v8", 0.7, 0.9),
        "parts": ("in 16 MiB appends", 0.4, 0.6),
    }
    for what, (words, floor, aim) in marks.items():
        figure = f"sync: acknowledged vs never, throughput, {words}"
        table = resuming.sync_key(what)
        yield Goal(figure, table, "mib_s", PRODUCT, receiving.NEVER, floor, aim)
    figure = "2 workers vs 1, CPU s/GiB"
    table = workers.LARGE
    yield Goal(figure, table, "cpu_s_gib", workers.TWO, workers.ONE, 1.1, 1.0)


def _of_growth(waiting: Sequence[int]) -> Iterable[Goal]:
    few, many = growth.variant(waiting[0]), growth.variant(waiting[-1])
    operations = {"create_ms": "creation", "head_ms": "HEAD", "append_ms": "append"}
    for metric, operation in operations.items():
        figure = f"{operation}, {waiting[-1]:,} uploads waiting vs {waiting[0]:,}"
        yield Goal(figure, growth.KEY, metric, many, few, 1.3, 1.05)
    figure = f"start with {waiting[-1]:,} uploads, seconds to the first answer"
    yield Goal(figure, growth.KEY, "start_s", many, None, 2.0, 0.5)
