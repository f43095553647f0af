"""SHA-256 of what is uploaded, said beforehand and compared with what comes back.

Source: RFC 9530 "Repr-Digest"; draft-04 to -11 "Digests".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, cast

import http_sf

from .failures import Reason, SourceFailed
from .sources import Source
from .wire import Lines, Said

_PIECE: Final = 1 << 20


async def sha256_of(source: Source) -> bytes:
    """Of all of `source`, which is read for it. Raises SourceFailed."""
    if not source.again or source.length is None:
        words = "the digest of a source that can only be read once cannot be told first"
        raise SourceFailed(Reason.CANNOT_GO_BACK, words)
    digest, offset = hashlib.sha256(), 0
    while piece := await source.read(offset, _PIECE):
        digest.update(piece)
        offset += len(piece)
    return digest.digest()


def announced(digest: bytes, *, wanted: bool) -> Lines:
    """What the creation says of it; `wanted`: the answer is to say it, too."""
    lines = (("Repr-Digest", f"sha-256={http_sf.ser(digest)}"),)
    return (*lines, ("Want-Repr-Digest", "sha-256=10")) if wanted else lines


def told(said: Said) -> bytes | None:
    """The SHA-256 in the Repr-Digest of `said`; None when there is none."""
    value = said.value("repr-digest")
    if value is None:
        return None
    try:
        members = http_sf.parse(value.encode("latin-1"), tltype="dictionary")
    except http_sf.StructuredFieldError:
        return None
    member = cast("Mapping[str, tuple[object, object]]", members).get("sha-256")
    found = member[0] if member else None
    return found if isinstance(found, bytes) else None
