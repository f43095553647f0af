"""The uploads that lie in the spool, read for who looks at them, and only then.

Rounds go through the whole spool a little at a time, and rest for much longer than they
take, so that a large spool costs no more of a processor than a small one; in between,
single uploads are read again. It looks as a guest: without a lock, and changing
nothing. The one invariant: it holds no more than `MOST_SEEN` uploads, those to which
something has happened last; of the others it knows how many there are.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Final

from proxy.core.upload import Token
from proxy.operating.catalogue import matching
from proxy.operating.entry import Entry, entry_of
from proxy.operating.guest import Guest
from proxy.operating.wanted import Wanted
from proxy.spool.threads import DiskThreads

from .glimpse import Glimpse, glimpse

MOST_SEEN: Final = 10_000
"""Some 9 MiB. Picked by hand."""
BATCH: Final = 50
"""Uploads that are read at a time: some milliseconds of a thread."""
REST: Final = 9
FIRST_REST: Final = 2
"""Times as long as reading takes there is a rest after each batch; in the first round,
which somebody waits for, a shorter one."""
ROUND_PAUSE_S: Final = 1.0
"""Between two rounds, at least: nobody sees more."""
ROUND_REST: Final = 4
"""The same in times of the round."""
_SHORT: Final = 6


class Roster:
    """What was found in the spool."""

    def __init__(self, guest: Guest, threads: DiskThreads) -> None:
        self._guest = guest
        self._threads = threads
        self._due_at = 0.0
        self._since: dict[Token, Glimpse | None] = {}
        """What has been read anew since the round began, and is younger than it."""
        self.found: dict[Token, Glimpse] = {}
        self.unseen: Counter[str] = Counter()
        """By state, how many there are beside those found."""
        self.read_at: float | None = None
        """When the last round was over, seconds of the lifetime clock; None before."""

    @property
    def is_due(self) -> bool:
        """Another round may begin."""
        return time.monotonic() >= self._due_at

    def forget(self) -> None:
        """Nobody has looked for a while: begin as if nothing had been read."""
        self.found, self.unseen, self.read_at = {}, Counter(), None
        self._due_at = 0.0

    async def round(self) -> None:
        """Read all of the spool. What the first round finds is there as it is found.

        Raises:
            SpoolError: it cannot be listed; what was found stands.
        """
        began = time.monotonic()
        self._since.clear()
        try:
            found = await self._read()
            self.found, self.unseen = found.kept(), found.dropped
            for token, one in self._since.items():
                self._put(token, one)
            self.read_at = self._guest.now()
        finally:
            took_s = time.monotonic() - began
            self._due_at = time.monotonic() + max(ROUND_PAUSE_S, ROUND_REST * took_s)

    async def _read(self) -> _Most:
        """Raises SpoolError."""
        remaining = matching(self._guest, Wanted())
        found = _Most()
        is_first = self.read_at is None
        while True:
            began = time.monotonic()
            batch = await self._threads.run(partial(_next_batch, remaining))
            found.add(batch)
            if len(batch) < BATCH:
                return found
            if is_first and len(self.found) < MOST_SEEN:
                self.found |= {one.token: one for one in batch}
            rest = FIRST_REST if is_first else REST
            await asyncio.sleep(rest * (time.monotonic() - began))

    async def again(self, tokens: Iterable[Token]) -> None:
        """Read these anew: something has happened to them."""
        read = partial(self._entries, list(tokens))
        for token, entry in await self._threads.run(read):
            one = None if entry is None else glimpse(entry)
            self._since[token] = one
            self._put(token, one)

    def _put(self, token: Token, one: Glimpse | None) -> None:
        if one is None:
            self.found.pop(token, None)
        else:
            self.found[token] = one

    def _entries(self, tokens: list[Token]) -> list[tuple[Token, Entry | None]]:
        return [
            (token, entry_of(self._guest, token, token[:_SHORT])) for token in tokens
        ]


class _Most:
    """Those to which something has happened last, of all that are added."""

    def __init__(self) -> None:
        self._all: list[Glimpse] = []
        self.dropped: Counter[str] = Counter()

    def add(self, batch: Iterable[Glimpse]) -> None:
        self._all += batch
        if len(self._all) >= 2 * MOST_SEEN:
            self._drop()

    def kept(self) -> dict[Token, Glimpse]:
        self._drop()
        return {one.token: one for one in self._all}

    def _drop(self) -> None:
        self._all.sort(key=lambda one: one.active_at, reverse=True)
        self.dropped.update(one.state for one in self._all[MOST_SEEN:])
        del self._all[MOST_SEEN:]


def _next_batch(remaining: Iterator[Entry]) -> list[Glimpse]:
    return [glimpse(entry) for entry in islice(remaining, BATCH)]
