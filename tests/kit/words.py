"""What each version of the protocol calls things, and what it has to be answered.

Written from the protocol, not from the code under test. One row per version; where a
test expects different things from different versions, it asks a column here.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

MEDIA_TYPE = "application/partial-upload"
PROBLEMS = "https://iana.org/assignments/http-problem-types#"
MISMATCH = PROBLEMS + "mismatching-upload-offset"
COMPLETED = PROBLEMS + "completed-upload"
INCONSISTENT = PROBLEMS + "inconsistent-upload-length"

FIRST, NEWEST = 3, 10
VERSIONS = tuple(range(FIRST, NEWEST + 1))


@dataclass(frozen=True, slots=True)
class Words:
    """One version's words."""

    version: int
    completeness: str
    """Name of the field that says whether all content is there."""
    done: str
    """Its value for: this is all."""
    open: str
    """Its value for: more follows."""

    @property
    def media_type(self) -> str | None:
        """Media type that an append must have; None: any (R51)."""
        return MEDIA_TYPE if self.version >= 6 else None

    @property
    def part_status(self) -> int:
        """Status of an append after which more follows (R59)."""
        return 201 if self.version <= 6 else 204

    @property
    def tells_limits(self) -> bool:
        return self.version >= 6

    @property
    def lifetime(self) -> str | None:
        """Member of Upload-Limit that tells the lifetime (R94)."""
        if self.version < 6:
            return None
        return "expires" if self.version == 6 else "max-age"

    @property
    def append_limits(self) -> bool:
        """The limits of one append apply (R57, R58)."""
        return self.version >= 6

    @property
    def creation_limits(self) -> bool:
        """The limits of one append apply to creations too (R31, R32)."""
        return self.version >= 9

    @property
    def overrun_kills(self) -> bool:
        """Running over the length invalidates the upload (R56)."""
        return self.version >= 7

    @property
    def mismatch_problem(self) -> bool:
        return self.version >= 6

    @property
    def length_problem(self) -> bool:
        return self.version >= 7


def words(version: int) -> Words:
    """The words of `version`; of the newest one where it is not known (R15, R16)."""
    if version == 3:
        return Words(3, "Upload-Incomplete", "?0", "?1")
    known = version if version in VERSIONS else NEWEST
    return Words(known, "Upload-Complete", "?1", "?0")


def versions(first: int = FIRST, last: int = NEWEST) -> pytest.MarkDecorator:
    """Run the test once for each version from `first` to `last`, as ``version``."""
    chosen = range(first, last + 1)
    return pytest.mark.parametrize("version", chosen, ids=lambda v: f"v{v}")


each_version = versions()
"""Run the test once for every version there is."""
