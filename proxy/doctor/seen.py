"""What a check has seen, before anybody says what it means.

Plain values, so that what is made of them can be tried without a network. Seconds are
counted from the end of the request's head, sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Secure:
    """The connection's TLS."""

    version: str
    expires: float | None
    """End of the certificate, in seconds of the epoch; None when it does not tell."""


@dataclass(frozen=True, slots=True)
class Located:
    """The URL that a creation gave, and what is there."""

    asked: str
    url: str
    same_scheme: bool
    same_server: bool
    status: int | None
    """Of a HEAD there; None when there was no answer."""
    why: str = ""
    """Why there was none."""


@dataclass(frozen=True, slots=True)
class Interims:
    """What came of a creation with content, before its answer."""

    after_s: float | None
    """When the 104 came; None when none did."""
    before_content: bool
    status: int | None
    """Of the answer; None when there was none that could be read."""
    mistaken: bool = False
    """The 104 had fields that only an answer has, or what came after it was no HTTP."""


@dataclass(frozen=True, slots=True)
class Cut:
    """An append that was left half-way."""

    sent: int
    kept: int | None
    """The offset afterwards; None when none was told."""
    refused: int | None = None
    """Status that came before the cut."""


@dataclass(frozen=True, slots=True)
class Long:
    """An append of a wanted size."""

    size: int
    taken: int
    """Bytes that were sent when the answer came."""
    status: int | None
    """None when the connection ended instead."""
    from_proxy: bool
    """The answer is that of somebody who knows uploads."""
    limits: str | None = None
    """`Upload-Limit` as the place tells it."""
    problem: str = ""
    """What it names as the reason; empty when it names none."""


@dataclass(frozen=True, slots=True)
class Silence:
    """An append that paused."""

    patience_s: float
    ended_after_s: float | None
    """When the connection was ended or answered; None: it was not."""
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """The answer to an upload that was completed."""

    status: int | None
    after_s: float
    from_proxy: bool


@dataclass(frozen=True, slots=True)
class Shared:
    """What a browser's page of another origin is told."""

    origin: str
    preflight: Mapping[str, str]
    """Its fields, in lower case."""
    preflight_status: int
    answer: Mapping[str, str]
    """Fields of the answer to a HEAD of the upload."""
