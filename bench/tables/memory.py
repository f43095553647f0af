"""What a connection holds: slow uploads under way, and connections that wait.

Memory is what came to the server's since it was fresh, divided by the connections; what
the kernel holds for them is not in it. Every figure is of fresh servers, as memory once
used is not always given back. All servers have their connections at the same time: what
one holds does not depend on the others, and it takes long. None begins or ends between
two looks at it, since Pss divides what they share.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from bench import fleet, heads
from bench.load import Load, LoadFailed, Sending
from bench.rounds import Measure, Start, measured_together
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
_IDLE_ROUNDS: Final = 3
"""At most: what waits hardly differs from one to the next."""
_FIRST_REQUESTS_S: Final = 6.0
"""In which 10,000 idle connections make their one request: well within the time that
the product gives a connection for its first."""
_SETTLING: Final = 2.5
"""Times as long as they are watched slow uploads have until all of them are under way.
On two busy cores the product still tells some their first offset then, which shows in
its CPU; the second is told after eight seconds, when nobody looks any more."""
_SPARE_S: Final = 1.0
"""For which slow uploads go on after the last look at them."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """What all servers of a table go through."""

    upload: Load
    """What the product is sent."""
    plain: Load
    """What the others are."""
    settling_s: float
    """Until all have connected and sent some; what was needed for a moment is given
    back by then. 0: until all are answered."""
    watched_s: float

    def load(self, variant: str) -> Load:
        return self.upload if variant == fleet.PRODUCT else self.plain


def tables(run: Run) -> list[Table]:
    """Slow, then idle."""
    return [_slow(run), _idle(run)]


def _slow(run: Run) -> Table:
    """When it is looked at, all of them are under way."""
    scale = run.scale
    settling_s = _SETTLING * scale.slow_s
    plain = Load(
        heads.plain(_SIZE),
        _SIZE,
        connections=scale.slow,
        rate=_RATE,
        seconds=settling_s + scale.slow_s + _SPARE_S,
        cuts=True,
    )
    upload = replace(plain, head=heads.upload(_SIZE))
    trial = _Trial(upload, plain, settling_s=settling_s, watched_s=scale.slow_s)
    title = f"{scale.slow:,} slow uploads, 16 KiB/s each"
    table, rounds = Table(SLOW, title, _METRICS), scale.fresh_rounds
    return _measured(run, table, _servers(run), trial, rounds)


def _idle(run: Run) -> Table:
    count = run.scale.idle
    load = Load(
        heads.plain(0, "GET", "/"),
        connections=count,
        requests=count,
        interval_ms=1000 * _FIRST_REQUESTS_S * count / 10_000,
        waits=True,
    )
    trial = _Trial(load, load, settling_s=0, watched_s=run.scale.slow_s)
    title = f"{count:,} idle connections, after one request each"
    table, rounds = Table("memory-idle", title, _METRICS), run.scale.fresh_rounds
    servers = _servers(run)
    # A buffer for bodies has no part in it; and files for 10,000 requests that come
    # faster than they are answered are more than a process may have open.
    del servers[fleet.NGINX_TUNED], servers[fleet.NAIVE]
    servers[fleet.NAIVE_STREAMED] = lambda: run.fleet.naive("streamed", "fresh naive")
    return _measured(run, table, servers, trial, min(rounds, _IDLE_ROUNDS))


def _servers(run: Run) -> dict[str, Start]:
    servers = run.fleet
    return {
        fleet.PRODUCT: lambda: servers.product_with("fresh"),
        fleet.NGINX: lambda: servers.nginx("fresh nginx"),
        fleet.NGINX_TUNED: lambda: servers.nginx("fresh tuned", body_buffer="1m"),
        fleet.NAIVE: lambda: servers.naive("stored", "fresh naive"),
    }


def _measured(
    run: Run, table: Table, starts: Mapping[str, Start], trial: _Trial, rounds: int
) -> Table:
    return measured_together(table, starts, partial(_laden, run, trial), rounds)


@contextmanager
def _laden(
    run: Run, trial: _Trial, servers: Mapping[str, Server]
) -> Iterator[dict[str, Measure]]:
    """All of them with their connections; what there is to be said of each."""
    with ExitStack() as standing:
        for server in servers.values():
            standing.callback(run.fleet.stop, server)
            _touch(server)
        laden = {
            name: _Laden(server, trial.load(name)) for name, server in servers.items()
        }
        for one in laden.values():
            standing.enter_context(one.sending())
        time.sleep(trial.settling_s)  # nothing tells when all are under way
        for one in laden.values():
            one.settle()
        time.sleep(trial.watched_s)  # what they spend meanwhile is the figure
        for one in laden.values():
            one.look()
        yield {name: one.sample for name, one in laden.items()}


class _Laden:
    """One server and its connections."""

    def __init__(self, server: Server, load: Load) -> None:
        self._server = server
        self._load = load
        self._fresh_kib = server.pss_kib()
        self._failure: LoadFailed | None = None
        self._seen: Sample = {}

    def sending(self) -> Sending:
        """The connections, from now on."""
        self._sending = Sending(self._load, self._server.port)
        return self._sending

    def settle(self) -> None:
        """All have come: from now on it is watched."""
        if self._load.waits:
            try:
                self._sending.settled()
            except LoadFailed as exc:
                self._failure = exc
        self._watched_at, self._spent_s = time.monotonic(), self._server.spent_s()

    def look(self) -> None:
        """At what it holds, and has spent since it has settled."""
        lasted_s = time.monotonic() - self._watched_at
        grown_kib = self._server.pss_kib() - self._fresh_kib
        self._seen = {
            "kib": grown_kib / self._load.connections,
            "cpu_percent": 100 * (self._server.spent_s() - self._spent_s) / lasted_s,
        }

    def sample(self) -> Sample:
        """What was seen.

        Raises:
            LoadFailed: a connection was refused, or answered too early.
        """
        if self._failure is not None:
            raise self._failure
        if not self._load.waits:
            self._sending.outcome()
        return self._seen


def _touch(server: Server) -> None:
    """One request, so that what is loaded once is loaded."""
    with Wire(server.port) as wire:
        wire.ask(heads.plain(0, "GET", "/"), expected=200)
