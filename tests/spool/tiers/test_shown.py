"""Beside other processes: a forward that begins is seen by them, and not yet durable.

Who dies then leaves it to them as it was (P3); a power loss takes it as it takes what
is in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.core.errors import SpoolError
from proxy.core.upload import State, Token, Upload
from proxy.spool import patience
from proxy.spool.ballast import Ballast
from proxy.spool.disk import DiskSpool
from proxy.spool.marks import Marks
from proxy.spool.names import Names
from proxy.spool.securing import Securing
from proxy.spool.shards import Shards
from proxy.spool.tiers import TieredSpool

from ..samples import ANSWER, BOOT, answer_of, body_of, rebooted, stored, tiered
from ..system import Calls, Countdown
from .conftest import complete, forwarding, is_below, no_space, until


@pytest.fixture
async def spool(disk: DiskSpool) -> AsyncIterator[TieredSpool]:
    both = tiered(disk, shared=True)
    yield both
    both.close()


@pytest.fixture
def other(tmp_path: Path, disk: DiskSpool) -> DiskSpool:
    """What another process sees."""
    return DiskSpool(tmp_path, boot_id=BOOT)


def respond(upload: Upload, content: bytes = b"answer") -> Upload:
    answer = replace(ANSWER, size=len(content))
    return replace(upload, state=State.RESPONDED, answer=answer, answered_at=3000.0)


async def keep(spool: TieredSpool, token: Token, content: bytes = b"answer") -> None:
    """As the answer's content is kept."""
    writer = spool.answer_writer(token)
    writer.write(content)
    assert await writer.sync() == len(content)
    writer.close()


async def test_until_then_it_is_in_memory(spool: TieredSpool) -> None:
    assert not is_below(spool, (await stored(spool, b"1")).token)
    assert not is_below(spool, (await complete(spool)).token)


async def test_others_see_the_whole_road_and_nothing_is_synced(
    spool: TieredSpool, other: DiskSpool, calls: Calls
) -> None:
    calls.made.clear()
    sent = await forwarding(spool)
    assert (await other.load(sent.token)).state is State.FORWARDING
    assert body_of(other, sent.token) == b"12345"
    told = respond(sent)
    await spool.save(told, durable=True)
    assert (await other.load(sent.token)).answer == told.answer
    await keep(spool, sent.token)
    assert answer_of(other, sent.token) == b"answer"
    await spool.drop_body(sent.token)
    assert (await other.load(sent.token)).state is State.RESPONDED
    assert [call for call in calls.made if "sync" in call] == []
    assert list(other.unfinished()) == []


async def test_what_is_not_over_in_time_is_durable(
    spool: TieredSpool, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 0.01)
    sent = await forwarding(spool)
    await until(lambda: "fdatasync T.record" in calls.made)
    await spool.secure(sent.token)  # after what is under way
    calls.synced()
    await spool.save(respond(sent), durable=True)
    assert "rename T.record.new T.record" in calls.made
    assert any("sync" in call for call in calls.synced())
    await keep(spool, sent.token)
    assert "fdatasync T.answer.new" in calls.synced()


async def test_what_is_asked_for_is_durable_with_its_answer(
    spool: TieredSpool, disk: DiskSpool, tmp_path: Path
) -> None:
    """As by a client that has gone, or asks where it stands."""
    told = respond(await forwarding(spool))
    await spool.save(told, durable=True)
    await keep(spool, told.token)
    await spool.secure(told.token)
    after = rebooted(disk, tmp_path)
    found = await after.load(told.token)
    assert (found.state, found.answer) == (State.RESPONDED, told.answer)
    assert answer_of(after, told.token) == b"answer"
    after.close()


async def test_content_of_unknown_length_is_durable_once_all_of_it_has_come(
    spool: TieredSpool, disk: DiskSpool, tmp_path: Path
) -> None:
    """What is told of it then is durable too, so nobody else would see to it."""
    sent = await forwarding(spool)
    told = respond(sent)
    assert told.answer is not None
    coming = replace(told, answer=replace(told.answer, size=None))
    await spool.save(coming, durable=True)
    await keep(spool, told.token)
    await spool.save(told, durable=True)
    after = rebooted(disk, tmp_path)
    found = await after.load(told.token)
    assert found.answer == told.answer
    assert answer_of(after, told.token) == b"answer"
    after.close()


async def test_an_answer_that_could_not_be_shown_has_durable_content(
    spool: TieredSpool, calls: Calls
) -> None:
    told = respond(await forwarding(spool))
    calls.before = Countdown(0, no_space, for_good=True)
    with pytest.raises(SpoolError):
        await spool.save(told, durable=True)
    calls.before = lambda call: None
    calls.synced()
    await keep(spool, told.token)
    assert "fdatasync T.answer.new" in calls.synced()


async def test_what_another_process_makes_durable_meanwhile_stays_so(
    spool: TieredSpool, disk: DiskSpool, other: DiskSpool, tmp_path: Path, calls: Calls
) -> None:
    """P1: it may have told an offset, even as the answer takes the record's place."""
    sent = await forwarding(spool)
    securing = Securing(
        Shards(str(tmp_path), Names()),
        Marks(str(tmp_path / "unfinished"), Names()),
        Ballast(str(tmp_path)),
        BOOT,
    )

    def meanwhile(call: str) -> None:
        if call == "rename T.record.new T.record":
            calls.before = lambda call: None
            securing.secure(sent.token)

    calls.before = meanwhile
    told = respond(sent)
    await spool.save(told, durable=True)
    after = rebooted(disk, tmp_path)
    assert "fdatasync T.record.new" in calls.made
    assert (await after.load(sent.token)).state is State.RESPONDED
    after.close()


async def test_an_answer_that_others_may_have_told_is_saved_durably_from_then_on(
    spool: TieredSpool, calls: Calls
) -> None:
    told = respond(await forwarding(spool))
    await spool.save(told, durable=True)
    calls.synced()
    await spool.save(replace(told, why="broke off"), durable=True)
    assert any("sync" in call for call in calls.synced())


@pytest.mark.parametrize("state", [State.COMPLETE, State.UNKNOWN, State.FORWARDING])
async def test_what_has_to_last_is_durable(
    spool: TieredSpool, disk: DiskSpool, tmp_path: Path, state: State
) -> None:
    """An attempt that failed, and the offset that is told with it (P1)."""
    sent = await forwarding(spool)
    writer = spool.writer(sent.token)
    await writer.sync()
    writer.close()
    failed = replace(sent, state=state, acknowledged=5)
    await spool.save(failed, durable=True)
    after = rebooted(disk, tmp_path)
    assert (await after.load(sent.token)).state is state
    assert body_of(after, sent.token) == b"12345"
    after.close()


@pytest.mark.parametrize("acknowledged", [False, True])
async def test_one_whose_offset_anybody_may_tell_is_durable_before_it_leaves(
    spool: TieredSpool, calls: Calls, acknowledged: bool
) -> None:
    """The offset of an empty one is 0 whoever looks (P1)."""
    begun = await complete(spool, b"12345" if acknowledged else b"")
    calls.synced()
    sent = replace(begun, state=State.FORWARDING, attempts=1)
    sent = replace(sent, acknowledged=5) if acknowledged else sent
    await spool.save(sent, durable=True)
    assert "fdatasync T.record.new" in calls.synced()


async def test_a_process_that_ends_leaves_it_durable(
    spool: TieredSpool, disk: DiskSpool, tmp_path: Path
) -> None:
    sent = await forwarding(spool)
    await spool.drain()
    later = replace(await complete(spool), state=State.FORWARDING, attempts=1)
    await spool.save(later, durable=True)
    after = rebooted(disk, tmp_path)
    for token in (sent.token, later.token):
        assert (await after.load(token)).state is State.FORWARDING
    after.close()


async def test_where_the_disk_is_full_the_record_before_stands(
    spool: TieredSpool, other: DiskSpool, calls: Calls
) -> None:
    begun = await complete(spool)
    sent = replace(begun, state=State.FORWARDING, attempts=1)
    calls.before = Countdown(0, no_space, for_good=True)
    with pytest.raises(SpoolError):
        await spool.save(sent, durable=True)
    assert (await spool.load(begun.token)).state is State.COMPLETE
    calls.before = lambda call: None
    await spool.save(sent, durable=True)
    calls.before = Countdown(0, no_space, for_good=True)
    with pytest.raises(SpoolError):
        await spool.save(respond(sent), durable=True)
    assert (await other.load(begun.token)).state is State.FORWARDING


async def test_nothing_is_remembered_of_one_that_is_over(
    spool: TieredSpool, calls: Calls
) -> None:
    first = await forwarding(spool)
    await spool.delete(first.token)
    second = respond(await forwarding(spool))
    await spool.save(second, durable=True)
    await spool.drop_body(second.token)
    assert list(spool._shown) == []
    assert spool._awaited._since == {}


async def test_what_another_process_has_made_durable_stays_so(
    spool: TieredSpool, other: DiskSpool, calls: Calls
) -> None:
    """It may have told an offset of it, be it 0 (P1)."""
    sent = await forwarding(spool)
    await other.secure(sent.token)
    calls.made.clear()
    told = respond(sent)
    await spool.save(told, durable=True)
    assert "fdatasync T.record.new" in calls.made
    assert (await other.load(sent.token)).answer == told.answer


async def test_nor_is_it_told_as_durable_where_it_is_replaced_meanwhile(
    spool: TieredSpool, other: DiskSpool, disk: DiskSpool, calls: Calls
) -> None:
    sent = await forwarding(spool)
    records = disk._records

    def answered(call: str) -> None:
        if call == "fdatasync T.record":
            calls.before = lambda call: None
            records.show(respond(sent))

    calls.before = answered
    calls.made.clear()
    await other.secure(sent.token)
    assert calls.made.count("fdatasync T.record") == 2
    assert (await other.load(sent.token)).state is State.RESPONDED
    calls.made.clear()
    await disk.secure(sent.token)
    assert calls.made == []
