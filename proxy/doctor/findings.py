"""What an examination comes to.

A finding says one thing about one question. The one invariant: only what breaks uploads
makes the whole a failure; what merely could be better does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it stands."""

    GOOD = "good"
    NOTE = "note"
    """Works, and could be better."""
    UNKNOWN = "unknown"
    """Was not asked, or cannot be told."""
    BREAKS = "breaks"
    """Breaks uploads, or resuming them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found."""

    check: str
    """The question, in a word."""
    verdict: Verdict
    text: str
    """What was seen."""
    settings: tuple[str, ...] = ()
    """What to set, one line for each product that it may be."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found."""

    url: str
    front: str
    """The product in front, as far as it shows; empty when none does."""
    findings: tuple[Finding, ...]

    @property
    def is_good(self) -> bool:
        return all(one.verdict is not Verdict.BREAKS for one in self.findings)
