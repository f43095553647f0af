"""One body into the spool: how it ends, and that every byte that came is stored."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from proxy.core.endings import Ending
from proxy.core.errors import ClientGone, Gone, SpoolError
from proxy.intake import receive

PLENTY = 10**15


class Share:
    """What is left for whose the upload is: bytes of it in all."""

    def __init__(self, left: int = PLENTY) -> None:
        self._left = left

    def up_to(self, end: int) -> int:
        return min(end, self._left)


ALL = Share()


class Script:
    """A body that brings these chunks, and then ends or breaks off."""

    def __init__(
        self,
        *chunks: bytes,
        gone: Gone | None = None,
        leftover: bytes = b"",
        all_came: bool = False,
        poured: tuple[bytes, ...] = (),
    ) -> None:
        """`poured`: chunks that come before, without a read."""
        self._poured = list(poured)
        self._chunks = list(chunks)
        self.gone = gone
        self._leftover = leftover
        self.all_came = all_came
        self.last_byte_at = 0.0

    def begin(self) -> None:
        raise AssertionError("receiving starts after the client was told to send")

    async def pour(self, store: Callable[[memoryview], bool]) -> bool:
        while self._poured:
            if not store(memoryview(self._poured.pop(0))):
                return False
        return True

    async def read(self) -> bytes:
        if self._chunks:
            return self._chunks.pop(0)
        if self.gone is not None:
            raise ClientGone(self.gone)
        return b""

    def leftover(self) -> bytes:
        return self._leftover

    def end(self, why: Gone) -> None:
        self.gone = why


class Shelf:
    """A writer that takes `room` bytes and then fails."""

    def __init__(self, *, offset: int = 0, room: int = PLENTY) -> None:
        self.stored = b""
        self._start = offset
        self._room = room

    @property
    def offset(self) -> int:
        return self._start + len(self.stored)

    def write(self, chunk: bytes | memoryview) -> None:
        fits = chunk[: self._room - len(self.stored)]
        self.stored += fits
        if len(fits) < len(chunk):
            raise SpoolError("no space left on device")

    async def sync(self) -> int:
        raise AssertionError("nothing is synced between two reads")

    def close(self) -> None:
        raise AssertionError("not the intake's to close")


class Room:
    """Room up to `till`, drawn in steps of two bytes."""

    def __init__(self, till: int = PLENTY) -> None:
        self._till = till
        self.bound = 0
        self.reached: list[int] = []

    def reach(self, offset: int, end: int) -> None:
        self.reached.append(end)
        self.bound = min(max(end, offset + 2), self._till)


@pytest.mark.parametrize(
    ("body", "ceiling", "ending", "stored"),
    [
        (Script(), PLENTY, Ending.ENDED, b""),
        (Script(b"ab", b"c"), PLENTY, Ending.ENDED, b"abc"),
        (Script(b"ab", b"c"), 3, Ending.ENDED, b"abc"),
        (Script(b"ab", b"cd"), 3, Ending.OVERRAN, b"abc"),
        (Script(b"abcd"), 0, Ending.OVERRAN, b""),
        (Script(b"ab", gone=Gone.CUT), PLENTY, Ending.CUT, b"ab"),
        (Script(b"ab", gone=Gone.CUT, leftover=b"cd"), PLENTY, Ending.CUT, b"abcd"),
        (
            Script(gone=Gone.SUPERSEDED, leftover=b"abcd", all_came=True),
            PLENTY,
            Ending.ENDED,
            b"abcd",
        ),
        (Script(b"ab", gone=Gone.IDLE, leftover=b"cd"), 4, Ending.CUT, b"abcd"),
        (Script(b"ab", gone=Gone.IDLE, leftover=b"cd"), 3, Ending.OVERRAN, b"abc"),
        (Script(poured=(b"ab", b"c")), 3, Ending.ENDED, b"abc"),
        (Script(b"d", poured=(b"ab", b"c")), PLENTY, Ending.ENDED, b"abcd"),
        (Script(b"d", poured=(b"ab", b"c")), 2, Ending.OVERRAN, b"ab"),
        (Script(poured=(b"ab",), gone=Gone.CUT), PLENTY, Ending.CUT, b"ab"),
    ],
)
async def test_a_body_ends(
    body: Script, ceiling: int, ending: Ending, stored: bytes
) -> None:
    shelf = Shelf()
    assert await receive(body, shelf, ceiling, Room(), ALL) is ending
    assert shelf.stored == stored


async def test_the_ceiling_counts_from_the_start_of_the_upload() -> None:
    shelf = Shelf(offset=10)
    assert await receive(Script(b"abcdef"), shelf, 14, Room(), ALL) is Ending.OVERRAN
    assert shelf.stored == b"abcd"


async def test_what_fits_before_the_spool_fails_is_stored() -> None:
    shelf = Shelf(room=3)
    body = Script(b"ab", b"cd")
    assert await receive(body, shelf, PLENTY, Room(), ALL) is Ending.STORAGE_FAILED
    assert shelf.stored == b"abc"


async def test_a_spool_that_fails_without_a_read_is_a_storage_failure() -> None:
    shelf = Shelf(room=3)
    body = Script(poured=(b"ab", b"cd"))
    assert await receive(body, shelf, PLENTY, Room(), ALL) is Ending.STORAGE_FAILED
    assert shelf.stored == b"abc"


async def test_a_spool_that_fails_on_the_leftover_is_a_storage_failure() -> None:
    shelf = Shelf(room=3)
    body = Script(b"ab", gone=Gone.CUT, leftover=b"cd")
    assert await receive(body, shelf, PLENTY, Room(), ALL) is Ending.STORAGE_FAILED


@pytest.mark.parametrize(
    "body",
    [
        Script(b"ab", b"cd", b"e"),
        Script(b"abc", b"d"),
        Script(poured=(b"ab", b"cd")),
        Script(b"ab", gone=Gone.CUT, leftover=b"cd"),
    ],
)
async def test_what_there_is_room_for_is_stored(body: Script) -> None:
    shelf = Shelf()
    assert await receive(body, shelf, PLENTY, Room(3), ALL) is Ending.NO_ROOM
    assert shelf.stored == b"abc"


async def test_what_just_fits_is_no_lack_of_room() -> None:
    """An overrun is one all the same when there is no room for it either."""
    shelf = Shelf()
    assert (
        await receive(Script(b"ab", b"c"), shelf, PLENTY, Room(3), ALL) is Ending.ENDED
    )
    shelf = Shelf()
    assert await receive(Script(b"ab", b"cd"), shelf, 3, Room(3), ALL) is Ending.OVERRAN
    assert shelf.stored == b"abc"


@pytest.mark.parametrize("left", [2, 3])
async def test_no_more_is_stored_than_is_left_for_whose_it_is(left: int) -> None:
    """Nor less than nothing, should others have taken more meanwhile."""
    shelf = Shelf(offset=2)
    body = Script(b"ab", b"c")
    assert await receive(body, shelf, 5, Room(5), Share(left)) is Ending.OVERRAN
    assert shelf.stored == b"ab"[: left - 2]
    shelf = Shelf(offset=9)
    assert await receive(Script(b"a"), shelf, 99, Room(), Share(4)) is Ending.OVERRAN
    assert shelf.stored == b""


async def test_room_is_asked_for_only_where_it_ends() -> None:
    shelf, room = Shelf(), Room()
    body = Script(b"a", b"b", b"c", b"d", b"e")
    assert await receive(body, shelf, PLENTY, room, ALL) is Ending.ENDED
    assert room.reached == [1, 3, 5]


class Counting(Script):
    """A body that counts who still has the chunk that was read before."""

    def __init__(self, *chunks: bytes) -> None:
        super().__init__(*chunks)
        self._before = b""
        self.kept: list[int] = []

    async def read(self) -> bytes:
        self.kept.append(sys.getrefcount(self._before))
        self._before = await super().read()
        return self._before


async def test_what_has_been_stored_is_not_kept_until_the_next_chunk_comes() -> None:
    # Not literals, which the code itself has.
    body = Counting(*(bytes([number]) * 1000 for number in range(3)))
    assert await receive(body, Shelf(), PLENTY, Room(), ALL) is Ending.ENDED
    # One is the body's, one the question's. The first chunk the shelf has, too.
    assert body.kept[2:] == [2, 2]
