"""Whether anything grows with the number of uploads that wait in the spool.

For each figure the product is started anew over a spool that holds so many: the time to
its first answer, what its recovery takes beside that, and what operations cost
meanwhile. Times are of one request on an open connection, its client included.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from bench import heads
from bench.rounds import Measure, measured
from bench.samples import Sample, Table
from bench.stock import Stock, filled, seed
from bench.transfers import Wire

from .run import Run

KEY: Final = "growth"
_PATH: Final = "/resumable_upload/"
_SIZE: Final = 1024
_WATCHED_S: Final = 0.5
"""After the start, for what recovery takes."""


def variant(count: int) -> str:
    return f"{count:,} uploads waiting"


def tables(run: Run) -> list[Table]:
    """One, with a row for each number of uploads."""
    metrics = (
        "start_s",
        "create_ms",
        "head_ms",
        "append_ms",
        "sweep_percent",
        "bytes",
        "inodes",
    )
    table = Table(KEY, "Uploads waiting in the spool", metrics)
    with tempfile.TemporaryDirectory(dir=run.fleet.directory) as directory:
        seeded = Path(directory) / "seed"
        server = run.fleet.product_with("seed", spool={"directory": str(seeded)})
        planted = seed(server.port, seeded, 0)
        run.fleet.stop(server)
        stocks = {
            count: filled(planted, Path(directory) / str(count), count)
            for count in run.scale.waiting
        }
        variants: dict[str, Measure] = {
            variant(count): partial(_figure, run, stock)
            for count, stock in stocks.items()
        }
        done = measured(table, variants, run.scale.fresh_rounds, run.chance)
        for stock in stocks.values():
            shutil.rmtree(stock.directory)
    return [done]


def _figure(run: Run, stock: Stock) -> Sample:
    began = time.perf_counter()
    place = {"directory": str(stock.directory)}
    server = run.fleet.product_with("growth", spool=place)
    try:
        with Wire(server.port) as wire:
            _create(wire)
            start_s = time.perf_counter() - began
            before = server.spent_s()
            time.sleep(_WATCHED_S)  # what it spends meanwhile is the figure
            percent = 100 * (server.spent_s() - before) / _WATCHED_S
            return {
                "start_s": start_s,
                "sweep_percent": percent,
                "bytes": stock.bytes_each,
                "inodes": stock.inodes_each,
                **_operations(wire, stock, run.scale.operations, run.chance),
            }
    finally:
        # the few uploads that it was given stay: they are lost among the rest
        run.fleet.stop(server)


def _operations(wire: Wire, stock: Stock, count: int, chance: Random) -> Sample:
    chosen = stock.take(count, chance)
    creation = [_timed_ms(partial(_create, wire)) for _ in chosen]
    asking = [_timed_ms(partial(_ask, wire, token)) for token in chosen]
    appending = [_timed_ms(partial(_append, wire, stock, token)) for token in chosen]
    return {
        "create_ms": median(creation),
        "head_ms": median(asking),
        "append_ms": median(appending),
    }


def _create(wire: Wire) -> None:
    wire.ask(heads.upload(_SIZE, complete=False), _SIZE, expected=201)


def _ask(wire: Wire, token: str) -> None:
    wire.ask(heads.offset(f"{_PATH}{token}"), expected=204)


def _append(wire: Wire, stock: Stock, token: str) -> None:
    at = stock.offsets[token]
    head = heads.append(f"{_PATH}{token}", at, _SIZE, complete=False)
    wire.ask(head, _SIZE, expected=201)
    stock.offsets[token] = at + _SIZE


def _timed_ms(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - began)
