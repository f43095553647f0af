"""The numbers of one process, as plain as they can be.

Every request adds to them. A series is a place in a dictionary, found by the values of
its labels. Nothing here waits or locks, so all of it is for the thread of the event
loop; ``SharedSpread`` is for others. The one invariant: what has been added is never
taken away.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from .catalogue import Metric

Labels = tuple[str | int | None, ...]
"""What is no text yet becomes it when a snapshot is made."""
Value = float | list[float]
"""A number. Of a histogram: the sum of what was observed, then how many there were in
each bucket, the infinite one last. Of the gauge of the latest: when, and what."""
Series = list[tuple[list[str], Value]]
"""Of one metric: the values of its labels, and the number."""
Snapshot = dict[str, Series]
"""By name of the metric; nothing but what JSON knows."""
Reading = Callable[[], Mapping[Labels, Value]]
"""Looks how a metric stands just now."""


class Counts:
    """A counter."""

    __slots__ = ("_values",)

    def __init__(self, first: Iterable[Labels] = ()) -> None:
        """`first`: series that begin with 0, so that their first step is seen."""
        self._values: dict[Labels, float] = dict.fromkeys(first, 0)

    def begin(self, labels: Labels) -> None:
        """Have one more series, with nothing in it yet."""
        self._values.setdefault(labels, 0)

    def add(self, labels: Labels = (), by: float = 1) -> None:
        """`by` more, never fewer."""
        values = self._values
        values[labels] = values.get(labels, 0) + by

    def read(self) -> Mapping[Labels, Value]:
        """See ``Reading``."""
        return self._values


class Spread:
    """A histogram."""

    def __init__(self, metric: Metric) -> None:
        self._buckets: Final = metric.buckets
        self._rows: dict[Labels, list[float]] = {}
        if not metric.labels:
            self._rows[()] = self._empty()

    def observe(self, value: float, labels: Labels = ()) -> None:
        row = self._rows.get(labels)
        if row is None:
            row = self._rows[labels] = self._empty()
        row[0] += value
        row[1 + bisect_left(self._buckets, value)] += 1

    def _empty(self) -> list[float]:
        return [0.0] * (len(self._buckets) + 2)

    def read(self) -> Mapping[Labels, Value]:
        """See ``Reading``."""
        return {labels: list(row) for labels, row in self._rows.items()}


class SharedSpread(Spread):
    """A histogram that threads observe as well."""

    def __init__(self, metric: Metric) -> None:
        super().__init__(metric)
        self._lock = threading.Lock()

    def observe(self, value: float, labels: Labels = ()) -> None:
        with self._lock:
            super().observe(value, labels)


class Book:
    """Every metric of one process, and where its numbers are."""

    def __init__(self) -> None:
        self._readings: dict[str, Reading] = {}
        self._groups: list[Callable[[], Mapping[str, Mapping[Labels, Value]]]] = []

    def counter(self, metric: Metric, first: Iterable[Labels] = ()) -> Counts:
        counts = Counts(first if metric.labels else [()])
        self.gauge(metric, counts.read)
        return counts

    def histogram(self, metric: Metric) -> Spread:
        spread = Spread(metric)
        self.gauge(metric, spread.read)
        return spread

    def shared_histogram(self, metric: Metric) -> SharedSpread:
        spread = SharedSpread(metric)
        self.gauge(metric, spread.read)
        return spread

    def gauge(self, metric: Metric, reading: Reading) -> None:
        """What is read at the moment in which somebody asks."""
        self._readings[metric.name] = reading

    def group(
        self, reading: Callable[[], Mapping[str, Mapping[Labels, Value]]]
    ) -> None:
        """Several of them, by name, that are read in one go."""
        self._groups.append(reading)

    def snapshot(self) -> Snapshot:
        """How everything stands, for this process alone."""
        read = {name: reading() for name, reading in self._readings.items()}
        for group in self._groups:
            read |= group()
        return {
            name: [(texts(labels), value) for labels, value in series.items()]
            for name, series in read.items()
        }


def texts(labels: Labels) -> list[str]:
    """The values of labels as they are told; None is `none`."""
    return ["none" if label is None else str(label) for label in labels]
