"""The report: goals with their verdicts, then every table, as Markdown.

Medians over the rounds, with the lowest and the highest in brackets. The one invariant:
nothing is left out because it looks bad; what was not measured says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .goals import Judged, goals, judged
from .results import Results
from .samples import METRICS, Row, Table, figures, spread
from .scale import SCALES

_WORDS = {
    "aim": "aim reached",
    "floor": "floor holds",
    "missed": "**missed**",
    "not offered": "not offered",
    "not measured": "not measured",
}


def written(results: Results) -> str:
    """The whole report."""
    verdicts = judged(goals(SCALES[results.scale]), results.tables)
    parts = [
        _header(results),
        "## Goals\n\n" + _INTRODUCTION,
        goals_table(verdicts),
        _summary(verdicts),
        *(f"## {table.title}\n\n{markdown(table)}" for table in results.tables),
    ]
    return "\n\n".join(parts) + "\n"


def goals_table(verdicts: Iterable[Judged]) -> str:
    """One line for each goal."""
    head = ("figure", "floor", "aim", "measured", "verdict")
    return _lines(head, [_goal_cells(one) for one in verdicts])


def markdown(table: Table) -> str:
    """The rows of one table; below them why some are empty."""
    head = ("", *(METRICS[metric].heading for metric in table.metrics))
    lines = _lines(head, [_cells(row, table.metrics) for row in table.rows])
    reasons = [f"{row.variant}: {_one_line(row.why)}" for row in table.rows if row.why]
    return "\n\n".join([lines, *reasons])


def _header(results: Results) -> str:
    machine = [f"| {name} | {value} |" for name, value in results.machine.items()]
    lines = [
        "# Benchmark",
        "",
        f"{results.date} UTC, `{results.command}`, {results.lasted_s:.0f} s. How it is"
        " measured and how far to trust it: [README.md](README.md).",
        *(["", results.remark] if results.remark else []),
        "",
        "| | |",
        "|-|-|",
        *machine,
    ]
    return "\n".join(lines)


def _goal_cells(one: Judged) -> list[str]:
    goal = one.goal
    sign = "" if goal.theirs is None else " x"
    measured = "" if one.measured is None else one.measured.text(2) + sign
    marks = [f"{mark:g}{sign}" for mark in (goal.floor, goal.aim)]
    return [goal.figure, *marks, measured, _WORDS[one.verdict]]


def _summary(verdicts: Sequence[Judged]) -> str:
    counts = {
        words: sum(one.verdict == kind for one in verdicts)
        for kind, words in _WORDS.items()
    }
    told = [f"{count} {words.strip('*')}" for words, count in counts.items() if count]
    return ", ".join(told) + "."


def _cells(row: Row, metrics: Sequence[str]) -> list[str]:
    cells = [row.variant]
    for metric in metrics:
        values = figures(row, metric)
        digits = METRICS[metric].digits
        cells.append(spread(values).text(digits) if values else "")
    return cells


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    every = [head, ["-"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in every)


def _one_line(text: str) -> str:
    return " ".join(text.split())


_INTRODUCTION = """\
Ratios are ours by theirs, taken within each round: the median, with the lowest and the
highest round in brackets. A floor has to hold, an aim is what we go for."""
