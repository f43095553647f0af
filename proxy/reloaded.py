"""What came of reading the configuration again, for whoever asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Result(StrEnum):
    APPLIED = "applied"
    """It is in effect, be it the same as before."""
    WRONG = "wrong"
    """It has mistakes; the one before stays."""
    REFUSED = "refused"
    """It is right, but cannot be taken into use now; the one before stays."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    result: Result
    changes: tuple[str, ...] = ()
    """What is another value now, a line each."""
    errors: tuple[str, ...] = ()
    """Why nothing is, a line each."""

    def told(self) -> Mapping[str, Any]:
        """The same as an object."""
        return {
            "result": self.result.value,
            "changes": list(self.changes),
            "errors": list(self.errors),
        }


class CannotApply(Exception):
    """A configuration cannot be taken into use; nothing has changed."""
