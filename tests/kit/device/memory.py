"""What is on the platter, and what is in the drive's cache and may still be lost.

The one invariant: what ``flush`` has returned for is on the platter.
"""

from __future__ import annotations

import os
from random import Random
from typing import Final

BLOCK: Final = 4096
SECTOR: Final = 512
"""What a drive writes whole or not at all."""
_MOST_VERSIONS: Final = 4
"""Of a block in the cache; picked by hand, to bound memory."""


class Memory:
    """The content of a drive: `platter` is an open file of its size."""

    def __init__(self, platter: int) -> None:
        self._platter = platter
        self.size = os.fstat(platter).st_size
        self._cache: dict[int, list[bytes]] = {}
        """Versions of each block since the last flush, oldest first."""

    @property
    def unflushed(self) -> int:
        """Blocks in the cache."""
        return len(self._cache)

    def read(self, offset: int, size: int) -> bytes:
        """What was written last."""
        end = min(offset + size, self.size)
        content = bytearray(os.pread(self._platter, max(0, end - offset), offset))
        for number in range(offset // BLOCK, -(-end // BLOCK)):
            versions = self._cache.get(number)
            if versions is None:
                continue
            start = number * BLOCK
            low, high = max(start, offset), min(start + BLOCK, end)
            piece = versions[-1][low - start : high - start]
            content[low - offset : high - offset] = piece
        return bytes(content)

    def write(self, offset: int, content: bytes) -> None:
        """Into the cache."""
        at = 0
        while at < len(content):
            number, within = divmod(offset + at, BLOCK)
            piece = content[at : at + BLOCK - within]
            if len(piece) < BLOCK:
                block = bytearray(self.read(number * BLOCK, BLOCK))
                block[within : within + len(piece)] = piece
                self._remember(number, bytes(block))
            else:
                self._remember(number, bytes(piece))
            at += len(piece)

    def flush(self) -> None:
        """Everything onto the platter."""
        for number, versions in self._cache.items():
            os.pwrite(self._platter, versions[-1], number * BLOCK)
        self._cache.clear()

    def forget(self, chance: Random) -> int:
        """The power goes: of each sector in the cache any version may be left, or what
        was there before. The number of blocks that are not what was written last."""
        lost = 0
        # how much gets through is a matter of luck, too: nearly all, or next to nothing
        luck = chance.random()
        for number, versions in self._cache.items():
            before = os.pread(self._platter, BLOCK, number * BLOCK)
            left = _left(before, versions, luck, chance)
            lost += left != versions[-1]
            os.pwrite(self._platter, left, number * BLOCK)
        self._cache.clear()
        return lost

    def _remember(self, number: int, block: bytes) -> None:
        versions = self._cache.setdefault(number, [])
        versions.append(block)
        if len(versions) > _MOST_VERSIONS:
            del versions[1]


def _left(before: bytes, versions: list[bytes], luck: float, chance: Random) -> bytes:
    """One block after the power has gone."""

    def version() -> bytes:
        return versions[-1] if chance.random() < luck else chance.choice(others)

    others = [before, *versions[:-1]]
    if chance.random() < 0.8:
        return version()
    # torn: the head was over it when the power went
    sectors = range(0, BLOCK, SECTOR)
    return b"".join(version()[start : start + SECTOR] for start in sectors)
