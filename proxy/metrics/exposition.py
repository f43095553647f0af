"""A snapshot in the words of Prometheus: the text of old, or OpenMetrics.

Which of them, and in which version, the scraper says with `Accept`; prometheus_client
writes both. The one invariant: what is told has a line in the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import Metric as Family
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import choose_encoder

from .catalogue import METRICS, Metric
from .cells import Series, Snapshot, Value


@dataclass(frozen=True, slots=True)
class Page:
    """An answer to a scraper."""

    content: bytes
    content_type: str


def exposed(snapshot: Snapshot, accept: str) -> Page:
    """`snapshot` as `accept`, the field of the request, asks for it."""
    encode, content_type = choose_encoder(accept)
    return Page(encode(_Families(snapshot)), content_type)


class _Families:
    """As much of a registry as an encoder wants."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Family]:
        """In the order of the catalogue."""
        for metric in METRICS.values():
            series = self._snapshot.get(metric.name)
            if series is not None:
                yield _family(metric, series)


def _family(metric: Metric, series: Series) -> Family:
    about = (metric.name, metric.meaning)
    match metric.kind:
        case "counter":
            counter = CounterMetricFamily(*about, labels=metric.labels)
            for labels, value in series:
                counter.add_metric(labels, _number(value))
            return counter
        case "gauge":
            gauge = GaugeMetricFamily(*about, labels=metric.labels)
            for labels, value in series:
                gauge.add_metric(labels, _number(value))
            return gauge
        case "histogram":
            histogram = HistogramMetricFamily(*about, labels=metric.labels)
            for labels, value in series:
                assert isinstance(value, list)
                histogram.add_metric(labels, _buckets(metric, value[1:]), value[0])
            return histogram


def _number(value: Value) -> float:
    """The number itself; of the latest, without its time."""
    return value[-1] if isinstance(value, list) else value


def _buckets(metric: Metric, counts: Iterable[float]) -> list[tuple[str, float]]:
    """Upper ends and how many were observed up to there."""
    ends = [*(str(float(end)) for end in metric.buckets), "+Inf"]
    return list(zip(ends, accumulate(counts), strict=True))
