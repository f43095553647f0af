"""Uploads that are on the disk for other processes to see, and not durable yet.

Their forward has begun. Nobody was told an offset of one, and until it is asked for, or
takes long, a power loss may take it as it takes what is in memory; the death of this
process leaves it as it was seen last. The one invariant: what another process may have
made durable on its own is never saved otherwise again; so from the answer on, which
others may tell, the next save is a durable one.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxy.core.upload import State, Token, Upload


class Shown:
    """Those of one process."""

    def __init__(self) -> None:
        self._answered: dict[Token, bool] = {}

    def __contains__(self, token: Token) -> bool:
        return token in self._answered

    def __iter__(self) -> Iterator[Token]:
        return iter(tuple(self._answered))

    def suits(self, upload: Upload) -> bool:
        """Whether its forward begins, and nobody has relied on it yet. Of an empty one
        its offset may be told by anybody who sees it."""
        begins = upload.state is State.FORWARDING and bool(upload.length)
        return begins and not upload.acknowledged

    def add(self, token: Token) -> None:
        """It has moved to the disk."""
        self._answered[token] = False

    def takes(self, upload: Upload) -> bool:
        """Whether `upload` may be saved as it was: it has just been answered."""
        if upload.state is not State.RESPONDED or upload.acknowledged:
            return False
        if self._answered.get(upload.token, True):
            return False
        self._answered[upload.token] = True
        return True

    def ended(self, token: Token) -> bool:
        """From now on it is like any other; False when it was."""
        return self._answered.pop(token, None) is not None
