"""What resuming and safety cost: cuts, parts, and syncs, each against going without.

All rows are the product's own; the first of a pair is the dear one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from bench import fleet
from bench.figures import transfer
from bench.rounds import Measure, measured
from bench.samples import Table
from bench.scale import MIB, size_text
from bench.transfers import upload_in_parts, upload_whole, upload_with_cuts

from .receiving import NEVER
from .run import Run

CUTS: Final = 10
CUT: Final = f"cut {CUTS} times and resumed"
WHOLE: Final = "uninterrupted"
_METRICS: Final = ("mib_s", "cpu_s_gib")
_PART: Final = 16 * MIB
_PARTS: Final = 16


def sync_key(what: str) -> str:
    """`what`: v6, v8 or parts."""
    return f"sync-{what}"


def tables(run: Run) -> list[Table]:
    """Cuts, then ``spool.sync`` three times."""
    scale = run.scale
    part = min(_PART, scale.large // 4)
    size = part * (_PARTS if scale.rounds > 1 else 4)
    whole = f"{size_text(scale.huge)} in one request"
    return [
        _cuts(run),
        _sync(run, "v6", scale.huge, f"{whole}, version 6", 6),
        _sync(run, "v8", scale.huge, f"{whole}, version 8", 8),
        _sync_of_parts(run, size, part),
    ]


def _cuts(run: Run) -> Table:
    size = run.scale.large
    server = run.fleet.product_with()
    variants: dict[str, Measure] = {
        CUT: lambda: transfer(
            server, size, partial(upload_with_cuts, server.port, size, CUTS)
        ),
        WHOLE: lambda: transfer(server, size, partial(upload_whole, server.port, size)),
    }
    table = Table("cuts", f"{size_text(size)}, cut and resumed", _METRICS)
    return measured(table, variants, run.scale.rounds, run.chance)


def _sync(run: Run, what: str, size: int, title: str, version: int) -> Table:
    def act(port: int) -> None:
        upload_whole(port, size, version=version)

    return _against_never(run, what, size, title, act)


def _sync_of_parts(run: Run, size: int, part: int) -> Table:
    def act(port: int) -> None:
        upload_in_parts(port, size, part)

    title = f"{size_text(size)} in appends of {size_text(part)}"
    return _against_never(run, "parts", size, title, act)


def _against_never(
    run: Run, what: str, size: int, title: str, act: Callable[[int], None]
) -> Table:
    safe = run.fleet.product_with()
    never = run.fleet.product_with(NEVER, spool={"sync": "never"})
    variants: dict[str, Measure] = {
        fleet.PRODUCT: lambda: transfer(safe, size, lambda: act(safe.port)),
        NEVER: lambda: transfer(never, size, lambda: act(never.port)),
    }
    table = Table(sync_key(what), f"sync: acknowledged, {title}", _METRICS)
    return measured(table, variants, run.scale.rounds, run.chance)
