"""What is done for an upload when no request asks: recovery, expiry, tombstones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import structlog

from proxy.core.errors import OriginUnreached, UploadMissing
from proxy.core.upload import Answer, Head, Limits, State, Token, Upload
from proxy.deliveries import Deliveries
from proxy.forward import Forward, Terms
from proxy.leases import LocalLeases
from proxy.ledger import Ledger
from proxy.spool import Reader
from proxy.spool.memory import MemorySpool
from proxy.standings import Standings
from proxy.tasks import Tasks
from proxy.upkeep import Upkeep

T = Token("t" * 43)
DAY_S = 86400.0
ANSWER = Answer(201, "Created", (), size=2)


class Stream:
    answer = Answer(201, "Created", ())
    length = b"2"

    async def chunks(self) -> AsyncIterator[bytes]:
        yield b"ok"

    async def close(self) -> None:
        return


class Origin:
    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.up = True

    async def post(self, head: Head, body: Reader) -> Stream:
        if not self.up:
            raise OriginUnreached("refused")
        self.bodies.append(body.read(0, body.size))
        return Stream()


class Stage:
    def __init__(self, *, repeatable: bool, stalled_s: float | None) -> None:
        log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            structlog.ReturnLogger(),
            processors=[],
            wrapper_class=structlog.make_filtering_bound_logger(50),
        )
        self.now = 1000.0
        self.origin = Origin()
        self.spool = MemorySpool()
        self.leases = LocalLeases()
        self.tasks = Tasks(log)
        ledger = Ledger(self.spool, lambda: self.now, log)
        terms = Terms(repeatable=repeatable, keep_answer_size=100)
        self.deliveries = Deliveries(
            Forward(self.spool, ledger, self.origin, terms, log),
            ledger,
            retry_for_s=5,
            max_forwards=4,
            spawn=self.tasks.spawn,
            log=log,
        )
        self.upkeep = Upkeep(
            spool=self.spool,
            ledger=ledger,
            leases=self.leases,
            deliveries=self.deliveries,
            standings=Standings(self.spool, ledger, self.deliveries, log),
            keep_answer_s=3600,
            finish_stalled_after_s=stalled_s,
        )

    async def holds(self, state: State, body: bytes = b"body", **more: Any) -> None:
        """An upload in `state`, as a process that is gone has left it."""
        upload = Upload(
            T, state, Head("POST", "/", ()), Limits(), self.now, self.now, **more
        )
        await self.spool.create(replace(upload, state=State.CREATED))
        writer = self.spool.writer(T)
        writer.write(body)
        writer.close()
        await self.spool.save(upload, durable=False)

    async def tidied(self) -> State | None:
        """The state after one look at it; None when it is gone."""
        await self.upkeep.tidy(T)
        delivery = self.deliveries.live(T)
        if delivery is not None:
            async with asyncio.timeout(2):
                await delivery.over.wait()
        try:
            return (await self.spool.load(T)).state
        except UploadMissing:
            return None


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Stage:
    return Stage(
        **{"repeatable": False, "stalled_s": None, **getattr(request, "param", {})}
    )


async def test_what_was_being_received_is_interrupted(stage: Stage) -> None:
    await stage.holds(State.RECEIVING, length=10)
    assert await stage.tidied() is State.INTERRUPTED


async def test_a_last_part_that_was_all_there_is_forwarded(stage: Stage) -> None:
    """R64: killed between the last byte and the record that says so."""
    await stage.holds(State.RECEIVING, length=4, finishing=True)
    assert await stage.tidied() is State.RESPONDED
    assert stage.origin.bodies == [b"body"]


async def test_what_is_complete_is_forwarded(stage: Stage) -> None:
    await stage.holds(State.COMPLETE, length=4)
    assert await stage.tidied() is State.RESPONDED
    assert stage.origin.bodies == [b"body"]


async def test_what_was_being_forwarded_is_unknown_and_not_sent_again(
    stage: Stage,
) -> None:
    await stage.holds(State.FORWARDING, length=4)
    assert await stage.tidied() is State.UNKNOWN
    assert await stage.tidied() is State.UNKNOWN
    assert stage.origin.bodies == []


@pytest.mark.parametrize("stage", [{"repeatable": True}], indirect=True)
async def test_or_is_repeated_where_that_was_declared(stage: Stage) -> None:
    await stage.holds(State.FORWARDING, length=4)
    assert await stage.tidied() is State.RESPONDED
    assert stage.origin.bodies == [b"body"]


@pytest.mark.parametrize("state", [State.INTERRUPTED, State.COMPLETE, State.UNKNOWN])
async def test_what_has_outlived_its_time_is_removed(
    stage: Stage, state: State
) -> None:
    await stage.holds(state, length=4)
    stage.origin.up = False
    stage.now += DAY_S
    assert await stage.tidied() is None
    assert stage.origin.bodies == []


async def test_what_was_being_forwarded_is_removed_too_when_its_time_is_over(
    stage: Stage,
) -> None:
    await stage.holds(State.FORWARDING, length=4)
    stage.now += DAY_S
    assert await stage.tidied() is None


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED, State.FAILED])
async def test_what_is_over_is_removed(stage: Stage, state: State) -> None:
    await stage.holds(state)
    assert await stage.tidied() is None


async def test_what_was_cancelled_while_it_was_forwarded_is_removed(
    stage: Stage,
) -> None:
    await stage.holds(State.RESPONDED, length=4, hidden=True, answer=ANSWER)
    assert await stage.tidied() is None


async def test_an_answer_loses_its_content_and_stays_as_a_tombstone(
    stage: Stage,
) -> None:
    await stage.holds(State.RESPONDED, length=4, answer=ANSWER, answered_at=stage.now)
    writer = stage.spool.answer_writer(T)
    writer.write(b"ok")
    writer.close()
    stage.now += 3599
    assert await stage.tidied() is State.RESPONDED
    assert stage.spool.answer_reader(T).size == 2
    stage.now += 1
    assert await stage.tidied() is State.RESPONDED
    assert stage.spool.answer_reader(T).size == 0
    assert (await stage.spool.load(T)).answer == replace(ANSWER, kept=False)


async def test_an_upload_at_its_length_waits_for_its_client(stage: Stage) -> None:
    """R103 is off unless the operator wants it."""
    await stage.holds(State.INTERRUPTED, length=4)
    stage.now += DAY_S - 1
    assert await stage.tidied() is State.INTERRUPTED


@pytest.mark.parametrize("stage", [{"stalled_s": 60}], indirect=True)
async def test_or_is_finished_when_it_has_stalled_there(stage: Stage) -> None:
    """R103."""
    await stage.holds(State.INTERRUPTED, length=4)
    stage.now += 59
    assert await stage.tidied() is State.INTERRUPTED
    stage.now += 1
    assert await stage.tidied() is State.RESPONDED
    assert stage.origin.bodies == [b"body"]


@pytest.mark.parametrize("stage", [{"stalled_s": 60}], indirect=True)
@pytest.mark.parametrize("length", [5, None])
async def test_one_that_is_not_at_its_length_has_not_stalled(
    stage: Stage, length: int | None
) -> None:
    await stage.holds(State.INTERRUPTED, length=length)
    stage.now += 3600
    assert await stage.tidied() is State.INTERRUPTED


async def test_one_that_a_client_is_at_work_on_is_left_alone(stage: Stage) -> None:
    await stage.holds(State.RECEIVING)
    async with stage.leases.hold(T):
        assert await stage.tidied() is State.RECEIVING


async def test_an_upload_that_is_not_there_is_no_trouble(stage: Stage) -> None:
    assert await stage.tidied() is None
