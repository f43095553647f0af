"""The baseline: a proxy as one writes it first with aiohttp, in two forms.

``stored``: the body goes to a file, chunk by chunk in a thread as tutorials advise, and
from there to the origin, which is the job that the product and nginx do. ``streamed``:
it goes straight through, which is less than the job, and shows what the library itself
costs. Neither is slowed down on purpose.

    python naive.py PORT ORIGIN stored|streamed DIRECTORY
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import ClientSession, ClientTimeout, hdrs, web

_CHUNK: Final = 64 * 1024
_HOP_BY_HOP: Final = {hdrs.CONNECTION, hdrs.TRANSFER_ENCODING, hdrs.KEEP_ALIVE}
_SESSION: Final = web.AppKey("session", ClientSession)


class Naive:
    """One proxy before `origin`."""

    def __init__(self, origin: str, directory: str, *, stores: bool) -> None:
        self._origin = origin
        self._directory = directory
        self._stores = stores

    async def handle(self, request: web.Request) -> web.Response:
        """Any request."""
        if not self._stores:
            body = request.content if request.can_read_body else None
            return await self._forward(request, body)
        with tempfile.TemporaryFile(dir=self._directory) as file:
            async for chunk in request.content.iter_chunked(_CHUNK):
                await asyncio.to_thread(file.write, chunk)
            file.seek(0)
            return await self._forward(request, file)

    async def _forward(self, request: web.Request, body: object) -> web.Response:
        fields = [
            (name, value)
            for name, value in request.headers.items()
            if name.title() not in _HOP_BY_HOP
        ]
        session = request.app[_SESSION]
        url = self._origin + request.path_qs
        async with session.request(
            request.method, url, headers=fields, data=body
        ) as answer:
            return web.Response(
                status=answer.status,
                body=await answer.read(),
                content_type=answer.content_type,
            )


async def _session(app: web.Application) -> AsyncIterator[None]:
    async with ClientSession(timeout=ClientTimeout(total=None)) as session:
        app[_SESSION] = session
        yield


def main() -> None:
    """What the command line says."""
    _, port, origin, form, directory = sys.argv
    naive = Naive(origin, directory, stores=form == "stored")
    app = web.Application()
    app.cleanup_ctx.append(_session)
    app.router.add_route("*", "/{path:.*}", naive.handle)
    # As many may wait to be accepted as with nginx here: by default it is 128, and what
    # a crowd of clients waits for then is TCP.
    web.run_app(
        app,
        host="127.0.0.1",
        port=int(port),
        backlog=4096,
        access_log=None,
        print=None,
    )


if __name__ == "__main__":
    main()
