"""Open uploads of one process, in its memory.

Each group has its uploads in the order in which they were told last, and their sum,
kept as it changes: it is asked for with every chunk that comes. The one invariant: a
group without uploads is not remembered.
"""

from __future__ import annotations

from contextlib import nullcontext
from itertools import islice
from math import inf
from typing import Final

from proxy.core.upload import Token

from . import ALL, MOST_DEAD, NOTHING, Entry, Group, Sum, groups_of

_ALONE: Final = nullcontext()
"""One process, and nothing here awaits: nobody else is there."""


class _Members:
    """The uploads of one group."""

    __slots__ = ("entries", "size", "soonest")

    def __init__(self) -> None:
        self.entries: dict[Token, Entry] = {}
        self.size = 0
        self.soonest = inf
        """None of them ends by its deadline before this."""

    def put(self, entry: Entry) -> None:
        before = self.entries.get(entry.token)
        self.size += entry.size - (0 if before is None else before.size)
        self.entries[entry.token] = entry
        self.soonest = min(self.soonest, entry.deadline)

    def drop(self, token: Token) -> None:
        self.size -= self.entries.pop(token).size

    def ended(self, now: float) -> list[Token]:
        """Those whose deadline has passed, `MOST_DEAD` at most. They are looked through
        only when one may have."""
        if now < self.soonest:
            return []
        entries = self.entries.values()
        ended = (entry.token for entry in entries if entry.deadline <= now)
        found = list(islice(ended, MOST_DEAD))
        if len(found) < MOST_DEAD:
            self.soonest = min(
                (e.deadline for e in entries if e.deadline > now), default=inf
            )
        return found


class MemoryRegister:
    """See ``Register``."""

    def __init__(self) -> None:
        self.most = 0
        self.ahead = 0
        self._groups: dict[Group, _Members] = {}

    def alone(self) -> nullcontext[None]:
        return _ALONE

    def sum(self, group: Group) -> Sum:
        members = self._groups.get(group)
        return Sum(len(members.entries), members.size) if members else NOTHING

    def size(self, token: Token) -> int:
        entry = self._entry(token)
        return 0 if entry is None else entry.size

    def put(self, entry: Entry) -> None:
        before = self._entry(entry.token)
        if before == entry:
            return
        if before is not None and before[1:3] != entry[1:3]:
            self.drop(entry.token)
        for group in groups_of(entry):
            members = self._groups.get(group)
            if members is None:
                members = self._groups[group] = _Members()
            members.put(entry)
        known = self._groups[ALL].entries
        if len(known) > self.most:
            self.drop(next(iter(known)))

    def resize(self, token: Token, size: int) -> None:
        entry = self._entry(token)
        if entry is not None and entry.size != size:
            self.put(entry._replace(size=size))

    def drop(self, token: Token) -> None:
        entry = self._entry(token)
        if entry is None:
            return
        for group in groups_of(entry):
            members = self._groups[group]
            members.drop(token)
            if not members.entries:
                del self._groups[group]

    def drop_dead(self, group: Group, now: float) -> bool:
        members = self._groups.get(group)
        ended = members.ended(now) if members else []
        for token in ended:
            self.drop(token)
        return len(ended) == MOST_DEAD

    def oldest(self, group: Group, most: int) -> list[Token]:
        members = self._groups.get(group)
        if members is None:
            return []
        found = list(islice(members.entries, most))
        for token in found:
            members.entries[token] = members.entries.pop(token)
        return found

    def end(self) -> None:
        self._groups.clear()

    def close(self) -> None:
        return

    def _entry(self, token: Token) -> Entry | None:
        members = self._groups.get(ALL)
        return members.entries.get(token) if members else None
