"""What of an answer may be told, and how.

Reports are pasted into tickets and chats. The one invariant: the URL of an upload is
never told as a whole, since for most who know it that is a key (P11).
"""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import urlsplit

from proxy.client.wire import Said

_SHOWN: Final = 4
"""Characters of an upload's token: what commands about uploads want at least."""
_REFUSES_STRANGERS: Final = (401, 403)


def veiled(url: str) -> str:
    """`url` with no more of its last part than its beginning, and without a query."""
    parts = urlsplit(url)
    above, _, last = parts.path.rstrip("/").rpartition("/")
    short = last if len(last) <= _SHOWN else f"{last[:_SHOWN]}..."
    query = "?..." if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{above}/{short}{query}"


def problem(said: Said) -> str:
    """The type of the problem that the answer tells: its name where it is one of the
    proxy's own, else the URI; empty when it tells none.

    Source: RFC 9457.
    """
    media_type = (said.value("content-type") or "").partition(";")[0]
    if media_type.strip().lower() != "application/problem+json":
        return ""
    try:
        told = json.loads(said.content)
    except ValueError:
        return ""
    kind = told.get("type") if isinstance(told, dict) else None
    if not isinstance(kind, str):
        return ""
    return kind.rpartition(":")[2] if kind.startswith("urn:") else kind


def answered(said: Said) -> str:
    """Its status, with the problem that it tells, and what helps a stranger."""
    name = problem(said)
    text = f"{said.status} {name}" if name else str(said.status)
    if said.status in _REFUSES_STRANGERS:
        text += " (say who you are by --header)"
    return text
