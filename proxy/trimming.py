"""Memory that was needed for a moment, given back to the system.

What a crowd brings at once is freed soon: the first bytes of a thousand uploads, each
of which waits for its turn. But it lies between a few things that stay, and glibc gives
back by itself only what lies at the end. All that is free it gives back when it is
asked, in some milliseconds; whoever needs more memory meanwhile waits, the event loop
as well, although it is asked in a thread. Other C libraries cannot be asked: then
nothing happens here. The one invariant: it is asked only when the process has grown
since it was asked last, and much is free.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAUSE_S: Final = 5.0
"""Between two looks, of which one costs some 50 µs. A crowd is over in less."""
LEAST: Final = 2 * 1024 * 1024
"""Bytes by which the process has grown, and that are free: for fewer it is not worth
the wait, about a millisecond for each mebibyte. Picked by hand."""

_STATM: Final = Path("/proc/self/statm")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Heap:
    """What a C library has of memory for us."""

    free: Callable[[], int]
    """Bytes that nobody uses; of some of them the system may have the pages."""
    trim: Callable[[], object]
    """Give the system what is free, as whole pages. Blocks."""


class _Mallinfo2(ctypes.Structure):
    """The outcome of ``mallinfo2``.

    Source: mallinfo(3).
    """

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    )


def find_heap(library: object, statm: Path = _STATM) -> Heap | None:
    """That of `library`; None when it cannot be asked, or nobody tells in `statm` how
    large the process is."""
    mallinfo2 = getattr(library, "mallinfo2", None)
    malloc_trim = getattr(library, "malloc_trim", None)
    if mallinfo2 is None or malloc_trim is None or not statm.exists():
        return None
    mallinfo2.restype = _Mallinfo2
    malloc_trim.argtypes = (ctypes.c_size_t,)

    def free() -> int:
        return int(mallinfo2().fordblks)

    return Heap(free, lambda: malloc_trim(0))


def resident() -> int:
    """Bytes of this process that are in memory."""
    return _PAGE * int(_STATM.read_text("ascii").split()[1])


class Trimming:
    """One for the process."""

    def __init__(
        self, heap: Heap | None, resident: Callable[[], int] = resident
    ) -> None:
        """`heap`: None where nothing can be done."""
        self._heap = heap
        self._resident = resident
        self._least = 0
        """Bytes of the process when it was smallest, since the heap was asked."""

    async def run(self) -> None:
        """Until cancelled."""
        if self._heap is None:
            return
        self._least = self._resident()
        while True:
            await asyncio.sleep(PAUSE_S)
            try:
                await self.look(self._heap)
            except OSError:
                # No descriptor to look with: that is when a crowd is there.
                continue

    async def look(self, heap: Heap) -> None:
        """Give memory back if that is worth it."""
        size = self._resident()
        self._least = min(self._least, size)
        if size - self._least >= LEAST and heap.free() >= LEAST:
            await asyncio.to_thread(heap.trim)
            self._least = self._resident()


HEAP: Final = find_heap(ctypes.CDLL(None))
"""That of this system, or None."""
