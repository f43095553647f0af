"""What is needed to go on with an upload later, in another process.

It holds the URL of the upload, which is a key to it, and no credentials: those are
given again. The one invariant: what ``loads`` takes is what ``dumps`` gave.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self

from .known import Known
from .sources import Mark
from .speech import VERSIONS

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class ResumeData:
    """Opaque; to be kept as ``dumps`` gives it."""

    known: Known
    mark: Mark | None
    """The file; None: the source is to be given again."""
    expires: float | None = None
    """Wall clock in seconds after which the server may forget it; None: not told."""

    def dumps(self) -> str:
        """As one line of text."""
        known = {name: getattr(self.known, name) for name in _KEPT}
        mark = None if self.mark is None else asdict(self.mark)
        told = {"format": _FORMAT, "upload": known, "file": mark}
        return json.dumps({**told, "expires": self.expires})

    @classmethod
    def loads(cls, text: str) -> Self:
        """Raises ValueError: that is no resume data of this version."""
        try:
            told = json.loads(text)
            if told["format"] != _FORMAT:
                raise ValueError(f"resume data of format {told['format']}")
            known = _known(told["upload"])
            mark = None if told["file"] is None else Mark(**told["file"])
            return cls(known, mark, told["expires"])
        except (KeyError, TypeError) as exc:
            raise ValueError("this is no resume data") from exc


_KEPT: Final = (
    "url",
    "method",
    "version",
    "length",
    "moved_to",
    "upload_url",
    "offset",
    "whole",
    "finished",
    "most",
)


def _known(told: dict[str, Any]) -> Known:
    if told["version"] not in VERSIONS or not isinstance(told["upload_url"], str):
        raise ValueError("this is no resume data")
    known = Known(told["url"], told["method"], told["version"])
    return replace(known, assured=True, **{name: told[name] for name in _KEPT[3:]})
