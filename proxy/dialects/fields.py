"""Structured fields, in and out, as far as resumable uploads use them.

In: Items that are a Boolean or an Integer; parameters are parsed and ignored. Every
function is total: a field that is absent or invalid is a ``NoValue``, never an
exception. Out: Booleans, Integers, and Dictionaries of Integers.
The common plain spellings are read without the library; they are those for which no
parser can come to anything else.

Source: RFC 9651; R1 to R4, R8, R11.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, cast

import http_sf

UPLOAD_OFFSET: Final = b"Upload-Offset"
UPLOAD_LENGTH: Final = b"Upload-Length"
UPLOAD_LIMIT: Final = b"Upload-Limit"
UPLOAD_COMPLETE: Final = b"Upload-Complete"
UPLOAD_INCOMPLETE: Final = b"Upload-Incomplete"
INTEROP_VERSION: Final = b"Upload-Draft-Interop-Version"

MAX_INTEGER: Final = 999_999_999_999_999
"""The largest Integer: 15 digits."""

_BOOLEANS: Final = {b"?1": True, b"?0": False}


class NoValue(Enum):
    """Why a field says nothing."""

    ABSENT = auto()
    INVALID = auto()
    """It is there, but not what it has to be."""


def boolean(value: bytes | None) -> bool | NoValue:
    """The Boolean that the combined field `value` is; `value` is None when absent."""
    if value is None:
        return NoValue.ABSENT
    plain = _BOOLEANS.get(value)
    if plain is not None:
        return plain
    item = _item(value)
    return item if isinstance(item, bool) else NoValue.INVALID


def integer(value: bytes | None) -> int | NoValue:
    """The Integer, of either sign, that the combined field `value` is."""
    if value is None:
        return NoValue.ABSENT
    if value.isdigit() and len(value) <= 15:
        return int(value)
    item = _item(value)
    # not isinstance: a Boolean is an int to Python
    return item if type(item) is int else NoValue.INVALID


def count(value: bytes | None) -> int | NoValue:
    """The number of bytes that the combined field `value` is; negative is invalid."""
    number = integer(value)
    if isinstance(number, int) and number < 0:
        return NoValue.INVALID
    return number


def _item(value: bytes) -> object:
    """The bare item that `value` is; INVALID when it is none."""
    try:
        parsed = http_sf.parse(value.strip(b" \t"), tltype="item")
    except http_sf.StructuredFieldError:
        return NoValue.INVALID
    bare, _parameters = cast("tuple[object, object]", parsed)
    return bare


def boolean_text(value: bool) -> bytes:
    return b"?1" if value else b"?0"


def integer_text(value: int) -> bytes:
    """`value`, 0 to MAX_INTEGER, in decimal."""
    return b"%d" % value


def dictionary_text(members: Mapping[str, int]) -> bytes:
    """A Dictionary of Integers, in the order given.

    `members` has at least one entry: an empty Dictionary cannot be said.
    """
    return ", ".join(f"{key}={value}" for key, value in members.items()).encode("ascii")
