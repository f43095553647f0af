"""Who counts what happens between us and the origin: told as it happens, asked nothing.

Every request is either answered or failed, once, or given up by us. One that was sent
again on a fresh connection, because the origin had closed the first before it came, is
one request. A connection may carry requests of several routes, so each says its own.
"""

from __future__ import annotations

from typing import Final, Protocol

from .failures import Failure
from .sessions import Held


class Connected(Protocol):
    """Has connections to an origin."""

    @property
    def held(self) -> Held: ...


class Observer(Protocol):
    def watch(self, origin: Connected) -> None:
        """Those of `origin` may be counted for as long as somebody else knows it."""

    def connected(self, took_s: float) -> None:
        """A connection for what is sent whole came about."""

    def sent(self, size: int, send_s: float, wait_s: float | None) -> None:
        """No more is sent of what is sent whole: so many bytes of its content were, in
        so many seconds; then its answer was waited for, None when that came first or
        never."""

    def answered(self, status: int, route: str) -> None:
        """The head of an answer came, to a request that took `route`."""

    def failed(self, failure: Failure, route: str, *, reached: bool) -> None:
        """None will. `reached`: there was a connection."""


class _Nobody:
    def watch(self, origin: Connected) -> None:
        return

    def connected(self, took_s: float) -> None:
        return

    def sent(self, size: int, send_s: float, wait_s: float | None) -> None:
        return

    def answered(self, status: int, route: str) -> None:
        return

    def failed(self, failure: Failure, route: str, *, reached: bool) -> None:
        return


NOBODY: Final[Observer] = _Nobody()
