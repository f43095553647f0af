"""What tests of the uploads page begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from proxy.app import App


@pytest.fixture
async def admin(proxy: App) -> AsyncIterator[ClientSession]:
    """Asks the admin listener of `proxy`."""
    assert proxy.admin_address is not None
    async with ClientSession(proxy.admin_address) as session:
        yield session
