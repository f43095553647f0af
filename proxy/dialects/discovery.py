"""What OPTIONS on a possible target of uploads tells: R80, R81, R83.

The same for every version, and for requests that name none: clients ask before they
upload, some of them in no version at all. What the origin itself says about the target
stays, apart from the fields that only we can know.
"""

from __future__ import annotations

from typing import Final

from proxy.core.upload import Field, Fields, Limits

from .limits import limit_field
from .replies import ACCEPT_PATCH, version_fields, without_upload_fields

ALLOW: Final[Field] = (b"Allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
"""For targets whose origin does not tell its methods: all that uploads may need, and
nothing said against the rest."""


def discovery_fields(limits: Limits, version: int | None) -> Fields:
    """Fields of our own answer, a 200 without content.

    `limits` are those a creation would get, told without a lifetime, which only an
    upload has. `version` is named when the request named it and we speak it.
    """
    return (*version_fields(version), limit_field(limits), ACCEPT_PATCH, ALLOW)


def beside_discovery(own: Fields, limits: Limits, version: int | None) -> Fields:
    """Our own answer with the fields `own` of the origin, which had no more to say.

    They may be of another protocol, such as WebDAV's `DAV`. `Allow` is one line, with
    its methods and ours.

    Source: R81; RFC 4918 "DAV Header".
    """
    methods = [
        method.strip()
        for name, value in (*own, ALLOW)
        if name.lower() == b"allow"
        for method in value.split(b",")
    ]
    allow = (ALLOW[0], b", ".join(dict.fromkeys(filter(None, methods))))
    rest = [one for one in without_upload_fields(own) if one[0].lower() != b"allow"]
    ours = discovery_fields(limits, version)
    return (*rest, *(allow if field == ALLOW else field for field in ours))


def with_discovery(own: Fields, limits: Limits, version: int | None) -> Fields:
    """The origin's fields `own` with ours added (R81); an `Allow` of its own stands."""
    names = {name.lower() for name, _ in own}
    added = discovery_fields(limits, version)
    return without_upload_fields(own) + tuple(
        field for field in added if field != ALLOW or b"allow" not in names
    )
