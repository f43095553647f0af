"""What a server says that it takes: Upload-Limit, read.

Pure. Unknown members are ignored; a known one that is no Integer voids the field, as
the newer drafts say. The one invariant: a limit that is not told is None.

Source: draft-13 "Upload-Limit".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final, cast

import http_sf


@dataclass(frozen=True, slots=True)
class Limits:
    """In bytes, and seconds; None: none was told."""

    max_size: int | None = None
    min_size: int | None = None
    max_append_size: int | None = None
    min_append_size: int | None = None
    max_age: int | None = None
    """Seconds that the upload has left, counted from when this was said."""


UNLIMITED: Final = Limits()

_KEYS = {one.name.replace("_", "-"): one.name for one in fields(Limits)}
_KEYS["expires"] = "max_age"
"""As version 6 has it."""


def limits(value: str | None) -> Limits | None:
    """The limits in the field `value`; None when it is absent, or is no such field."""
    if value is None:
        return None
    try:
        told = http_sf.parse(value.encode("latin-1"), tltype="dictionary")
    except http_sf.StructuredFieldError:
        return None
    found = {}
    for key, member in cast("Mapping[str, tuple[object, object]]", told).items():
        if key not in _KEYS:
            continue
        number = member[0]
        if type(number) is not int or number < 0:
            return None
        found[_KEYS[key]] = number
    return Limits(**found)
