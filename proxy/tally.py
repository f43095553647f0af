"""Open uploads: how many a client may have, and all together, as far as we have seen.

Counted are those that have been begun, changed or swept, so that after a start the
count is whole once the first round of the sweep is. Workers of one proxy count
together what a client or a principal has, see ``register``; the count is bounded. Until
then, and past that bound, it is too low; too high only for uploads whose end could not
be recorded, and no longer than they would have lived. The one invariant: what is here
was open when last heard of.
"""

from __future__ import annotations

from math import inf
from typing import Final

from proxy.core.errors import Problem, Refusal
from proxy.core.front import who_counts
from proxy.core.lifecycle import TERMINAL
from proxy.core.upload import State, Token, Upload
from proxy.holdings import Holdings
from proxy.register import ALL, Entry, Group, Kind
from proxy.register.memory import MemoryRegister

MOST_COUNTED: Final = 100_000
"""Uploads that are counted at a time, some 25 MiB, unless more may be open; past it the
one that has been counted longest is forgotten. Picked by hand."""
RETRY_AFTER_S: Final = 30
"""Seconds after which a refused client may try again: most uploads that are being sent
have ended by then. Picked by hand."""

_NOT_OPEN: Final = TERMINAL | {State.RESPONDED, State.UNKNOWN}
"""Nothing more is awaited there, from the client or for it."""


class Tally:
    """One for the process."""

    def __init__(
        self,
        max_per_client: int | None,
        max_open: int | None = None,
        holdings: Holdings | None = None,
        *,
        share: int = 1,
    ) -> None:
        """`max_per_client`, `max_open`: None where there is no bound. `holdings`: of
        principals, None: nobody has a bound. Nothing is counted when there is none.

        `share`: among so many processes, those that begin uploads, `max_open` is
        divided where it is the only bound. It keeps a spool from filling with records,
        and need not be exact; to count together would cost each small upload a tenth
        more.
        """
        self.holdings = Holdings(None, None) if holdings is None else holdings
        """The same by whose the uploads are."""
        self._share = share
        self._together = self.holdings.register
        self._alone = self._together if share == 1 else MemoryRegister()
        self._looked_at = -inf
        """When all were looked through for dead ones last, and none is left."""
        self._settle(max_per_client, max_open)

    def _settle(self, max_per_client: int | None, max_open: int | None) -> None:
        self._max, self._max_open = max_per_client, max_open
        self._register = self._together
        if max_per_client is None and not self.holdings.counts:
            self._register = self._alone
            if max_open is not None:
                self._max_open = max(1, max_open // self._share)
        bounds = max_per_client, max_open
        self._counts = self.holdings.counts or bounds != (None, None)
        self._register.most = max(MOST_COUNTED, max_open or 0)

    def bound(self, max_per_client: int | None, max_open: int | None) -> None:
        """Count on within other bounds. Where clients had none of their own, an upload
        is one of all until it is heard of again."""
        before = self._register if self._counts else None
        self._settle(max_per_client, max_open)
        if before is not None and not (self._counts and before is self._register):
            before.end()

    @property
    def counted(self) -> int:
        """Uploads that are being remembered."""
        return self._register.sum(ALL).uploads if self._counts else 0

    def admit(self, upload: Upload, now: float) -> None:
        """Count `upload`, which its client is about to begin.

        A client without an address, which a front on a unix socket may leave untold,
        has no bound of its own: it would be everybody.

        Raises:
            Refusal: the client has as many as it may have, or all have.
        """
        entry = self._entry(upload)
        if entry is None:
            return
        with self._register.alone():
            self.holdings.check(upload, now)
            self._check(entry.client, now)
            self._register.put(entry)

    def _check(self, client: str, now: float) -> None:
        """Raises Refusal."""
        is_full = self._is_full()
        if is_full and now >= self._looked_at + RETRY_AFTER_S:
            if not self._register.drop_dead(ALL, now):
                self._looked_at = now
            is_full = self._is_full()
        if is_full:
            raise Refusal(
                Problem.NO_ROOM,
                "There are as many open uploads as there may be at the moment.",
                retry_after_s=RETRY_AFTER_S,
            )
        if self._room_left(client) > 0:
            return
        self._register.drop_dead(Group(Kind.CLIENT, client), now)
        if self._room_left(client) <= 0:
            raise Refusal(
                Problem.TOO_MANY,
                f"This client has {self._max} open uploads, which is as many as it may "
                "have; finish or cancel one.",
                retry_after_s=RETRY_AFTER_S,
            )

    def _entry(self, upload: Upload) -> Entry | None:
        """`upload` as it is counted; None when it is not."""
        client = "" if self._max is None else who_counts(upload.peer)
        principal = self.holdings.principal(upload)
        if not client and not principal and self._max_open is None:
            return None
        size = self.holdings.size(upload)
        return Entry(upload.token, client, principal, size, upload.deadline)

    def _is_full(self) -> bool:
        most = self._max_open
        return most is not None and self._register.sum(ALL).uploads >= most

    def _room_left(self, client: str) -> float:
        if self._max is None or not client:
            return inf
        return self._max - self._register.sum(Group(Kind.CLIENT, client)).uploads

    def note(self, upload: Upload) -> None:
        """Something has happened to `upload`: is it still open?"""
        if not self._counts:
            return
        if upload.state in _NOT_OPEN:
            self._register.drop(upload.token)
            return
        self.holdings.note(upload)
        entry = self._entry(upload)
        if entry is not None:
            self._register.put(entry)

    def oldest(self, upload: Upload, most: int) -> list[Token]:
        """Up to `most` uploads that are in the way of `upload`, those not heard of
        longest: of its client, or, when there are too many in all, of all; and as many
        of its principal.

        They are the last to be told the next time.
        """
        entry = self._entry(upload)
        if entry is None:
            return []
        groups = [Group(Kind.CLIENT, entry.client)] if entry.client else []
        if self._is_full():
            groups = [ALL]
        if entry.principal:
            groups.append(Group(Kind.PRINCIPAL, entry.principal))
        found = [self._register.oldest(group, most) for group in groups]
        return list(dict.fromkeys(token for tokens in found for token in tokens))

    def looked_at(self, upload: Upload) -> None:
        """`upload` is found to be so, by who has no right to change it: another process
        may know more of it by now, but not that it has less or is not over."""
        token = upload.token
        if upload.state in _NOT_OPEN:
            self._register.drop(token)
            return
        with self._register.alone():
            size = max(self._register.size(token), self.holdings.size(upload))
            self._register.resize(token, size)

    def gone(self, token: Token) -> None:
        """The upload is no more, or has not come to be."""
        if self._counts:
            self._register.drop(token)
