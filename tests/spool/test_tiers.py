"""A spool in two tiers: what stays in memory, what moves, and how much may be there."""

from __future__ import annotations

import asyncio
import errno
import os
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.core.errors import SpoolError, UploadMissing
from proxy.core.upload import Answer, Head, State, Token, Upload
from proxy.spool import patience, tiers
from proxy.spool.disk import DiskSpool
from proxy.spool.held import OBJECTS, SMALL
from proxy.spool.tiers import TieredSpool

from .samples import (
    ANSWER,
    BOOT,
    answer_of,
    append,
    body_of,
    keep_answer,
    rebooted,
    stored,
    tiered,
    upload,
)
from .system import BOUND_S, Calls, Countdown, SlowDisk

KEPT = (State.RECEIVING, State.COMPLETE, State.FORWARDING, State.RESPONDED)


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(tmp_path, monkeypatch)


@pytest.fixture
def disk(tmp_path: Path, calls: Calls) -> DiskSpool:
    below = DiskSpool(tmp_path, boot_id=BOOT)
    calls.made.clear()
    return below


@pytest.fixture
async def spool(disk: DiskSpool) -> AsyncIterator[TieredSpool]:
    both = tiered(disk)
    yield both
    both.close()


async def complete(spool: TieredSpool, body: bytes = b"12345") -> Upload:
    """An upload that waits for its forward."""
    return await stored(spool, body, state=State.COMPLETE, length=len(body))


async def forwarding(spool: TieredSpool) -> Upload:
    """An upload that is being forwarded."""
    begun = replace(await complete(spool), state=State.FORWARDING, attempts=1)
    await spool.save(begun, durable=True)
    return begun


async def answered(spool: TieredSpool, content: bytes = b"answer") -> Upload:
    """An upload whose answer has been given."""
    told = replace(
        await forwarding(spool),
        state=State.RESPONDED,
        answer=replace(ANSWER, size=len(content)),
        answered_at=3000.0,
    )
    await spool.save(told, durable=True)
    keep_answer(spool, told.token, content)
    await spool.drop_body(told.token)
    return told


def is_below(spool: TieredSpool, token: Token) -> bool:
    return token in set(spool.disk.tokens())


async def test_the_whole_short_road_touches_no_file(
    spool: TieredSpool, calls: Calls
) -> None:
    told = await answered(spool)
    assert await spool.load(told.token) == replace(told, offset=5)
    assert answer_of(spool, told.token) == b"answer"
    await spool.delete(told.token, durable=True)
    assert calls.made == []
    assert (spool.held, spool.bodies.taken, spool.answers.taken) == (0, 0, 0)


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("state", [*State])
async def test_another_state_is_saved_on_the_disk(
    spool: TieredSpool, state: State, durable: bool
) -> None:
    begun = await stored(spool, b"12345")
    await spool.save(replace(begun, state=state, length=5), durable=durable)
    assert is_below(spool, begun.token) is (state not in KEPT)
    assert (await spool.load(begun.token)).state is state


@pytest.mark.parametrize("state", KEPT)
async def test_an_offset_that_is_told_is_on_the_disk(
    spool: TieredSpool, disk: DiskSpool, tmp_path: Path, state: State
) -> None:
    """P1."""
    begun = await stored(spool, b"12345", state=state, length=5)
    writer = spool.writer(begun.token)
    assert await writer.sync() == 5
    writer.close()
    await spool.save(replace(begun, acknowledged=5), durable=True)
    after = rebooted(disk, tmp_path)
    assert (await after.load(begun.token)).acknowledged == 5
    assert body_of(after, begun.token) == b"12345"
    after.close()


async def test_an_upload_too_long_is_on_the_disk_from_the_start(
    disk: DiskSpool,
) -> None:
    spool = tiered(disk, threshold=10)
    for length, below in ((10, False), (11, True), (None, False), (0, False)):
        created = upload(length=length)
        await spool.create(created)
        assert is_below(spool, created.token) is below


async def test_a_route_may_have_a_threshold_of_its_own(disk: DiskSpool) -> None:
    spool = tiered(disk, threshold=10, thresholds={"none": 0, "more": 20})
    for route, length, below in (
        ("default", 10, False),
        ("default", 11, True),
        ("none", 1, True),
        ("more", 20, False),
        ("more", 21, True),
    ):
        created = upload(length=length, route=route)
        await spool.create(created)
        assert is_below(spool, created.token) is below
    await spool.drain()
    created = upload(length=1, route="more")
    await spool.create(created)
    assert is_below(spool, created.token)


async def test_without_a_threshold_nothing_is_in_memory(disk: DiskSpool) -> None:
    spool = tiered(disk, threshold=0)
    empty = upload(length=0)
    await spool.create(empty)
    assert is_below(spool, empty.token)


async def test_a_body_that_grows_too_long_moves_within_one_write(
    disk: DiskSpool,
) -> None:
    spool = tiered(disk, threshold=10)
    created = upload()
    await spool.create(created)
    writer = spool.writer(created.token)
    writer.write(b"0123456789")
    assert (writer.offset, is_below(spool, created.token)) == (10, False)
    writer.write(b"a")
    assert (writer.offset, is_below(spool, created.token)) == (11, True)
    writer.write(b"b")
    writer.close()
    assert body_of(spool, created.token) == b"0123456789ab"
    assert spool.bodies.taken == 0


async def test_with_other_processes_only_what_is_received_is_in_memory(
    disk: DiskSpool, tmp_path: Path
) -> None:
    """P3: FORWARDING is on stable storage, and seen by all, before a byte leaves."""
    spool = tiered(disk, shared=True)
    begun = await stored(spool, b"12345")
    assert not is_below(spool, begun.token)
    whole = replace(begun, state=State.COMPLETE, length=5)
    await spool.save(whole, durable=False)
    assert is_below(spool, begun.token)
    sent = replace(whole, state=State.FORWARDING, attempts=1)
    await spool.save(sent, durable=True)
    after = rebooted(disk, tmp_path)
    assert (await after.load(begun.token)).state is State.FORWARDING
    after.close()


async def test_it_is_secured_when_asked_for(spool: TieredSpool, calls: Calls) -> None:
    """And as often as asked for, here or for another process."""
    begun = await stored(spool, b"12345")
    await spool.secure(begun.token)
    assert is_below(spool, begun.token)
    made = len(calls.made)
    await spool.secure(begun.token)
    assert len(calls.made) == made


async def test_a_forward_that_is_secured_survives_power_loss(
    spool: TieredSpool, disk: DiskSpool, calls: Calls, tmp_path: Path
) -> None:
    """P3. Its body needs no sync: nobody was promised any of it."""
    begun = await forwarding(spool)
    await spool.secure(begun.token)
    assert calls.synced() == [
        "rename T.record.new T.record",
        "fdatasync T.record",
        "fsync unfinished",
        "fsync .",
        "fsync S",
    ]
    after = rebooted(disk, tmp_path)
    found = await after.load(begun.token)
    assert (found.state, found.offset) == (State.FORWARDING, 5)
    after.close()


async def test_an_answer_that_is_secured_survives_power_loss(
    spool: TieredSpool, disk: DiskSpool, calls: Calls
) -> None:
    """Its content before the record that tells it."""
    told = await answered(spool)
    await spool.secure(told.token)
    assert calls.synced() == [
        "rename T.record.new T.record",
        "fdatasync T.answer.new",
        "rename T.answer.new T.answer",
        "fdatasync T.record",
        "fsync .",
        "fsync S",
    ]


async def test_securing_does_not_undo_what_is_saved_meanwhile(
    spool: TieredSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The forward it is in goes on, and its outcome is saved."""
    begun = await forwarding(spool)
    slow = SlowDisk(monkeypatch)
    securing = asyncio.create_task(spool.secure(begun.token))
    await slow.arrival()
    told = replace(begun, state=State.RESPONDED, answer=ANSWER)
    saving = asyncio.create_task(spool.save(told, durable=True))
    slow.let_go(2)
    async with asyncio.timeout(BOUND_S):
        await securing
        await saving
    assert (await spool.load(begun.token)).state is State.RESPONDED


@pytest.mark.parametrize("for_good", [False, True])
@pytest.mark.parametrize("fails_after", range(7))
async def test_what_cannot_be_moved_stays_as_it_was(
    spool: TieredSpool, calls: Calls, fails_after: int, for_good: bool
) -> None:
    """At whichever call it fails, with those that would take the others back or not."""
    begun = await forwarding(spool)
    keep_answer(spool, begun.token, b"answer")
    await spool.secure((await stored(spool)).token)  # makes the directories
    calls.before = failing = Countdown(fails_after, no_space, for_good=for_good)
    with pytest.raises(SpoolError, match="No space"):
        await spool.secure(begun.token)
    assert failing.reached
    calls.before = lambda call: None
    with pytest.raises(UploadMissing):
        await spool.disk.load(begun.token)
    assert for_good or not is_below(spool, begun.token)
    assert await spool.load(begun.token) == replace(begun, offset=5)
    assert answer_of(spool, begun.token) == b"answer"
    await spool.secure(begun.token)
    assert await spool.load(begun.token) == replace(begun, offset=5)
    assert body_of(spool, begun.token) == b"12345"
    assert answer_of(spool, begun.token) == b"answer"


def no_space() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_a_body_that_cannot_be_moved_keeps_what_it_has(
    disk: DiskSpool, calls: Calls
) -> None:
    """P2: the bytes that came are there when the disk is."""
    spool = tiered(disk, threshold=10)
    created = upload()
    await spool.create(created)
    writer = spool.writer(created.token)
    writer.write(b"0123456789")
    calls.before = Countdown(1, no_space, for_good=False)
    with pytest.raises(SpoolError):
        writer.write(b"a")
    assert writer.offset == 10
    writer.write(b"b")
    writer.close()
    assert body_of(spool, created.token) == b"0123456789b"


class TestPatience:
    async def test_what_is_not_over_in_time_is_on_the_disk(
        self, spool: TieredSpool, impatient: None
    ) -> None:
        waits = {(await complete(spool)).token, (await forwarding(spool)).token}
        told = await answered(spool)
        receiving = await stored(spool, b"1")
        await until(lambda: waits <= set(spool.disk.tokens()))
        assert set(spool.disk.tokens()) == waits
        assert not is_below(spool, told.token)
        assert not is_below(spool, receiving.token)

    async def test_time_counts_from_the_last_byte_on(
        self, spool: TieredSpool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And not from the last change of state."""
        monkeypatch.setattr(patience, "PATIENCE_S", 0.2)
        begun = await complete(spool)
        loop = asyncio.get_running_loop()
        since = loop.time()
        while not is_below(spool, begun.token):
            begun = replace(begun, attempts=begun.attempts + 1)
            await spool.save(begun, durable=False)
            await asyncio.sleep(0)
            assert loop.time() - since < BOUND_S
        assert loop.time() - since >= 0.2

    async def test_many_that_wait_move_one_by_one(
        self, spool: TieredSpool, impatient: None
    ) -> None:
        """Others get their turn in between."""
        waits = {(await forwarding(spool)).token for _ in range(20)}
        seen = set()
        async with asyncio.timeout(BOUND_S):
            while spool.held:
                seen.add(spool.held)
                await asyncio.sleep(0)
        assert len(seen) > 10
        assert set(spool.disk.tokens()) == waits

    async def test_what_cannot_be_moved_is_tried_again(
        self, spool: TieredSpool, calls: Calls, impatient: None
    ) -> None:
        begun = await forwarding(spool)
        calls.before = failing = Countdown(0, no_space)
        await until(lambda: failing.reached)
        assert (await spool.load(begun.token)).state is State.FORWARDING
        calls.before = lambda call: None
        await until(lambda: is_below(spool, begun.token))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 0.01)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_S):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.001)


class TestStopping:
    async def test_all_that_is_there_is_on_the_disk(
        self, spool: TieredSpool, disk: DiskSpool, tmp_path: Path
    ) -> None:
        receiving = await stored(spool, b"1")
        waits, sent = await complete(spool), await forwarding(spool)
        told = await answered(spool)
        await spool.drain()
        everything = {receiving.token, waits.token, sent.token, told.token}
        assert set(disk.tokens()) == everything
        assert answer_of(spool, told.token) == b"answer"
        after = rebooted(disk, tmp_path)
        assert (await after.load(sent.token)).state is State.FORWARDING
        after.close()

    async def test_of_the_answers_that_were_given_the_latest_are(
        self, spool: TieredSpool, disk: DiskSpool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its client may have lost it, and asks the next process."""
        monkeypatch.setattr(tiers, "LATEST", 2)
        _, second, third = [await answered(spool) for _ in range(3)]
        await spool.drain()
        assert set(disk.tokens()) == {second.token, third.token}
        assert answer_of(disk, third.token) == b"answer"

    async def test_answers_that_cannot_be_moved_hold_up_nobody(
        self, spool: TieredSpool, calls: Calls
    ) -> None:
        told = [await answered(spool) for _ in range(3)]
        made = len(calls.made)
        calls.before = Countdown(0, no_space, for_good=True)
        await spool.drain()
        assert not any(is_below(spool, one.token) for one in told)
        assert len(calls.made) < made + 20

    async def test_nothing_is_kept_in_memory_any_more(self, spool: TieredSpool) -> None:
        begun = await stored(spool, b"1")
        await spool.drain()
        append(spool, begun.token, b"2")
        later = await stored(spool, b"3", state=State.COMPLETE, length=1)
        assert is_below(spool, later.token)
        assert body_of(spool, begun.token) == b"12"
        assert spool.held == 0

    async def test_what_could_not_be_moved_is_moved_the_second_time(
        self, spool: TieredSpool, calls: Calls
    ) -> None:
        begun = await forwarding(spool)
        calls.before = Countdown(0, no_space, for_good=False)
        await spool.drain()
        assert not is_below(spool, begun.token)
        await spool.drain()
        assert is_below(spool, begun.token)


class TestBounds:
    async def test_bodies_under_way(self, disk: DiskSpool) -> None:
        """P9: what does not fit is on the disk, and makes no difference else."""
        spool = tiered(disk, bodies=10 * OBJECTS)
        kept = [await stored(spool, b"x" * 1000) for _ in range(20)]
        assert 5 <= spool.held < 10
        assert spool.bodies.taken <= spool.bodies.most
        for one in kept:
            assert body_of(spool, one.token) == b"x" * 1000
            await spool.delete(one.token)
        assert spool.bodies.taken == 0

    async def test_a_body_of_unknown_length_takes_room_as_it_grows(
        self, disk: DiskSpool
    ) -> None:
        spool = tiered(disk, bodies=8 * OBJECTS)
        token = (await stored(spool)).token
        empty = spool.bodies.taken
        append(spool, token, bytes(2000))
        assert spool.bodies.taken == empty + 2000
        append(spool, token, bytes(8 * OBJECTS - empty - 1999))
        assert is_below(spool, token)
        assert spool.bodies.taken == 0

    async def test_a_known_length_is_taken_at_once(self, disk: DiskSpool) -> None:
        """So that bodies that have begun do not have to move."""
        spool = tiered(disk, bodies=3 * OBJECTS)
        one = upload(length=OBJECTS)
        await spool.create(one)
        taken = spool.bodies.taken
        append(spool, one.token, bytes(OBJECTS))
        assert spool.bodies.taken == taken >= 2 * OBJECTS
        other = upload(length=OBJECTS)
        await spool.create(other)
        assert is_below(spool, other.token)

    async def test_large_ones_leave_half_of_it_to_small_ones(
        self, disk: DiskSpool
    ) -> None:
        """Some of them would else send thousands of small ones to the disk."""
        spool = tiered(disk, threshold=2**20, bodies=4 * 2**20)
        large = [upload(length=2**20) for _ in range(3)]
        growing, small = upload(length=None), upload(length=1000)
        for one in (*large, growing, small):
            await spool.create(one)
        assert [is_below(spool, one.token) for one in large] == [False, True, True]
        append(spool, growing.token, bytes(SMALL))
        assert not is_below(spool, growing.token)
        append(spool, growing.token, bytes(2**20 - SMALL))
        assert is_below(spool, growing.token)
        assert not is_below(spool, small.token)

    async def test_a_large_head_counts(self, disk: DiskSpool) -> None:
        spool = tiered(disk, bodies=3 * OBJECTS)
        head = Head("POST", "/", ((b"Cookie", b"x" * 3 * OBJECTS),))
        created = upload(request=head)
        await spool.create(created)
        assert is_below(spool, created.token)

    async def test_the_oldest_answers_are_forgotten(self, disk: DiskSpool) -> None:
        """And are then as if they had never been."""
        spool = tiered(disk, answers=10 * OBJECTS)
        told = [await answered(spool, b"x" * 100) for _ in range(30)]
        assert spool.answers.taken <= spool.answers.most
        left = [one.token in set(spool.tokens()) for one in told]
        assert left == sorted(left)
        assert 5 < sum(left) < 10
        with pytest.raises(UploadMissing):
            await spool.load(told[0].token)
        assert answer_of(spool, told[-1].token) == b"x" * 100
        assert list(disk.tokens()) == []

    async def test_an_answer_that_is_read_is_not_forgotten(
        self, disk: DiskSpool
    ) -> None:
        """Its bytes would be there all the same, and not be counted."""
        spool = tiered(disk, answers=4 * OBJECTS)
        first = await answered(spool)
        reader = spool.answer_reader(first.token)
        for _ in range(5):
            await answered(spool)
        assert (await spool.load(first.token)).state is State.RESPONDED
        reader.close()
        await answered(spool)
        await answered(spool)
        with pytest.raises(UploadMissing):
            await spool.load(first.token)

    async def test_a_large_answer_is_on_the_disk(self, disk: DiskSpool) -> None:
        spool = tiered(disk, answers=160_000)
        before = await answered(spool)
        large = await forwarding(spool)
        writer = spool.answer_writer(large.token)
        for _ in range(11):
            writer.write(b"x" * 1000)
        assert writer.offset == await writer.sync() == 11_000
        writer.close()
        assert answer_of(spool, large.token) == b"x" * 11_000
        assert set(disk.tokens()) == {large.token}
        assert (await spool.load(before.token)).state is State.RESPONDED

    async def test_a_body_that_moved_counts_as_long_as_it_is_read(
        self, spool: TieredSpool
    ) -> None:
        sent = await forwarding(spool)
        reader = spool.reader(sent.token)
        taken = spool.bodies.taken
        await spool.secure(sent.token)
        assert spool.bodies.taken == taken
        reader.close()
        assert spool.bodies.taken == 0

    async def test_what_counts_is_what_is_really_there(self, disk: DiskSpool) -> None:
        """16 MiB of answers take no more than that."""
        spool = tiered(disk, answers=2 * 2**20)
        await answered(spool)
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            for number in range(2000):
                head = Head("POST", f"/{number}", fields_of(number))
                one = upload(request=head, length=5)
                await spool.create(one)
                append(spool, one.token, b"12345")
                answer = Answer(201, "Created", fields_of(number), size=100)
                told = replace(one, state=State.RESPONDED, answer=answer)
                await spool.save(told, durable=True)
                keep_answer(spool, one.token, bytes(100))
                await spool.drop_body(one.token)
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert 200 < spool.held < 2000, "it was full"
        assert spool.answers.taken <= spool.answers.most
        assert after - before < spool.answers.most


async def test_what_has_moved_takes_no_memory_however_long_it_is_written_to(
    disk: DiskSpool,
) -> None:
    """P8: a client may take hours for the rest, and have thousands beside it."""
    spool = tiered(disk, threshold=2**20)
    tracemalloc.start()
    try:
        writers = []
        for _ in range(20):
            one = upload(length=None)
            await spool.create(one)
            writers.append(spool.writer(one.token))
            writers[-1].write(bytes(2**20))
            writers[-1].write(b"y")
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (spool.held, spool.bodies.taken) == (0, 0)
    assert taken < 2**20
    for writer in writers:
        assert writer.offset == 2**20 + 1
        writer.close()


async def test_an_answer_that_has_moved_takes_no_memory_either(disk: DiskSpool) -> None:
    spool = tiered(disk, answers=16 * 2**20)
    told = replace(await forwarding(spool), state=State.RESPONDED, answer=ANSWER)
    await spool.save(told, durable=True)
    writer = spool.answer_writer(told.token)
    tracemalloc.start()
    try:
        for _ in range(32):
            writer.write(bytes(2**15))
        writer.write(b"y")
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert is_below(spool, told.token)
    assert taken < 2**18
    writer.close()
    assert len(answer_of(spool, told.token)) == 2**20 + 1


def fields_of(number: int) -> tuple[tuple[bytes, bytes], ...]:
    """Some that share nothing with those of other requests."""
    return tuple((b"Field-%d" % field, b"%d" % number) for field in range(8))


async def test_lists_can_be_read_in_another_thread(spool: TieredSpool) -> None:
    for _ in range(100):
        await answered(spool)
    listed = spool.tokens()
    found = asyncio.create_task(asyncio.to_thread(list, listed))
    while not found.done():
        await answered(spool)
        await asyncio.sleep(0)
    assert len(found.result()) == 100


async def test_what_has_gone_meanwhile_is_not_listed(spool: TieredSpool) -> None:
    """Else a sweep would look for thousands of answers on the disk."""
    told = [await answered(spool) for _ in range(3)]
    listed = spool.tokens()
    await spool.delete(told[1].token)
    assert list(listed) == [told[0].token, told[2].token]


async def test_a_part_whose_end_could_not_be_saved_does_not_stay_in_memory(
    disk: DiskSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may ever ask for it again, nor sweep it in a process that does not."""

    def full(*_: object) -> None:
        raise SpoolError("no room left")

    monkeypatch.setattr(patience, "PATIENCE_S", 0.01)
    spool = tiered(disk, shared=True)
    begun = await stored(spool, b"12345", state=State.RECEIVING)
    with monkeypatch.context() as trouble:
        trouble.setattr(disk, "adopt", full)
        with pytest.raises(SpoolError):
            await spool.save(replace(begun, state=State.INTERRUPTED), durable=False)
        await asyncio.sleep(0.05)
        assert spool.held == 1
    async with asyncio.timeout(BOUND_S):
        while spool.held:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
    assert spool.bodies.taken == 0
    assert (await disk.load(begun.token)).offset == 5
    spool.close()


async def test_what_is_kept_is_told_once_its_writer_has_closed_and_when_it_is_not(
    spool: TieredSpool, disk: DiskSpool
) -> None:
    """Every byte is here or below, whatever becomes of it, as far as is told."""
    here: Counter[Token] = Counter()
    below: Counter[Token] = Counter()

    def kept(token: Token, by: int) -> None:
        here[token] += by

    def changed(token: Token, by: int) -> None:
        below[token] += by

    spool.kept, disk.changed = kept, changed
    one = upload(length=5)
    await spool.create(one)
    writer = spool.writer(one.token)
    writer.write(b"12345")
    assert here[one.token] == 0
    writer.close()
    writer.close()
    assert (here[one.token], below[one.token]) == (5, 0)
    await spool.secure(one.token)
    assert (here[one.token], below[one.token]) == (0, 5)
    told = await answered(spool)
    gone = await complete(spool)
    assert (here[told.token], here[gone.token]) == (0, 5)
    await spool.delete(gone.token)
    await spool.delete(told.token)
    assert (here.total(), below.total()) == (0, 5)
