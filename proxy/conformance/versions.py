"""The interop versions, as a client spells them, and which drafts they are of.

How completeness is said and which media type an append has is all that a client must
know; what a server has to answer is in ``judging``. The one invariant: a version is
what its newest draft says, where its drafts differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

ALL: Final = range(3, 11)
TO_5: Final = range(3, 6)
TO_6: Final = range(3, 7)
TO_7: Final = range(3, 8)
FROM_6: Final = range(6, 11)
FROM_7: Final = range(7, 11)
FROM_8: Final = range(8, 11)
FROM_9: Final = range(9, 11)
NEVER: Final = range(0)

VERSION_FIELD: Final = "Upload-Draft-Interop-Version"
PARTIAL_UPLOAD: Final = "application/partial-upload"


@dataclass(frozen=True, slots=True)
class Version:
    """One interop version."""

    number: int
    draft: str
    """The newest draft that has it."""
    completeness: str = "Upload-Complete"
    done: str = "?1"
    """What its completeness field says of an upload that is whole."""
    open: str = "?0"
    media_type: str | None = PARTIAL_UPLOAD
    """Of the content of appends; None where any will do."""

    @property
    def field(self) -> tuple[str, str]:
        return VERSION_FIELD, str(self.number)

    def says(self, *, last: bool) -> tuple[str, str]:
        """The completeness field of a request."""
        return self.completeness, self.done if last else self.open

    def section(self, title: str) -> str:
        """Where its draft has what later drafts have under `title`."""
        old = _OLD_TITLES.get(title, {})
        names = [name for upto, name in old.items() if self.number <= upto]
        return f"{self.draft}, {names[0] if names else title}"


_OLD_TITLES: Final[dict[str, dict[int, str]]] = {
    "Upload Creation": {3: "Upload Creation Procedure"},
    "Offset Retrieval": {3: "Offset Retrieving Procedure"},
    "Upload Append": {3: "Upload Appending Procedure"},
    "Upload Cancellation": {3: "Upload Cancellation Procedure"},
    "Completeness": {3: "Upload-Incomplete", 6: "Upload-Complete"},
    "Offset": {5: "Upload-Offset", 6: "Offset values"},
    "Length": {6: "Upload Creation"},
    "Limits": {6: "Upload-Limit"},
    "Concurrency": {3: "Upload Appending Procedure", 6: "Upload Append"},
    "Status Code 104": {7: "RFC 9110, Expect"},
    "Upload Resource": {6: "Upload Creation"},
}
"""Title in the newest draft → title in older ones, each up to a version."""


VERSIONS: Final = MappingProxyType(
    {
        version.number: version
        for version in (
            Version(3, "draft-01", "Upload-Incomplete", "?0", "?1", None),
            Version(4, "draft-02", media_type=None),
            Version(5, "draft-03", media_type=None),
            Version(6, "draft-05"),
            Version(7, "draft-08"),
            Version(8, "draft-11"),
            Version(9, "draft-12"),
            Version(10, "draft-13"),
        )
    }
)
