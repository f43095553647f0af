"""Counting itself: plain numbers, found by the values of their labels."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from proxy.metrics.catalogue import Metric
from proxy.metrics.cells import Book

REQUESTS = Metric("requests", "counter", "", ("method", "code"))
SECONDS = Metric("seconds", "histogram", "", ("method",), (1, 5))
NOW = Metric("now", "gauge", "")


def test_a_counter_has_a_series_for_each_set_of_labels() -> None:
    book = Book()
    counts = book.counter(REQUESTS)
    counts.add(("GET", 200))
    counts.add(("GET", 200), 2)
    counts.add(("GET", None))
    assert book.snapshot() == {"requests": [(["GET", "200"], 3), (["GET", "none"], 1)]}


def test_a_series_that_is_known_beforehand_begins_with_nothing() -> None:
    book = Book()
    book.counter(REQUESTS, [("GET", 200)])
    book.counter(Metric("plain", "counter", ""))
    assert book.snapshot() == {"requests": [(["GET", "200"], 0)], "plain": [([], 0)]}


def test_a_bucket_holds_what_is_no_more_than_its_end() -> None:
    book = Book()
    spread = book.histogram(SECONDS)
    for value in (0, 1, 1.5, 5, 6):
        spread.observe(value, ("GET",))
    assert book.snapshot() == {"seconds": [(["GET"], [13.5, 2, 2, 1])]}


def test_threads_lose_nothing() -> None:
    book = Book()
    spread = book.shared_histogram(Metric("syncs", "histogram", "", (), (1,)))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(spread.observe, [2.0] * 4000))
    assert book.snapshot() == {"syncs": [([], [8000, 0, 4000])]}


def test_what_is_read_is_read_when_somebody_asks() -> None:
    book, value = Book(), 1
    book.gauge(NOW, lambda: {(): value})
    book.group(lambda: {"others": {("a",): value}})
    value = 2
    assert book.snapshot() == {"now": [([], 2)], "others": [(["a"], 2)]}


def test_a_snapshot_is_of_its_moment_and_goes_over_a_wire() -> None:
    book = Book()
    counts, spread = book.counter(REQUESTS), book.histogram(SECONDS)
    counts.add(("GET", 200))
    spread.observe(1, ("GET",))
    before = book.snapshot()
    told = json.dumps(before)
    counts.add(("GET", 200))
    spread.observe(1, ("GET",))
    assert json.dumps(before) == told
