"""An auth server, proxies that ask it, and clients of theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from proxy.app import App
from tests.conftest import StartProxy
from tests.kit.auth import (
    AuthServer,
)
from tests.kit.client import Client

VERSION = 9
UNKNOWN = "A" * 43
BY_NAME = {"principal": ["answer:x-auth-user"]}
BY_SECRET = {"principal": ["request:authorization"]}


@pytest.fixture
async def auth() -> AsyncIterator[AuthServer]:
    server = AuthServer()
    await server.start()
    yield server
    await server.stop()


class Guarded:
    """Proxies that ask the auth server, and clients of them."""

    def __init__(self, start: StartProxy, auth: AuthServer) -> None:
        self._start = start
        self._auth = auth
        self._clients: list[Client] = []

    async def __call__(self, auth: dict[str, Any] | None = None, **more: Any) -> Client:
        asked = {"request": f"{self._auth.address}/check?by=proxy", "timeout": "1s"}
        app = await self._start(auth={**asked, **(auth or {})}, **more)
        return self.of(app)

    def of(self, app: App) -> Client:
        self._clients.append(Client(app.addresses[0]))
        return self._clients[-1]

    async def close(self) -> None:
        for client in self._clients:
            await client.close()


@pytest.fixture
async def guarded(start_proxy: StartProxy, auth: AuthServer) -> AsyncIterator[Guarded]:
    made = Guarded(start_proxy, auth)
    yield made
    await made.close()


def stored(running: list[App]) -> int:
    return sum(len(list(app._premises.disk.tokens())) for app in running)
