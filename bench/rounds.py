"""Rounds: every variant once, in an order drawn anew each time.

Drifts of the machine meet all variants alike that way, and no variant always follows
the same one. A variant that cannot be measured says so in its row and is not asked
again. The one invariant: the n-th sample of every row is of the n-th round.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from random import Random

from .fleet import NotOffered
from .load import LoadFailed
from .samples import Row, Sample, Table
from .servers import NotStarted

Measure = Callable[[], Sample]


def measured(
    table: Table, variants: Mapping[str, Measure], rounds: int, chance: Random
) -> Table:
    """Fill the table with one row per variant, in the order given."""
    rows = {name: Row(name) for name in variants}
    began = time.monotonic()
    for _ in range(rounds):
        order = [name for name, row in rows.items() if not row.why]
        chance.shuffle(order)
        for name in order:
            _measure(rows[name], variants[name])
    table.rows = list(rows.values())
    lasted_s = time.monotonic() - began
    print(f"{lasted_s:6.1f} s  {table.title}", file=sys.stderr, flush=True)
    return table


def _measure(row: Row, measure: Measure) -> None:
    try:
        row.samples.append(measure())
    except NotOffered as exc:
        row.why = str(exc)
    except (LoadFailed, NotStarted) as exc:
        # what it did before counts no more: a row is of all rounds or of none
        row.samples.clear()
        row.why = f"failed: {exc}"
