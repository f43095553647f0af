"""Two proxies on one spool: which of them a request lands on, the test says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from proxy.app import App
from tests.conftest import StartProxy
from tests.kit.client import Client, Upload


@dataclass
class Pair:
    """Two proxies, and a client of each."""

    here: App
    there: App
    client: Client
    other: Client

    def elsewhere(self, upload: Upload) -> Upload:
        """The same upload, for requests that land on the other one."""
        return upload.at(self.other)


@pytest.fixture(params=[1, 2], ids=["alone", "of several"])
async def pair(
    start_proxy: StartProxy, request: pytest.FixtureRequest
) -> AsyncIterator[Pair]:
    """Both as they are by default, and as workers are: what one of those sends on is on
    the disk first, for the others to see."""
    marker = request.node.get_closest_marker("configured")
    settings = {"workers": request.param} | (marker.kwargs if marker else {})
    here, there = await start_proxy(**settings), await start_proxy(**settings)
    client, other = Client(here.addresses[0]), Client(there.addresses[0])
    yield Pair(here, there, client, other)
    await client.close()
    await other.close()
