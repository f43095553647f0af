"""One demonstration for the tests of a file, and for each test a browser without
memories.

The demonstration runs in the loop of the browser's driver, so that a test sees what the
origin got, and can handle the link from below.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

import pytest
import pytest_asyncio

from proxy.demo.stage import Stage, staged

from .shown import Shown

if TYPE_CHECKING:
    from playwright.async_api import Browser

RATE: Final = 4_000_000
"""Bytes each second, of the link, at first: what is sent can be watched."""
CONTENT: Final = Random(12).randbytes(4_000_000)
SHA: Final = hashlib.sha256(CONTENT).hexdigest()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running() -> AsyncIterator[Stage]:
    async with staged(page=True) as stage:
        yield stage


@pytest.fixture
def stage(running: Stage) -> Stage:
    """Online, with nothing received."""
    running.origin.received.clear()
    running.link.go(online=True)
    running.link.rate = RATE
    return running


@pytest_asyncio.fixture(loop_scope="session")
async def shown(browser: Browser, stage: Stage) -> AsyncIterator[Shown]:
    """The page, just opened."""
    context = await browser.new_context()
    page = await context.new_page()
    assert stage.page is not None
    await page.goto(stage.page)
    shown = Shown(page, stage.link)
    yield shown
    await context.close()
    assert shown.errors == []


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo of the sea.jpg"
    path.write_bytes(CONTENT)
    return path
