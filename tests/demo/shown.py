"""The demonstration's page as a person has it: what can be read and pressed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.kit.bounds import until

if TYPE_CHECKING:
    from playwright.async_api import Page

ENDS_WITHIN_S: Final = 15.0
"""Seconds in which an upload of some MB has to end, through a slow link that is cut."""


class Shown:
    """A page that is open."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        """What its scripts did not catch."""
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    async def choose(self, path: Path) -> None:
        await self.page.get_by_label("Choose a file").set_input_files(path)

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def past(self, percent: int) -> None:
        """Wait until so much is sent."""
        await until(partial(self._past, percent), bound_s=ENDS_WITHIN_S)

    async def says(self, words: str) -> None:
        """Wait until the page shows `words`."""
        await self.page.get_by_text(words).first.wait_for(timeout=1000 * ENDS_WITHIN_S)

    async def text(self, of: str) -> str:
        return (await self.page.inner_text(f"#{of}")).strip()

    async def log(self) -> list[tuple[str, str, str]]:
        """Method, bytes and answer of every request, the oldest first."""
        lines = await self.page.locator("#lines tr").all()
        cells = [await line.locator("td").all_inner_texts() for line in reversed(lines)]
        return [(method, sent, answer) for _, method, sent, answer in cells]

    async def _past(self, percent: int) -> bool | None:
        now = await self.page.get_attribute("#bar", "aria-valuenow")
        return True if int(now or 0) > percent else None
