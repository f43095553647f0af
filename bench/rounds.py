"""Rounds: every variant once, in an order drawn anew each time.

Drifts of the machine meet all variants alike that way, and no variant always follows
the same one. A variant that cannot be measured says so in its row and is not asked
again. The one invariant: the n-th sample of every row is of the n-th round.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from random import Random

from .fleet import NotOffered
from .load import LoadFailed
from .samples import Row, Sample, Table
from .servers import NotStarted, Server

Measure = Callable[[], Sample]
Start = Callable[[], Server]
Together = Callable[[Mapping[str, Server]], AbstractContextManager[dict[str, Measure]]]
"""What is done to servers at the same time; it ends them."""


def measured(
    table: Table, variants: Mapping[str, Measure], rounds: int, chance: Random
) -> Table:
    """Fill the table with one row per variant, in the order given."""
    with _rows(table, variants) as rows:
        for _ in range(rounds):
            order = _going_on(rows)
            chance.shuffle(order)
            for name in order:
                with _noted(rows[name]):
                    rows[name].samples.append(variants[name]())
    return table


def measured_together(
    table: Table, starts: Mapping[str, Start], together: Together, rounds: int
) -> Table:
    """The same where all variants have their turn at the same time, each with a server
    of its own: for what takes long, and does not depend on the others."""
    with _rows(table, starts) as rows:
        for _ in range(rounds):
            servers = {}
            for name in _going_on(rows):
                with _noted(rows[name]):
                    servers[name] = starts[name]()
            with together(servers) as measures:
                for name, measure in measures.items():
                    with _noted(rows[name]):
                        rows[name].samples.append(measure())
    return table


@contextmanager
def _rows(table: Table, names: Iterable[str]) -> Iterator[dict[str, Row]]:
    """The rows of `table`, which are filled meanwhile; how long that took is told."""
    rows = {name: Row(name) for name in names}
    began = time.monotonic()
    yield rows
    table.rows = list(rows.values())
    lasted_s = time.monotonic() - began
    print(f"{lasted_s:6.1f} s  {table.title}", file=sys.stderr, flush=True)


def _going_on(rows: Mapping[str, Row]) -> list[str]:
    return [name for name, row in rows.items() if not row.why]


@contextmanager
def _noted(row: Row) -> Iterator[None]:
    """Within it the variant of `row` is measured; its row says why it cannot be."""
    try:
        yield
    except NotOffered as exc:
        row.why = str(exc)
    except (LoadFailed, NotStarted) as exc:
        # what it did before counts no more: a row is of all rounds or of none
        row.samples.clear()
        row.why = f"failed: {exc}"
