"""How much may be in memory (P9), and that no more is there than is counted."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest

from proxy.core.errors import UploadMissing
from proxy.core.upload import Answer, Head, State
from proxy.spool.disk import DiskSpool
from proxy.spool.held import OBJECTS, SMALL
from proxy.spool.tiers import TieredSpool

from ..samples import (
    ANSWER,
    answer_of,
    append,
    body_of,
    keep_answer,
    stored,
    tiered,
    upload,
)
from .conftest import answered, forwarding, is_below


async def test_bodies_under_way(disk: DiskSpool) -> None:
    """P9: what does not fit is on the disk, and makes no difference else."""
    spool = tiered(disk, bodies=10 * OBJECTS)
    kept = [await stored(spool, b"x" * 1000) for _ in range(20)]
    assert 5 <= spool.held < 10
    assert spool.room.bodies.taken <= spool.room.bodies.most
    for one in kept:
        assert body_of(spool, one.token) == b"x" * 1000
        await spool.delete(one.token)
    assert spool.room.bodies.taken == 0


async def test_a_body_of_unknown_length_takes_room_as_it_grows(disk: DiskSpool) -> None:
    spool = tiered(disk, bodies=8 * OBJECTS)
    token = (await stored(spool)).token
    empty = spool.room.bodies.taken
    append(spool, token, bytes(2000))
    assert spool.room.bodies.taken == empty + 2000
    append(spool, token, bytes(8 * OBJECTS - empty - 1999))
    assert is_below(spool, token)
    assert spool.room.bodies.taken == 0


async def test_a_known_length_is_taken_at_once(disk: DiskSpool) -> None:
    """So that bodies that have begun do not have to move."""
    spool = tiered(disk, bodies=3 * OBJECTS)
    one = upload(length=OBJECTS)
    await spool.create(one)
    taken = spool.room.bodies.taken
    append(spool, one.token, bytes(OBJECTS))
    assert spool.room.bodies.taken == taken >= 2 * OBJECTS
    other = upload(length=OBJECTS)
    await spool.create(other)
    assert is_below(spool, other.token)


async def test_large_ones_leave_half_of_it_to_small_ones(disk: DiskSpool) -> None:
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


async def test_a_large_head_counts(disk: DiskSpool) -> None:
    spool = tiered(disk, bodies=3 * OBJECTS)
    head = Head("POST", "/", ((b"Cookie", b"x" * 3 * OBJECTS),))
    created = upload(request=head)
    await spool.create(created)
    assert is_below(spool, created.token)


async def test_the_oldest_answers_are_forgotten(disk: DiskSpool) -> None:
    """And are then as if they had never been."""
    spool = tiered(disk, answers=10 * OBJECTS)
    told = [await answered(spool, b"x" * 100) for _ in range(30)]
    assert spool.room.answers.taken <= spool.room.answers.most
    left = [one.token in set(spool.tokens()) for one in told]
    assert left == sorted(left)
    assert 5 < sum(left) < 10
    with pytest.raises(UploadMissing):
        await spool.load(told[0].token)
    assert answer_of(spool, told[-1].token) == b"x" * 100
    assert list(disk.tokens()) == []


async def test_an_answer_that_is_read_is_not_forgotten(disk: DiskSpool) -> None:
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


async def test_a_large_answer_is_on_the_disk(disk: DiskSpool) -> None:
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
    spool: TieredSpool,
) -> None:
    sent = await forwarding(spool)
    reader = spool.reader(sent.token)
    taken = spool.room.bodies.taken
    await spool.secure(sent.token)
    assert spool.room.bodies.taken == taken
    reader.close()
    assert spool.room.bodies.taken == 0


async def test_what_counts_is_what_is_really_there(disk: DiskSpool) -> None:
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
    assert spool.room.answers.taken <= spool.room.answers.most
    assert after - before < spool.room.answers.most


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
    assert (spool.held, spool.room.bodies.taken) == (0, 0)
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
