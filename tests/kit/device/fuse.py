"""One file, served to the kernel by the FUSE protocol, without any library.

The root of the mount is the file itself, so that there are no names and no
directories. The kernel's page cache over it writes through: each request of a loop
device is here before it is answered. The one invariant: requests are answered in the
order in which they came.

Source: linux/fuse.h, version 7.31 of the protocol.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Callable
from typing import Final, Protocol

_HEADER: Final = struct.Struct("=LLQQ")
_HEADER_SIZE: Final = 40
_ANSWER: Final = struct.Struct("=LiQ")
_INIT: Final = struct.Struct("=LLLLHHLLHH32x")
_ATTRIBUTES: Final = struct.Struct("=QL4x6Q3L5L4x4x")
_AT: Final = struct.Struct("=8xQL")
"""Where a read or write begins, and its size."""
_WRITE_SIZE: Final = 40

LARGEST: Final = 1 << 17
"""Bytes of one write."""
_BUFFER: Final = LARGEST + 4096
_BIG_WRITES: Final = 1 << 5
_MAX_PAGES: Final = 1 << 22

_GETATTR, _SETATTR, _OPEN, _READ, _WRITE = 3, 4, 14, 15, 16
_STATFS, _RELEASE, _FSYNC, _FLUSH, _INIT_OP = 17, 18, 20, 25, 26
_FORGET, _INTERRUPT, _DESTROY, _FORGET_MANY = 2, 36, 38, 42
_UNANSWERED: Final = (_FORGET, _INTERRUPT, _FORGET_MANY)


class Content(Protocol):
    """The content of the file. Each may raise OSError, which the caller is told."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, size: int) -> bytes: ...

    def write(self, offset: int, content: bytes) -> None: ...

    def flush(self) -> None: ...


class File:
    """Takes the place of the file `place` as long as the mount lasts."""

    def __init__(self, place: str, content: Content) -> None:
        self.descriptor = os.open("/dev/fuse", os.O_RDWR)
        """To be waited on: something to `serve` has come."""
        self._content = content
        options = f"fd={self.descriptor},rootmode={stat.S_IFREG:o},user_id=0,group_id=0"
        libc = ctypes.CDLL(None, use_errno=True)
        arguments = (b"drive", place.encode(), b"fuse", 0, options.encode())
        if libc.mount(*arguments):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), place)
        self._acts: dict[int, Callable[[bytes], bytes]] = {
            _INIT_OP: self._begin,
            _GETATTR: self._attributes,
            _SETATTR: self._attributes,
            _OPEN: lambda _: bytes(16),
            _READ: self._read,
            _WRITE: self._write,
            _FSYNC: self._flush,
            _FLUSH: lambda _: b"",
            _RELEASE: lambda _: b"",
            _STATFS: lambda _: bytes(80),
            _DESTROY: lambda _: b"",
        }

    def serve(self) -> bool:
        """Answer one request; False when it is not mounted any more."""
        try:
            asked = os.read(self.descriptor, _BUFFER)
        except OSError as exc:
            if exc.errno == errno.ENODEV:
                return False
            if exc.errno in (errno.ENOENT, errno.EINTR):
                return True  # the request was taken back
            raise
        _, operation, unique, _ = _HEADER.unpack_from(asked)
        if operation in _UNANSWERED:
            return True
        try:
            said, error = self._acts[operation](asked[_HEADER_SIZE:]), 0
        except KeyError:
            said, error = b"", -errno.ENOSYS
        except OSError as exc:
            said, error = b"", -(exc.errno or errno.EIO)
        os.write(self.descriptor, _ANSWER.pack(16 + len(said), error, unique) + said)
        return True

    def _begin(self, asked: bytes) -> bytes:
        readahead = struct.unpack_from("=L", asked, 8)[0]
        flags, pages = _BIG_WRITES | _MAX_PAGES, LARGEST // 4096
        return _INIT.pack(7, 31, readahead, flags, 16, 12, LARGEST, 1, pages, 0)

    def _attributes(self, _: bytes) -> bytes:
        size = self._content.size
        times, mode = (0, 0, 0), stat.S_IFREG | 0o600
        numbers = (1, size, size // 512, *times, *times, mode, 1, 0, 0, 0)
        return _ATTRIBUTES.pack(3600, 0, *numbers)

    def _read(self, asked: bytes) -> bytes:
        return self._content.read(*_AT.unpack_from(asked))

    def _write(self, asked: bytes) -> bytes:
        offset, size = _AT.unpack_from(asked)
        self._content.write(offset, asked[_WRITE_SIZE : _WRITE_SIZE + size])
        return struct.pack("=LL", size, 0)

    def _flush(self, _: bytes) -> bytes:
        self._content.flush()
        return b""
