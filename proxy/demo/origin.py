"""An upload endpoint as there are many: one POST, one answer.

It knows nothing of resumable uploads. It answers with the size and the SHA-256 of what
it got, and remembers them, so that nobody has to believe what a client was told.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(slots=True)
class Origin:
    """A handler of aiohttp."""

    received: list[str] = field(default_factory=list)
    """SHA-256 of each body, in order."""

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        digest, size = hashlib.sha256(), 0
        async for chunk in request.content.iter_any():
            digest.update(chunk)
            size += len(chunk)
        self.received.append(digest.hexdigest())
        answer = {"bytes": size, "sha256": digest.hexdigest()}
        return web.json_response(answer, status=201)
