"""Snapshots of several processes as one, those that have ended included.

Counters and histograms add up; of gauges the catalogue says what becomes. A process
that has ended leaves its counters and histograms, and takes its gauges with it. The
one invariant: what has been told of a counter stays in the total.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from operator import add
from typing import Protocol

from .catalogue import METRICS, Metric
from .cells import Labels, Snapshot, Value, texts


class Totals:
    """Adds up, and remembers those that have ended."""

    def __init__(self) -> None:
        self._ended: Snapshot = {}

    def ended(self, last: Snapshot) -> None:
        """A process has ended, of which this was the last that was heard."""
        self._ended = added([self._ended, lasting(last)])

    def with_ended(self, snapshots: Iterable[Snapshot]) -> Snapshot:
        """All of `snapshots` and of those that have ended, as one."""
        return added([*snapshots, self._ended])


class Reporter(Protocol):
    """A process that tells its numbers."""

    @property
    def measured(self) -> Snapshot:
        """What it told last; also after its end."""

    @property
    def end(self) -> asyncio.Future[int]:
        """Done once it has ended, and nothing more comes from it."""

    async def measure(self) -> None:
        """Have it tell them anew, for as long as one can wait."""


class Reports:
    """The numbers of other processes, of each either as long as it lives or after."""

    def __init__(self) -> None:
        self._totals = Totals()
        self._living: set[Reporter] = set()

    def of(self, reporter: Reporter) -> None:
        """One more is there, from now to its end."""
        self._living.add(reporter)
        reporter.end.add_done_callback(lambda _: self._ended(reporter))

    def _ended(self, reporter: Reporter) -> None:
        self._living.discard(reporter)
        self._totals.ended(reporter.measured)

    async def ask(self) -> None:
        """Have all of them tell theirs."""
        await asyncio.gather(*(reporter.measure() for reporter in self._living))

    def with_ours(self, ours: Snapshot) -> Snapshot:
        """`ours` and all of theirs, as told last, as one."""
        living = [reporter.measured for reporter in self._living]
        return self._totals.with_ended([ours, *living])


def lasting(snapshot: Snapshot) -> Snapshot:
    """What of `snapshot` outlives its process."""
    return {
        name: series
        for name, series in snapshot.items()
        if name in METRICS and METRICS[name].kind != "gauge"
    }


def added(snapshots: Iterable[Snapshot]) -> Snapshot:
    """All of `snapshots` as one.

    What the catalogue does not know is left out, and so is a series with other labels
    than it says: another release may have told it.
    """
    total: dict[str, dict[Labels, Value]] = {}
    for snapshot in snapshots:
        for name, series in snapshot.items():
            metric = METRICS.get(name)
            if metric is not None:
                _add_to(total.setdefault(name, {}), metric, series)
    return {
        name: [(texts(labels), value) for labels, value in values.items()]
        for name, values in total.items()
    }


def _add_to(
    values: dict[Labels, Value],
    metric: Metric,
    series: Iterable[tuple[list[str], Value]],
) -> None:
    for told, value in series:
        labels = tuple(told)
        if len(labels) != len(metric.labels):
            continue
        before = values.get(labels)
        values[labels] = value if before is None else _joined(metric, before, value)


def _joined(metric: Metric, one: Value, other: Value) -> Value:
    if isinstance(one, list) and isinstance(other, list):
        if metric.kind == "gauge":
            return max(one, other)
        return list(map(add, one, other))
    assert not isinstance(one, list)
    assert not isinstance(other, list)
    if metric.across == "most":
        return max(one, other)
    return min(one, other) if metric.across == "least" else one + other
