"""Which uploads are open, of whom, with how many bytes, and till when at most.

What ``tally`` and ``holdings`` go by. They say who is refused; here is only what is
known: each upload once, and what those of one client, of one principal, or all together
come to. One process keeps it in memory; several that are one proxy share a file. The
one invariant: what a group has is the sum of its uploads, at every moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from enum import IntEnum
from typing import Final, NamedTuple, Protocol

from proxy.core.upload import Token


class Entry(NamedTuple):
    """An open upload."""

    token: Token
    client: str
    """Who is sending it; empty: nobody who has a bound."""
    principal: str
    """Whose it is; empty: nobody's who has a bound."""
    size: int
    """Bytes that it counts with."""
    deadline: float
    """It is over by then, in seconds of the lifetime clock."""


class Kind(IntEnum):
    ALL = 0
    CLIENT = 1
    PRINCIPAL = 2


class Group(NamedTuple):
    """Uploads that are counted together."""

    kind: Kind
    name: str


ALL: Final = Group(Kind.ALL, "")


def groups_of(entry: Entry) -> Iterator[Group]:
    """Those that an upload belongs to."""
    yield ALL
    if entry.client:
        yield Group(Kind.CLIENT, entry.client)
    if entry.principal:
        yield Group(Kind.PRINCIPAL, entry.principal)


class Sum(NamedTuple):
    """What a group comes to."""

    uploads: int
    size: int
    """Bytes of all of them."""


NOTHING: Final = Sum(0, 0)
MOST_DEAD: Final = 500
"""Uploads that are forgotten at a time, some 4 ms in a file. Picked by hand."""


class Register(Protocol):
    """What is known of open uploads. Nothing here raises or waits for long: what cannot
    be read is as if it were not there, what cannot be written is not remembered."""

    most: int
    """Uploads that are remembered at a time; past it, the one that has been longest is
    forgotten."""
    ahead: int
    """Bytes by which a growing upload may be granted more than it needs just now, so
    that not every chunk of it has to be told."""

    def alone(self) -> AbstractContextManager[object]:
        """Within this nobody else changes anything. It never awaits."""

    def sum(self, group: Group) -> Sum: ...

    def size(self, token: Token) -> int:
        """Bytes that an upload counts with, 0 when it is not known."""

    def put(self, entry: Entry) -> None:
        """Remember an upload, or what has changed of it."""

    def resize(self, token: Token, size: int) -> None:
        """One that is known counts with so many bytes."""

    def drop(self, token: Token) -> None:
        """Forget an upload, if it is known."""

    def drop_dead(self, group: Group, now: float) -> bool:
        """Forget those of the group that must have ended by `now`, `MOST_DEAD` of them
        at most. True when more may be left: the next time it goes on with them."""

    def oldest(self, group: Group, most: int) -> list[Token]:
        """Up to `most` uploads of the group, those not told here for longest. They are
        the last to be told the next time."""

    def end(self) -> None:
        """Forget all: there is no bound any more, until something is put again."""

    def close(self) -> None:
        """Give back what it is kept in. What is shared stays for the others."""
