"""Bodies from 1 MiB on, end to end: received, kept, forwarded, answered.

The product gets them as resumable uploads, the peers as plain requests; one at a time.
"""

from __future__ import annotations

from typing import Final

from bench import fleet, heads, tools
from bench.figures import bytes_of
from bench.fleet import NotOffered
from bench.load import Load
from bench.rounds import Measure, measured
from bench.samples import Sample, Table
from bench.scale import MIB, size_text
from bench.servers import Server

from .run import Run

MEDIUM: Final = "bodies-1-mib"
LARGE: Final = "bodies-large"
HUGE: Final = "bodies-huge"
_MEDIUM_REQUESTS: Final = 20
_METRICS: Final = ("mib_s", "cpu_s_gib")


def tables(run: Run) -> list[Table]:
    """1 MiB, large, huge; large ones chunked, and over TLS."""
    scale = run.scale
    return [
        _lengths(run, MEDIUM, MIB, _MEDIUM_REQUESTS),
        _lengths(run, LARGE, scale.large, scale.large_requests),
        _lengths(run, HUGE, scale.huge, 1, naive=False),
        _chunked(run),
        _tls(run),
    ]


def _lengths(
    run: Run, key: str, size: int, requests: int, *, naive: bool = True
) -> Table:
    upload = Load(heads.upload(size), size, requests=requests)
    plain = Load(heads.plain(size), size, requests=requests)
    table = Table(key, f"{size_text(size)}, one at a time", _METRICS)
    return _measured(run, table, upload, plain, naive=naive)


def _chunked(run: Run) -> Table:
    size, count = run.scale.large, run.scale.large_requests
    upload = Load(heads.upload(heads.CHUNKED), size, chunked=True, requests=count)
    plain = Load(heads.plain(heads.CHUNKED), size, chunked=True, requests=count)
    title = f"{size_text(size)}, chunked (256 KiB chunks)"
    return _measured(run, Table("bodies-chunked", title, _METRICS), upload, plain)


def _measured(
    run: Run, table: Table, upload: Load, plain: Load, *, naive: bool = True
) -> Table:
    servers = run.fleet
    variants: dict[str, Measure] = {
        fleet.PRODUCT: lambda: bytes_of(servers.product_with(), upload),
        fleet.NGINX: lambda: bytes_of(servers.nginx(), plain),
        fleet.NGINX_TUNED: lambda: bytes_of(servers.tuned(), plain),
    }
    if naive:
        variants[fleet.NAIVE] = lambda: bytes_of(servers.naive(), plain)
    return measured(table, variants, run.scale.rounds, run.chance)


def _tls(run: Run) -> Table:
    size, count = run.scale.large, run.scale.large_requests
    table = Table("bodies-tls", f"{size_text(size)}, over TLS", _METRICS)
    upload = Load(heads.upload(size), size, requests=count, tls=True)
    plain = Load(heads.plain(size), size, requests=count, tls=True)
    variants: dict[str, Measure] = {
        fleet.PRODUCT: lambda: _over_tls(_product(run), upload),
        fleet.NGINX: lambda: _over_tls(_nginx(run, fleet.NGINX, None), plain),
        fleet.NGINX_TUNED: lambda: _over_tls(
            _nginx(run, fleet.NGINX_TUNED, "1m"), plain
        ),
    }
    return measured(table, variants, run.scale.rounds, run.chance)


def _over_tls(server: Server, load: Load) -> Sample:
    if not tools.speaks_tls():
        raise NotOffered("not measured: no headers of OpenSSL (Debian: libssl-dev)")
    return bytes_of(server, load)


def _product(run: Run) -> Server:
    made = run.fleet.certificate()
    tls = {"certificate": str(made.chain), "key": str(made.key)}
    return run.fleet.product_with(f"{fleet.PRODUCT}, TLS", tls=tls)


def _nginx(run: Run, name: str, body_buffer: str | None) -> Server:
    return run.fleet.nginx(
        f"{name}, TLS",
        body_buffer=body_buffer,
        certificate=run.fleet.certificate(),
    )
