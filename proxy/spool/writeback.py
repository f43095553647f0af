"""How closely the disk follows a body that is being written.

The kernel lets a process write to memory until too much of it is dirty, and then holds
up every write, the event loop's too. ``sync_file_range`` starts the writing before
that. It promises nothing: no metadata, no flush of the drive's cache. Python has no
such call, so it comes through ctypes, and only where the C library knows it.
"""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is written before the disk is set to work on it."""

    start: int
    """Bytes between two starts of write-back."""
    sync: int | None = None
    """Bytes between two syncs that nobody waits for; None: there are none, except
    where write-back cannot be started alone."""
    pause_s: float = 0.0
    """Seconds between two starts: what comes so fast may be over, and gone, before the
    disk is asked for anything."""
    most: int | None = None
    """Bytes that no pause holds up; None: any number."""

    @property
    def step(self) -> int:
        """Bytes from one start to where the next may be due."""
        return self.start if self.most is None else min(self.start, self.most)

    def wait(self, dirty: int, since_s: float) -> int:
        """Bytes to come before it is looked at again whether a start is due, with so
        many `dirty` since the last one, `since_s` seconds ago; 0: it is due."""
        if since_s >= self.pause_s:
            return 0
        if self.most is None:
            return self.step
        return max(0, min(self.step, self.most - dirty))

    def within(self, background: int | None) -> Pace:
        """The same where the kernel itself writes from so many dirty bytes on, see
        ``dirty``: half of them are for each body. None: not known."""
        if background is None:
            return self
        return replace(self, most=max(_LEAST, background // 2))

    @property
    def sync_instead(self) -> int:
        """Bytes between two syncs where write-back cannot be started alone."""
        return self.step if self.sync is None else self.sync


_LEAST: Final = 16 * _MIB
"""Bytes worth a hop to a thread, however little memory there is."""

RELAXED: Final = Pace(start=256 * _MIB, pause_s=2.0)
"""For what nobody waits for: so large that ordinary uploads never get there, nor a
longer one that is over in two seconds. The disk is spared what is deleted in a moment:
1 GiB in one request came at 1,600 MiB/s by that, and without the pause at 1,085. Who is
cut, and comes back, waits for the sync of what came in two seconds, or of 256 MiB."""

CLOSE: Final = Pace(start=2 * _MIB, sync=64 * _MIB)
"""For a part at whose end a client waits for the sync: the drive writes while the rest
comes in. 1 MiB measured no faster and costs more hops to a thread; with 8 MiB most of a
part of 16 MiB is left to its end. The syncs bound what the cache of the drive holds."""

AT_THE_END: Final = Pace(start=2**62)
"""For the content of answers, which is small and durable all at once."""

_SYNC_FILE_RANGE_WAIT_BEFORE = 1
_SYNC_FILE_RANGE_WRITE = 2
_FAR: Final = 2**62
"""An offset behind the end of every file."""
_LOSSES: Final = frozenset({errno.EIO, errno.ENOSPC, errno.EDQUOT})
"""What the kernel says of bytes that it could not write, and keeps no longer."""

StartRange = Callable[[int, int, int], object]
"""Start writing back (descriptor, offset, size); the outcome means nothing."""


def find_start_range(library: object) -> StartRange | None:
    """The call that starts write-back in `library`; None when it has none."""
    function = getattr(library, "sync_file_range", None)
    if function is None:
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    function.restype = ctypes.c_int

    def start(fd: int, offset: int, size: int) -> object:
        return function(fd, offset, size, _SYNC_FILE_RANGE_WRITE)

    return start


HasLost = Callable[[int], bool]
"""Whether write-back of the descriptor's file has failed, and this descriptor has not
been told so: since it was opened, or before that and nobody was."""


def find_has_lost(library: object) -> HasLost | None:
    """The question put by way of `library`; None when it cannot be.

    It is the end of a wait for write-back, of a part of the file where there is none.
    """
    function = getattr(library, "sync_file_range", None)
    if function is None:
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    function.restype = ctypes.c_int

    def has_lost(fd: int) -> bool:
        failed = function(fd, _FAR, 1, _SYNC_FILE_RANGE_WAIT_BEFORE) != 0
        return failed and ctypes.get_errno() in _LOSSES

    return has_lost


_LIBRARY: Final = ctypes.CDLL(None, use_errno=True)

start_range = find_start_range(_LIBRARY)
"""The call of this system, or None."""
has_lost = find_has_lost(_LIBRARY)
"""The question put to this system, or None."""
