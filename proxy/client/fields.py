"""The caller's own fields: which request gets them, and who may see them.

Pure. The one invariant: what the caller gave for one server is not shown to another one
unless that is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import h11

from .target import Target
from .wire import Lines

GivenFields = Mapping[str, str] | Iterable[tuple[str, str]]

_OURS: Final = frozenset(
    {"connection", "content-length", "expect", "host", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)
_WITHOUT_CONTENT: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "TRACE"}
)
_OF_CONTENT: Final = frozenset({"repr-digest", "want-repr-digest", "content-digest"})


def given(fields: GivenFields, method: str = "POST") -> Lines:
    """The caller's fields, checked.

    Raises:
        ValueError: one that is set here, or that HTTP does not allow.
    """
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    lines = tuple((name, value.strip()) for name, value in pairs)
    for name, _ in lines:
        low = name.lower()
        if low in _OURS or low.startswith("upload-"):
            raise ValueError(f"{name} is for the client itself to say")
    try:
        encoded = [
            (name.encode("ascii"), value.encode("latin-1")) for name, value in lines
        ]
        h11.Request(method=method, target="/", headers=[(b"Host", b"h"), *encoded])
    except (h11.LocalProtocolError, UnicodeEncodeError) as exc:
        raise ValueError(f"not to be sent: {exc}") from None
    if method.upper() in _WITHOUT_CONTENT:
        raise ValueError(f"{method} has no content, so it uploads nothing")
    return lines


def of_creation(lines: Lines) -> Lines:
    """Those of the creation: all, with a media type."""
    if any(name.lower() == "content-type" for name, _ in lines):
        return lines
    return (*lines, ("Content-Type", "application/octet-stream"))


def of_upload(lines: Lines) -> Lines:
    """Those of requests to the upload: what is not about the content."""
    return tuple(line for line in lines if not _about_content(line[0].lower()))


def _about_content(name: str) -> bool:
    return name.startswith("content-") or name in _OF_CONTENT


def may_follow(home: Target, where: Target) -> bool:
    """`where` is no worse protected."""
    return not (home.scheme == "https" and where.scheme == "http")
