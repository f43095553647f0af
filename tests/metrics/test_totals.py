"""Numbers of several processes as one."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from proxy.metrics import catalogue
from proxy.metrics.cells import Snapshot
from proxy.metrics.totals import Totals, added

DIED = catalogue.DIED.name
STARTED = catalogue.STARTED.name
LOCKS = catalogue.LOCK_SECONDS.name
SERVING = catalogue.SERVING.name
UP = catalogue.ORIGIN_UP.name


def test_counters_add_up_by_labels() -> None:
    one: Snapshot = {STARTED: [(["default", "6"], 2), (["default", "8"], 1)]}
    other: Snapshot = {STARTED: [(["default", "8"], 4)]}
    assert added([one, other]) == {
        STARTED: [(["default", "6"], 2), (["default", "8"], 5)]
    }


def test_a_series_with_the_labels_of_another_release_is_left_out() -> None:
    one: Snapshot = {STARTED: [(["default", "6"], 2)]}
    other: Snapshot = {STARTED: [(["6"], 4), (["default", "eu", "6"], 4)]}
    assert added([one, other]) == one


def test_histograms_add_up_by_bucket() -> None:
    row = [0.5, 1, 0, 0, 0, 0, 0, 0, 0]
    total = added([{LOCKS: [([], row)]}, {LOCKS: [([], row)]}])
    assert total == {LOCKS: [([], [1.0, 2, 0, 0, 0, 0, 0, 0, 0])]}


def test_gauges_become_one_as_their_meaning_wants_it() -> None:
    most, least = catalogue.DRAINING.name, catalogue.FREE_BYTES.name
    one: Snapshot = {
        SERVING: [([], 1)],
        most: [([], 0)],
        least: [([], 9)],
        UP: [(["o"], [1.0, 1])],
    }
    other: Snapshot = {
        SERVING: [([], 1)],
        most: [([], 1)],
        least: [([], 7)],
        UP: [(["o"], [2.0, 0])],
    }
    assert added([one, other]) == {
        SERVING: [([], 2)],
        most: [([], 1)],
        least: [([], 7)],
        UP: [(["o"], [2.0, 0])],
    }


def test_who_has_ended_leaves_its_counters_and_takes_its_gauges() -> None:
    totals = Totals()
    totals.ended({DIED: [([], 3)], SERVING: [([], 1)]})
    totals.ended({DIED: [([], 4)]})
    assert totals.with_ended([{DIED: [([], 1)]}]) == {DIED: [([], 8)]}
    assert totals.with_ended([{SERVING: [([], 2)]}]) == {
        SERVING: [([], 2)],
        DIED: [([], 7)],
    }


def test_what_another_release_tells_besides_is_left_out() -> None:
    assert added([{"rup_unheard_of": [([], 1)]}]) == {}


counts = st.lists(st.integers(0, 1000), min_size=1, max_size=5)


@given(counts, st.data())
def test_a_counter_never_goes_down_whoever_ends(
    told: list[int], data: st.DataObject
) -> None:
    """Processes count, end, and are looked at, in any order."""
    totals, living, seen = Totals(), dict(enumerate(told)), 0.0
    while living:
        place = data.draw(st.sampled_from(sorted(living)))
        if data.draw(st.booleans()):
            living[place] += 1
        else:
            # as it comes over the wire
            last = json.loads(json.dumps({DIED: [([], living.pop(place))]}))
            totals.ended(last)
        now = totals.with_ended({DIED: [([], count)]} for count in living.values())
        value = now[DIED][0][1]
        assert isinstance(value, int)
        assert value >= seen
        seen = value
