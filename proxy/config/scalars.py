"""What the text of one scalar means: variables put in, then YAML 1.2's plain types.

Shared by the file and the environment, so that 16, true and null mean the same in both.
Variables are put into values that have been parsed already: what a variable holds can
never become a key, a comment or a second line of the file.

Source: OpenTelemetry "Configuration Data Model", environment variable substitution;
YAML 1.2.2 "Core Schema".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from .quantities import WrongValue

_REFERENCE = re.compile(r"\$(?:\$|\{([^}\n]*)(\}?))")
_INSIDE = re.compile(r"(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.ASCII)
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII
)


def substituted(text: str, variables: Mapping[str, str]) -> str:
    """`text` with every ``${VAR}`` replaced, and ``$$`` by one ``$``.

    Raises:
        WrongValue: a variable is not set and no default is given, or what stands in
            the braces is no reference.
    """

    def replacement(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        inside = _INSIDE.fullmatch(match[1]) if match[2] else None
        if inside is None:
            raise WrongValue(
                "${VAR} or ${VAR:-default}",
                "a dollar sign itself is written $$",
                got=f'"{match[0]}"',
            )
        name, default = inside[1], inside[2]
        value = variables.get(name)
        if value is None and default is None:
            raise WrongValue(
                f"a value in the environment variable {name}",
                f"set it, or write ${{{name}:-default}}",
                got="nothing",
            )
        # an empty variable counts as absent only where there is a default to take
        return value or default or ""

    return _REFERENCE.sub(replacement, text)


def typed(text: str) -> object:
    """What plain `text` is: null, a boolean, a number, or the text itself."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
