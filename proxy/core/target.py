"""Request-targets and authorities: what a client asks for, and of whom.

A target is kept byte for byte as it was received and is never decoded, resolved or
quoted here. The one thing that is taken from it is the authority of an absolute-form
target, because that one replaces `Host`. The one invariant: ``origin_form`` gives a
suffix of the target it was given, or ``/`` put before one.

Source: RFC 9112 "Request Target"; RFC 9110 "Host and :authority".
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

_IP_LITERAL = r"\[(?:[0-9A-Fa-f:.]+|v[0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+)\]"
_REG_NAME = r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
_AUTHORITY = re.compile(rf"(?:{_IP_LITERAL}|{_REG_NAME})(?::[0-9]{{0,5}})?", re.ASCII)
_ABSOLUTE = re.compile(r"https?://([^/?]*)", re.ASCII | re.IGNORECASE)

_UNCLEAR = re.compile(r"[%\\]|//|/\.")
"""What makes a path mean something else to another reader."""

ASTERISK: Final = "*"
"""The target of an OPTIONS request about the server as a whole."""


def is_authority(text: str) -> bool:
    """True for a host with an optional port, as `Host` has it: not empty, no user."""
    return _AUTHORITY.fullmatch(text) is not None


def authority_of(target: str) -> str | None:
    """The authority of an absolute-form target of http or https; None for other forms.

    It is not checked: it may be empty, or name a user.
    """
    if target.startswith("/"):  # as nearly all do
        return None
    match = _ABSOLUTE.match(target)
    return match.group(1) if match else None


def origin_form(method: str, target: str) -> str:
    """The target as an origin gets it: path and query, without scheme and authority.

    An absolute form without a path asks for ``/``, but for ``*`` with OPTIONS.

    Source: RFC 9112 "asterisk-form".
    """
    if target.startswith("/"):
        return target
    match = _ABSOLUTE.match(target)
    if match is None:
        return target
    rest = target[match.end() :]
    if not rest and method == "OPTIONS":
        return ASTERISK
    return rest if rest.startswith("/") else "/" + rest


def resolved(path: str) -> str:
    """`path` as a server may read it: decoded once, without dots and doubled slashes.

    Only to see whether it could be taken for another path; what is sent on is always
    the path as it came.

    Source: RFC 3986 "Remove Dot Segments"; what common servers make of the rest.
    """
    if not _UNCLEAR.search(path):
        return path
    segments: list[str] = []
    for segment in unquote(path, "latin-1").replace("\\", "/").split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    end = "/" if path.endswith("/") and segments else ""
    return "/" + "/".join(segments) + end
