"""Deliveries over a spool that fails: what is recorded late, and bytes in doubt."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.core.errors import (
    BodyUnreadableError,
    InDoubt,
    OriginCut,
    OriginLost,
    OriginUnreached,
    Problem,
    SpoolError,
    UploadMissing,
)
from proxy.core.upload import State, Token, Upload
from proxy.spool.disk import DiskSpool
from proxy.spool.memory import MemorySpool

from .stage import ANSWER, Origin, Stage, Stream, answered, refused, until


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.deliveries.FIRST_PAUSE_S", 0.01)


async def test_a_body_of_another_size_is_never_forwarded() -> None:
    """P1."""
    origin = Origin(Stream())
    stage = Stage(origin)
    upload = replace(await stage.complete(), length=5)
    refusal = await refused(stage.deliveries.follow(upload))
    assert refusal.problem is Problem.UNKNOWN_UPLOAD
    await stage.over(upload.token)
    assert origin.bodies == []
    with pytest.raises(UploadMissing):
        await stage.spool.load(upload.token)


class Stuck(MemorySpool):
    """A spool that removes nothing, and records nothing about it."""

    async def delete(self, token: Token, *, durable: bool = False) -> None:
        raise SpoolError("input/output error")

    async def save(self, upload: Upload, *, durable: bool) -> None:
        if upload.state is State.FAILED:
            raise SpoolError("input/output error")
        await super().save(upload, durable=durable)


async def test_one_that_is_lost_and_cannot_be_removed_is_found_lost_again() -> None:
    stage = Stage(Origin(Stream()), spool=Stuck())
    upload = replace(await stage.complete(), length=5)
    for _ in range(2):
        refusal = await refused(stage.deliveries.follow(upload))
        assert refusal.problem is Problem.STORAGE
        await stage.over(upload.token)


async def test_one_that_has_been_removed_is_not_tried_for_ever() -> None:
    """By a removal whose end could not be seen through."""
    origin = Origin(Stream())
    stage = Stage(origin)
    upload = await stage.complete()
    await stage.spool.delete(upload.token)
    refusal = await refused(stage.deliveries.follow(upload))
    assert refusal.problem is Problem.UNKNOWN_UPLOAD
    await stage.over(upload.token)
    assert origin.bodies == []


class ReadOnly(MemorySpool):
    """A spool that takes no record which says that the origin has answered."""

    async def save(self, upload: Upload, *, durable: bool) -> None:
        if upload.state is State.RESPONDED:
            raise SpoolError("read-only file system")
        await super().save(upload, durable=durable)


async def test_an_answer_that_cannot_be_recorded_still_reaches_who_waits() -> None:
    """And the body stays: to whoever finds the record, the outcome is unknown."""
    stage = Stage(Origin(Stream(b"x")), spool=ReadOnly())
    upload = await stage.complete()
    assert await answered(stage.deliveries.follow(upload)) == (ANSWER, b"x")
    await stage.over(upload.token)
    kept = await stage.spool.load(upload.token)
    assert (kept.state, kept.offset) == (State.FORWARDING, 4)


class FullFor(MemorySpool):
    """A spool that fails to take the record of an answer so many times."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    async def save(self, upload: Upload, *, durable: bool) -> None:
        if upload.state is State.RESPONDED and self.failures:
            self.failures -= 1
            raise SpoolError("no space left on device")
        await super().save(upload, durable=durable)


async def test_an_answer_that_could_be_recorded_only_later_is_kept_all_the_same() -> (
    None
):
    stage = Stage(Origin(Stream(b"x")), spool=FullFor(1))
    upload = await stage.complete()
    assert await answered(stage.deliveries.follow(upload)) == (ANSWER, b"x")
    await stage.over(upload.token)
    kept = await stage.spool.load(upload.token)
    assert (kept.state, kept.answer) == (State.RESPONDED, replace(ANSWER, size=1))


async def test_an_answer_that_cannot_be_recorded_is_known_until_it_can_be() -> None:
    """A disk that is full for minutes does not turn "done" into "unknown"."""
    stage = Stage(Origin(Stream(b"x")), spool=FullFor(4))
    upload = await stage.complete()
    assert await answered(stage.deliveries.follow(upload)) == (ANSWER, b"x")
    delivery = stage.deliveries.live(upload.token)
    assert delivery is not None
    await until(lambda: not delivery.in_attempt)
    assert delivery.upload.state is State.RESPONDED
    await until(lambda: stage.deliveries.live(upload.token) is None)
    kept = await stage.spool.load(upload.token)
    assert (kept.state, kept.answer) == (State.RESPONDED, replace(ANSWER, size=1))


async def test_a_body_that_cannot_be_read_is_not_the_origins_fault() -> None:
    origin = Origin(BodyUnreadableError("input/output error"), Stream(b"x"))
    stage = Stage(origin)
    upload = await stage.complete()
    refusal = await refused(stage.deliveries.follow(upload))
    assert refusal.problem is Problem.STORAGE
    assert await answered(stage.deliveries.follow(upload)) == (ANSWER, b"x")


class FullAfterwards(MemorySpool):
    """A spool that cannot record how a forward ended."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False

    async def save(self, upload: Upload, *, durable: bool) -> None:
        if self.full:
            raise SpoolError("no space left on device")
        await super().save(upload, durable=durable)


async def test_an_attempt_that_surely_failed_is_repeated_even_if_not_recorded() -> None:
    """We know better than the record, for as long as we live."""
    spool = FullAfterwards()
    origin = Origin(OriginCut("reset"), Stream(b"x"))
    stage = Stage(origin, spool=spool)
    upload = await stage.complete()

    def fill_up() -> None:
        spool.full = len(origin.bodies) == 0

    origin.on_post = fill_up
    delivery = stage.deliveries.start(upload)
    await until(lambda: origin.asked.is_set() and not delivery.in_attempt)
    assert delivery.upload.state is State.COMPLETE
    assert (await stage.spool.load(upload.token)).state is State.FORWARDING
    spool.full = False
    assert await answered(stage.deliveries.follow(upload)) == (ANSWER, b"x")


async def test_that_it_waits_can_be_recorded_later() -> None:
    """There was no connection: the record is true as it is, only not durable."""
    spool = FullAfterwards()
    down = OriginUnreached("refused")
    origin = Origin(down, down, Stream(b"x"))
    stage = Stage(origin, spool=spool)
    upload = await stage.complete()
    spool.full = True
    delivery = stage.deliveries.start(upload)
    await until(lambda: origin.connects == 1 and not delivery.in_attempt)
    assert not delivery.waits_durably
    spool.full = False
    await until(lambda: origin.connects == 2 and not delivery.in_attempt)
    assert delivery.waits_durably
    assert (await stage.spool.load(upload.token)).attempts == 2
    assert await answered(stage.deliveries.follow(upload)) == (ANSWER, b"x")


class OnceFull(MemorySpool):
    """Has no room for the first record that says UNKNOWN."""

    is_full = True

    async def save(self, upload: Upload, *, durable: bool) -> None:
        if upload.state is State.UNKNOWN and self.is_full:
            self.is_full = False
            raise SpoolError("no room left")
        await super().save(upload, durable=durable)


@pytest.mark.parametrize("acknowledged", [0, 4])
async def test_the_body_of_an_unknown_outcome_stays_when_that_is_recorded_late(
    acknowledged: int,
) -> None:
    """P3: it is the operator's; and P1, where its offset was told before."""
    stage = Stage(Origin(OriginLost("reset")), spool=OnceFull())
    upload = replace(await stage.complete(), acknowledged=acknowledged)
    stage.deliveries.start(upload)
    await until(lambda: stage.deliveries.live(upload.token) is None)
    assert (await stage.spool.load(upload.token)).state is State.UNKNOWN
    assert stage.spool.reader(upload.token).read(0, 100) == b"body"


async def test_a_body_that_may_be_damaged_is_not_sent_and_has_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed sync is told once; the kernel may drop what it could not write."""
    spool = DiskSpool(tmp_path, boot_id="boot")
    stage = Stage(Origin(Stream(b"x")), spool=spool)
    upload = await stage.complete()

    def fails(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr("os.fdatasync", fails)
        with pytest.raises(SpoolError):
            await stage.ledger.sync_body(upload)
    refusal = await refused(stage.deliveries.follow(upload))
    assert refusal.problem is Problem.STORAGE
    await stage.over(upload.token)
    assert stage.origin.bodies == []
    kept = await spool.load(upload.token)
    assert (kept.state, kept.offset) == (State.INTERRUPTED, 0)
    assert list(spool.unfinished()) == []
    spool.writer(upload.token).close()
    spool.close()


@pytest.mark.parametrize("is_saved", [True, False])
async def test_a_body_found_damaged_while_it_is_sent_has_to_come_again(
    is_saved: bool,
) -> None:
    """Before its last bytes have left; P1: what was acknowledged is not asked for."""
    damage = BodyUnreadableError("the disk has failed under the stored bytes")
    damage.__cause__ = InDoubt(str(damage))
    spool = MemorySpool() if is_saved else _FullAfterwards()
    stage = Stage(Origin(damage), spool=spool)
    upload = replace(await stage.complete(), acknowledged=3)
    refusal = await refused(stage.deliveries.follow(upload))
    assert refusal.problem is Problem.STORAGE
    await until(lambda: stage.deliveries.live(upload.token) is None)
    kept = await stage.spool.load(upload.token)
    assert (kept.state, kept.acknowledged) == (State.INTERRUPTED, 3)
    assert (kept.why, kept.attempts) == (str(damage), 1)


async def test_one_that_was_cancelled_meanwhile_does_not_come_again() -> None:
    damage = BodyUnreadableError("damaged")
    damage.__cause__ = InDoubt("damaged")
    origin = Origin(damage)
    stage = Stage(origin)
    upload = await stage.complete()
    delivery = stage.deliveries.start(upload)

    def cancel() -> None:
        delivery.upload = replace(delivery.upload, hidden=True)

    origin.on_post = cancel
    await stage.over(upload.token)
    assert delivery.upload.state is State.CANCELLED
    with pytest.raises(UploadMissing):
        await stage.spool.load(upload.token)


class _FullAfterwards(MemorySpool):
    """Takes the record of an interrupted upload only at the second try."""

    is_full = True

    async def save(self, upload: Upload, *, durable: bool) -> None:
        if upload.state is State.INTERRUPTED and self.is_full:
            self.is_full = False
            raise SpoolError("no room left")
        await super().save(upload, durable=durable)
