"""Files and directories on the spool's terms: private, whole, never through a link.

Thin calls of the operating system with our flags and modes. They raise ``OSError``;
turning that into a ``SpoolError`` is the business of who called. Modes are told with
the call that makes a file, so that a umask can take from them and never adds. The one
invariant: ``replace`` leaves either the earlier content or the new one under a name.
"""

# paths are plain strings: an object for each costs more than the call on it
# ruff: noqa: PTH101, PTH102, PTH104, PTH108, PTH112

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_WRITE = os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
_CHANGE = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
# without O_NONBLOCK the open of a FIFO that somebody put there would never return
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_LIST = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY

NEW = ".new"
"""Ends the name of a file that is not whole yet."""


def create(path: str) -> int:
    """Descriptor of a new, empty file, open for writing."""
    return os.open(path, _CREATE, PRIVATE_FILE)


def write_new(path: str, content: bytes, *, sync: bool) -> None:
    """Create the file with `content`; when that fails there is no such file."""
    fd = create(path)
    try:
        try:
            write_all(fd, content)
            if sync:
                os.fdatasync(fd)
        finally:
            os.close(fd)
    except OSError:
        remove(path)
        raise


def replace(
    path: str, content: bytes, *, sync: bool, first: Callable[[], None] | None = None
) -> None:
    """Put `content` under the name `path`, whole or not at all.

    With `sync` it is on the disk before the name points to it; that the name does is
    made durable by ``sync_directory``. Without, a power loss may leave nothing of
    either content. `first` is called between the two. Not for two at a time.
    """
    new = path + NEW
    try:
        write_new(new, content, sync=sync)
    except FileExistsError:
        # left by a process that died while it wrote
        remove(new)
        write_new(new, content, sync=sync)
    try:
        if first is not None:
            first()
        os.rename(new, path)
    except OSError:
        remove(new)
        raise


def write_all(fd: int, content: bytes) -> None:
    """Write `content` to the start of the file, in as many calls as it takes."""
    offset = 0
    with memoryview(content) as view:
        while offset < len(view):
            offset += os.pwrite(fd, view[offset:], offset)


_PIECE = 256 * 1024
"""Bytes that are written again at a time."""


def write_through(fd: int) -> None:
    """Make the content of the file, which is open to be changed, durable, whatever
    became of earlier tries.

    The kernel tells of a sync that failed once, and takes the pages for clean from then
    on: the next sync would say nothing of what was lost. So they are made dirty again.
    Not for a file whose content was durable before: a disk that fails could spoil it.
    """
    offset = 0
    while piece := os.pread(fd, _PIECE, offset):
        offset += os.pwrite(fd, piece, offset)
    os.fdatasync(fd)


@contextmanager
def to_change(path: str) -> Iterator[int | None]:
    """An existing file, open for reading and writing meanwhile; None: there is none."""
    try:
        fd = os.open(path, _CHANGE)
    except FileNotFoundError:
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


def is_at(path: str, fd: int) -> bool:
    """Whether the name points to the open file."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(fd))
    except FileNotFoundError:
        return False


@contextmanager
def to_write(path: str) -> Iterator[int]:
    """An existing file, open for writing meanwhile."""
    fd = open_to_write(path)
    try:
        yield fd
    finally:
        os.close(fd)


def open_to_write(path: str) -> int:
    """Descriptor of an existing file, open for writing."""
    return os.open(path, _WRITE)


def open_to_read(path: str) -> int:
    """Descriptor of an existing file, open for reading."""
    return os.open(path, _READ)


def read(path: str, limit: int) -> bytes:
    """The content of the file, no more than `limit` bytes of it."""
    fd = open_to_read(path)
    try:
        return os.read(fd, _size(fd, limit))
    finally:
        os.close(fd)


def content(fd: int, limit: int) -> bytes:
    """What an open file holds, no more than `limit` bytes of it."""
    return os.pread(fd, _size(fd, limit), 0)


def _size(fd: int, limit: int) -> int:
    """Bytes to be read: memory is taken for as many as are asked for."""
    return min(os.fstat(fd).st_size, limit)


def size(path: str) -> int | None:
    """Bytes of the file; None when there is none, or something that is not a file."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def cut(path: str, length: int, *, sync: bool) -> None:
    """Shorten the file to `length` bytes."""
    fd = open_to_write(path)
    try:
        os.ftruncate(fd, length)
        if sync:
            os.fdatasync(fd)
    finally:
        os.close(fd)


def rename(path: str, to: str) -> None:
    """Move the name, whatever it is that has the other one; none is moved when it is
    not there, as when somebody else was faster."""
    try:
        os.rename(path, to)
    except FileNotFoundError:
        return


def remove(path: str) -> None:
    """Remove the name; one that is not there is no error."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        # it is gone, as was asked for
        pass


def is_directory(path: str) -> bool:
    """Whether a directory stands there, itself and not through a link."""
    found = mode(path)
    return found is not None and stat.S_ISDIR(found)


def mode(path: str) -> int | None:
    """What stands there, as ``stat`` tells it, itself and not through a link; None:
    nothing does."""
    try:
        return os.lstat(path).st_mode
    except FileNotFoundError:
        return None


def make_directory(path: str) -> bool:
    """Make the directory; False when it was there, with whatever rights it has."""
    try:
        os.mkdir(path, PRIVATE_DIRECTORY)
    except FileExistsError:
        if is_directory(path):
            return False
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
    os.chmod(path, PRIVATE_DIRECTORY)
    return True


def make_directories(path: str) -> list[str]:
    """Make the directory and those above it that are missing; those made, outermost
    first."""
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    return [path for path in reversed(missing) if make_directory(path)]


def sync_directory(path: str) -> None:
    """Make the names in the directory durable, those that went away included."""
    fd = os.open(path, _LIST)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
