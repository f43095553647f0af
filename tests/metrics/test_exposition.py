"""What a scraper gets, in the form it asks for."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as read_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as read_text

from proxy.metrics.catalogue import METRICS, OWN, PROCESS, Metric
from proxy.metrics.cells import Series, Snapshot
from proxy.metrics.exposition import exposed
from proxy.metrics.process import read_process

OPENMETRICS = "application/openmetrics-text; version=1.0.0,text/plain;q=0.5"


def series(metric: Metric) -> Series:
    labels = ["x"] * len(metric.labels)
    if metric.kind == "histogram":
        counts = [1.0] * (len(metric.buckets) + 1)
        return [(labels, [2.5, *counts])]
    return [(labels, [7.0, 1] if metric.across == "latest" else 1)]


EVERYTHING: Snapshot = {metric.name: series(metric) for metric in METRICS.values()}


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain;version=0.0.4", "image/png"])
def test_the_text_of_old_is_what_everybody_reads(accept: str) -> None:
    page = exposed(EVERYTHING, accept)
    assert page.content_type == "text/plain; version=0.0.4; charset=utf-8"
    families = list(read_text(page.content.decode()))
    assert [family.name for family in families] == list(METRICS)
    assert [family.type for family in families] == [
        metric.kind for metric in METRICS.values()
    ]


def test_openmetrics_is_there_for_who_asks() -> None:
    page = exposed(EVERYTHING, OPENMETRICS)
    assert page.content_type.startswith("application/openmetrics-text; version=1.0.0")
    text = page.content.decode()
    families = list(read_openmetrics(text))  # type: ignore[no-untyped-call]
    assert [family.name for family in families] == list(METRICS)
    assert page.content.endswith(b"# EOF\n")


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_nothing_tells_when_a_series_was_made(accept: str) -> None:
    """It would double the number of series, and nobody asks for it."""
    assert b"_created" not in exposed(EVERYTHING, accept).content


def test_buckets_are_told_as_they_are_read_each_with_those_below() -> None:
    metric = METRICS["rup_upload_lock_wait_seconds"]
    text = exposed({metric.name: [([], [2.0, 1, 0, 2, 0, 0, 0, 0, 3])]}, "").content
    found = {
        sample.labels["le"]: sample.value
        for family in read_text(text.decode())
        for sample in family.samples
        if sample.name.endswith("_bucket")
    }
    assert list(found.values()) == [1, 1, 3, 3, 3, 3, 3, 6]
    assert list(found) == [*(str(float(end)) for end in metric.buckets), "+Inf"]


def test_the_latest_is_told_without_its_time() -> None:
    told = exposed({"rup_origin_up": [(["http://o"], [123.5, 0])]}, "").content
    assert b'rup_origin_up{origin="http://o"} 0.0\n' in told


def test_names_follow_the_conventions() -> None:
    """One prefix, base units at the end, and nothing that a suffix would spoil."""
    for metric in OWN:
        assert metric.name.startswith("rup_")
        assert not metric.name.endswith(("_total", "created", "_count", "_ms"))
        assert list(metric.buckets) == sorted(set(metric.buckets))
        assert (metric.kind == "histogram") == bool(metric.buckets)
        if metric.kind == "histogram":
            assert metric.name.endswith(("_seconds", "_bytes", "_per_upload"))
    assert len({metric.name for metric in (*OWN, *PROCESS)}) == len(METRICS)


def test_all_of_the_process_is_told_by_the_names_that_everybody_knows() -> None:
    read = read_process()
    assert list(read) == [metric.name for metric in PROCESS]
    for metric in PROCESS:
        assert all(len(labels) == len(metric.labels) for labels in read[metric.name])
    assert read["process_resident_memory_bytes"][()] > 2**20  # type: ignore[operator]
