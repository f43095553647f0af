"""The hot path: the content of one request into the spool, and how it ended.

Nothing is awaited between two reads: what has been read is written to the page cache at
once, on the loop. Any other await there would lose bytes when the client cuts, and a
thread per chunk costs three times the CPU. Long bodies may come without any read, from
the event loop itself (``pour``). After a cut, what the connection still held is stored
too, so that every byte that reached the process counts (P2).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from proxy.core.endings import Ending
from proxy.core.errors import ClientGone, Gone, NoRoom, SpoolError
from proxy.spool import Writer


class Body(Protocol):
    """The content of a request, as it comes in."""

    @property
    def gone(self) -> Gone | None:
        """Why the content did not come to its end; None while it may, or when it
        did."""

    @property
    def all_came(self) -> bool:
        """The proper end of the content has come, read or not."""

    @property
    def last_byte_at(self) -> float:
        """When the last byte came, in seconds of the event loop."""

    def begin(self) -> None:
        """The content is wanted: say `100 (Continue)` where the client waits for it
        (R65)."""

    async def pour(self, store: Callable[[memoryview], bool]) -> bool:
        """Give `store` what comes, without anybody reading, as far as that can be done;
        `read` gives the rest, or the end. False when `store` did not take all.

        Raises:
            SpoolError: from `store`.
        """

    async def read(self) -> bytes:
        """The next bytes, empty at the proper end.

        Raises:
            ClientGone: there will be no more; see `leftover`.
        """

    def leftover(self) -> bytes:
        """What had been received but not read when the content broke off."""

    def end(self, why: Gone) -> None:
        """Make the pending or next `read` raise ClientGone, without losing a byte."""


class Room(Protocol):
    """What may be stored."""

    @property
    def bound(self) -> int:
        """Offset up to which there is room."""

    def reach(self, offset: int, end: int) -> None:
        """All up to `offset` is stored; raise `bound` to `end`, or as far as may
        be."""


class Share(Protocol):
    """What may be stored of whose it is."""

    def up_to(self, end: int) -> int:
        """The offset up to which may be stored of content that reaches to `end`."""


async def receive(
    body: Body, writer: Writer, ceiling: int, room: Room, share: Share
) -> Ending:
    """Store the content of `body`, up to `ceiling` bytes of the upload in all, or as
    many as `share` leaves."""
    store = partial(_store, writer, ceiling, room, share)
    try:
        try:
            if not await body.pour(store):
                return Ending.OVERRAN
            while chunk := await body.read():
                if not store(chunk):
                    return Ending.OVERRAN
                del chunk  # a slow client would have it stay until the next one
        except ClientGone:
            if not store(body.leftover()):
                return Ending.OVERRAN
            # All of it had come before it was ended: then it has not been cut.
            return Ending.ENDED if body.all_came else Ending.CUT
    except NoRoom:
        return Ending.NO_ROOM
    except SpoolError:
        # What came before is stored and counted; what the client hears is said by
        # `endings.settle`, and by `reception` for those who need a cut (R97).
        return Ending.STORAGE_FAILED
    return Ending.ENDED


def _store(
    writer: Writer,
    ceiling: int,
    room: Room,
    share: Share,
    chunk: bytes | memoryview,
) -> bool:
    """Write what fits under `ceiling` and into `share`; False when that is not all.

    Raises:
        NoRoom: what there is room for is stored, and that is less.
        SpoolError: the spool fails.
    """
    offset = writer.offset
    end = max(offset, share.up_to(min(offset + len(chunk), ceiling)))
    if end > room.bound:
        room.reach(offset, end)
    fits = min(end, room.bound) - offset
    if fits == len(chunk):
        writer.write(chunk)
        return True
    writer.write(chunk[:fits])
    if fits < end - offset:
        raise NoRoom("there is no room for more")
    return False
