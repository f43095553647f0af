"""What a spool holds and has promised: figures that its processes share.

Each process has a slot in one small file and writes nobody else's, so that no process
waits for another. A slot is owned by a lock that dies with its owner: then what it had
promised counts no more, what it had counted as stored stays, and the next process takes
the slot over. What has been promised for a while after a request (see ``hold``) is kept
apart, by upload, so that whichever process goes on with the upload finds it.

Counting misses what a process did not live to say, and what others do in the directory;
``reckoning`` measures it all from time to time and sets it right, while counting goes
on: each slot also counts what changed where that round had already been. What has been
stored and not counted yet is counted just before it is measured (``counted.Growing``).

Plain reads and writes, because a mapped file kills the process when its disk fails. A
failed one is not told: the figures are absolute, the next one heals it, and whoever
cannot store finds that out by storing. The one invariant: used bytes are the base and
the counts of all slots, and nobody waits to learn them.
"""

from __future__ import annotations

import math
import os
import struct
from contextlib import ExitStack, closing
from hashlib import blake2b
from pathlib import Path
from typing import Final

from proxy.core.errors import SpoolError
from proxy.core.room import UNBOUNDED, Space
from proxy.core.upload import Token

from . import files
from .failures import translated
from .locks import RangeLocks

SLOTS: Final = 64
"""Processes on one spool, at most."""
HELD: Final = 512
"""Uploads that room is held for; two that meet in one place push each other out."""
PUBLISHED: Final = 2**20
"""Bytes by which what others see of us may be behind."""

_HEADER: Final = struct.Struct("<qqq")
"""Base: bytes used beside what slots count; round, of the reckoning; the place it has
come to, see ``place``."""
_SLOT: Final = struct.Struct("<qqqq")
"""Bytes stored, in all; of these, where the round had been; that round; promised."""
_HOLD: Final = struct.Struct("<Qqq")
"""Upload, hashed; bytes; end, in whole seconds of the lifetime clock."""
_SLOTS_AT: Final = 64
_HOLDS_AT: Final = _SLOTS_AT + SLOTS * _SLOT.size
_SIZE: Final = _HOLDS_AT + HELD * _HOLD.size
_RECKONER: Final = SLOTS
"""Number of the lock of who reckons; those below are the slots'."""

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Figures:
    """One process's share of the figures of the spool in `directory`; see `DiskSpool`.

    Raises:
        SpoolError: the file cannot be used, or 64 processes use it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = str(directory)
        path = f"{self._directory}/figures"
        with ExitStack() as opened:
            self._locks = opened.enter_context(closing(RangeLocks(path)))
            with translated("the figures of the spool cannot be opened"):
                self._fd = os.open(path, _FLAGS, files.PRIVATE_FILE)
            opened.callback(os.close, self._fd)
            try:
                os.posix_fallocate(self._fd, 0, _SIZE)
            except OSError:
                # A full disk must not hold up the start: what is missing reads as
                # zeros.
                pass
            self._slot = self._take()
            opened.pop_all()
        self._total, self._seen, self._round, _ = self._slots()[self._slot]
        self._promised = self._published = 0
        self.publish()

    def _take(self) -> int:
        for slot in range(SLOTS):
            if self._locks.try_lock(slot):
                return slot
        raise SpoolError(f"{SLOTS} processes use the spool, which is as many as can")

    def close(self) -> None:
        """Promise nothing any more, and give the slot back."""
        self._promised = 0
        self.publish()
        fd, self._fd = self._fd, -1
        os.close(fd)
        self._locks.close()

    def changed(self, token: Token, by: int, *, promised: int = 0) -> None:
        """`by` bytes of the upload's body or answer were stored, or removed if
        negative, and `promised` bytes more are promised, or fewer: others see both at
        once."""
        _, current, come_to = self._header()
        if self._round != current:
            self._round, self._seen = current, 0
        if place(token[:2]) <= come_to:
            self._seen += by
        self._total += by
        self._promised += promised
        self.publish()

    def promise(self, by: int) -> None:
        """Promise `by` bytes more, or fewer if negative; told to others soon."""
        self._promised += by
        if abs(self._promised - self._published) >= PUBLISHED:
            self.publish()

    def publish(self) -> None:
        """Tell other processes now."""
        self._published = self._promised
        told = _SLOT.pack(self._total, self._seen, self._round, self._promised)
        self._write(_SLOTS_AT + self._slot * _SLOT.size, told)

    def hold(self, token: Token, size: int, until_s: float) -> None:
        """Promise `size` bytes to the upload until then, whatever becomes of us."""
        content = _HOLD.pack(_hashed(token), size, math.ceil(until_s))
        self._write(_hold_at(token), content)

    def let_go(self, token: Token) -> tuple[int, float] | None:
        """Promise that no more; bytes and end of the promise, None when there was
        none."""
        found, size, until = self._read(_HOLD, _hold_at(token))
        if found != _hashed(token) or not size:
            return None
        self._write(_hold_at(token), bytes(_HOLD.size))
        return size, until

    def look(self, now: float) -> Space:
        """How everything stands at `now`, seconds of the lifetime clock.

        Where the file system does not tell, as when it is gone, nobody is held up here.
        """
        used, promised = self._shared(now)
        try:
            told = os.statvfs(self._directory)
        except OSError:
            return Space(used, promised, free=UNBOUNDED, size=UNBOUNDED)
        return Space(
            used,
            promised,
            free=told.f_bavail * told.f_frsize,
            size=told.f_blocks * told.f_frsize,
        )

    def _shared(self, now: float) -> tuple[int, int]:
        """Bytes used and bytes promised, by all processes."""
        content = self._bytes(_SIZE, 0)
        base, _, _ = _HEADER.unpack_from(content)
        slots = list(_SLOT.iter_unpack(content[_SLOTS_AT:_HOLDS_AT]))
        slots[self._slot] = (self._total, self._seen, self._round, self._promised)
        used = base + sum(total for total, _, _, _ in slots)
        promised = sum(
            size
            for slot, (_, _, _, size) in enumerate(slots)
            if size and (slot == self._slot or self._locks.is_taken(slot))
        )
        promised += sum(
            size
            for _, size, until in _HOLD.iter_unpack(content[_HOLDS_AT:])
            if until > now
        )
        return max(0, used), max(0, promised)

    def begin_round(self) -> bool:
        """Begin to reckon; False when another process does."""
        if not self._locks.try_lock(_RECKONER):
            return False
        base, last, _ = self._header()
        self._write(0, _HEADER.pack(base, last + 1, 0))
        return True

    def come_to(self, shard: str) -> None:
        """All shards up to this one have been measured in this round."""
        base, current, _ = self._header()
        self._write(0, _HEADER.pack(base, current, place(shard)))

    def end_round(self, measured: int) -> None:
        """`measured` bytes were found in all, each at its time."""
        _, current, come_to = self._header()
        slots = self._slots()
        since = sum(seen for _, seen, number, _ in slots if number == current)
        counted = sum(total for total, _, _, _ in slots)
        base = measured + since - counted
        self._write(0, _HEADER.pack(base, current, come_to))

    def _header(self) -> tuple[int, int, int]:
        base, current, come_to = self._read(_HEADER, 0)
        return base, current, come_to

    def _slots(self) -> list[tuple[int, ...]]:
        return list(_SLOT.iter_unpack(self._bytes(SLOTS * _SLOT.size, _SLOTS_AT)))

    def _read(self, form: struct.Struct, at: int) -> tuple[int, ...]:
        return form.unpack(self._bytes(form.size, at))

    def _bytes(self, size: int, at: int) -> bytes:
        try:
            found = os.pread(self._fd, size, at)
        except OSError:
            found = b""
        return found.ljust(size, b"\0")

    def _write(self, at: int, content: bytes) -> None:
        try:
            os.pwrite(self._fd, content, at)
        except OSError:
            # See above: what is written next says it all again.
            pass


def place(shard: str) -> int:
    """Where a shard comes in a round: in the order of their names, from 1 on."""
    return ord(shard[0]) << 8 | ord(shard[1])


def _hashed(token: Token) -> int:
    """Names the upload, and gives nobody access to it."""
    return int.from_bytes(blake2b(token.encode(), digest_size=8).digest(), "little")


def _hold_at(token: Token) -> int:
    return _HOLDS_AT + _hashed(token) % HELD * _HOLD.size
