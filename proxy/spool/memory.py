"""A spool in memory, which tests are played on, and the reader of bytes in memory.

The spool keeps the contract of ``proxy.spool`` except that nothing survives the
process, and no proxy runs on it: small uploads are kept in memory by ``tiers``, which
takes only the reader from here. It can be told how much room it has, so that a full
disk can be played without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from proxy.core.errors import SpoolError, UploadMissing
from proxy.core.upload import Token, Upload
from proxy.core.values import replace

from . import Reader, Writer
from .measure import UNFINISHED, measured


@dataclass(eq=False, slots=True)
class _Entry:
    upload: Upload
    body: bytearray | None
    """None once it has been dropped."""
    answer: bytearray


class MemorySpool:
    """Uploads in memory, with room for `room` bytes of bodies and answers."""

    def __init__(self, room: int | None = None) -> None:
        self.room = room
        """Bytes that may still be written; None: no limit. May be set at any time."""
        self._entries: dict[Token, _Entry] = {}

    async def create(self, upload: Upload) -> None:
        """See ``Spool``."""
        if upload.token in self._entries:
            raise SpoolError("the upload cannot be created: it is there")
        self._entries[upload.token] = _Entry(
            _unmeasured(upload), bytearray(), bytearray()
        )

    def adopt(self, upload: Upload, body: bytes | None, answer: bytes) -> None:
        """See ``Spool``."""
        size = len(body or b"") + len(answer)
        if upload.token in self._entries or (
            self.room is not None and size > self.room
        ):
            raise SpoolError("the upload cannot be created: it is there, or no room is")
        if self.room is not None:
            self.room -= size
        kept = None if body is None else bytearray(body)
        self._entries[upload.token] = _Entry(
            _unmeasured(upload), kept, bytearray(answer)
        )

    async def secure(self, token: Token, *, told: bool = False) -> None:
        """See ``Spool``. There is nothing here that survives the process."""

    async def load(self, token: Token) -> Upload:
        """See ``Spool``."""
        entry = self._entry(token)
        return measured(entry.upload, None if entry.body is None else len(entry.body))

    async def peek(self, token: Token) -> Upload:
        """See ``Spool``."""
        return await self.load(token)

    async def save(self, upload: Upload, *, durable: bool) -> None:
        """See ``Spool``."""
        self._entry(upload.token).upload = _unmeasured(upload)

    def is_of_this_boot(self, token: Token) -> bool:
        """See ``Spool``."""
        return True

    def writer(self, token: Token, *, to_be_told: bool = False) -> Writer:
        """See ``Spool``."""
        return _MemoryWriter(self, self._body(token))

    def reader(self, token: Token) -> Reader:
        """See ``Spool``."""
        return MemoryReader(self._body(token))

    def answer_writer(self, token: Token) -> Writer:
        """See ``Spool``."""
        entry = self._entry(token)
        entry.answer = bytearray()
        return _MemoryWriter(self, entry.answer)

    def answer_reader(self, token: Token) -> Reader:
        """See ``Spool``."""
        entry = self._entries.get(token)
        return MemoryReader(bytearray() if entry is None else entry.answer)

    async def drop_body(self, token: Token) -> None:
        """See ``Spool``."""
        if token in self._entries:
            self._entries[token].body = None

    async def drop_answer(self, token: Token) -> None:
        """See ``Spool``."""
        if token in self._entries:
            self._entries[token].answer = bytearray()

    async def delete(self, token: Token, *, durable: bool = False) -> None:
        """See ``Spool``."""
        self._entries.pop(token, None)

    def tokens(self) -> Iterator[Token]:
        """See ``Spool``."""
        return iter(list(self._entries))

    def unfinished(self) -> Iterator[Token]:
        """See ``Spool``."""
        for token, entry in list(self._entries.items()):
            if entry.upload.state in UNFINISHED:
                yield token

    async def writable(self) -> bool:
        """See ``Probe``."""
        return self.room is None or self.room > 0

    def _entry(self, token: Token) -> _Entry:
        try:
            return self._entries[token]
        except KeyError:
            raise UploadMissing("it has no record") from None

    def _body(self, token: Token) -> bytearray:
        body = self._entry(token).body
        if body is None:
            raise UploadMissing("it has no body")
        return body


def _unmeasured(upload: Upload) -> Upload:
    """What a record keeps of `upload`."""
    return replace(upload, offset=0)


class _MemoryWriter:
    def __init__(self, spool: MemorySpool, content: bytearray) -> None:
        self._spool = spool
        self._content = content
        self._open = True

    @property
    def offset(self) -> int:
        return len(self._content)

    def write(self, chunk: bytes | memoryview) -> None:
        if not self._open:
            raise SpoolError("the bytes cannot be stored: the writer is closed")
        room = self._spool.room
        self._content += chunk if room is None else chunk[:room]
        if room is not None:
            self._spool.room = max(0, room - len(chunk))
            if len(chunk) > room:
                raise SpoolError("the bytes cannot be stored: no room left")

    async def sync(self) -> int:
        return len(self._content)

    def close(self) -> None:
        self._open = False


class MemoryReader:
    """Reads what there was when it was opened."""

    descriptor: int | None = None
    """See ``Reader``."""

    def __init__(
        self, content: bytearray, closed: Callable[[], None] = lambda: None
    ) -> None:
        """`closed`: called once, when nothing more is read."""
        self._content = content
        self._closed = closed
        self.size = len(content)
        """See ``Reader``."""
        self._open = True

    def read(self, offset: int, size: int) -> bytes:
        """See ``Reader``."""
        if not self._open:
            raise SpoolError("the stored bytes cannot be read: the reader is closed")
        return bytes(self._content[offset : offset + size])

    def check(self) -> None:
        """See ``Reader``. Memory does not fail so."""

    def close(self) -> None:
        """See ``Reader``."""
        if self._open:
            self._open = False
            self._closed()
