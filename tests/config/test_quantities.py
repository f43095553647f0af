"""Sizes, durations and the like: what is read, what is refused, and the way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.quantities import (
    LARGEST_SIZE,
    LONGEST_DURATION_S,
    MOST_WORKERS,
    WrongValue,
    bound,
    count,
    duration,
    duration_text,
    head_size,
    size,
    size_text,
    span,
    switch,
    version,
    workers,
)
from proxy.spool.figures import SLOTS


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        (0, 0),
        (1024, 1024),
        ("1024", 1024),
        ("7B", 7),
        ("64KiB", 65536),
        ("64 KiB", 65536),
        ("64kib", 65536),
        ("1KB", 1000),
        ("1MB", 10**6),
        ("1MiB", 2**20),
        ("1.5GiB", 3 * 2**29),
        ("10GB", 10**10),
        ("2TB", 2 * 10**12),
        ("2TiB", 2**41),
        (LARGEST_SIZE, LARGEST_SIZE),
    ],
)
def test_a_size_is_bytes(written: object, amount: int) -> None:
    assert size(written) == amount


@pytest.mark.parametrize(
    "written",
    [-1, 1.5, True, None, "", "GiB", "-1KiB", "1.0001KiB", "1 0", "1KiBs", "٣", [], {}],
)
def test_what_is_no_size_is_refused_with_an_example(written: object) -> None:
    with pytest.raises(WrongValue, match="a size such as 64KiB, 10GiB, 1MB or a numb"):
        size(written)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("10G", 'did you mean "10GiB" or "10GB"?'),
        ("1.5 k", 'did you mean "1.5KiB" or "1.5KB"?'),
        ("10Mi", 'did you mean "10MiB" or "10MB"?'),
    ],
)
def test_a_unit_cut_short_is_not_guessed(written: str, hint: str) -> None:
    with pytest.raises(WrongValue) as refused:
        size(written)
    assert refused.value.hint == hint


def test_a_size_ends_where_no_field_could_tell_it() -> None:
    with pytest.raises(WrongValue, match="at most 999999999999999 bytes"):
        size(LARGEST_SIZE + 1)


def test_no_limit_is_not_written_as_zero() -> None:
    with pytest.raises(WrongValue) as refused:
        bound(0)
    assert refused.value.hint == "for no limit write null"
    assert bound("1B") == 1


@pytest.mark.parametrize("written", [1023, "17MiB"])
def test_a_head_has_neither_no_room_nor_all_of_it(written: object) -> None:
    with pytest.raises(WrongValue, match="a size from 1KiB to 16MiB"):
        head_size(written)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, 0),
        (999, 999),
        (1000, "1KB"),
        (1024, "1KiB"),
        (1025, 1025),
        (10**9, "1GB"),
        (2**20 * 10**6, "1000000MiB"),
    ],
)
def test_a_size_is_shown_by_the_largest_unit_that_fits(
    amount: int, text: str | int
) -> None:
    assert size_text(amount) == text


@given(st.integers(0, LARGEST_SIZE))
def test_a_size_that_was_shown_reads_as_itself(amount: int) -> None:
    assert size(size_text(amount)) == amount


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (0, 0.0),
        (10, 10.0),
        (1.5, 1.5),
        ("10", 10.0),
        ("1.5", 1.5),
        ("500ms", 0.5),
        ("10s", 10.0),
        ("1.5m", 90.0),
        ("1h30m", 5400.0),
        ("24h", 86400.0),
        ("7d", 7 * 86400.0),
        ("2w", 14 * 86400.0),
        ("1d12h", 36 * 3600.0),
        (0.0001, 0.0),
        ("3650d", LONGEST_DURATION_S),
    ],
)
def test_a_duration_is_seconds(written: object, seconds: float) -> None:
    assert duration(written) == seconds


@pytest.mark.parametrize(
    "written",
    [
        *(-1, -0.5, True, False, None, float("nan"), float("-inf"), [], {}),
        *("", "s", "-5s", "+5s", "10 s", "30 min", "1h  30m", "1h-30m", "5mm", "5y"),
        *("1:30", "10S", "1.s", "٣s"),
    ],
)
def test_what_is_no_duration_is_refused_with_an_example(written: object) -> None:
    with pytest.raises(WrongValue, match="a duration such as 10s, 1h30m, 7d or a num"):
        duration(written)


@pytest.mark.parametrize("written", ["3651d", float("inf"), "9" * 400 + "s", 10**300])
def test_a_duration_ends_where_nobody_means_it(written: object) -> None:
    with pytest.raises(WrongValue, match="at most ten years"):
        duration(written)


@pytest.mark.parametrize("written", [0, "0s", 0.0])
def test_for_ever_is_not_written_as_zero(written: object) -> None:
    with pytest.raises(WrongValue, match="longer than 0s"):
        span(written)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.25, "0.25s"),
        (60.0, "60s"),
        (75.0, "75s"),
        (120.0, "2m"),
        (300.0, "5m"),
        (3600.0, "1h"),
        (5400.0, "1h30m"),
        (86400.0, "24h"),
        (90061.0, "25h1m1s"),
        (604800.0, "7d"),
    ],
)
def test_a_duration_is_shown_for_people(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@given(st.integers(0, LONGEST_DURATION_S * 1000).map(lambda ms: round(ms / 1000, 3)))
def test_a_duration_that_was_shown_reads_as_itself(seconds: float) -> None:
    assert duration(duration_text(seconds)) == seconds


@pytest.mark.parametrize(
    ("written", "on"),
    [(True, True), (False, False), ("true", True), ("false", False)],
)
def test_a_switch_is_true_or_false(written: object, on: bool) -> None:
    assert switch(written) is on


@pytest.mark.parametrize("written", ["yes", "on", "True", 1, 0, None, "", []])
def test_nothing_else_is_a_switch(written: object) -> None:
    with pytest.raises(WrongValue, match="true or false"):
        switch(written)


@pytest.mark.parametrize(("written", "number"), [(1, 1), ("16", 16)])
def test_a_count_is_a_whole_number(written: object, number: int) -> None:
    assert count(written) == number


@pytest.mark.parametrize("written", [0, -1, 1.0, True, None, "0", "x", "1.5", "²"])
def test_a_count_is_at_least_one(written: object) -> None:
    with pytest.raises(WrongValue, match="a whole number, at least 1"):
        count(written)


def test_workers_and_those_that_take_over_from_them_find_room_on_a_spool() -> None:
    """Each of them has a slot in the figures, and so have the supervisors."""
    assert 2 * (MOST_WORKERS + 1) == SLOTS
    assert workers(MOST_WORKERS) == MOST_WORKERS


@pytest.mark.parametrize("written", [0, 32, "1000", "many"])
def test_more_workers_than_that_are_refused(written: object) -> None:
    with pytest.raises(WrongValue, match="a whole number"):
        workers(written)


@pytest.mark.parametrize(
    ("written", "spoken"), [(3, 3), (10, 10), ("6", 6), ("rfc", "rfc")]
)
def test_a_version_is_one_that_can_be_spoken(written: object, spoken: object) -> None:
    assert version(written) == spoken


@pytest.mark.parametrize("written", [2, 11, True, 3.0, "RFC", "", None, [3]])
def test_other_versions_are_refused(written: object) -> None:
    with pytest.raises(WrongValue, match="an interop version from 3 to 10, or rfc"):
        version(written)
