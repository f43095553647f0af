"""Which uploads an operator means: by the beginning of a token, or by what they are.

The one invariant: what begins several tokens means none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from proxy.core.upload import State, Token, token_from

from .entry import DAMAGED, Entry
from .guest import Guest

LEAST: Final = 4
"""Characters of a token that have to be given: fewer are more likely a slip."""
_SHORT: Final = 6
"""As `shortened` tells them in the log."""
STATES: Final = (*(state.value for state in State), DAMAGED)
"""What can be asked for, and told."""


class NotFound(Exception):
    """No upload is meant, or more than one; the message says which, and what to do."""


def find(guest: Guest, start: str) -> Token:
    """The one token that begins with `start`.

    Raises:
        NotFound: none does, or several do.
        SpoolError
    """
    if len(start) < LEAST:
        raise NotFound(f"{start}: give at least {LEAST} characters of its token")
    whole = token_from(start)
    found = [token for token in guest.looks.beginning(start) if whole in (None, token)]
    if not found:
        raise NotFound(
            f"{start}: no upload in {guest.directory} has a token that begins so; it "
            "may have ended, or be in the memory of the proxy only; `upload-proxy "
            "uploads list` shows what is there"
        )
    if len(found) > 1:
        longer = ", ".join(distinct(found).values())
        raise NotFound(
            f"{start}: {len(found)} uploads begin so: {longer}; give more of it"
        )
    return found[0]


def short_of(guest: Guest, token: Token) -> str:
    """The beginning of `token` by which it is found again."""
    return distinct(guest.looks.beginning(token[:2])).get(token, token[:_SHORT])


def distinct(tokens: list[Token]) -> dict[Token, str]:
    """Each token by its beginning: six characters as in the log, more where another
    one of `tokens` begins so as well."""
    ordered = sorted(tokens)
    alike = [0, *map(_alike, ordered, ordered[1:]), 0]
    return {
        token: token[: max(_SHORT, before + 1, after + 1)]
        for token, before, after in zip(ordered, alike, alike[1:], strict=False)
    }


def _alike(one: Token, other: Token) -> int:
    """Characters with which both begin."""
    pairs = enumerate(zip(one, other, strict=True))
    return next((at for at, (a, b) in pairs if a != b), len(one))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an upload has to be."""

    states: frozenset[str] = frozenset()
    """One of these, see `STATES`; empty: whatever it is."""
    older_than_s: float = 0.0
    """At least so many seconds since it was created."""
    client: IPv4Network | IPv6Network | None = None
    """Created from there; None: from anywhere."""
    min_size: int = 0
    """At least so many bytes, announced or received."""

    def fits(self, entry: Entry, now: float) -> bool:
        """Whether `entry` is meant at `now`, seconds of the lifetime clock."""
        return (
            (not self.states or entry.state in self.states)
            and now - entry.created_at >= self.older_than_s
            and (self.client is None or _is_in(entry.client, self.client))
            and entry.size >= self.min_size
        )


def _is_in(client: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        return ip_address(client) in network
    except ValueError:
        return False  # it came over a unix socket, or its record is damaged
