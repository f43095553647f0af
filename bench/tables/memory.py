"""What a connection holds: slow uploads under way, and connections that wait.

Memory is what came to the server's since it was fresh, divided by the connections; what
the kernel holds for them is not in it. Every figure is of fresh servers, as memory once
used is not always given back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from bench import fleet, heads
from bench.load import Load, Sending
from bench.rounds import Measure, measured
from bench.samples import Sample, Table
from bench.scale import KIB, MIB
from bench.servers import Server
from bench.transfers import Wire

from .run import Run

SLOW: Final = "memory-slow"
_RATE: Final = 16 * KIB
_SIZE: Final = 16 * MIB
"""Announced by each: far more than comes, and a disk has to have room for all of them.
Where it has none, the product refuses, and what is measured is refusals."""
_METRICS: Final = ("kib", "cpu_percent")
_ROUNDS: Final = 2
"""Memory hardly differs from one to the next."""
_FIRST_REQUESTS_S: Final = 6.0
"""In which 10,000 idle connections make their one request: well within the time that
the product gives a connection for its first."""


def tables(run: Run) -> list[Table]:
    """Slow, then idle."""
    scale = run.scale
    slow = f"{scale.slow:,} slow uploads, 16 KiB/s each"
    idle = f"{scale.idle:,} idle connections, after one request each"
    return [
        _table(run, Table(SLOW, slow, _METRICS), _slow),
        _table(run, Table("memory-idle", idle, _METRICS), _idle),
    ]


def _table(
    run: Run, table: Table, figure: Callable[[Run, Server, bytes], Sample]
) -> Table:
    servers = run.fleet
    upload, plain = heads.upload(_SIZE), heads.plain(_SIZE)
    variants: dict[str, Measure] = {
        fleet.PRODUCT: lambda: figure(run, servers.product_with("fresh"), upload),
        fleet.NGINX: lambda: figure(run, servers.nginx("fresh"), plain),
        fleet.NGINX_TUNED: lambda: figure(
            run, servers.nginx("fresh", body_buffer="1m"), plain
        ),
        fleet.NAIVE: lambda: figure(run, servers.naive("stored", "fresh"), plain),
    }
    if table.key != SLOW:
        del variants[fleet.NGINX_TUNED]  # a buffer for bodies has no part in it
    rounds = min(run.scale.fresh_rounds, _ROUNDS)
    return measured(table, variants, rounds, run.chance)


def _slow(run: Run, server: Server, head: bytes) -> Sample:
    """In the last part of the time all of them are under way."""
    count, seconds = run.scale.slow, run.scale.slow_s
    load = Load(
        head, _SIZE, connections=count, rate=_RATE, seconds=3 * seconds, cuts=True
    )
    try:
        _touch(server)
        fresh_kib = server.pss_kib()
        with Sending(load, server.port) as sending:
            time.sleep(seconds)  # until all of them have connected and sent some
            percent = _cpu_percent(server, seconds)
            grown_kib = server.pss_kib() - fresh_kib
            sending.outcome()  # none was refused or answered
    finally:
        run.fleet.stop(server)
    return {"kib": grown_kib / count, "cpu_percent": percent}


def _idle(run: Run, server: Server, _: bytes) -> Sample:
    count = run.scale.idle
    asks = heads.plain(0, "GET", "/")
    load = Load(
        asks,
        connections=count,
        requests=count,
        interval_ms=1000 * _FIRST_REQUESTS_S * count / 10_000,
        waits=True,
    )
    try:
        _touch(server)
        fresh_kib = server.pss_kib()
        with Sending(load, server.port) as sending:
            sending.settled()
            percent = _cpu_percent(server, run.scale.slow_s / 2)
            grown_kib = server.pss_kib() - fresh_kib
    finally:
        run.fleet.stop(server)
    return {"kib": grown_kib / count, "cpu_percent": percent}


def _touch(server: Server) -> None:
    """One request, so that what is loaded once is loaded."""
    with Wire(server.port) as wire:
        wire.ask(heads.plain(0, "GET", "/"), expected=200)


def _cpu_percent(server: Server, seconds: float) -> float:
    """Share of one core that it takes in the next `seconds`, in percent."""
    before = server.spent_s()
    time.sleep(seconds)  # what it spends meanwhile is the figure
    return 100 * (server.spent_s() - before) / seconds
