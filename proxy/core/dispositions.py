"""The name of a file, as `Content-Disposition` says it, made fit to be told on.

Clients say it in two ways, one of which has a character set; both may hold whatever the
client liked. The one invariant: a name that leaves here is one component of a path,
without control characters, and never one that means a directory.

Source: RFC 6266; RFC 8187; RFC 5987 for ISO-8859-1, which RFC 8187 has dropped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

_TOKEN: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_TYPE = re.compile(rf"[ \t]*{_TOKEN}[ \t]*", re.ASCII)
# Deviates: a name without quotes may have spaces and the like in it, for clients that
# forget the quotes; browsers take that, too.
_PARAMETER = re.compile(
    rf';[ \t]*(?:({_TOKEN})[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^;"]+)[ \t]*)?', re.ASCII
)
_EXTENDED = re.compile(
    r"(utf-8|iso-8859-1)'[A-Za-z0-9-]*'((?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-Fa-f]{2})+)",
    re.ASCII | re.IGNORECASE,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SEPARATOR = re.compile(r"[/\\]")
_NOT_IN_A_NAME: Final = frozenset({"Cc", "Zl", "Zp"})
"""Unicode's categories of control characters, and of what separates lines."""
_DIRECTORIES: Final = frozenset({"", ".", ".."})


def file_name(disposition: bytes) -> str | None:
    """The name in the value of a `Content-Disposition` field; None when there is none
    that can be used, or the value is not well-formed."""
    said = _parameters(disposition.decode("latin-1"))
    for name in _names(said):
        plain = _component(name)
        if plain not in _DIRECTORIES:
            return plain
    return None


def _names(said: Mapping[str, str]) -> Iterator[str]:
    """Every name that was said, the one with a character set first."""
    extended = _EXTENDED.fullmatch(said.get("filename*", ""))
    if extended is not None:
        charset, escaped = extended.groups()
        try:
            yield unquote_to_bytes(escaped).decode(charset)
        except UnicodeDecodeError:
            pass  # the other one is there for that
    if "filename" in said:
        octets = said["filename"].encode("latin-1")
        try:
            yield octets.decode("utf-8")
        except UnicodeDecodeError:
            yield octets.decode("latin-1")


def _parameters(text: str) -> Mapping[str, str]:
    """The parameters behind the type, by their names in lower case. None at all when
    something else is among them, or two of one name."""
    said: dict[str, str] = {}
    found = _TYPE.match(text)
    while found is not None and found.end() < len(text):
        found = _PARAMETER.match(text, found.end())
        if found is not None and found[1] is not None:
            name = found[1].lower()
            if name in said:
                return {}
            said[name] = _unquoted(found[2])
    return said if found is not None else {}


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value.rstrip(" \t")
    return _ESCAPED.sub(r"\1", value[1:-1])


def _component(name: str) -> str:
    """The last component of a path, by the separators of any system."""
    shown = (char for char in name if unicodedata.category(char) not in _NOT_IN_A_NAME)
    return _SEPARATOR.split("".join(shown))[-1].strip()
