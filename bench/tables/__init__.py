"""The tables of the benchmark, a module for each subject.

Each function takes what a run needs (``Run``) and gives its tables, measured. ``ALL``
names them in the order of the report.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bench.samples import Table

from . import bodies, growth, latency, memory, receiving, resuming, small, workers
from .run import Run

ALL: Final[dict[str, Callable[[Run], list[Table]]]] = {
    "small": small.tables,
    "bodies": bodies.tables,
    "receiving": receiving.tables,
    "resuming": resuming.tables,
    "workers": workers.tables,
    "latency": latency.tables,
    "memory": memory.tables,
    "growth": growth.tables,
}
"""By the name that ``--only`` takes."""
