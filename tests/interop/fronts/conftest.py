"""Each front in turn, started once for all its tests, before a proxy of each test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import StartProxy

from .fronts import FRONTS, FrontKind, place_in, running

if TYPE_CHECKING:
    from proxy.app import App


@dataclass(frozen=True, slots=True)
class Running:
    """A front at work."""

    kind: FrontKind
    address: str
    upstream: int


@pytest.fixture(scope="session", params=FRONTS, ids=lambda kind: kind.name)
def running_front(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    kind: FrontKind = request.param
    place = place_in(tmp_path_factory.mktemp("front"))
    # who works in it may be another user, of fewer rights
    for directory in (place.directory, *place.directory.parents[:2]):
        directory.chmod(0o755)
    with running(kind.prepare, place) as address:
        yield Running(kind, address, place.upstream)


@pytest.fixture
async def proxy(start_proxy: StartProxy, running_front: Running) -> App:
    return await start_proxy(
        listen=f"127.0.0.1:{running_front.upstream}",
        trusted_proxies=["127.0.0.1/32"],
    )


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Of the proxy that is running."""
    return tmp_path / "spool"
