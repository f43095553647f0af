"""What every spool promises of uploads that are adopted, and of secured ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.core.errors import SpoolError, UploadMissing
from proxy.core.upload import State
from proxy.spool import Spool

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


@pytest.mark.parametrize("state", [*State])
@pytest.mark.parametrize("body", [b"", b"12345"])
async def test_what_is_adopted_is_there_with_all_it_has(
    spool: Spool, state: State, body: bytes
) -> None:
    kept = upload(state=state, length=len(body), answer=ANSWER, attempts=1)
    spool.adopt(kept, body, b"answer")
    assert await spool.load(kept.token) == replace(kept, offset=len(body))
    assert body_of(spool, kept.token) == body
    assert answer_of(spool, kept.token) == b"answer"
    assert list(spool.tokens()) == [kept.token]
    unfinished = state in (State.COMPLETE, State.FORWARDING)
    assert list(spool.unfinished()) == [kept.token] * unfinished


async def test_what_is_adopted_goes_on_like_any_other(spool: Spool) -> None:
    kept = upload()
    spool.adopt(kept, b"123", b"")
    append(spool, kept.token, b"45")
    for durable in (False, True):
        saved = replace(kept, length=5, state=State.COMPLETE, attempts=durable)
        await spool.save(saved, durable=durable)
        assert await spool.load(kept.token) == replace(saved, offset=5)
    assert body_of(spool, kept.token) == b"12345"
    await spool.delete(kept.token)
    assert list(spool.tokens()) == []


async def test_what_had_dropped_its_body_is_adopted_without_one(spool: Spool) -> None:
    kept = upload(state=State.RESPONDED, length=5, answer=ANSWER)
    spool.adopt(kept, None, b"")
    assert await spool.load(kept.token) == replace(kept, offset=5)
    with pytest.raises(UploadMissing):
        spool.reader(kept.token)
    assert answer_of(spool, kept.token) == b""


@pytest.mark.parametrize("body", [b"other", None])
async def test_what_is_there_is_not_adopted(spool: Spool, body: bytes | None) -> None:
    first = await stored(spool, b"abc")
    with pytest.raises(SpoolError):
        spool.adopt(replace(first, why="another"), body, b"answer")
    assert await spool.load(first.token) == replace(first, offset=3)
    assert body_of(spool, first.token) == b"abc"
    assert answer_of(spool, first.token) == b""


@pytest.mark.parametrize("state", [*State])
async def test_what_is_secured_is_as_it_was(spool: Spool, state: State) -> None:
    saved = await stored(spool, b"12345", state=state, length=5, attempts=1)
    keep_answer(spool, saved.token, b"answer")
    for _ in range(2):
        await spool.secure(saved.token)
        assert await spool.load(saved.token) == replace(saved, offset=5)
    assert body_of(spool, saved.token) == b"12345"
    assert answer_of(spool, saved.token) == b"answer"


async def test_what_is_not_there_needs_not_be_secured(spool: Spool) -> None:
    token = new_token()
    await spool.secure(token)
    assert list(spool.tokens()) == []


async def test_who_writes_does_not_notice_that_it_is_secured(spool: Spool) -> None:
    token = (await stored(spool)).token
    body, answer = spool.writer(token), spool.answer_writer(token)
    for letter in (b"a", b"b", b"c"):
        body.write(letter)
        answer.write(letter * 2)
        await spool.secure(token)
    assert (body.offset, await body.sync()) == (3, 3)
    assert (answer.offset, await answer.sync()) == (6, 6)
    body.close()
    answer.close()
    assert body_of(spool, token) == b"abc"
    assert answer_of(spool, token) == b"aabbcc"


async def test_who_reads_does_not_notice_that_it_is_secured(spool: Spool) -> None:
    token = (await stored(spool, b"body")).token
    keep_answer(spool, token, b"answer")
    body, answer = spool.reader(token), spool.answer_reader(token)
    await spool.secure(token)
    assert (body.size, body.read(0, 9)) == (4, b"body")
    assert (answer.size, answer.read(0, 9)) == (6, b"answer")
    body.close()
    answer.close()
