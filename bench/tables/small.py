"""1 KiB: what a request costs when its body costs nothing.

The product has two rows: resumable uploads (a creation of version 6 that is complete,
with its 104 and all promises), and plain requests that it passes through. The peers get
plain requests.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from bench import fleet, heads
from bench.figures import requests_of
from bench.load import Load
from bench.rounds import Measure, measured
from bench.samples import Sample, Table
from bench.scale import KIB

from .run import Run

UPLOADS: Final = "upload-proxy, uploads"
PASSED: Final = "upload-proxy, passed through"
CONCURRENCIES: Final = (1, 32, 256)
_SIZE: Final = KIB


def key(concurrency: int) -> str:
    return f"small-{concurrency}"


def tables(run: Run) -> list[Table]:
    """One table for each number of connections."""
    return [_table(run, concurrency) for concurrency in CONCURRENCIES]


def _table(run: Run, concurrency: int) -> Table:
    servers, seconds = run.fleet, run.scale.small_s
    plain = Load(heads.plain(_SIZE), _SIZE, connections=concurrency, seconds=seconds)
    upload = Load(heads.upload(_SIZE), _SIZE, connections=concurrency, seconds=seconds)

    def product(load: Load) -> Sample:
        return requests_of(servers.product_with(), load)

    variants: dict[str, Measure] = {
        UPLOADS: partial(product, upload),
        PASSED: partial(product, plain),
        fleet.NGINX: lambda: requests_of(servers.nginx(), plain),
        fleet.NGINX_TUNED: lambda: requests_of(servers.tuned(), plain),
        fleet.NAIVE: lambda: requests_of(servers.naive(), plain),
        fleet.NAIVE_STREAMED: lambda: requests_of(servers.naive("streamed"), plain),
    }
    title = f"1 KiB, {concurrency} connection{'s' if concurrency > 1 else ''}"
    metrics = ("req_s", "cpu_us", "p50_ms", "p99_ms")
    table = Table(key(concurrency), title, metrics)
    return measured(table, variants, run.scale.rounds, run.chance)
