"""The spool for tests: how it plays a full disk."""

from __future__ import annotations

import pytest

from proxy.core.errors import SpoolError
from proxy.spool.memory import MemorySpool

from .samples import body_of, stored


async def test_what_fits_is_stored_and_the_rest_is_not() -> None:
    spool = MemorySpool(room=10)
    token = (await stored(spool, b"1234567")).token
    writer = spool.writer(token)
    with pytest.raises(SpoolError, match="no room"):
        writer.write(b"89abc")
    assert writer.offset == 10
    assert body_of(spool, token) == b"123456789a"


async def test_what_fits_exactly_is_stored() -> None:
    spool = MemorySpool(room=4)
    token = (await stored(spool, b"1234")).token
    assert body_of(spool, token) == b"1234"
    assert not await spool.writable()


async def test_room_can_be_made() -> None:
    spool = MemorySpool(room=0)
    token = (await stored(spool)).token
    writer = spool.writer(token)
    with pytest.raises(SpoolError):
        writer.write(b"too early")
    spool.room = None
    writer.write(b"in time")
    assert body_of(spool, token) == b"in time"
