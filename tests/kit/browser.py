"""A real browser, headless Chromium, started once for all tests that want one.

It lives in the event loop of the session, so a test that takes it is in that loop, too:
``pytestmark = pytest.mark.asyncio(loop_scope="session")``; so is every async fixture
beside it. Where the program or its driver is missing, such tests are NOT RUN. The one
invariant: a test opens pages in a context of its own, and closes that.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from playwright.async_api import Browser

_NAME: Final = "chromium"
_ARGUMENTS: Final = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
"""Tests run as root in containers, and must reach nothing but this machine."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, with nothing open."""
    program = shutil.which(_NAME)
    if program is None:
        pytest.skip(f"{_NAME} is not installed")
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        pytest.skip("playwright is not installed (pip install --group interop)")
    async with async_playwright() as driver:
        started = await driver.chromium.launch(
            executable_path=program, args=list(_ARGUMENTS)
        )
        yield started
        await started.close()
