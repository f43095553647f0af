"""What every family of protocols for uploads has to offer: the interface of this room.

A dialect is chosen for a request and asked up to three things: what the request wants,
which fields a 104 may have, and what the final response is. It answers from the head
and the outcome alone, and keeps nothing between two questions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from proxy.core.intents import Intent, Interim, Outcome
from proxy.core.upload import Fields, Head, Reply, Token

Locate = Callable[[Token], str]
"""The URL of an upload as this client is to see it, absolute or path only."""


class Dialect(Protocol):
    """One way of speaking, chosen for one request."""

    @property
    def version(self) -> int | None:
        """The interop version spoken; None when the request named none we speak."""

    def read(self, head: Head) -> Intent | None:
        """What the client wants; None when the request is no upload after all."""

    def write(self, outcome: Outcome, locate: Locate) -> Reply:
        """The final response that says `outcome`."""

    def interim(self, interim: Interim, locate: Locate) -> Fields | None:
        """Fields of the 104 that says `interim`; None when there must be none."""
