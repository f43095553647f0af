"""A run as a file: everything that was measured, and where.

The one invariant: the report and the plots are made from this alone, so that they can
be made again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .samples import Row, Table


@dataclass(frozen=True, slots=True)
class Results:
    """One run."""

    command: str
    date: str
    """When it began, in UTC."""
    lasted_s: float
    scale: str
    machine: dict[str, str]
    """What it ran on and with; see ``machine``."""
    remark: str
    """What a reader has to know of the circumstances; empty: nothing."""
    tables: list[Table]

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def load(path: Path) -> Results:
    """What `save` wrote."""
    told = json.loads(path.read_text())
    tables = [_table(table) for table in told.pop("tables")]
    return Results(**told, tables=tables)


def _table(told: dict[str, Any]) -> Table:
    rows = [Row(**row) for row in told.pop("rows")]
    metrics = tuple(told.pop("metrics"))
    return Table(**told, metrics=metrics, rows=rows)
