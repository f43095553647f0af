"""Bodies of which something could not be synced, known to every process of the spool.

The kernel tells of a lost write once: the next sync may succeed although bytes are gone
that can still be read. So the upload gets a file of its own that says so, beside its
others, for whichever process works on it next. The one invariant: a body is in doubt
before the failure of its sync is told to anybody.
"""

from __future__ import annotations

import os

from proxy.core.upload import Token

from . import files
from .shards import DOUBT, Shards


class Doubts:
    """The doubts about uploads in `shards`."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards
        # a disk that fails a sync may take no file any more
        self._ours: set[Token] = set()

    def add(self, token: Token) -> None:
        """What is not acknowledged of the body may be gone from the disk. Blocks."""
        self._ours.add(token)
        try:
            os.close(files.create(self._shards.stem(token) + DOUBT))
        except OSError:
            # it is there, or cannot be written: then only this process knows
            return

    def has(self, token: Token) -> bool:
        """Whether the body of `token` is in doubt."""
        return token in self._ours or os.path.lexists(self._shards.stem(token) + DOUBT)

    def clear(self, token: Token) -> None:
        """What was in doubt is gone, or is there for sure. Raises OSError."""
        files.remove(self._shards.stem(token) + DOUBT)
        self._ours.discard(token)
