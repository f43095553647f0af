"""What a judge says: points, each of which holds or does not, at some level.

The one invariant: a point that is asked for by nobody in a version is no point there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from proxy.conformance.exchange import Exchange, Story
from proxy.conformance.rules import Level
from proxy.conformance.versions import NEVER, Version


class NotOffered(Exception):
    """The server does not have what the rule is about; the message says what."""


class NotRun(Exception):
    """It could not be seen; the message says why."""


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that a rule asks for."""

    holds: bool
    expected: str
    exchange: Exchange
    level: Level | None = None
    """None: that of the rule."""


Judge = Callable[[Version, Story], Iterator[Point]]


def asked(
    version: Version,
    holds: bool,
    expected: str,
    exchange: Exchange,
    *,
    must: range = NEVER,
    should: range = NEVER,
) -> Iterator[Point]:
    """A point at a level of its own; nothing where no draft asks for it."""
    if version.number in must:
        yield Point(holds, expected, exchange, Level.MUST)
    elif version.number in should:
        yield Point(holds, expected, exchange, Level.SHOULD)


def found(story: Story, name: str, otherwise: str) -> Exchange:
    """The exchange of that name.

    Raises:
        NotOffered: there is none; `otherwise` says why.
    """
    exchange = story.get(name)
    if exchange is None:
        raise NotOffered(otherwise)
    return exchange


def no_104(exchange: Exchange, expected: str) -> Iterator[Point]:
    """It must not have got one."""
    yield Point(not exchange.resumptions, expected, exchange)


def with_104(exchange: Exchange) -> Exchange:
    """Raises NotOffered when it got none."""
    if not exchange.resumptions:
        raise NotOffered("no 104")
    return exchange
