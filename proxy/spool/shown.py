"""Uploads that are on the disk for other processes to see, and not durable yet.

Their forward has begun. Nobody was told an offset of one, and until it is asked for, or
takes long, a power loss may take it as it takes what is in memory; the death of this
process leaves it as it was seen last. The one invariant: the answer is shown once, and
from then on, since others may tell it, every save is a durable one.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto

from proxy.core.upload import State, Token, Upload


class _Seen(Enum):
    """What others see of one."""

    SENT = auto()
    """That its forward has begun."""
    ANSWERED = auto()
    """Perhaps its answer, too."""
    MEASURED = auto()
    """Its answer, and how long the content of that will be."""


class Shown:
    """Those of one process."""

    def __init__(self) -> None:
        self._seen: dict[Token, _Seen] = {}

    def __contains__(self, token: Token) -> bool:
        return token in self._seen

    def __iter__(self) -> Iterator[Token]:
        return iter(tuple(self._seen))

    def suits(self, upload: Upload) -> bool:
        """Whether its forward begins, and nobody has relied on it yet. Of an empty one
        its offset may be told by anybody who sees it."""
        begins = upload.state is State.FORWARDING and bool(upload.length)
        return begins and not upload.acknowledged

    def add(self, token: Token) -> None:
        """It has moved to the disk."""
        self._seen[token] = _Seen.SENT

    def may_be_answered(self, upload: Upload) -> bool:
        """Whether `upload` may be shown again: it has just been answered."""
        is_answer = upload.state is State.RESPONDED and not upload.acknowledged
        return is_answer and self._seen.get(upload.token) is _Seen.SENT

    def answering(self, token: Token) -> None:
        """Its answer is about to be shown, and perhaps will be."""
        self._seen[token] = _Seen.ANSWERED

    def answered(self, upload: Upload) -> None:
        """Its answer has been shown, unless it was made durable meanwhile."""
        assert upload.answer is not None
        if upload.token in self._seen and upload.answer.size is not None:
            self._seen[upload.token] = _Seen.MEASURED

    def tells_content(self, token: Token) -> bool:
        """Whether what others see tells how long the answer's content is: whoever makes
        the one durable does so with the other."""
        return self._seen.get(token) is _Seen.MEASURED

    def forget(self, token: Token) -> bool:
        """From now on it is like any other; False when it was."""
        return self._seen.pop(token, None) is not None
