"""That a client is still there, for whoever waits for something else meanwhile.

A connection that is lost tells nobody by itself who awaits the origin, the disk or
another process. The one invariant: only what was lost ends the wait as ``ClientGone``;
whoever else cancels it is heard as such.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from proxy.core.errors import ClientGone, Gone

from .door import Connection


class client_present:  # noqa: N801 - read as a statement: async with client_present(...)
    """Within it, whatever waits is given up when the client has gone.

    Raises:
        ClientGone: the connection was lost.
    """

    def __init__(self, request: web.BaseRequest) -> None:
        connection = request.protocol
        assert isinstance(connection, Connection)
        self._connection = connection
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._lost = False

    async def __aenter__(self) -> Self:
        if self._connection.transport is None:
            raise ClientGone(Gone.CUT)
        self._task = asyncio.current_task()
        assert self._task is not None
        self._cancelling = self._task.cancelling()
        self._connection.watch(self._on_lost)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.unwatch(self._on_lost)
        if not self._lost:
            return
        assert self._task is not None
        # As in asyncio.timeout: only our own cancellation becomes something else.
        if self._task.uncancel() <= self._cancelling and (
            kind is asyncio.CancelledError
        ):
            raise ClientGone(Gone.CUT) from exc

    def _on_lost(self) -> None:
        self._lost = True
        assert self._task is not None
        self._task.cancel()
