"""What tests of numbers are given besides: looking until they are what they must be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from proxy.app import App
from tests.kit.bounds import until
from tests.kit.scrape import Numbers, scrape

Look = Callable[[Callable[[Numbers], bool]], Awaitable[Numbers]]


@pytest.fixture
def look(proxy: App) -> Look:
    """The numbers of the proxy as soon as they are so: what a client hears may be ahead
    of what is counted at the end of its request."""
    return lambda true: looked(proxy, true)


async def looked(app: App, true: Callable[[Numbers], bool]) -> Numbers:
    assert app.admin_address is not None
    address = app.admin_address

    async def ask() -> Numbers | None:
        numbers = await scrape(address)
        return numbers if true(numbers) else None

    return await until(ask)
