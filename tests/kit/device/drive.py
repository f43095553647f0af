"""A drive: a process that serves a file and does to it what it is told.

    python -m tests.kit.device.drive PLATTER PLACE

It reads orders from its standard input, a line each, and answers each with a line:

    cut SEED    the power goes; everything fails from now on; blocks lost, of how many
    fail        writes and flushes fail with EIO
    heal        they do not any more
    flush       everything onto the platter

It ends with its input or with the mount. A flush takes its time, and the power may go
while it lasts. The one invariant: one thing at a time; a request that is answered was
carried out.
"""

from __future__ import annotations

import errno
import os
import select
import sys
from random import Random
from typing import Final

from .fuse import File
from .memory import Memory

_FLUSH_S: Final = 0.004
"""Seconds that a flush takes, as on a drive of the usual kind."""


class Drive:
    """What the file's content does when it is told to fail."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._orders = os.fdopen(0, "rb", buffering=0)
        self._dead = False
        self._failing = False

    @property
    def size(self) -> int:
        return self._memory.size

    def read(self, offset: int, size: int) -> bytes:
        if self._dead:
            raise OSError(errno.EIO, "no power")
        return self._memory.read(offset, size)

    def write(self, offset: int, content: bytes) -> None:
        self._may_work()
        self._memory.write(offset, content)

    def flush(self) -> None:
        self._may_work()
        ready, _, _ = select.select([0], [], [], _FLUSH_S)
        if 0 in ready:
            self.listen()
            self._may_work()
        self._memory.flush()

    def listen(self) -> bool:
        """Carry out the order that is there; False when there will be none any more."""
        order = self._orders.readline()
        if order:
            print(self._obey(order.decode()), flush=True)
        return bool(order)

    def _obey(self, order: str) -> str:
        """Carry out an order; what is answered."""
        match order.split():
            case ["cut", seed]:
                self._dead = True
                unflushed = self._memory.unflushed
                return f"{self._memory.forget(Random(seed))} of {unflushed}"
            case ["fail"]:
                self._failing = True
            case ["heal"]:
                self._failing = False
            case ["flush"]:
                self._memory.flush()
            case _:
                return f"not understood: {order}"
        return "done"

    def _may_work(self) -> None:
        if self._dead or self._failing:
            raise OSError(errno.EIO, "no power" if self._dead else "failing")


def main() -> None:
    platter, place = sys.argv[1:]
    drive = Drive(Memory(os.open(platter, os.O_RDWR)))
    file = File(place, drive)
    print("mounted", flush=True)
    going_on = True
    while going_on:
        ready, _, _ = select.select([file.descriptor, 0], [], [])
        going_on = drive.listen() if 0 in ready else file.serve()


if __name__ == "__main__":
    main()
