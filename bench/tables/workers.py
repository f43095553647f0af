"""One process and two, on many uploads at a time.

Where clients and origin share two cores with what is measured, two workers cannot show
their speed; what can be seen is whether they cost more for the same work.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bench import heads
from bench.figures import bytes_of, requests_of
from bench.load import Load
from bench.rounds import Measure, measured
from bench.samples import Sample, Table
from bench.scale import KIB, size_text
from bench.servers import Server

from .run import Run

ONE: Final = "upload-proxy, 1 worker"
TWO: Final = "upload-proxy, 2 workers"
LARGE: Final = "workers-large"
_UPLOADS: Final = 16
_SMALL: Final = KIB
_CONNECTIONS: Final = 64


def tables(run: Run) -> list[Table]:
    """Large bodies, then small ones."""
    size, small_s = run.scale.each, run.scale.small_s
    large = Table(
        LARGE, f"{_UPLOADS} x {size_text(size)} at a time", ("mib_s", "cpu_s_gib")
    )
    small = Table(
        "workers-small",
        f"1 KiB, {_CONNECTIONS} connections",
        ("req_s", "cpu_us", "p50_ms", "p99_ms"),
    )
    several = Load(heads.upload(size), size, connections=_UPLOADS, requests=_UPLOADS)
    many = Load(heads.upload(_SMALL), _SMALL, connections=_CONNECTIONS, seconds=small_s)
    return [
        _table(run, large, several, replace(several, head=heads.plain(size))),
        _table(run, small, many, replace(many, head=heads.plain(_SMALL))),
    ]


def _table(run: Run, table: Table, upload: Load, plain: Load) -> Table:
    servers = run.fleet

    def figure(server: Server, load: Load) -> Sample:
        by_bytes = "mib_s" in table.metrics
        return bytes_of(server, load) if by_bytes else requests_of(server, load)

    variants: dict[str, Measure] = {
        ONE: lambda: figure(servers.product_with(), upload),
        TWO: lambda: figure(servers.product_with(TWO, workers=2), upload),
        "nginx, 1 worker": lambda: figure(servers.nginx(), plain),
        "nginx, 2 workers": lambda: figure(
            servers.nginx("nginx, 2 workers", workers=2), plain
        ),
    }
    return measured(table, variants, run.scale.rounds, run.chance)
