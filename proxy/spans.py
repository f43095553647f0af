"""What those who answer and forward know of traces: spans that begin, lead on, and end.

Who makes them, and of what, is the business of ``tracing``, which alone knows the
library; where nobody wants traces there is no `Spans`, and that is all it costs. The
one invariant: without spans no byte of a request changes.

Source: W3C Trace Context.
"""

from __future__ import annotations

from typing import Protocol

from proxy.core.intents import Intent
from proxy.core.upload import Head, Upload


class Span(Protocol):
    """Something that takes its time, and what is done because of it."""

    def onward(self, head: Head) -> Head:
        """`head` for who is to go on with the trace from here."""

    def about(self, upload: Upload, intent: Intent | None) -> None:
        """It turned out to be about this upload; `intent`: what a client wants of it,
        None where it is no client's."""

    def answered(self, status: int, told: dict[str, str | int]) -> None:
        """It has ended with an answer, and there is more to say about it."""

    def failed(self, why: str) -> None:
        """It has ended without one."""


class Spans(Protocol):
    """Where they begin."""

    def request(self, head: Head, client: str, scheme: str) -> Span:
        """A request of a client, whose head has been read."""

    def forward(self, upload: Upload) -> Span:
        """An attempt to bring the upload to the origin."""
