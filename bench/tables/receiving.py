"""Receiving alone, beside tusd: a creation, one append with all bytes, not forwarded.

tusd is a server of uploads and no proxy; what both do is to take bytes and keep them.
The product makes them safe from power loss before it answers, tusd does not.
"""

from __future__ import annotations

from bench import fleet
from bench.figures import transfer
from bench.rounds import Measure, measured
from bench.samples import Sample, Table
from bench.scale import size_text
from bench.servers import Server
from bench.transfers import cancel, cancel_by_tus, receive_by_tus, receive_only

from .run import Run

KEY = "receiving"
NEVER = "upload-proxy, sync: never"


def tables(run: Run) -> list[Table]:
    """One."""
    servers, size = run.fleet, run.scale.large
    never = {"spool": {"sync": "never"}}
    variants: dict[str, Measure] = {
        fleet.PRODUCT: lambda: _ours(servers.product_with(), size),
        NEVER: lambda: _ours(servers.product_with(NEVER, **never), size),
        fleet.TUSD: lambda: _tus(servers.tusd(), size),
    }
    title = f"{size_text(size)}, received and kept, not forwarded"
    table = Table(KEY, title, ("mib_s", "cpu_s_gib"))
    return [measured(table, variants, run.scale.rounds, run.chance)]


def _ours(server: Server, size: int) -> Sample:
    paths: list[str] = []
    sample = transfer(
        server, size, lambda: paths.append(receive_only(server.port, size))
    )
    cancel(server.port, paths[0])
    return sample


def _tus(server: Server, size: int) -> Sample:
    paths: list[str] = []
    sample = transfer(
        server, size, lambda: paths.append(receive_by_tus(server.port, size))
    )
    cancel_by_tus(server.port, paths[0])
    return sample
