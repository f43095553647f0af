"""One figure each: what a server did with a load, and what that cost it."""

from __future__ import annotations

import time
from collections.abc import Callable

from .load import Load, send
from .samples import Sample
from .scale import GIB, MIB
from .servers import Server


def requests_of(server: Server, load: Load) -> Sample:
    """Many small requests: how many a second, how long each took, CPU for each."""
    before = server.cpu_s()
    outcome = send(load, server.port)
    spent_s = server.cpu_s() - before
    return {
        "req_s": outcome.requests / outcome.seconds,
        "cpu_us": 1e6 * spent_s / outcome.requests,
        "p50_ms": outcome.p50_ms,
        "p99_ms": outcome.p99_ms,
    }


def bytes_of(server: Server, load: Load) -> Sample:
    """Bodies of some size: throughput, and CPU for each GiB."""
    before = server.cpu_s()
    outcome = send(load, server.port)
    spent_s = server.cpu_s() - before
    size = outcome.requests * load.size
    return {
        "mib_s": size / MIB / outcome.seconds,
        "cpu_s_gib": spent_s / (size / GIB),
    }


def transfer(server: Server, size: int, act: Callable[[], object]) -> Sample:
    """A transfer of `size` bytes by `act`: throughput, and CPU for each GiB."""
    before = server.cpu_s()
    began = time.perf_counter()
    act()
    lasted_s = time.perf_counter() - began
    spent_s = server.cpu_s() - before
    return {"mib_s": size / MIB / lasted_s, "cpu_s_gib": spent_s / (size / GIB)}
