"""Which dialect a request speaks, or none: the identification of uploads.

The URL is asked first, then the method, then the completeness field, and the version
only decides in which words it goes on (R17). The one invariant to keep: a request that
says it is only a part is never passed through, in whatever version it says so.

Source: R5, R9, R12 to R18.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from proxy.core.upload import Fields, Head, Limits

from . import fields
from .dialect import Dialect
from .discovery import discovery_fields
from .fields import NoValue
from .profiles import COMPLETE, INCOMPLETE, PROFILES, RFC
from .requests import WITHOUT_CONTENT, starts_upload
from .rufh import Rufh

_VERSION = fields.INTEROP_VERSION.lower()


@dataclass(frozen=True, slots=True)
class Dialects:
    """The dialects an operator has enabled, and where they may be spoken."""

    uploads: str
    """Path under which all upload URLs lie, with a slash at both ends."""
    versions: frozenset[int]
    """Interop versions that are spoken, each a row of ``PROFILES``; every other one
    counts as unknown."""
    rfc: bool
    """Requests without a version field are uploads as the RFC will have them (R13)."""
    enabled_for: Callable[[Head], bool]
    """Whether a request may start an upload, by its method, target and fields."""

    def choose(self, head: Head) -> Dialect | None:
        """The dialect to read `head` with; None when it is to be passed through."""
        if self.is_upload(head):
            return self._speaking(head)
        if head.method in WITHOUT_CONTENT or not _speaks_of_completeness(head):
            return None
        rufh = self._speaking(head)
        if not starts_upload(head, rufh.profile, spoken=rufh.spoken):
            return None
        return rufh if self.enabled_for(head) else None

    def is_upload(self, head: Head) -> bool:
        """True when the URL lies where uploads do, whether there is one or not."""
        return head.path.startswith(self.uploads)

    def version(self, head: Head) -> int | None:
        """The version that `head` names, when we speak it."""
        return self._speaking(head).version

    def discovery(self, head: Head, limits: Limits) -> Fields:
        """Fields of our own answer to OPTIONS on a target of uploads (R80)."""
        return discovery_fields(limits, self.version(head))

    def _speaking(self, head: Head) -> Rufh:
        row, spoken = self._row(head)
        return _rufh(row, self.uploads, spoken=spoken, http_1_0=head.http_1_0)

    def _row(self, head: Head) -> tuple[int | str, bool]:
        """Whose profile to answer in, and whether the request speaks it.

        Not spoken: the newest one, which is all that is left to answer in (R15, R16).
        """
        named = fields.integer(head.value(_VERSION))
        if isinstance(named, int) and named in self.versions:
            return named, True
        if named is NoValue.ABSENT and self.rfc:
            return RFC, True
        return max(self.versions, default=RFC), False


@cache
def _rufh(row: int | str, uploads: str, *, spoken: bool, http_1_0: bool) -> Rufh:
    """One for all requests that speak alike: a slow one has it for hours."""
    profile = PROFILES[row]
    interims = spoken and profile.interims and not http_1_0
    return Rufh(profile, uploads, spoken=spoken, interims=interims)


def _speaks_of_completeness(head: Head) -> bool:
    """True when a field of either polarity is there: most requests have none."""
    return head.has(COMPLETE.key) or head.has(INCOMPLETE.key)
