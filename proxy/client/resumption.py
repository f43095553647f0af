"""What is needed to go on with an upload later, in another process.

It holds the URL of the upload, which is a key to it, and no credentials: those are
given again. The one invariant: what ``loads`` takes is what ``dumps`` gave.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self

from .fields import given
from .known import Known
from .sources import Mark
from .speech import VERSIONS
from .target import target

_FORMAT: Final = 1
_NONE: Final = "this is no resume data"


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
            mark = None if told["file"] is None else _mark(told["file"])
            if type(told["expires"]) not in (int, float, type(None)):
                raise ValueError(_NONE)
            return cls(known, mark, told["expires"])
        except (KeyError, TypeError, RecursionError) as exc:
            raise ValueError(_NONE) from exc


_MAYBE: Final = type(None)
_KEPT: Final[Mapping[str, tuple[type, ...]]] = {
    "url": (str,),
    "method": (str,),
    "version": (int,),
    "length": (int, _MAYBE),
    "moved_to": (str, _MAYBE),
    "upload_url": (str,),
    "offset": (int,),
    "whole": (bool,),
    "finished": (bool,),
    "most": (int, _MAYBE),
}
_MARK: Final[Mapping[str, tuple[type, ...]]] = {
    "path": (str,),
    "size": (int,),
    "mtime_ns": (int,),
    "first": (str,),
}


def _known(told: dict[str, Any]) -> Known:
    _check(told, _KEPT)
    if told["version"] not in VERSIONS or told["most"] == 0:
        raise ValueError(_NONE)
    if any((told[name] or 0) < 0 for name in ("length", "offset", "most")):
        raise ValueError(_NONE)
    for name in ("url", "moved_to", "upload_url"):
        if told[name] is not None:
            target(told[name])
    given((), told["method"])
    return replace(
        Known("", "", 0), assured=True, **{name: told[name] for name in _KEPT}
    )


def _mark(told: dict[str, Any]) -> Mark:
    _check(told, _MARK)
    return Mark(**told)


def _check(told: dict[str, Any], kinds: Mapping[str, tuple[type, ...]]) -> None:
    for name, allowed in kinds.items():
        # not isinstance: a Boolean is an int to Python
        if type(told[name]) not in allowed:
            raise ValueError(f"{_NONE}: {name} is {told[name]!r}")
