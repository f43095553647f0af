"""Where bytes rest: what a spool promises, in words and as protocols.

A spool keeps, under an upload's token, its record, its body, and the content of the
answer it got. It decides nothing: states and lifetimes are the business of the rooms
above. Three promises hold for every implementation; ``test_contract`` and
``test_adopting`` in ``tests/spool`` check them:

- A record is replaced whole or not at all; a torn one is never loaded as another one.
- What ``sync`` and ``save(durable=True)`` have returned for survives power loss (unless
  the spool was told never to sync), everything written survives the death of the
  process. A spool may keep an upload in memory first, where neither holds, for as long
  as nobody was told an offset of it or has asked to ``secure`` it (P8, ``tiers``).
- ``load`` measures the offset from the stored body, and refuses an upload whose body is
  shorter than what was acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from proxy.core.upload import Token, Upload


class Writer(Protocol):
    """The one open end of an upload's body, or of its answer's content."""

    @property
    def offset(self) -> int:
        """Bytes stored so far, this call's included."""

    def write(self, chunk: bytes | memoryview) -> None:
        """Append `chunk`, without waiting for the disk. The hot path.

        The memory of a view may be used again: nothing of it is kept but as a copy.

        Raises:
            SpoolError: the bytes up to `offset` are stored, the rest is not.
        """

    async def sync(self) -> int:
        """Make everything written so far durable; returns the offset it now covers.

        Raises:
            SpoolError: nothing may be promised.
        """

    def close(self) -> None:
        """Let go of the file. Never raises, may be called twice."""


class Reader(Protocol):
    """A stored body, or the content of an answer, to be read from any position."""

    @property
    def size(self) -> int:
        """Bytes there are to read."""

    @property
    def descriptor(self) -> int | None:
        """The open file they are in, at the same offsets, for the kernel to copy from
        until `close`; None when they are in none."""

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes at `offset`; empty past the end.

        Raises:
            SpoolError: the bytes cannot be read.
        """

    def check(self) -> None:
        """Make sure that what has been read so far is what had been written.

        The kernel may have failed to write bytes that nobody has synced, and dropped
        them from memory: then others are read in their place, without an error. So this
        is to be asked after the last read, before anybody takes the whole for whole.

        Raises:
            InDoubt: it may not be; nor is it read again.
        """

    def close(self) -> None:
        """Let go of the file. Never raises, may be called twice."""


class Spool(Protocol):
    """Uploads by their token, which have been checked before.

    Safe for several processes as long as each upload is changed by one at a time.
    """

    async def create(self, upload: Upload) -> None:
        """Store the record of a new upload, with an empty body.

        Raises:
            SpoolError: nothing of it is stored.
        """

    def adopt(self, upload: Upload, body: bytes | None, answer: bytes) -> None:
        """Store an upload that has been kept elsewhere: whole, or not at all.

        At once, so that nothing can happen to it in between, and without waiting for
        the disk: what has to survive power loss is asked for by ``secure``, ``sync`` or
        the next durable ``save``. `body`: None when it has been dropped.

        Raises:
            SpoolError: nothing of it is stored.
        """

    async def secure(self, token: Token, *, told: bool = False) -> None:
        """Make sure that the upload survives the process: its client is gone, or waits.

        One whose request may have left survives power loss as such, too, and so does
        one that has no bytes yet, whose offset of 0 is about to be told; of its body
        nothing is promised. `told`: what was acknowledged of it is about to be told in
        any case, and be it 0 of one that has bytes. One that is not there is no error.

        Raises:
            SpoolError: nothing has changed.
        """

    async def load(self, token: Token) -> Upload:
        """The upload as recorded, with its offset measured.

        After a reboot the body is first cut back to what was acknowledged.

        Raises:
            UploadMissing: there is no such upload.
            UploadLost: its body is shorter than what was acknowledged, or its record
                cannot be read (UploadTooNew: it was written by a newer release).
            SpoolError: the spool cannot be read at the moment.
        """

    async def peek(self, token: Token) -> Upload:
        """The same, but without cutting anything back: for who holds no lease.

        Raises:
            UploadMissing, UploadLost, SpoolError: as `load`.
        """

    async def save(self, upload: Upload, *, durable: bool) -> None:
        """Replace the record, whole or not at all.

        With `durable` it survives power loss once this returns, but for one of which
        nothing was ever promised, see ``tiers``. An upload that is
        COMPLETE or FORWARDING is listed by `unfinished` from before this returns until
        it is saved in another state.

        Raises:
            SpoolError: the earlier record still stands; with `durable`, a power loss
                may put the new one in its place.
        """

    def is_of_this_boot(self, token: Token) -> bool:
        """Whether its record was written since the machine started: if not, bytes that
        were not acknowledged may read as others than were written.

        Raises:
            SpoolError: that cannot be told.
        """

    def writer(self, token: Token, *, to_be_told: bool = False) -> Writer:
        """Open the end of the body. The caller holds the upload's lease.

        `to_be_told`: a client waits for the offset at the end of what will be written,
        so the disk is set to work on it meanwhile, and the last ``sync`` is short.

        Raises:
            SpoolError
        """

    def reader(self, token: Token) -> Reader:
        """Open the body for reading.

        Raises:
            InDoubt: it may not be what was written.
            SpoolError: it cannot be read.
        """

    def answer_writer(self, token: Token) -> Writer:
        """Open the content of the answer, empty.

        Raises:
            SpoolError
        """

    def answer_reader(self, token: Token) -> Reader:
        """Open the content of the answer; one that was never written is empty.

        Raises:
            SpoolError
        """

    async def drop_body(self, token: Token) -> None:
        """Free the body of an upload that has been answered. Its offset is then its
        length."""

    async def drop_answer(self, token: Token) -> None:
        """Free the content of the answer."""

    async def delete(self, token: Token, *, durable: bool = False) -> None:
        """Remove everything of the upload; one that is not there is no error.

        With `durable` it does not come back after a power loss either.

        Raises:
            SpoolError
        """

    def tokens(self) -> Iterator[Token]:
        """Every upload there is, found lazily, in no order; foreign files are passed
        over."""

    def unfinished(self) -> Iterator[Token]:
        """The uploads that are COMPLETE or FORWARDING, without reading every record."""


class Probe(Protocol):
    """What readiness asks of a spool."""

    async def writable(self) -> bool:
        """True when a small file could just now be written and synced."""


class Stored:
    """The content of a reader as a stream, in chunks.

    256 KiB measured best for copying out of the page cache; larger chunks cost fresh
    pages for every bytes object.
    """

    def __init__(self, reader: Reader, chunk: int = 256 * 1024) -> None:
        self._reader = reader
        self._chunk = chunk
        self._offset = 0

    def __aiter__(self) -> Stored:
        return self

    async def __anext__(self) -> bytes:
        data = self._reader.read(self._offset, self._chunk)
        if not data:
            raise StopAsyncIteration
        self._offset += len(data)
        return data

    async def aclose(self) -> None:
        self._reader.close()
