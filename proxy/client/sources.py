"""Where the bytes of an upload come from: a file, bytes, an iterator.

A source is read at offsets. One that cannot be read again keeps what the server has not
acknowledged, up to a bound. The one invariant: the same offset gives the same bytes, or
``SourceFailed``.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from .failures import Reason, SourceFailed

FIRST: Final = 65536
"""Bytes at the beginning by which a file is recognised."""
_BATCH: Final = 65536
"""Bytes that are taken of an iterator at a time, or a little more."""
_BATCH_S: Final = 0.05
"""Seconds for which more is waited for, so that what is live goes on."""
KEPT: Final = 8 << 20
"""Bytes that are kept of what cannot be read again, and was not acknowledged."""


@dataclass(frozen=True, slots=True)
class Mark:
    """By what a file is recognised."""

    path: str
    size: int
    mtime_ns: int
    first: str
    """SHA-256 of its first bytes, in hexadecimal."""


class Source(Protocol):
    """What is uploaded."""

    @property
    def length(self) -> int | None:
        """In bytes; None: its end was not seen yet."""

    @property
    def again(self) -> bool:
        """It can be read from its beginning again."""

    @property
    def mark(self) -> Mark | None:
        """None: it is no file."""

    async def look(self, end: int) -> None:
        """See whether it goes as far as `end`. Raises SourceFailed."""

    async def read(self, offset: int, size: int) -> bytes:
        """Bytes from `offset`, `size` at most; none at its end. Raises SourceFailed."""

    def release(self, offset: int) -> None:
        """What is before `offset` is not asked for again."""

    def close(self) -> None:
        """Nothing more is read."""


class BytesSource:
    """Bytes in memory."""

    again = True
    mark = None

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.length = len(content)

    async def look(self, end: int) -> None:
        """Everything was seen."""

    async def read(self, offset: int, size: int) -> bytes:
        return self._content[offset : offset + size]

    def release(self, offset: int) -> None:
        """The caller has them anyway."""

    def close(self) -> None:
        """There is nothing to be closed."""


class FileSource:
    """A file, which must not change meanwhile."""

    again = True

    def __init__(self, path: Path, mark: Mark | None = None) -> None:
        """mark: what it was when the upload began; None: it begins now.

        Raises:
            SourceFailed: it is not what it was.
            OSError: it cannot be read.
        """
        self._file = path.open("rb")
        self.mark = _mark(self._file.fileno(), path)
        self.length = self.mark.size
        if mark is not None and not _same(mark, self.mark):
            self._file.close()
            words = f"{path}: is not the file that it was when the upload began"
            raise SourceFailed(Reason.CHANGED, words)

    async def look(self, end: int) -> None:
        """Its length is known."""

    async def read(self, offset: int, size: int) -> bytes:
        data = await asyncio.to_thread(os.pread, self._file.fileno(), size, offset)
        now = os.fstat(self._file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self.mark.size, self.mark.mtime_ns):
            words = f"{self.mark.path}: changed while it was uploaded"
            raise SourceFailed(Reason.CHANGED, words)
        return data

    def release(self, offset: int) -> None:
        """The file stays."""

    def close(self) -> None:
        self._file.close()


def _mark(descriptor: int, path: Path) -> Mark:
    status = os.fstat(descriptor)
    first = hashlib.sha256(os.pread(descriptor, FIRST, 0)).hexdigest()
    return Mark(str(path.absolute()), status.st_size, status.st_mtime_ns, first)


def _same(one: Mark, other: Mark) -> bool:
    """A file that was moved is the same one."""
    return (one.size, one.mtime_ns, one.first) == (
        other.size,
        other.mtime_ns,
        other.first,
    )


class StreamSource:
    """Pieces from an iterator; of what it gave, a bounded part can be given again."""

    again = False
    mark = None

    def __init__(self, pieces: AsyncIterable[bytes], length: int | None = None) -> None:
        """length: of all of it in bytes; None: not known before its end."""
        self._pieces = aiter(pieces)
        self._announced = length
        self.length = length
        self._begin = 0
        """Of what is kept."""
        self._kept = bytearray()
        self._bound = KEPT
        """Bytes that are kept; more when one part has more."""
        self._ended = False

    async def look(self, end: int) -> None:
        self._bound = max(KEPT, end - self._begin)
        await self._fill(end)

    async def _fill(self, end: int) -> None:
        while not self._ended and self._begin + len(self._kept) < end:
            await self._pull()

    async def read(self, offset: int, size: int) -> bytes:
        if offset < self._begin:
            words = (
                f"the server wants to go on at {offset}, and the source, which cannot "
                f"be read again, has nothing before {self._begin} any more"
            )
            raise SourceFailed(Reason.CANNOT_GO_BACK, words)
        await self._skip(offset)
        if self._announced is not None and offset + size >= self._announced:
            await self._fill(self._announced + 1)  # it ends there, or it is not it
        await self._fill(offset + 1)
        self.release(offset - self._bound)
        start = offset - self._begin
        return bytes(self._kept[start : start + size])

    def release(self, offset: int) -> None:
        gone = min(max(0, offset - self._begin), len(self._kept))
        del self._kept[:gone]
        self._begin += gone

    def close(self) -> None:
        """Whoever made the iterator ends it."""

    async def _skip(self, offset: int) -> None:
        """Of what was acknowledged in another process, nothing is kept."""
        while not self._ended and self._begin + len(self._kept) < offset:
            self.release(offset)
            await self._pull()

    async def _pull(self) -> None:
        try:
            piece = await anext(self._pieces)
        except StopAsyncIteration:
            self._end()
            return
        except Exception as exc:  # of the caller's own code: anything can come of it
            # and an OSError of theirs must not be taken for one of the connection
            words = f"the source raised {type(exc).__name__}: {exc}"
            raise SourceFailed(Reason.UNREADABLE, words) from exc
        self._kept += piece
        got = self._begin + len(self._kept)
        if self._announced is not None and got > self._announced:
            words = f"{self._announced} bytes were told, and the source goes on"
            raise SourceFailed(Reason.CHANGED, words)

    def _end(self) -> None:
        self._ended = True
        length = self._begin + len(self._kept)
        if self._announced not in (None, length):
            words = f"the source has {length} bytes, and {self._announced} were told"
            raise SourceFailed(Reason.CHANGED, words)
        self.length = length


@runtime_checkable
class Readable(Protocol):
    """An open binary file, or what is read as one."""

    def read(self, size: int, /) -> bytes:
        """Bytes, `size` at most; none at its end."""


async def _in_batches(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """An ordinary iterator, whose turns may block.

    A hop to a thread costs more than many a piece, such as a line; so it brings as
    many as are there.
    """
    turns, more = iter(pieces), True
    while more:
        batch, more = await asyncio.to_thread(_batch, turns)
        yield batch


def _batch(turns: Iterator[bytes]) -> tuple[bytes, bool]:
    """Pieces in one, and whether there may be more."""
    batch, until = bytearray(), time.monotonic() + _BATCH_S
    for piece in turns:
        batch += piece
        if len(batch) >= _BATCH or time.monotonic() >= until:
            return bytes(batch), True
    return bytes(batch), False


async def _read(opened: Readable) -> AsyncIterator[bytes]:
    while data := await asyncio.to_thread(opened.read, _BATCH):
        yield data


Given = (
    bytes
    | bytearray
    | memoryview
    | Path
    | str
    | Readable
    | Iterable[bytes]
    | AsyncIterable[bytes]
)
"""What can be uploaded; ``str`` is the path of a file."""


def source_of(
    given: Given, length: int | None = None, mark: Mark | None = None
) -> Source:
    """`given` as a source; `length` is of iterators, `mark` of files.

    Raises:
        SourceFailed: the file is not what it was.
        OSError: the file cannot be read.
    """
    if isinstance(given, str | Path):
        return FileSource(Path(given), mark)
    if isinstance(given, bytes | bytearray | memoryview):
        return BytesSource(bytes(given))
    if isinstance(given, AsyncIterable):
        return StreamSource(given, length)
    if isinstance(given, Readable):  # before iterators: a file is one, of lines
        return StreamSource(_read(given), length)
    return StreamSource(_in_batches(given), length)
