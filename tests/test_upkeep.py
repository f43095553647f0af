"""What is done for an upload when no request asks: recovery, expiry, tombstones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from proxy.core.errors import OriginUnreached, Refusal, SpoolError, UploadMissing
from proxy.core.upload import Answer, Head, Limits, State, Token, Upload
from proxy.ledger import Ledger
from proxy.spool import Writer, envelope
from proxy.spool.disk import DiskSpool
from proxy.spool.memory import MemorySpool
from proxy.spool.tiers import TieredSpool
from proxy.standings import Standings

from .spool.samples import tiered
from .stage import MAX_AGE_S, Origin, Stage, Stream

T = Token("t" * 43)
DAY_S = 86400.0
ANSWER = Answer(201, "Created", (), size=2)


class Left(Stage):
    """What a process that is gone has left in its spool."""

    async def holds(self, state: State, body: bytes = b"body", **more: Any) -> None:
        times = {"created_at": self.now, "fed_at": self.now}
        upload = Upload(T, state, Head("POST", "/", ()), Limits(), **(times | more))
        await self.spool.create(replace(upload, state=State.RECEIVING))
        writer = self.spool.writer(T)
        writer.write(body)
        writer.close()
        await self.spool.save(upload, durable=False)

    async def tidied(self, *, thorough: bool = False) -> State | None:
        """The state after one look at it; None when it is gone."""
        await self.upkeep.tidy(T, thorough=thorough)
        await self.over(T)
        try:
            return (await self.spool.load(T)).state
        except UploadMissing:
            return None


@pytest.fixture(params=["memory", "tiers"])
def spool(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[MemorySpool | TieredSpool]:
    if request.param == "memory":
        yield MemorySpool()
        return
    tiers = tiered(DiskSpool(tmp_path, boot_id="boot"))
    yield tiers
    tiers.close()


@pytest.fixture
def stage(request: pytest.FixtureRequest, spool: MemorySpool | TieredSpool) -> Left:
    return Left(Origin(Stream(b"ok")), spool=spool, **getattr(request, "param", {}))


async def test_what_was_being_received_is_interrupted(stage: Left) -> None:
    await stage.holds(State.RECEIVING, length=10)
    assert await stage.tidied() is State.INTERRUPTED


async def test_a_last_part_that_was_all_there_is_forwarded(stage: Left) -> None:
    """R64: killed between the last byte and the record that says so."""
    await stage.holds(State.RECEIVING, length=4, finishing=True)
    assert await stage.tidied() is State.RESPONDED
    assert stage.origin.bodies == [b"body"]


async def test_what_is_complete_is_forwarded(stage: Left) -> None:
    await stage.holds(State.COMPLETE, length=4)
    assert await stage.tidied() is State.RESPONDED
    assert stage.origin.bodies == [b"body"]


async def test_what_was_being_forwarded_is_unknown_and_not_sent_again(
    stage: Left,
) -> None:
    await stage.holds(State.FORWARDING, length=4)
    assert await stage.tidied() is State.UNKNOWN
    assert await stage.tidied() is State.UNKNOWN
    assert stage.origin.bodies == []


@pytest.mark.parametrize("stage", [{"repeatable": True}], indirect=True)
async def test_or_is_repeated_where_that_was_declared(stage: Left) -> None:
    await stage.holds(State.FORWARDING, length=4)
    assert await stage.tidied() is State.RESPONDED
    assert stage.origin.bodies == [b"body"]


@pytest.mark.parametrize("state", [State.INTERRUPTED, State.COMPLETE, State.UNKNOWN])
async def test_what_has_outlived_its_time_is_removed(stage: Left, state: State) -> None:
    await stage.holds(state, length=4)
    stage.origin.script = [OriginUnreached("refused")]
    stage.now += DAY_S
    assert await stage.tidied() is None
    assert stage.origin.bodies == []


async def test_what_was_being_forwarded_is_removed_too_when_its_time_is_over(
    stage: Left,
) -> None:
    await stage.holds(State.FORWARDING, length=4)
    stage.now += DAY_S
    assert await stage.tidied() is None


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED, State.FAILED])
async def test_what_is_over_is_removed(stage: Left, state: State) -> None:
    await stage.holds(state)
    assert await stage.tidied() is None


async def test_what_was_cancelled_while_it_was_forwarded_is_removed(
    stage: Left,
) -> None:
    await stage.holds(State.RESPONDED, length=4, hidden=True, answer=ANSWER)
    assert await stage.tidied() is None


async def test_an_answer_loses_its_content_and_stays_as_a_tombstone(
    stage: Left,
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


async def test_an_upload_at_its_length_waits_for_its_client(stage: Left) -> None:
    """R103 is off unless the operator wants it."""
    await stage.holds(State.INTERRUPTED, length=4)
    stage.now += DAY_S - 1
    assert await stage.tidied() is State.INTERRUPTED


@pytest.mark.parametrize("stage", [{"finish_stalled_after_s": 60}], indirect=True)
async def test_or_is_finished_when_it_has_stalled_there(stage: Left) -> None:
    """R103."""
    await stage.holds(State.INTERRUPTED, length=4)
    stage.now += 59
    assert await stage.tidied() is State.INTERRUPTED
    stage.now += 1
    assert await stage.tidied() is State.RESPONDED
    assert stage.origin.bodies == [b"body"]


@pytest.mark.parametrize("stage", [{"finish_stalled_after_s": 60}], indirect=True)
@pytest.mark.parametrize("length", [5, None])
async def test_one_that_is_not_at_its_length_has_not_stalled(
    stage: Left, length: int | None
) -> None:
    await stage.holds(State.INTERRUPTED, length=length)
    stage.now += 3600
    assert await stage.tidied() is State.INTERRUPTED


async def test_one_that_a_client_is_at_work_on_is_left_alone(stage: Left) -> None:
    await stage.holds(State.RECEIVING)
    async with stage.leases.hold(T):
        assert await stage.tidied() is State.RECEIVING


async def test_an_upload_that_is_not_there_is_no_trouble(stage: Left) -> None:
    assert await stage.tidied() is None


async def test_a_crash_does_not_make_an_upload_old_that_was_being_fed(
    stage: Left,
) -> None:
    """Its last byte may have come at any time since its part began."""
    await stage.holds(
        State.RECEIVING, created_at=stage.now - DAY_S, fed_at=stage.now - DAY_S
    )
    assert await stage.tidied() is State.INTERRUPTED
    assert (await stage.spool.load(T)).fed_at == stage.now


async def test_what_is_over_goes_even_when_nothing_can_be_saved(stage: Left) -> None:
    """Or a full disk would stay full."""
    await stage.holds(State.FORWARDING, length=4)
    stage.now += DAY_S

    async def save(upload: Upload, *, durable: bool) -> None:
        raise SpoolError("no space left on device")

    stage.spool.save = save  # type: ignore[method-assign]
    assert await stage.tidied() is None


async def test_the_body_of_an_answered_upload_is_freed_if_a_crash_left_it(
    stage: Left,
) -> None:
    await stage.holds(State.RESPONDED, length=4, answer=ANSWER, answered_at=stage.now)
    assert await stage.tidied() is State.RESPONDED
    assert stage.spool.reader(T).size == 4
    assert await stage.tidied(thorough=True) is State.RESPONDED
    with pytest.raises(SpoolError):
        stage.spool.reader(T)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[DiskSpool]:
    spool = DiskSpool(tmp_path, boot_id="boot")
    yield spool
    spool.close()


async def left_lost(disk: DiskSpool, root: Path, record: bytes | None) -> Left:
    """An upload whose record is this, or whose body has gone."""
    stage = Left(Origin(Stream(b"ok")), spool=disk)
    await stage.holds(State.INTERRUPTED)
    if record is None:
        await disk.drop_body(T)
    else:
        (root / "tt" / f"{T}.record").write_bytes(record)
    return stage


@pytest.mark.parametrize("record", [None, b"", b"rubbish"], ids=["read", "torn", "bad"])
async def test_a_lost_upload_is_kept_for_its_lifetime_and_then_removed(
    disk: DiskSpool, tmp_path: Path, record: bytes | None
) -> None:
    """So long an operator can look at it; for ever it would take up room."""
    stage = await left_lost(disk, tmp_path, record)
    age_s = MAX_AGE_S if record is not None else Limits().max_age_s
    for passed in (0.0, age_s - 1):
        stage.now = 1000.0 + passed
        await stage.upkeep.tidy(T)
        assert list(disk.tokens()) == [T]
    stage.now += 1
    await stage.upkeep.tidy(T)
    assert list(disk.tokens()) == []


async def test_what_a_newer_release_has_written_is_never_removed(
    disk: DiskSpool, tmp_path: Path
) -> None:
    newer = envelope.seal(b"whatever", envelope.FORMAT + 1)
    stage = await left_lost(disk, tmp_path, newer)
    for _ in range(2):
        await stage.upkeep.tidy(T)
        stage.now += 100 * DAY_S
    assert list(disk.tokens()) == [T]


@pytest.mark.parametrize(
    ("record", "level"), [(b"", "warning"), (b"rubbish", "error"), (None, "error")]
)
async def test_only_what_was_promised_is_lost_loudly(
    disk: DiskSpool, tmp_path: Path, record: bytes | None, level: str
) -> None:
    stage = await left_lost(disk, tmp_path, record)
    log = structlog.testing.CapturingLogger()
    heard: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        log, processors=[], wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    standings = Standings(disk, stage.ledger, stage.deliveries, stage.courses, heard)
    for _ in range(2):
        with pytest.raises(Refusal):
            await standings.read(T)
    assert [call.method_name for call in log.calls] == [level]


async def left_forwarding(spool: DiskSpool) -> None:
    stage = Left(Origin(Stream(b"ok")), spool=spool)
    await stage.holds(State.FORWARDING, length=4, attempts=1)


async def test_the_body_of_an_unknown_outcome_is_made_durable(disk: DiskSpool) -> None:
    """P1: its total is told, and a power loss that comes later must not take it."""
    await left_forwarding(disk)
    synced: list[Token] = []
    writer = disk.writer

    def noted(token: Token, *, to_be_told: bool = False) -> Writer:
        synced.append(token)
        return writer(token, to_be_told=to_be_told)

    disk.writer = noted  # type: ignore[method-assign]
    stage = Left(Origin(Stream(b"ok")), spool=disk)
    assert await stage.tidied() is State.UNKNOWN
    assert synced == [T]
    assert (await disk.load(T)).acknowledged == 4


async def test_one_whose_body_cannot_be_made_durable_is_unknown_all_the_same(
    disk: DiskSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(self: Ledger, upload: Upload) -> int:
        raise SpoolError("input/output error")

    await left_forwarding(disk)
    monkeypatch.setattr(Ledger, "sync_body", fails)
    stage = Left(Origin(Stream(b"ok")), spool=disk)
    assert await stage.tidied() is State.UNKNOWN
    assert (await disk.load(T)).acknowledged == 0


@pytest.mark.parametrize("body", [b"body", b"bo", None], ids=["hollow", "cut", "gone"])
async def test_what_a_power_loss_has_left_of_a_body_is_not_acknowledged(
    disk: DiskSpool, tmp_path: Path, body: bytes | None
) -> None:
    """Even where its size is right its content may not be."""
    await left_forwarding(disk)
    path = tmp_path / "tt" / f"{T}.body"
    path.unlink()
    if body is not None:
        path.write_bytes(body)
    after = DiskSpool(tmp_path, boot_id="the next boot")
    stage = Left(Origin(Stream(b"ok")), spool=after)
    assert await stage.tidied() is State.UNKNOWN
    kept = await after.load(T)
    assert (kept.acknowledged, kept.offset) == (0, 4)
    after.close()
