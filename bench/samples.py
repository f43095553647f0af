"""What was measured, and what may be said of it: medians, spread, ratios.

A sample is what one variant gave in one round, by metric. Rounds are paired: the n-th
sample of every row of a table is of the same round, so that a ratio is taken within a
round, where the machine was as busy for both. The one invariant: nothing here knows
what was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

Sample = dict[str, float]
"""Metric to value."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One column of tables."""

    heading: str
    digits: int
    """After the point."""


METRICS: Final = {
    "req_s": Metric("requests/s", 0),
    "mib_s": Metric("MiB/s", 0),
    "cpu_us": Metric("CPU µs/request", 0),
    "cpu_s_gib": Metric("CPU s/GiB", 2),
    "p50_ms": Metric("p50 ms", 2),
    "p99_ms": Metric("p99 ms", 2),
    "kib": Metric("KiB/connection", 1),
    "cpu_percent": Metric("CPU, % of a core", 1),
    "create_ms": Metric("creation ms", 2),
    "head_ms": Metric("HEAD ms", 2),
    "append_ms": Metric("append ms", 2),
    "start_s": Metric("start s", 2),
    "sweep_percent": Metric("CPU after the start, % of a core", 1),
    "bytes": Metric("bytes/upload", 0),
    "inodes": Metric("inodes/upload", 1),
}


@dataclass(slots=True)
class Row:
    """One variant of a table."""

    variant: str
    samples: list[Sample] = field(default_factory=list)
    why: str = ""
    """Why there are no samples; empty when there are."""


@dataclass(slots=True)
class Table:
    """One comparison, made in one run."""

    key: str
    title: str
    metrics: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)

    def row(self, variant: str) -> Row | None:
        """None when the table has no such variant."""
        return next((row for row in self.rows if row.variant == variant), None)


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and range of one figure."""

    middle: float
    low: float
    high: float

    def text(self, digits: int) -> str:
        """As in tables: ``12.3 (11.0-14.2)``; one value stands alone."""
        if self.low == self.high:
            return f"{self.middle:,.{digits}f}"
        low, high = f"{self.low:,.{digits}f}", f"{self.high:,.{digits}f}"
        return f"{self.middle:,.{digits}f} ({low}-{high})"


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    return Spread(median(values), min(values), max(values))


def figures(row: Row, metric: str) -> list[float]:
    """The values of one metric, in the order of rounds."""
    return [sample[metric] for sample in row.samples if metric in sample]


def ratio(ours: Row, theirs: Row, metric: str) -> Spread | None:
    """Ours by theirs, each within one round; None when no round has both."""
    pairs = zip(ours.samples, theirs.samples, strict=False)
    values = [
        mine[metric] / other[metric]
        for mine, other in pairs
        if metric in mine and other.get(metric)
    ]
    return spread(values) if values else None
