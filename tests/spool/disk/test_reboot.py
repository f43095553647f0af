"""What is left of an upload when the process or the whole machine starts again (P1)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from proxy.core.errors import UploadLost
from proxy.core.upload import State, Token
from proxy.spool import envelope
from proxy.spool.disk import DiskSpool

from ..samples import (
    ANSWER,
    BOOT,
    answer_of,
    append,
    body_of,
    keep_answer,
    rebooted,
    stored,
)

GROWING = (State.CREATED, State.RECEIVING, State.INTERRUPTED)


@pytest.mark.parametrize("state", list(State))
async def test_a_restart_changes_nothing(
    root: Path, spool: DiskSpool, state: State
) -> None:
    saved = await stored(spool, b"12345", state=state, length=5, acknowledged=2)
    spool.close()
    again = DiskSpool(root, boot_id=BOOT)
    assert await again.load(saved.token) == replace(saved, offset=5)
    assert body_of(again, saved.token) == b"12345"
    again.close()


@pytest.mark.parametrize("state", GROWING)
async def test_a_reboot_cuts_back_to_what_was_acknowledged(
    root: Path, spool: DiskSpool, state: State
) -> None:
    saved = await stored(spool, b"12345", state=state, acknowledged=3)
    after = rebooted(spool, root)
    assert await after.load(saved.token) == replace(saved, offset=3)
    assert body_of(after, saved.token) == b"123"
    after.close()


async def test_what_comes_in_after_a_reboot_is_not_cut(
    root: Path, spool: DiskSpool
) -> None:
    saved = await stored(spool, b"12345", state=State.INTERRUPTED, acknowledged=3)
    after = rebooted(spool, root)
    await after.load(saved.token)
    append(after, saved.token, b"more")
    after.close()
    again = DiskSpool(root, boot_id="boot-2")
    assert (await again.load(saved.token)).offset == 7
    assert body_of(again, saved.token) == b"123more"
    later = rebooted(again, root, "boot-3")
    assert (await later.load(saved.token)).offset == 3
    later.close()


@pytest.mark.parametrize("size", [3, 4, 5])
async def test_a_complete_body_that_may_be_hollow_is_not_forwarded(
    root: Path, spool: DiskSpool, size: int
) -> None:
    saved = await stored(
        spool, b"12345"[:size], state=State.COMPLETE, length=5, acknowledged=3
    )
    after = rebooted(spool, root)
    found = await after.load(saved.token)
    assert (found.state, found.offset, found.length) == (State.INTERRUPTED, 3, 5)
    assert body_of(after, saved.token) == b"123"
    assert await after.load(saved.token) == found
    await after.save(found, durable=True)
    assert list(after.unfinished()) == []
    after.close()


async def test_a_complete_body_that_was_acknowledged_is_forwarded(
    root: Path, spool: DiskSpool
) -> None:
    saved = await stored(
        spool, b"12345", state=State.COMPLETE, length=5, acknowledged=5
    )
    after = rebooted(spool, root)
    assert list(after.unfinished()) == [saved.token]
    assert await after.load(saved.token) == replace(saved, offset=5)
    after.close()


@pytest.mark.parametrize("state", [State.FORWARDING, State.UNKNOWN])
@pytest.mark.parametrize("body", [b"12345", b"1234", b""])
async def test_what_the_origin_may_have_does_not_go_back(
    root: Path, spool: DiskSpool, state: State, body: bytes
) -> None:
    """P3: its outcome is unknown, whatever the power loss left of its body."""
    saved = await stored(spool, body, state=state, length=5)
    after = rebooted(spool, root)
    assert await after.load(saved.token) == replace(saved, offset=5)
    after.close()


@pytest.mark.parametrize("state", [State.FORWARDING, State.UNKNOWN])
async def test_unless_all_of_it_had_been_told(
    root: Path, spool: DiskSpool, state: State
) -> None:
    saved = await stored(spool, b"1234", state=state, length=5, acknowledged=5)
    after = rebooted(spool, root)
    with pytest.raises(UploadLost):
        await after.load(saved.token)
    after.close()


@pytest.mark.parametrize("state", [*GROWING, State.COMPLETE])
async def test_a_reboot_that_took_what_was_told_is_a_loss(
    root: Path, spool: DiskSpool, state: State
) -> None:
    saved = await stored(spool, b"12", state=state, length=5, acknowledged=3)
    after = rebooted(spool, root)
    with pytest.raises(UploadLost, match="2 bytes, 3 were"):
        await after.load(saved.token)
    after.close()


@pytest.mark.parametrize("body", [b"12345", b"12", None])
async def test_an_answer_is_replayed_whatever_is_left_of_the_body(
    root: Path, spool: DiskSpool, body: bytes | None
) -> None:
    saved = await stored(
        spool, body or b"", state=State.RESPONDED, length=5, answer=ANSWER
    )
    await _keep_durably(spool, saved.token, b"gone")
    if body is None:
        await spool.drop_body(saved.token)
    after = rebooted(spool, root)
    assert await after.load(saved.token) == replace(saved, offset=5)
    assert answer_of(after, saved.token) == b"gone"
    after.close()


async def test_content_of_an_answer_that_was_not_synced_is_not_replayed(
    root: Path, spool: DiskSpool
) -> None:
    """It may have its size, and other bytes."""
    saved = await stored(spool, state=State.RESPONDED, length=0, answer=ANSWER)
    keep_answer(spool, saved.token, b"gone")
    assert await spool.load(saved.token) == saved
    assert answer_of(spool, saved.token) == b"gone"
    after = rebooted(spool, root)
    not_kept = replace(saved, answer=replace(ANSWER, kept=False))
    assert await after.load(saved.token) == not_kept
    after.close()


async def test_nor_is_it_once_that_upload_has_been_secured(
    root: Path, spool: DiskSpool
) -> None:
    """Whose record was not known to be durable when the power went."""
    saved = await stored(spool, state=State.RESPONDED, length=0, answer=ANSWER)
    await spool.save(saved, durable=True)
    _make_unsure(root)
    keep_answer(spool, saved.token, b"gone")
    after = rebooted(spool, root)
    await after.secure(saved.token)
    answer = (await after.load(saved.token)).answer
    assert answer is not None
    assert not answer.kept
    after.close()


def _make_unsure(root: Path) -> None:
    record = next(root.glob("*/*.record"))
    record.write_bytes(record.read_bytes()[:-1] + envelope.UNSURE)


async def _keep_durably(spool: DiskSpool, token: Token, content: bytes) -> None:
    writer = spool.answer_writer(token)
    writer.write(content)
    await writer.sync()
    writer.close()


async def test_a_draft_survives_a_reboot_that_left_it_whole(
    root: Path, spool: DiskSpool
) -> None:
    saved = await stored(spool, state=State.RESPONDED, length=0)
    tombstone = replace(saved, answer=replace(ANSWER, kept=False))
    await spool.save(tombstone, durable=False)
    after = rebooted(spool, root)
    assert await after.load(saved.token) == tombstone
    after.close()
