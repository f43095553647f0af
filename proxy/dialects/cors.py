"""What browsers are told so that pages of other origins may upload: CORS (R85, R86).

Only for the origins that the operator lists. For those our fields take the place of the
application's, so that nothing is said twice; for all others the application's own stay
as they are. A star stands for every origin, and then never with credentials.

Source: Fetch Standard "CORS protocol".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from proxy.core.upload import Field, Fields, Head

ALLOW_METHODS: Final = b"POST, PUT, HEAD, GET, PATCH, DELETE, OPTIONS"
ALLOW_HEADERS: Final = (
    b"Authorization, Content-Type, Content-Encoding, Content-Disposition, "
    b"Upload-Draft-Interop-Version, Upload-Complete, Upload-Incomplete, "
    b"Upload-Offset, Upload-Length, Upload-Metadata, Upload-Defer-Length, "
    b"X-HTTP-Method-Override, X-Requested-With, X-Request-ID, Repr-Digest, "
    b"Content-Digest, Want-Repr-Digest"
)
EXPOSE_HEADERS: Final = (
    b"Location, Content-Location, Upload-Draft-Interop-Version, Upload-Complete, "
    b"Upload-Incomplete, Upload-Offset, Upload-Length, Upload-Limit, Repr-Digest, "
    b"Retry-After"
)

_VARY: Final[Field] = (b"Vary", b"Origin")


@dataclass(frozen=True, slots=True)
class Pages:
    """What pages of other origins may do, by the operator's choice."""

    origins: Sequence[str] = ()
    """Whose pages may upload; a star: all."""
    allow_headers: Sequence[str] = ()
    """Request fields that they may send beside `ALLOW_HEADERS`."""
    expose_headers: Sequence[str] = ()
    """Response fields that they may read beside `EXPOSE_HEADERS`."""


def is_preflight(head: Head) -> bool:
    """True for the question a browser asks before the request itself (R85)."""
    return (
        head.method == "OPTIONS"
        and head.has(b"origin")
        and head.has(b"access-control-request-method")
    )


def preflight_fields(head: Head, pages: Pages) -> Fields:
    """Fields of the answer to a preflight; empty when its origin is not listed."""
    allowed = _allowed(head, pages.origins)
    if not allowed:
        return ()
    return (
        *allowed,
        (b"Access-Control-Allow-Methods", ALLOW_METHODS),
        (
            b"Access-Control-Allow-Headers",
            _with_more(ALLOW_HEADERS, pages.allow_headers),
        ),
        _VARY,
    )


def with_cors(own: Fields, head: Head, pages: Pages) -> Fields:
    """The fields `own` of a response to `head`, with what its origin is allowed.

    Goes for every response, errors included. Once any origin is listed all of them
    depend on the request's, and say so to caches.
    """
    if not pages.origins:
        return own
    allowed = _allowed(head, pages.origins)
    vary = () if _varies_by_origin(own) else (_VARY,)
    if not allowed:
        return own + vary
    exposed = _with_more(EXPOSE_HEADERS, pages.expose_headers)
    expose = (b"Access-Control-Expose-Headers", exposed)
    return (*_without_cors(own), *allowed, expose, *vary)


def _with_more(names: bytes, more: Sequence[str]) -> bytes:
    return b", ".join((names, *(name.encode() for name in more)))


def _allowed(head: Head, allow_origins: Sequence[str]) -> Fields:
    """Who may read the response; empty when the request's origin is not listed.

    Scheme and host are the same in capitals; browsers send them in lower case.
    """
    origin = head.value(b"origin")
    if origin is None:
        return ()
    if "*" in allow_origins:
        return ((b"Access-Control-Allow-Origin", b"*"),)
    listed = {entry.lower().encode() for entry in allow_origins}
    if origin.lower() not in listed:
        return ()
    return (
        (b"Access-Control-Allow-Origin", origin),
        (b"Access-Control-Allow-Credentials", b"true"),
    )


def _without_cors(own: Fields) -> Fields:
    prefix = b"access-control-"
    return tuple(field for field in own if not field[0].lower().startswith(prefix))


def _varies_by_origin(own: Fields) -> bool:
    members = b",".join(value for name, value in own if name.lower() == b"vary")
    return any(
        member.strip().lower() in (b"origin", b"*") for member in members.split(b",")
    )
