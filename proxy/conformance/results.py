"""What comes of it: a verdict for every rule in every version.

The one invariant: only a rule that a draft demands, and that is failed, makes the whole
a failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .exchange import Exchange
from .rules import Level, Rule


class Verdict(StrEnum):
    """How it stands with a rule."""

    PASS = "pass"
    FAIL = "fail"
    NOT_OFFERED = "not offered"
    """The server does not have what the rule is about."""
    NOT_RUN = "not run"
    """It could have been seen and was not."""
    NOT_OBSERVABLE = "not observable"
    """Nobody can judge it from outside."""


@dataclass(frozen=True, slots=True)
class Result:
    """What is known of a rule in a version."""

    rule: Rule
    version: int | None
    """None for what is the same in every version."""
    level: Level
    """Of a failure: that of what was missed; else that of the rule."""
    verdict: Verdict
    expected: str = ""
    """What was missed."""
    why: str = ""
    """Why there is no verdict."""
    exchange: Exchange | None = None
    """Where it was missed."""

    @property
    def breaks(self) -> bool:
        return self.verdict is Verdict.FAIL and self.level is Level.MUST


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found."""

    url: str
    versions: tuple[int, ...]
    """Those that were judged."""
    unspoken: dict[int, str]
    """Those that the server does not speak, and what it said."""
    results: tuple[Result, ...]
    silent: bool = False
    """It answered nothing in any version, so that nothing is known of it."""

    @property
    def is_good(self) -> bool:
        """No MUST is failed, and something was judged."""
        return bool(self.versions) and not any(one.breaks for one in self.results)
