"""What is wrong with a configuration, worded for whoever has to put it right.

A mistake names the place to look at, the key, what was expected and what was found.
All of them are told at once. Credentials in a URL are never repeated.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import ErrorDetails

from .keys import KEYS, Key, dotted, section_at
from .quantities import WrongValue

_CREDENTIALS = re.compile(r"//\S*@")
_LONGEST_SHOWN: Final = 80
"""Characters of a value that are repeated; picked by hand, about one line."""
_ALIKE: Final = 0.65
"""How alike a word is to one that is suggested; ``ulr`` and ``url`` are to 0.67."""
_ALMOST: Final = 0.85
"""How alike a key beside it is to one that exists elsewhere, and is meant all the same;
``path`` and ``paths`` are to 0.89."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value or a key was written."""

    source: str
    """The file, the environment variable, or the flag; empty: nowhere, a default."""
    line: int = 0
    """From 1; 0 where there are no lines."""
    column: int = 0
    """From 1."""

    @property
    def order(self) -> tuple[bool, int, int]:
        """Sorts places of a file from top to bottom, and before all others."""
        return (not self.line, self.line, self.column)

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


NOWHERE: Final = Place("")


@dataclass(frozen=True, slots=True)
class Mistake:
    place: Place
    key: str
    """With dots; empty when it is about the file as a whole."""
    words: str

    def __str__(self) -> str:
        return ": ".join(
            part for part in (str(self.place), self.key, self.words) if part
        )


class ConfigError(Exception):
    """The configuration cannot be used; caught in ``cli``, which exits with 78."""

    def __init__(self, errors: Iterable[Mistake]) -> None:
        in_order = sorted(errors, key=lambda error: error.place.order)
        super().__init__("\n".join(map(str, in_order)))
        self.errors = tuple(in_order)
        """Those of the file from top to bottom, then the others."""


_NEEDED: Final[Mapping[int | str, str]] = {
    "name": "a name, such as photos",
    "header": "the name of a request's field, such as X-Title",
}
"""What the keys are that items of lists need."""


def shown(value: object) -> str:
    """`value` as it may be repeated in a message."""
    if isinstance(value, str):
        text = _CREDENTIALS.sub("//***@", value)
        if len(text) > _LONGEST_SHOWN:
            text = text[: _LONGEST_SHOWN - 3] + "..."
        return json.dumps(text, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "keys and values"
    return json.dumps(value, default=str)


def wrong(exc: WrongValue, value: object, whose: str = "") -> str:
    """The words for a value that its kind refused; `whose` says if nobody wrote it."""
    words = f"expected {exc.expected}, got {exc.got or shown(value)}{whose}"
    return f"{words}; {exc.hint}" if exc.hint else words


def worded(error: ErrorDetails, whose: str = "") -> str:
    """What one error of the model says; unknown keys have ``unknown``."""
    got = f"got {shown(error['input'])}{whose}"
    context: dict[str, Any] = error.get("ctx", {})
    match error["type"]:
        case "missing" if error["loc"][-1] in _NEEDED:
            return f"expected {_NEEDED[error['loc'][-1]]}, got nothing"
        case "missing":  # the only key of the top level without a default
            return (
                "expected the URL of the origin, got nothing; set it in the file, "
                "by --origin or UPLOAD_PROXY_ORIGIN__URL"
            )
        case "value_error" if isinstance(context["error"], WrongValue):
            return wrong(context["error"], error["input"], whose)
        case "literal_error":
            choices = context["expected"].replace("'", "")
            return f"expected {choices}, {got}{_meant(error['input'], choices)}"
        case "too_short":
            return f"expected at least one, {got}"
        case "tuple_type":
            return f"expected a list, {got}"
        case "model_type":
            section = section_at(error["loc"])
            known = ", ".join(section.model_fields) if section else ""
            return f"expected keys of its own ({known}), {got}"
        case _:
            return f"{error['msg']}, {got}"


def _meant(value: object, choices: str) -> str:
    if not isinstance(value, str):
        return ""
    words = re.findall(r"[\w-]+", choices.replace(" or ", " "))
    close = difflib.get_close_matches(value.lower(), words, 1, _ALIKE)
    return f'; did you mean "{close[0]}"?' if close else ""


def unknown(key: Key) -> tuple[str, Key | None]:
    """The words for a key that does not exist, and the key that may have been meant."""
    above, name = key[:-1], str(key[-1])
    if dotted(above) in KEYS and section_at(above) is None:
        return f"unknown key; {dotted(above)} is a single value", None
    section = section_at(above)
    beside = list(section.model_fields) if section else []
    if close := difflib.get_close_matches(name.lower(), beside, 1, _ALMOST):
        return f'unknown key; did you mean "{close[0]}"?', (*above, close[0])
    for known in KEYS:
        if known.rpartition(".")[2] == name:
            return f'unknown key; did you mean "{known}"?', tuple(known.split("."))
    if section is None:
        return unknown(above)
    if close := difflib.get_close_matches(name.lower(), beside, 1, _ALIKE):
        return f'unknown key; did you mean "{close[0]}"?', (*above, close[0])
    if close := [one for one in beside if _shares_a_word(one, name)]:
        meant = " or ".join(f'"{one}"' for one in close)
        return f"unknown key; did you mean {meant}?", None
    return f"unknown key; known here: {', '.join(beside)}", None


def _shares_a_word(known: str, name: str) -> bool:
    """True for ``connect_timeout`` and ``timout``."""
    words = known.split("_")
    return any(
        difflib.get_close_matches(part, words, 1, 0.8) for part in name.split("_")
    )
