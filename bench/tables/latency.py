"""How long a HEAD takes beside 100 bodies that stream, at full speed and paced.

The product is asked for the offset of an upload that waits, and the bodies are
resumable uploads; nginx answers by itself, without its origin, beside plain requests.
No body comes to its end, so that nobody forwards. Every figure is of fresh servers:
what was received goes with their directories.
"""

from __future__ import annotations

from typing import Final

from bench import fleet, heads
from bench.load import Load, Sending
from bench.peers import ANSWERED_PATH
from bench.rounds import Measure, measured
from bench.samples import Sample, Table
from bench.scale import GIB, MIB
from bench.servers import Server
from bench.transfers import waiting_upload

from .run import Run

FULL: Final = "latency-full"
PACED: Final = "latency-paced"
STREAMS: Final = 100
_PACED_RATE: Final = 2 * MIB
_ENDLESS: Final = 256 * MIB
"""Bytes that a stream announces: more than there is time for, and together what a disk
has room for, since the product promises none that it lacks."""
_PROBES: Final = 2
"""Connections that ask; each every 5 ms at most."""


def tables(run: Run) -> list[Table]:
    """At full speed, then paced."""
    together = STREAMS * _PACED_RATE // MIB
    return [
        _table(run, FULL, f"HEAD beside {STREAMS} streams at full speed", 0),
        _table(
            run,
            PACED,
            f"HEAD beside {STREAMS} streams, {together} MiB/s together",
            _PACED_RATE,
        ),
    ]


def _table(run: Run, key: str, title: str, rate: int) -> Table:
    servers = run.fleet
    variants: dict[str, Measure] = {
        fleet.PRODUCT: lambda: _product(run, servers.product_with("fresh"), rate),
        fleet.NGINX: lambda: _nginx(run, servers.nginx("fresh"), rate),
        fleet.NGINX_TUNED: lambda: _nginx(
            run, servers.nginx("fresh", body_buffer="1m"), rate
        ),
    }
    table = Table(key, title, ("p50_ms", "p99_ms", "mib_s", "cpu_s_gib"))
    return measured(table, variants, run.scale.fresh_rounds, run.chance)


def _product(run: Run, server: Server, rate: int) -> Sample:
    asks = heads.offset(waiting_upload(server.port))
    return _figure(run, server, heads.upload(_ENDLESS), asks, rate)


def _nginx(run: Run, server: Server, rate: int) -> Sample:
    asks = heads.plain(0, "HEAD", ANSWERED_PATH)
    return _figure(run, server, heads.plain(_ENDLESS), asks, rate)


def _figure(run: Run, server: Server, streams: bytes, asks: bytes, rate: int) -> Sample:
    """Of a server that is stopped with it."""
    seconds = run.scale.paced_s if rate else run.scale.streams_s
    load = Load(
        streams, _ENDLESS, connections=STREAMS, seconds=seconds, rate=rate, cuts=True
    )
    probe = Load(asks, connections=_PROBES, seconds=seconds, interval_ms=5)
    try:
        before = server.cpu_s()
        with (
            Sending(load, server.port) as streaming,
            Sending(probe, server.port) as asking,
        ):
            asked, streamed = asking.outcome(), streaming.outcome()
        spent_s = server.cpu_s() - before
    finally:
        run.fleet.stop(server)
    return {
        "p50_ms": asked.p50_ms,
        "p99_ms": asked.p99_ms,
        "mib_s": streamed.bytes / MIB / streamed.seconds,
        "cpu_s_gib": spent_s / (streamed.bytes / GIB),
    }
