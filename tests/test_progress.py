"""Progress of a long body: told only while it flows and only when durable (R66)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
import structlog

from proxy import progress
from proxy.core.errors import Gone, SpoolError
from proxy.core.intents import Interim, Progress
from proxy.core.upload import Head, Limits, State, Token, Upload
from proxy.ledger import Ledger
from proxy.progress import AT_A_TIME, MOST, ProgressTeller, Tellers
from proxy.spool import Writer
from proxy.spool.memory import MemorySpool
from proxy.tasks import Tasks

from .kit.bounds import until
from .test_intake import Script

UPLOAD = Upload(Token("t" * 43), State.CREATED, Head("POST", "/", ()), Limits(), 0, 0)


class Receiving:
    """A body that is being received, and what is told of it."""

    def __init__(self) -> None:
        log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            structlog.ReturnLogger(),
            processors=[],
            wrapper_class=structlog.make_filtering_bound_logger(50),
        )
        self.now = 7.0
        self.spool = MemorySpool()
        self.ledger = Ledger(self.spool, lambda: self.now, log)
        self.tellers = Tellers(self.ledger, Tasks(log).spawn)
        self.body = Script()
        self.body.last_byte_at = asyncio.get_running_loop().time()
        self.told: list[Interim] = []
        self.news = asyncio.Event()

    def tell(self, interim: Interim) -> None:
        self.told.append(interim)
        self.news.set()

    async def teller(self) -> ProgressTeller:
        self.opened = await self.ledger.open(UPLOAD)
        self.writer: Writer = self.spool.writer(UPLOAD.token)
        self.writer.write(b"abc")
        return self.another()

    def another(self) -> ProgressTeller:
        return ProgressTeller(
            self.opened, self.writer, self.body, self.tell, self.tellers
        )


@pytest.fixture
def receiving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.progress.PAUSES_S", (0.0, 0.0, 0.0))


@pytest.mark.usefixtures("receiving")
async def test_three_times_and_then_no_more() -> None:
    stage = Receiving()
    teller = await stage.teller()
    teller.start()
    async with asyncio.timeout(2):
        while len(stage.told) < 3:
            stage.news.clear()
            await stage.news.wait()
    upload = await teller.stop()
    assert stage.told == [Progress(3)] * 3
    assert (upload.acknowledged, upload.fed_at) == (3, 7.0)
    assert await stage.spool.load(UPLOAD.token) == replace(upload, offset=3)


@pytest.mark.usefixtures("receiving")
@pytest.mark.parametrize("gone", [None, Gone.CUT])
async def test_nothing_to_a_client_that_may_have_gone(gone: Gone | None) -> None:
    stage = Receiving()
    stage.body.gone = gone
    stage.body.last_byte_at -= 3
    teller = await stage.teller()
    teller.start()
    await asyncio.sleep(0.02)
    assert (await teller.stop()).acknowledged == 0
    assert stage.told == []


@pytest.mark.usefixtures("receiving")
async def test_bytes_that_cannot_be_made_durable_are_a_failure_and_not_told() -> None:
    stage = Receiving()
    teller = await stage.teller()

    async def sync() -> int:
        raise SpoolError("input/output error")

    stage.writer.sync = sync  # type: ignore[method-assign]
    teller.start()
    await asyncio.sleep(0.02)
    assert (await teller.stop()).acknowledged == 0
    assert isinstance(teller.failure, SpoolError)
    assert stage.told == []


async def test_a_short_body_is_not_told_of() -> None:
    stage = Receiving()
    teller = await stage.teller()
    teller.start()
    assert (await teller.stop()).acknowledged == 0
    assert stage.told == []


@pytest.mark.usefixtures("receiving")
async def test_the_end_of_a_body_does_not_wait_for_a_sync_of_no_more_use() -> None:
    stage = Receiving()
    teller = await stage.teller()
    begun = asyncio.Event()

    async def sync() -> int:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    stage.writer.sync = sync  # type: ignore[method-assign]
    teller.start()
    async with asyncio.timeout(2):
        await begun.wait()
        assert (await teller.stop()).acknowledged == 0
        assert (await teller.stop()).acknowledged == 0
    assert teller.failure is None
    assert stage.told == []


@pytest.mark.usefixtures("receiving")
async def test_the_end_of_a_body_waits_for_a_save_under_way() -> None:
    """It would overwrite the next one."""
    stage = Receiving()
    teller = await stage.teller()
    begun, go_on = asyncio.Event(), asyncio.Event()
    save = stage.spool.save

    async def slow(upload: Upload, *, durable: bool) -> None:
        begun.set()
        await go_on.wait()
        await save(upload, durable=durable)

    stage.spool.save = slow  # type: ignore[method-assign]
    teller.start()
    async with asyncio.timeout(2):
        await begun.wait()
        stopping = asyncio.create_task(teller.stop())
        await asyncio.sleep(0)
        assert not stopping.done()
        go_on.set()
        assert (await stopping).acknowledged == 3


@pytest.mark.usefixtures("receiving")
async def test_of_many_bodies_a_few_are_synced_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "PATIENCE_S", 60.0)
    stage = Receiving()
    tellers = [await stage.teller()]
    tellers += [stage.another() for _ in range(4 * AT_A_TIME)]
    syncing = asyncio.Semaphore(AT_A_TIME)

    async def sync() -> int:
        assert not syncing.locked(), "more at a time than there may be"
        async with syncing:
            await asyncio.sleep(0)
        return 3

    stage.writer.sync = sync  # type: ignore[method-assign]
    for teller in tellers:
        teller.start()
    await until(_told(stage, 3 * len(tellers)))


@pytest.mark.usefixtures("receiving")
async def test_a_slow_disk_syncs_more_at_a_time_but_not_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "PATIENCE_S", 0.0)
    stage = Receiving()
    tellers = [await stage.teller()]
    tellers += [stage.another() for _ in range(2 * MOST)]
    syncing, go_on = asyncio.Semaphore(MOST), asyncio.Event()

    async def sync() -> int:
        assert not syncing.locked(), "more at a time than there may be"
        async with syncing:
            await go_on.wait()
        return 3

    stage.writer.sync = sync  # type: ignore[method-assign]
    for teller in tellers:
        teller.start()

    async def all_busy() -> bool | None:
        return syncing.locked() or None

    await until(all_busy)
    for teller in tellers[MOST + 1 :]:
        await teller.stop()  # it still waits for its turn
    go_on.set()
    await until(_told(stage, 3 * (MOST + 1)))
    for teller in tellers:
        await teller.stop()
        assert teller.failure is None


def _told(stage: Receiving, count: int) -> Callable[[], Awaitable[bool | None]]:
    async def told() -> bool | None:
        return len(stage.told) == count or None

    return told
