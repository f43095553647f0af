"""Real origins with the proxy before them, and what real clients are given.

An origin process is started once and serves every test of its kind; each test begins
with an empty store.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import StartProxy
from tests.kit.client import Client

from .link import Breaking, Link
from .store import ORIGINS, Store
from .tus import CONTENT

if TYPE_CHECKING:
    from proxy.app import App

BREAKS_AFTER = 650_000
"""Bytes towards the proxy, heads included: in the middle of the third chunk."""

StartLink = Callable[..., Awaitable[Link]]
"""What `start_link` gives: of a server, how to break, and after how many bytes."""


@pytest.fixture(scope="session", params=list(ORIGINS))
def running_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """Each of the real origins in turn."""
    with ORIGINS[request.param](tmp_path_factory.mktemp(request.param)) as store:
        yield store


@pytest.fixture
def store(running_store: Store) -> Store:
    """A real origin that has nothing yet."""
    running_store.clear()
    return running_store


@pytest.fixture
async def before_store(start_proxy: StartProxy, store: Store) -> AsyncIterator[Client]:
    """A client of the proxy that stands before `store`."""
    proxy = await start_proxy(origin={"url": store.address})
    client = Client(proxy.addresses[0])
    yield client
    await client.close()


@pytest.fixture
async def directly(store: Store) -> AsyncIterator[Client]:
    """A client of `store` itself, without the proxy."""
    client = Client(store.address)
    yield client
    await client.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """The file that tus-js-client uploads."""
    path = tmp_path / "photo.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def empty_file(tmp_path: Path) -> Path:
    path = tmp_path / "empty.bin"
    path.touch()
    return path


@pytest.fixture
def endpoint(proxy: App) -> str:
    """Where uploads are created, through the proxy and at the origin."""
    return f"{proxy.addresses[0]}/files?to=archive"


@pytest.fixture
async def start_link() -> AsyncIterator[StartLink]:
    """Starts links that break once, and stops them at the end."""
    started: list[Link] = []

    async def start(
        server: str, breaking: Breaking, breaks_after: int = BREAKS_AFTER
    ) -> Link:
        link = Link(server, breaks_after, breaking)
        await link.start()
        started.append(link)
        return link

    yield start
    for link in started:
        await link.stop()
