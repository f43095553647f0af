"""Open uploads, counted by client: how many each may have, as far as we have seen them.

Counted are those that this process has begun, changed or swept, so that after a start
the count is whole once the first round of the sweep is. It is in memory and bounded.
Until then, and past that bound, it is too low; too high only for uploads whose end
could not be recorded, and no longer than they would have lived. The one invariant: what
is here was open when last heard of.
"""

from __future__ import annotations

from itertools import islice
from typing import Final

from proxy.core.errors import Problem, Refusal
from proxy.core.front import who_counts
from proxy.core.lifecycle import TERMINAL
from proxy.core.upload import State, Token, Upload

MOST_COUNTED: Final = 100_000
"""Uploads that are counted at a time, some 20 MiB; past it the client that has been
counted longest is forgotten. Picked by hand."""
RETRY_AFTER_S: Final = 30
"""Seconds after which a refused client may try again: most uploads that are being sent
have ended by then. Picked by hand."""

_NOT_OPEN: Final = TERMINAL | {State.RESPONDED, State.UNKNOWN}
"""Nothing more is awaited there, from the client or for it."""


class Tally:
    """One for the process."""

    def __init__(self, max_per_client: int | None) -> None:
        """`max_per_client`: None when nothing has to be counted."""
        self._max = max_per_client
        self._open: dict[str, dict[Token, float]] = {}
        """By client, its open uploads with the end of their life as last heard."""
        self._counted = 0

    @property
    def counted(self) -> int:
        """Uploads that are being remembered."""
        return self._counted

    def admit(self, upload: Upload, now: float) -> None:
        """Count `upload`, which its client is about to begin.

        A client without an address, which a front on a unix socket may leave untold, is
        not counted: it would be everybody.

        Raises:
            Refusal: the client has as many as it may have.
        """
        if self._max is None:
            return
        client = who_counts(upload.peer)
        if not client:
            return
        if self._room_left(client) <= 0:
            self._drop_dead(client, now)
        if self._room_left(client) <= 0:
            raise Refusal(
                Problem.TOO_MANY,
                f"This client has {self._max} open uploads, which is as many as it may "
                "have; finish or cancel one.",
                retry_after_s=RETRY_AFTER_S,
            )
        self._count(client, upload)

    def note(self, upload: Upload) -> None:
        """Something has happened to `upload`: is it still open?"""
        if self._max is None:
            return
        client = who_counts(upload.peer)
        if not client:
            return
        if upload.state in _NOT_OPEN:
            self._forget(client, upload.token)
        else:
            self._count(client, upload)

    def oldest(self, upload: Upload, most: int) -> list[Token]:
        """Up to `most` uploads of the client of `upload`: those not heard of longest.

        They are the last to be told the next time.
        """
        uploads = self._open.get(who_counts(upload.peer), {})
        tokens = list(islice(uploads, most))
        for token in tokens:
            uploads[token] = uploads.pop(token)
        return tokens

    def gone(self, upload: Upload, token: Token) -> None:
        """The upload `token` of the client of `upload` is no more."""
        self._forget(who_counts(upload.peer), token)

    def drop(self, upload: Upload) -> None:
        """`upload` has not come to be."""
        self._forget(who_counts(upload.peer), upload.token)

    def _room_left(self, client: str) -> int:
        assert self._max is not None
        return self._max - len(self._open.get(client, ()))

    def _count(self, client: str, upload: Upload) -> None:
        uploads = self._open.setdefault(client, {})
        if upload.token not in uploads:
            self._counted += 1
        uploads[upload.token] = upload.deadline
        if self._counted > MOST_COUNTED:
            longest = next(iter(self._open))
            self._counted -= len(self._open.pop(longest))

    def _forget(self, client: str, token: Token) -> None:
        uploads = self._open.get(client)
        if uploads is None or uploads.pop(token, None) is None:
            return
        self._counted -= 1
        if not uploads:
            del self._open[client]

    def _drop_dead(self, client: str, now: float) -> None:
        """Forget uploads that must have ended, such as those whose record was lost."""
        ends = self._open.get(client, {})
        for token in [token for token, end in ends.items() if end <= now]:
            self._forget(client, token)
