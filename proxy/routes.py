"""The route of a request: which origin it goes to, and on which terms.

Chosen once, by the head of the request: for one that is passed through, that is all;
an upload keeps the name of its route, and later requests of it are not looked at. The
one invariant: there is always a route, since the last one takes what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from proxy.core.headers import Passage
from proxy.core.matching import Rule
from proxy.core.upload import Head, Limits
from proxy.relay import Relay

Size = TypeVar("Size", int, int | None)
EVERYTHING: Final = Rule()
"""The rule of the last route."""


@dataclass(frozen=True, slots=True)
class Route:
    """One way for requests."""

    name: str
    rule: Rule
    relay: Relay
    """Passes on what is no upload."""
    passage: Passage
    limits: Limits
    """Of new uploads."""


class Routes:
    """All of them."""

    def __init__(self, routes: Sequence[Route]) -> None:
        """`routes`: in order; the last one has no rule, and takes what is left."""
        *self._special, self.default = routes
        assert self.default.rule == EVERYTHING

    @property
    def limits(self) -> Limits:
        """What holds wherever an upload is made; what does not is as without limits."""
        told = {route.limits for route in (*self._special, self.default)}
        return Limits(
            max_size=_shared({one.max_size for one in told}, None),
            min_size=_shared({one.min_size for one in told}, 0),
            max_append_size=_shared({one.max_append_size for one in told}, None),
            min_append_size=_shared({one.min_append_size for one in told}, 0),
        )

    @property
    def are_several(self) -> bool:
        """There is something to tell apart."""
        return bool(self._special)

    def of(self, head: Head) -> Route:
        """The first route that fits."""
        for route in self._special:
            if route.rule.takes(head):
                return route
        return self.default


def _shared(values: set[Size], otherwise: Size) -> Size:
    """The one of `values`, when there is only one."""
    return values.pop() if len(values) == 1 else otherwise
