"""The limits of an upload as the field `Upload-Limit` tells them.

What a limit does is decided in ``proxy.core``; here are only its names. The number of
seconds left falls from response to response, everything else stays as it was when the
upload was created.

Source: draft-11 "Upload Limits"; R80, R94.
"""

from __future__ import annotations

from proxy.core.upload import Field, Limits

from . import fields


def limit_field(
    limits: Limits, lifetime_key: str | None = None, age_left_s: float = 0.0
) -> Field:
    """`Upload-Limit` for `limits`; with the lifetime left where it has a key.

    Without a limit on any size it says `min-size=0`, because it cannot be empty. A
    limit too large for the field is told as the largest number there is.
    """
    members: dict[str, int] = {}
    if limits.max_size is not None:
        members["max-size"] = min(limits.max_size, fields.MAX_INTEGER)
    if limits.min_size:
        members["min-size"] = min(limits.min_size, fields.MAX_INTEGER)
    if limits.max_append_size is not None:
        members["max-append-size"] = min(limits.max_append_size, fields.MAX_INTEGER)
    if limits.min_append_size:
        members["min-append-size"] = min(limits.min_append_size, fields.MAX_INTEGER)
    members = members or {"min-size": 0}
    if lifetime_key is not None:
        members[lifetime_key] = int(min(age_left_s, fields.MAX_INTEGER))
    return fields.UPLOAD_LIMIT, fields.dictionary_text(members)
