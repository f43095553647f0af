"""A disk that forgets what was not synced, under the few calls the spool makes.

``Disk`` takes the place of the functions of ``os`` that change or sync something below
one directory. Each call is done for real, so the running process sees what a page cache
would show it, and written down: bytes are durable once their file was synced, names
once their directory was. ``leave`` then lays out what a power loss may have left.

It is harsher than file systems are: of what was not synced every piece of bytes and
every name survives or not on its own, in any order, and a file may have the size of
bytes that it lost. A failed sync loses its bytes for good, and the next one says
nothing. The one invariant: nothing is durable here that the spool has not synced.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from ..spool.system import Died

_CALLS: Final = (
    "mkdir",
    "open",
    "pwrite",
    "ftruncate",
    "rename",
    "unlink",
    "fdatasync",
    "fsync",
)


@dataclass(eq=False)
class _File:
    durable: bytearray = field(default_factory=bytearray)
    dirty: list[tuple[int, bytes | None]] = field(default_factory=list)
    """Written since the last sync, in order: (offset, bytes), or (length, None) where
    it was cut."""


class _Folder:
    pass


_Node = _File | _Folder | None
"""What a name may point to; None: there is no such name."""


class Disk:
    """The disk under `root`; all that is there already is durable."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self._root = str(root)
        self.dead = False
        """The process has died: no call of it does anything any more."""
        self.dies_after: int | None = None
        """Acts until it dies; None: it lives on."""
        self.fails_after = 0
        """Calls that still work before those that fail."""
        self.failures = 0
        """Calls that will fail then."""
        self.troubled: Callable[[], None] = lambda: None
        """Called when a call fails."""
        self._files: dict[int, _File] = {}
        self._names: dict[str, list[_Node]] = {}
        """What each name may point to after a power loss, oldest first; the last is
        what it points to now."""
        self._find(root)
        for name in _CALLS:
            patch.setattr(
                os, name, partial(getattr(self, f"_{name}"), getattr(os, name))
            )

    def act(self) -> None:
        """One more act of the process, which may be its last. Raises Died."""
        if self.dies_after is not None:
            self.dead |= self.dies_after <= 0
            self.dies_after -= 1
        if self.dead:
            raise Died

    def leave(self, place: Path, survives: Callable[[], bool], *, hollow: bool) -> None:
        """Lay out in `place` what a power loss leaves.

        `survives` is asked for each thing that was not durable; with `hollow` the size
        of a file survives where its bytes do not.
        """
        for path in sorted(self._names):
            found = place / os.path.relpath(path, self._root)
            if not found.parent.is_dir():
                continue
            match _one_of(self._names[path], survives):
                case _File() as file:
                    found.write_bytes(_content(file, survives, hollow=hollow))
                case _Folder():
                    found.mkdir()
                case None:
                    pass

    def _find(self, root: Path) -> None:
        for path in root.rglob("*"):
            if path.is_dir():
                self._names[str(path)] = [_Folder()]
            else:
                file = self._files[path.stat().st_ino] = _File()
                file.durable += path.read_bytes()
                self._names[str(path)] = [file]

    def _work(self) -> None:
        """A call that may fail, or be the last. Raises OSError, Died."""
        self.act()
        if self.failures and self.fails_after > 0:
            self.fails_after -= 1
        elif self.failures:
            self.failures -= 1
            self.troubled()
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _is_ours(self, path: Any) -> bool:
        return str(path).startswith(self._root + "/")

    def _point(self, path: str, node: _Node) -> None:
        self._names.setdefault(path, [None]).append(node)

    def _opened(self, fd: int) -> _File | None:
        return self._files.get(os.fstat(fd).st_ino) if self._place(fd) else None

    def _place(self, fd: int) -> str | None:
        """The path of what is open, when it lies here."""
        place = str(Path(f"/proc/self/fd/{fd}").readlink())
        return place if self._is_ours(place) or place == self._root else None

    def _open(self, real: Any, path: Any, flags: int, *args: Any, **named: Any) -> int:
        nameless = flags & os.O_TMPFILE == os.O_TMPFILE
        if not (nameless or flags & os.O_CREAT) or not self._is_ours(f"{path}/"):
            return int(real(path, flags, *args, **named))
        self._work()
        fd = int(real(path, flags, *args, **named))
        file = self._files[os.fstat(fd).st_ino] = _File()
        if not nameless:
            self._point(path, file)
        return fd

    def _mkdir(self, real: Any, path: Any, *args: Any, **named: Any) -> None:
        if self._is_ours(path):
            self._work()
        real(path, *args, **named)
        if self._is_ours(path):
            self._point(path, _Folder())

    def _rename(self, real: Any, old: Any, new: Any, **named: Any) -> None:
        if self._is_ours(old):
            self._work()
        real(old, new, **named)
        if self._is_ours(old):
            self._point(new, self._names[old][-1])
            self._point(old, None)

    def _unlink(self, real: Any, path: Any, **named: Any) -> None:
        if self._is_ours(path):
            self._work()
        real(path, **named)
        if self._is_ours(path):
            self._point(path, None)

    def _pwrite(self, real: Any, fd: int, content: Any, offset: int) -> int:
        file = self._opened(fd)
        if file is not None:
            self._work()
        written = int(real(fd, content, offset))
        if file is not None:
            file.dirty.append((offset, bytes(content[:written])))
        return written

    def _ftruncate(self, real: Any, fd: int, length: int) -> None:
        file = self._opened(fd)
        if file is not None:
            self._work()
            file.dirty.append((length, None))
        real(fd, length)

    def _fdatasync(self, real: Any, fd: int) -> None:
        file = self._opened(fd)
        if file is None:
            real(fd)
            return
        try:
            self._work()
        except OSError:
            _write(file.durable, [_hollow(piece) for piece in file.dirty])
            file.dirty.clear()
            raise
        _write(file.durable, file.dirty)
        file.dirty.clear()

    def _fsync(self, real: Any, fd: int) -> None:
        folder = self._place(fd)
        if folder is None:
            real(fd)
            return
        self._work()
        for path, nodes in self._names.items():
            if os.path.dirname(path) == folder:
                del nodes[:-1]


def _write(content: bytearray, pieces: list[tuple[int, bytes | None]]) -> None:
    for offset, written in pieces:
        if written is None:
            del content[offset:]
        else:
            content.extend(bytes(max(0, offset - len(content))))
            content[offset : offset + len(written)] = written


def _hollow(piece: tuple[int, bytes | None]) -> tuple[int, bytes | None]:
    offset, written = piece
    return offset, None if written is None else bytes(len(written))


def _one_of(nodes: list[_Node], survives: Callable[[], bool]) -> _Node:
    return next((node for node in reversed(nodes[1:]) if survives()), nodes[0])


def _content(file: _File, survives: Callable[[], bool], *, hollow: bool) -> bytes:
    content = bytearray(file.durable)
    for piece in file.dirty:
        if survives():
            _write(content, [piece])
        elif hollow:
            _write(content, [_hollow(piece)])
    return bytes(content)
