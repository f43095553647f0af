"""The uploads page when the proxy stops: nobody is left who looks at a closed spool."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession

from proxy.admin import roster as rosters
from proxy.app import App
from proxy.operating.guest import Guest
from tests.kit.bounds import BOUND_S

from .test_desk import now

CLOSED_S = 0.2
"""Within which a visit would long have been closed."""


@pytest.fixture
def everywhere() -> dict[str, Any]:
    return {"admin": {"listen": "127.0.0.1:0"}}


async def test_nobody_looks_once_what_was_begun_has_been_ended(
    proxy: App,
    running: list[App],
    admin: ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await now(admin)
    cancel_all, refused = proxy._tasks.cancel_all, []

    async def looked_at() -> None:
        await cancel_all()
        try:
            await now(admin)
        except ClientConnectionError as exc:
            refused.append(exc)

    monkeypatch.setattr(proxy._tasks, "cancel_all", looked_at)
    running.remove(proxy)
    await proxy.stop()
    assert len(refused) == 1


async def test_the_spool_is_visited_until_who_reads_it_has_ended(
    proxy: App,
    running: list[App],
    admin: ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[str] = []
    reading, go_on = threading.Event(), threading.Event()
    close = Guest.close

    def read(remaining: object) -> list[object]:
        reading.set()
        assert go_on.wait(BOUND_S)
        order.append("read")
        return []

    def closed(guest: Guest) -> None:
        order.append("closed")
        close(guest)

    monkeypatch.setattr(rosters, "_next_batch", read)
    monkeypatch.setattr(Guest, "close", closed)
    await now(admin)
    assert reading.is_set()
    asyncio.get_running_loop().call_later(CLOSED_S, go_on.set)
    running.remove(proxy)
    await proxy.stop()
    assert order == ["read", "closed"]
