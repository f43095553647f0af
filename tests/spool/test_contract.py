"""What every spool promises, whatever it is made of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.core.errors import SpoolError, UploadLost, UploadMissing
from proxy.core.lifecycle import TERMINAL
from proxy.core.upload import State, Token
from proxy.spool import Probe, Spool, Stored

from .samples import (
    ANSWER,
    answer_of,
    append,
    body_of,
    keep_answer,
    new_token,
    stored,
    upload,
)

NEEDS_ALL = (State.COMPLETE, State.FORWARDING, State.UNKNOWN)


async def test_a_new_upload_is_loaded_as_it_was(spool: Spool) -> None:
    created = upload()
    await spool.create(created)
    assert await spool.load(created.token) == created
    assert body_of(spool, created.token) == b""


async def test_what_is_there_is_not_created_again(spool: Spool) -> None:
    first = await stored(spool, b"abc")
    with pytest.raises(SpoolError):
        await spool.create(upload(token=first.token, why="another"))
    assert await spool.load(first.token) == replace(first, offset=3)


@pytest.mark.parametrize("token", ["a" * 43, "", "../../etc/passwd", "a" * 44])
async def test_an_upload_that_is_not_there_is_missing(spool: Spool, token: str) -> None:
    with pytest.raises(UploadMissing):
        await spool.load(Token(token))
    with pytest.raises(UploadMissing):
        spool.writer(Token(token))
    with pytest.raises(UploadMissing):
        spool.reader(Token(token))


@pytest.mark.parametrize("durable", [False, True])
async def test_a_save_replaces_the_record(spool: Spool, durable: bool) -> None:
    created = upload()
    await spool.create(created)
    for state in (State.INTERRUPTED, State.RECEIVING, State.COMPLETE):
        saved = replace(created, state=state, length=0, fed_at=3000.0, why=state.value)
        await spool.save(saved, durable=durable)
        assert await spool.load(created.token) == saved


async def test_saves_of_both_kinds_replace_each_other(spool: Spool) -> None:
    saved = await stored(spool)
    for attempt in range(6):
        saved = replace(saved, attempts=attempt)
        await spool.save(saved, durable=attempt in (2, 3))
        assert await spool.load(saved.token) == saved


async def test_everything_of_an_upload_is_kept(spool: Spool) -> None:
    full = await stored(
        spool,
        b"12345",
        state=State.RESPONDED,
        acknowledged=5,
        length=5,
        attempts=3,
        hidden=True,
        answer=ANSWER,
        answered_at=99.75,
        why="\u2603 \ud800 \x00",
    )
    assert await spool.load(full.token) == replace(full, offset=5)


@pytest.mark.parametrize("durable", [False, True])
async def test_a_save_does_not_bring_a_deleted_upload_back(
    spool: Spool, durable: bool
) -> None:
    gone = await stored(spool)
    await spool.delete(gone.token)
    with pytest.raises(UploadMissing):
        await spool.save(gone, durable=durable)
    assert gone.token not in set(spool.tokens())


async def test_the_offset_is_measured_and_not_remembered(spool: Spool) -> None:
    saved = await stored(spool, b"12345", offset=77)
    assert (await spool.load(saved.token)).offset == 5


async def test_a_body_shorter_than_what_was_told_is_lost(spool: Spool) -> None:
    saved = await stored(spool, b"12345", acknowledged=6)
    with pytest.raises(UploadLost, match=r"5 .* 6"):
        await spool.load(saved.token)


@pytest.mark.parametrize("state", NEEDS_ALL)
async def test_a_whole_body_has_its_length(spool: Spool, state: State) -> None:
    saved = await stored(spool, b"12345", state=state, length=5)
    assert (await spool.load(saved.token)).offset == 5


async def test_an_unknown_outcome_stands_whatever_is_left_of_its_body(
    spool: Spool,
) -> None:
    """P3: a power loss may have taken it, since none of it was promised."""
    saved = await stored(spool, b"1", state=State.UNKNOWN, length=5)
    for _ in range(2):
        found = await spool.load(saved.token)
        assert (found.state, found.offset) == (State.UNKNOWN, 5)


@pytest.mark.parametrize("length", [4, 6, None])
@pytest.mark.parametrize("state", sorted(set(NEEDS_ALL) - {State.UNKNOWN}))
async def test_a_body_that_is_not_whole_as_it_was_is_lost(
    spool: Spool, state: State, length: int | None
) -> None:
    saved = await stored(spool, b"12345", state=state, length=length)
    with pytest.raises(UploadLost, match=str(length)):
        await spool.load(saved.token)


@pytest.mark.parametrize("state", sorted(TERMINAL))
async def test_an_upload_that_is_over_is_not_judged(spool: Spool, state: State) -> None:
    saved = await stored(spool, b"12345", state=state, length=9, acknowledged=9)
    assert (await spool.load(saved.token)).offset == 5


async def test_a_writer_goes_on_where_the_last_one_ended(spool: Spool) -> None:
    token = (await stored(spool)).token
    for chunk in (b"abc", b"", b"def"):
        writer = spool.writer(token)
        before = writer.offset
        writer.write(chunk)
        writer.write(chunk.upper())
        assert writer.offset == before + 2 * len(chunk)
        writer.close()
    assert body_of(spool, token) == b"abcABCdefDEF"


@pytest.mark.parametrize("to_be_told", [False, True])
async def test_a_sync_covers_what_was_written(spool: Spool, to_be_told: bool) -> None:
    token = (await stored(spool, b"old")).token
    writer = spool.writer(token, to_be_told=to_be_told)
    assert await writer.sync() == 3
    writer.write(b"new")
    assert await writer.sync() == 6
    assert await writer.sync() == 6
    writer.close()


async def test_a_closed_writer_takes_nothing(spool: Spool) -> None:
    token = (await stored(spool)).token
    writer = spool.writer(token)
    writer.close()
    writer.close()
    with pytest.raises(SpoolError):
        writer.write(b"late")
    assert body_of(spool, token) == b""


async def test_a_reader_reads_at_any_position(spool: Spool) -> None:
    reader = spool.reader((await stored(spool, b"0123456789")).token)
    assert reader.size == 10
    assert reader.read(0, 4) == b"0123"
    assert reader.read(8, 100) == b"89"
    assert reader.read(2, 1) == b"2"
    assert reader.read(10, 5) == b""
    assert reader.read(5, 0) == b""
    reader.close()
    reader.close()
    with pytest.raises(SpoolError):
        reader.read(0, 1)


async def test_a_stored_body_is_a_stream_of_chunks(spool: Spool) -> None:
    reader = spool.reader((await stored(spool, b"0123456789")).token)
    stream = Stored(reader, chunk=4)
    assert [chunk async for chunk in stream] == [b"0123", b"4567", b"89"]
    await stream.aclose()
    with pytest.raises(SpoolError):
        reader.read(0, 1)


async def test_an_answer_that_was_never_written_is_empty(spool: Spool) -> None:
    reader = spool.answer_reader((await stored(spool)).token)
    assert (reader.size, reader.read(0, 10)) == (0, b"")
    reader.close()


async def test_an_answer_is_kept_until_it_is_dropped(spool: Spool) -> None:
    token = (await stored(spool, b"body")).token
    keep_answer(spool, token, b"the first attempt's")
    keep_answer(spool, token, b"answer")
    assert answer_of(spool, token) == b"answer"
    await spool.drop_answer(token)
    await spool.drop_answer(token)
    assert answer_of(spool, token) == b""
    assert body_of(spool, token) == b"body"


async def test_an_answer_can_be_synced(spool: Spool) -> None:
    writer = spool.answer_writer((await stored(spool)).token)
    writer.write(b"four")
    assert await writer.sync() == 4
    writer.close()


async def test_a_dropped_body_leaves_its_length(spool: Spool) -> None:
    saved = await stored(spool, b"12345", state=State.RESPONDED, length=5)
    still_open = spool.reader(saved.token)
    await spool.drop_body(saved.token)
    await spool.drop_body(saved.token)
    assert (await spool.load(saved.token)).offset == 5
    with pytest.raises(UploadMissing):
        spool.reader(saved.token)
    with pytest.raises(UploadMissing):
        spool.writer(saved.token)
    assert still_open.read(0, 5) == b"12345"
    still_open.close()


async def test_a_body_that_has_gone_too_early_is_lost(spool: Spool) -> None:
    saved = await stored(spool, b"12345", state=State.INTERRUPTED)
    await spool.drop_body(saved.token)
    with pytest.raises(UploadLost, match="gone"):
        await spool.load(saved.token)


async def test_nothing_is_dropped_where_nothing_is(spool: Spool) -> None:
    await spool.drop_body(new_token())
    await spool.drop_answer(new_token())


async def test_a_deleted_upload_leaves_nothing(spool: Spool) -> None:
    token = (await stored(spool, b"12345", state=State.COMPLETE, length=5)).token
    await spool.save(await spool.load(token), durable=False)
    keep_answer(spool, token, b"answer")
    await spool.delete(token)
    await spool.delete(token)
    with pytest.raises(UploadMissing):
        await spool.load(token)
    assert answer_of(spool, token) == b""
    assert list(spool.tokens()) == []
    assert list(spool.unfinished()) == []


async def test_every_upload_is_listed_once(spool: Spool) -> None:
    assert list(spool.tokens()) == []
    uploads = [await stored(spool, b"x", state=state) for state in State]
    keep_answer(spool, uploads[0].token, b"answer")
    assert sorted(spool.tokens()) == sorted(each.token for each in uploads)


async def test_the_list_may_be_changed_while_it_is_read(spool: Spool) -> None:
    for _ in range(20):
        await stored(spool)
    for token in spool.tokens():
        await spool.delete(token)
    assert list(spool.tokens()) == []


@pytest.mark.parametrize("durable", [False, True])
async def test_unfinished_uploads_are_listed(spool: Spool, durable: bool) -> None:
    created = upload()
    await spool.create(created)
    listed = []
    for state in (
        State.INTERRUPTED,
        State.COMPLETE,
        State.FORWARDING,
        State.COMPLETE,
    ):
        await spool.save(replace(created, state=state), durable=durable)
        listed.append(list(spool.unfinished()) == [created.token])
    assert listed == [False, True, True, True]
    await spool.save(replace(created, state=State.RESPONDED), durable=True)
    assert list(spool.unfinished()) == []


async def test_an_upload_may_be_complete_from_the_start(spool: Spool) -> None:
    created = upload(state=State.COMPLETE, length=0)
    await spool.create(created)
    assert list(spool.unfinished()) == [created.token]
    assert await spool.load(created.token) == created


async def test_uploads_do_not_touch_each_other(spool: Spool) -> None:
    one, other = await stored(spool, b"one"), await stored(spool, b"other")
    append(spool, one.token, b"!")
    await spool.delete(other.token)
    assert body_of(spool, one.token) == b"one!"


async def test_a_spool_that_works_is_writable(spool: Probe) -> None:
    assert await spool.writable()
