"""The open ends of an upload in memory, which go on on the disk once it has moved.

Whoever writes does not notice: the offset goes on where it was. The one invariant:
between two writes nothing is awaited, also where one of them moves the upload.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from . import Spool, Writer
from .held import Held, closed
from .room import Room


class Mover(Protocol):
    """What writers ask of the spool they are of."""

    @property
    def disk(self) -> Spool: ...

    @property
    def room(self) -> Room: ...

    def tell_kept(self, held: Held) -> None:
        """Have what is kept of its body known."""

    def move(self, held: Held) -> None:
        """Bring it to the disk, unless it is there. Raises SpoolError."""


class BodyWriter:
    """Writes to the end of a body."""

    def __init__(self, spool: Mover, held: Held, *, to_be_told: bool) -> None:
        self._spool = spool
        self._room = spool.room
        self._held = held
        self._to_be_told = to_be_told
        self._offset = len(held.whole_body())
        self._below: Writer | None = None
        """On the disk, once it is there and was written to."""
        self._open = True

    @property
    def offset(self) -> int:
        """See ``Writer``."""
        return self._offset if self._below is None else self._below.offset

    def write(self, chunk: bytes | memoryview) -> None:
        """See ``Writer``."""
        if self._stays(len(chunk)):
            self._held.whole_body().extend(chunk)
            self._offset += len(chunk)
        else:
            self._down().write(chunk)

    def _stays(self, size: int) -> bool:
        """Whether so many bytes more stay in memory; then they are taken there."""
        here = self._open and self._below is None
        return here and self._room.takes(self._held, size)

    async def sync(self) -> int:
        """See ``Writer``. What is durable is on the disk: it moves there."""
        return await self._down().sync()

    def close(self) -> None:
        """See ``Writer``."""
        self._open = False
        self._spool.tell_kept(self._held)
        if self._below is not None:
            self._below.close()

    def _down(self) -> Writer:
        """The writer on the disk. Raises SpoolError."""
        if not self._open:
            raise closed()
        if self._below is None:
            self._held.check_not_removed()
            self._spool.move(self._held)
            self._below = self._spool.disk.writer(
                self._held.upload.token, to_be_told=self._to_be_told
            )
        return self._below


class AnswerWriter:
    """Writes the content of an answer."""

    def __init__(self, spool: Mover, held: Held) -> None:
        self._spool = spool
        self._room = spool.room
        self._held = held
        held.users += 1
        self._content = held.answer
        self._below: Writer | None = None
        """On the disk, once it is there and was written to."""
        self._open = True

    @property
    def offset(self) -> int:
        """See ``Writer``."""
        return len(self._content) if self._below is None else self._below.offset

    def write(self, chunk: bytes | memoryview) -> None:
        """See ``Writer``."""
        if self._stays(len(chunk)):
            self._content += chunk
        else:
            self._down().write(chunk)

    def _stays(self, size: int) -> bool:
        """Whether so many bytes more stay in memory; then they are taken there."""
        here = self._open and self._below is None
        return here and self._room.takes_answer(self._held, size)

    async def sync(self) -> int:
        """See ``Writer``. In memory nothing is durable, and nothing has to be."""
        if self._open and self._held.is_here:
            return self.offset
        size = await self._down().sync()
        # The record that moved with it says that there is an answer.
        await self._spool.disk.secure(self._held.upload.token)
        return size

    def close(self) -> None:
        """See ``Writer``."""
        if self._open:
            self._open = False
            self._room.leave(self._held)
        if self._below is not None:
            self._below.close()

    def _down(self) -> Writer:
        """The writer on the disk, with all that was written so far. Raises
        SpoolError."""
        if not self._open:
            raise closed()
        if self._below is None:
            self._held.check_not_removed()
            self._spool.move(self._held)
            below = self._spool.disk.answer_writer(self._held.upload.token)
            try:
                below.write(bytes(self._content))
            except BaseException:  # the descriptor is nobody's yet
                below.close()
                raise
            self._below = below
            self._content = bytearray()
        return self._below


class ShownAnswerWriter:
    """Writes the content of an answer to the disk, durable only if it has to be."""

    def __init__(self, below: Writer, is_told: Callable[[], bool]) -> None:
        """`is_told`: true as long as the upload as a whole need not be durable, and
        what is seen of it tells how long the content is."""
        self._below = below
        self._is_told = is_told

    @property
    def offset(self) -> int:
        """See ``Writer``."""
        return self._below.offset

    def write(self, chunk: bytes | memoryview) -> None:
        """See ``Writer``."""
        self._below.write(chunk)

    async def sync(self) -> int:
        """See ``Writer``."""
        return self.offset if self._is_told() else await self._below.sync()

    def close(self) -> None:
        """See ``Writer``."""
        self._below.close()
