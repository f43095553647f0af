"""Problem documents: the body that explains an error, and what its type is called.

Three types are registered for resumable uploads, and only some versions know them; in
every other case the type is one of ours, which stays the same from release to release.
Nothing internal gets into a document: no path, no trace, no token.

Source: RFC 9457; R26, R53, R54, R56, R60.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from proxy.core.errors import Problem
from proxy.core.upload import Fields

_REGISTRY: Final = "https://iana.org/assignments/http-problem-types#"

FIELDS: Final[Fields] = (
    (b"Content-Type", b"application/problem+json"),
    (b"Cache-Control", b"no-store"),
)
"""Fields of every response with a problem document."""


class Registered(Enum):
    """The problem types that the drafts register, by their fragment."""

    OFFSET = "mismatching-upload-offset"
    COMPLETED = "completed-upload"
    LENGTH = "inconsistent-upload-length"

    @property
    def uri(self) -> str:
        return _REGISTRY + self.value

    @property
    def title(self) -> str:
        """One for each type, whatever made us use it (RFC 9457 "title")."""
        return _TITLES[self]


_TITLES: Final = MappingProxyType(
    {
        Registered.OFFSET: "Upload offset does not match",
        Registered.COMPLETED: "Upload is already completed",
        Registered.LENGTH: "Upload lengths are inconsistent",
    }
)


@dataclass(frozen=True, slots=True)
class Kind:
    """How a problem is told, as far as no version wants it otherwise."""

    status: int
    title: str
    """The title of our own type for it."""
    registered: Registered | None = None
    """The type, with its own title, where the version has it."""


KINDS: Final = MappingProxyType(
    {
        Problem.MALFORMED: Kind(400, "Malformed upload request"),
        Problem.UNKNOWN_UPLOAD: Kind(404, "No such upload"),
        Problem.METHOD_NOT_ALLOWED: Kind(405, "Method not allowed on an upload"),
        Problem.WRONG_MEDIA_TYPE: Kind(415, "Wrong media type of an append"),
        Problem.OFFSET_MISMATCH: Kind(
            409, "Wrong offset of an append", Registered.OFFSET
        ),
        Problem.LENGTH_CONFLICT: Kind(
            400, "Upload lengths disagree", Registered.LENGTH
        ),
        Problem.OVERRUN: Kind(
            400, "Content runs over the upload length", Registered.LENGTH
        ),
        Problem.TOO_LARGE: Kind(413, "Over a size limit"),
        Problem.TOO_SMALL: Kind(400, "Under a size limit"),
        # R60: status and registered type are each version's own
        Problem.ALREADY_FINISHED: Kind(400, "Upload is already finished"),
        Problem.ANSWER_NOT_KEPT: Kind(410, "Answer is no longer kept"),
        Problem.OUTCOME_UNKNOWN: Kind(502, "Outcome is unknown"),
        Problem.ORIGIN_DOWN: Kind(503, "Origin cannot be reached"),
        Problem.STORAGE: Kind(507, "Upload cannot be stored"),
        Problem.NO_ROOM: Kind(507, "No room for the upload"),
        Problem.TOO_MANY: Kind(429, "Too many open uploads"),
        Problem.NOT_AUTHORISED: Kind(403, "Not authorised"),
        Problem.AUTH_DOWN: Kind(503, "Authorisation cannot be asked for"),
        Problem.ROUTE_MISSING: Kind(503, "Destination is not configured"),
        Problem.UNAVAILABLE: Kind(503, "Temporarily unavailable"),
    }
)


def own_type(name: str) -> str:
    """The URI of a problem type of ours. A name, nothing to be fetched from."""
    return f"urn:resumable-upload-proxy:problem:{name}"


def document(
    type_uri: str,
    title: str,
    status: int,
    detail: str,
    members: Mapping[str, int] | None = None,
) -> bytes:
    """The JSON of a problem document; `members` are those that only its type has."""
    return json.dumps(
        {
            "type": type_uri,
            "title": title,
            "status": status,
            "detail": detail,
            **(members or {}),
        }
    ).encode("ascii")
