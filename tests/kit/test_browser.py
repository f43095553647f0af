"""The browser that tests are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_it_runs_what_a_page_brings(browser: Browser) -> None:
    page = await browser.new_page()
    await page.goto("data:text/html,<title>1</title><script>document.title+=2</script>")
    assert await page.title() == "12"
    await page.close()
