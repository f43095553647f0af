"""Start write-back of a long body early, so that no write is held up by dirty pages.

The kernel lets a process write to memory until too much of it is dirty, and then holds
up every write, the event loop's too. ``sync_file_range`` starts the writing before
that. It promises nothing: no metadata, no flush of the drive's cache. Python has no
such call, so it comes through ctypes, and only where the C library knows it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

EVERY = 256 * 1024 * 1024
"""Bytes written between two starts: far below the usual limit for dirty memory, and so
large that ordinary uploads never get there."""

_SYNC_FILE_RANGE_WRITE = 2

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


start_range = find_start_range(ctypes.CDLL(None))
"""The call of this system, or None."""
