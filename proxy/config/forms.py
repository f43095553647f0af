"""Names in the form that an origin gets: from what was written.

Functions as in ``quantities``: each gives the plain value the program uses, or
``WrongValue``. What two readers of a form could understand in two ways is refused. The
one invariant: a field of the request that passes here is one that uploads keep.
"""

from __future__ import annotations

import re
from typing import Final

from proxy.core.headers import lost_to_uploads

from .quantities import WrongValue

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_DIRECTORIES: Final = frozenset({".", ".."})


def field_name(value: object) -> str:
    """The name of a field of a form."""
    if not _is_plain(value):
        raise WrongValue("the name of a form field such as file or photo[image]")
    return str(value)


def file_name(value: object) -> str:
    """The name of a file, without a path."""
    expected = "a file name such as upload.bin, without a path"
    if not _is_plain(value) or "/" in str(value) or value in _DIRECTORIES:
        raise WrongValue(expected)
    return str(value)


def _is_plain(value: object) -> bool:
    """True for text in one line. A quote or a backslash stands for itself in browsers'
    forms, and for something else to readers that go by older rules."""
    text = value if isinstance(value, str) else ""
    return bool(text.strip()) and text.isprintable() and not set(text) & set('"\\')


def kept_header(value: object) -> str:
    """The name of a field of requests, in lower case."""
    expected = "the name of a request's field such as X-Title or Authorization"
    if not isinstance(value, str) or not _HEADER.fullmatch(value):
        raise WrongValue(expected)
    if lost_to_uploads(value.lower().encode()):
        raise WrongValue(
            "a field that uploads keep", "this one goes no further than us"
        )
    return value.lower()
