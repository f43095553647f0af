"""The benchmark in its smallest form, and its own programs against each other."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from bench import fleet, heads, tools
from bench.fleet import Fleet, NotOffered
from bench.load import Load, LoadFailed, Sending, send
from bench.product import HERE, product_in
from bench.rounds import Measure, measured_together
from bench.samples import Sample, Table
from bench.scale import MIB, SMALLEST
from bench.servers import Server
from bench.tables import growth, memory, receiving, resuming, small
from bench.tables.run import Run
from bench.transfers import waiting_upload

CHUNKED = Load(heads.plain(heads.CHUNKED), MIB, chunked=True, requests=6, connections=3)


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    try:
        tools.sink(), tools.sender()
    except tools.NoTools as exc:
        pytest.skip(str(exc))


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(tmp_path, product_in(HERE)) as started:
        yield started
    assert not list(tmp_path.iterdir()), "what servers wrote goes with them"


@pytest.fixture
def run(servers: Fleet) -> Run:
    return Run(servers, SMALLEST, Random(1))


@pytest.mark.parametrize(
    "load",
    [
        Load(heads.plain(0), 0, requests=6, connections=3),
        Load(heads.plain(1024), 1024, requests=6, connections=3),
        Load(heads.plain(3 * MIB), 3 * MIB, requests=6, connections=3),
        Load(heads.plain(0, "HEAD"), requests=6, connections=3, interval_ms=1),
        CHUNKED,
    ],
    ids=["empty", "small", "large", "head", "chunked"],
)
def test_the_origin_takes_what_the_client_sends(servers: Fleet, load: Load) -> None:
    outcome = send(load, servers.origin_port)
    assert outcome.requests == 6
    assert outcome.bytes >= 6 * load.size
    assert 0 < outcome.p50_ms <= outcome.p99_ms


def test_a_refusal_is_no_figure(servers: Fleet) -> None:
    load = Load(heads.offset("/resumable_upload/none"), requests=3)
    with pytest.raises(LoadFailed, match="3 requests failed, the first with 404"):
        send(load, servers.product_with().port)


def test_connections_stay_until_the_end(servers: Fleet) -> None:
    load = Load(heads.plain(0, "GET"), connections=5, requests=5, waits=True)
    with Sending(load, servers.origin_port) as sending:
        assert sending.settled().requests == 5


def test_small_requests_beside_all_peers(run: Run) -> None:
    tables = small.tables(run)
    assert [table.key for table in tables] == ["small-1", "small-32", "small-256"]
    for table in tables:
        for row in table.rows:
            if row.variant in (fleet.NGINX, fleet.NGINX_TUNED) and row.why:
                assert row.why.endswith("is not installed")
                continue
            (sample,) = row.samples
            assert set(sample) == set(table.metrics)
            assert min(sample.values()) > 0


def test_transfers_in_several_requests(run: Run) -> None:
    (received,) = receiving.tables(run)
    for table in [received, *resuming.tables(run)]:
        measured = [row for row in table.rows if row.variant != fleet.TUSD]
        assert all(row.samples for row in measured), table


def test_connections_to_all_servers_at_a_time(run: Run) -> None:
    slow, idle = memory.tables(run)
    assert {row.variant for row in slow.rows} > {fleet.PRODUCT, fleet.NAIVE}
    for row in [*slow.rows, *idle.rows]:
        assert row.why.endswith("is not installed") or len(row.samples) == 1


def test_one_that_fails_beside_others_says_why(servers: Fleet) -> None:
    """The others are measured on."""

    def missing() -> Server:
        raise NotOffered("there is none")

    def failing() -> Sample:
        raise LoadFailed("refused")

    @contextmanager
    def laden(given: Mapping[str, Server]) -> Iterator[dict[str, Measure]]:
        counts = {"odd": failing, "good": lambda: {"kib": 1.0}}
        yield {name: counts[name] for name in given}

    starts = {
        "odd": lambda: servers.product_with("odd"),
        "missing": missing,
        "good": lambda: servers.naive("streamed"),
    }
    table = measured_together(Table("t", "t", ("kib",)), starts, laden, 2)
    told = [(row.variant, row.why, len(row.samples)) for row in table.rows]
    assert told == [
        ("odd", "failed: refused", 0),
        ("missing", "there is none", 0),
        ("good", "", 2),
    ]


def test_copies_of_an_upload_are_uploads(run: Run) -> None:
    (table,) = growth.tables(run)
    assert [row.why for row in table.rows] == ["", ""]


def test_what_the_product_does_not_offer_is_said(servers: Fleet) -> None:
    assert servers.product.offers("spool.sync")
    assert servers.product.offers("uploads.limits.max_size")
    with pytest.raises(NotOffered, match=r"no setting spool\.magic"):
        servers.product_with("magic", spool={"magic": True})


def test_nothing_is_left_of_a_server_that_is_stopped(servers: Fleet) -> None:
    server = servers.product_with("gone")
    waiting_upload(server.port)
    servers.stop(server)
    assert not server.directory.exists()
    assert servers.product_with("gone") is not server


def test_without_a_compiler_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tools, "BUILT", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(tools.NoTools, match="build-essential"):
        tools.sink()
