"""Open uploads: how many a client may have, and all together, as far as we have seen.

Counted are those that this process has begun, changed or swept, so that after a start
the count is whole once the first round of the sweep is. It is in memory and bounded.
Until then, and past that bound, it is too low; too high only for uploads whose end
could not be recorded, and no longer than they would have lived. The one invariant: what
is here was open when last heard of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from math import inf
from typing import Final

from proxy.core.errors import Problem, Refusal
from proxy.core.front import who_counts
from proxy.core.lifecycle import TERMINAL
from proxy.core.upload import State, Token, Upload
from proxy.holdings import Holdings

MOST_COUNTED: Final = 100_000
"""Uploads that are counted at a time, some 20 MiB, unless more may be open; past it one
of the client that has been counted longest is forgotten. Picked by hand."""
RETRY_AFTER_S: Final = 30
"""Seconds after which a refused client may try again: most uploads that are being sent
have ended by then. Picked by hand."""

_NOT_OPEN: Final = TERMINAL | {State.RESPONDED, State.UNKNOWN}
"""Nothing more is awaited there, from the client or for it."""


Counted = tuple[str, Token]
"""An upload as it is counted: its client or principal, and which it is."""


class Tally:
    """One for the process."""

    def __init__(
        self,
        max_per_client: int | None,
        max_open: int | None = None,
        holdings: Holdings | None = None,
    ) -> None:
        """`max_per_client`, `max_open`: None where there is no bound; nothing is
        counted when there is neither. `holdings`: of principals, None: nobody has a
        bound."""
        self.holdings = Holdings(None, None) if holdings is None else holdings
        """The same by whose the uploads are."""
        self._max = max_per_client
        self._max_open = max_open
        self._most = max(MOST_COUNTED, max_open or 0)
        self._looked_at = -inf
        """When all were looked through for dead ones last."""
        self._open: dict[str, dict[Token, float]] = {}
        """By client, its open uploads with the end of their life as last heard."""
        self._counted = 0

    def bound(self, max_per_client: int | None, max_open: int | None) -> None:
        """Count on within other bounds. Where clients had none of their own, an upload
        is one of all until it is heard of again."""
        self._max, self._max_open = max_per_client, max_open
        self._most = max(MOST_COUNTED, max_open or 0)
        if max_per_client is None:
            ends = {} if max_open is None else dict(self._ends())
            self._open = {"": ends} if ends else {}
            self._counted = len(ends)

    def _ends(self) -> Iterator[tuple[Token, float]]:
        return chain.from_iterable(ends.items() for ends in self._open.values())

    @property
    def counted(self) -> int:
        """Uploads that are being remembered."""
        return self._counted

    def admit(self, upload: Upload, now: float) -> None:
        """Count `upload`, which its client is about to begin.

        A client without an address, which a front on a unix socket may leave untold,
        has no bound of its own: it would be everybody.

        Raises:
            Refusal: the client has as many as it may have, or all have.
        """
        self.holdings.check(upload, now)
        self._admit(upload, now)
        self.holdings.count(upload)

    def _admit(self, upload: Upload, now: float) -> None:
        client = self._client(upload)
        if client is None:
            return
        if self._is_full() and now >= self._looked_at + RETRY_AFTER_S:
            self._looked_at = now
            self._drop_dead(tuple(self._open), now)
        if self._is_full():
            raise Refusal(
                Problem.NO_ROOM,
                "There are as many open uploads as there may be at the moment.",
                retry_after_s=RETRY_AFTER_S,
            )
        if self._room_left(client) <= 0:
            self._drop_dead((client,), now)
        if self._room_left(client) <= 0:
            raise Refusal(
                Problem.TOO_MANY,
                f"This client has {self._max} open uploads, which is as many as it may "
                "have; finish or cancel one.",
                retry_after_s=RETRY_AFTER_S,
            )
        self._count(client, upload)

    def _client(self, upload: Upload) -> str | None:
        """Who `upload` is counted for: "" where it is one of all only; None when it is
        not counted."""
        client = "" if self._max is None else who_counts(upload.peer)
        return client if client or self._max_open is not None else None

    def _is_full(self) -> bool:
        return self._max_open is not None and self._counted >= self._max_open

    def note(self, upload: Upload) -> None:
        """Something has happened to `upload`: is it still open?"""
        if upload.state in _NOT_OPEN:
            self.holdings.drop(upload)
        else:
            self.holdings.count(upload)
        client = self._client(upload)
        if client is None:
            return
        if client and upload.token in self._open.get("", ()):
            self._forget("", upload.token)
        if upload.state in _NOT_OPEN:
            self._forget(client, upload.token)
        else:
            self._count(client, upload)

    def oldest(self, upload: Upload, most: int) -> list[Counted]:
        """Up to `most` uploads that are in the way of `upload`, those not heard of
        longest: of its client, or, when there are too many in all, of all.

        They are the last to be told the next time.
        """
        clients = [self._client(upload) or ""]
        if self._is_full():
            clients = list(islice(self._open, most))
        found = [
            (client, token)
            for client in clients
            for token in islice(self._open.get(client, {}), most)
        ][:most]
        for client, token in found:
            uploads = self._open[client] = self._open.pop(client)
            uploads[token] = uploads.pop(token)
        return found + self.holdings.oldest(upload, most)

    def gone(self, counted: Counted) -> None:
        """The upload is no more."""
        self._forget(*counted)
        self.holdings.gone(*counted)

    def drop(self, upload: Upload) -> None:
        """`upload` has not come to be."""
        self.holdings.drop(upload)
        self._forget(self._client(upload) or "", upload.token)

    def _room_left(self, client: str) -> float:
        if self._max is None or not client:
            return inf
        return self._max - len(self._open.get(client, ()))

    def _count(self, client: str, upload: Upload) -> None:
        uploads = self._open.setdefault(client, {})
        if upload.token not in uploads:
            self._counted += 1
        uploads[upload.token] = upload.deadline
        if self._counted > self._most:
            longest = next(iter(self._open))
            self._forget(longest, next(iter(self._open[longest])))

    def _forget(self, client: str, token: Token) -> None:
        uploads = self._open.get(client)
        if uploads is None or uploads.pop(token, None) is None:
            return
        self._counted -= 1
        if not uploads:
            del self._open[client]

    def _drop_dead(self, clients: Iterable[str], now: float) -> None:
        """Forget uploads that must have ended, such as those whose record was lost."""
        for client in clients:
            ends = self._open.get(client, {})
            for token in [token for token, end in ends.items() if end <= now]:
                self._forget(client, token)
