"""The demonstration's page as a person has it: what can be read and pressed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from proxy.demo.link import Link
from tests.kit.bounds import until

if TYPE_CHECKING:
    from playwright.async_api import Page

ENDS_WITHIN_S: Final = 15.0
"""Seconds in which an upload of some MB has to end, through a slow link that is cut."""

BRISK: Final = 1_000_000
"""Bytes each second, of the link, until some is sent: the rest takes longer than a busy
machine takes to see that."""
SLOW: Final = 100_000
"""Bytes each second, of the link, while something is pressed."""
BEGUN: Final = 10
"""Percent that are sent of an upload that has begun."""


class Shown:
    """A page that is open, and the link that its uploads take."""

    def __init__(self, page: Page, link: Link) -> None:
        self.page = page
        self.link = link
        self.errors: list[str] = []
        """What its scripts did not catch."""
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    async def choose(self, path: Path) -> None:
        await self.page.get_by_label("Choose a file").set_input_files(path)

    async def begin(self, path: Path) -> None:
        """Choose a file, and go on when some of it is sent: the rest will not have
        arrived before something is done about it."""
        self.link.rate = BRISK
        await self.choose(path)
        await until(self._some_sent, bound_s=ENDS_WITHIN_S)
        self.link.rate = SLOW

    async def arrives(self) -> None:
        """Wait until the upload is at its end, and well."""
        self.link.rate = None
        await self.says("The origin has the same bytes")

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def switch(self, name: str) -> None:
        """Press a button of the network, and wait until it has done its work."""
        async with self.page.expect_response("**/link"):
            await self.press(name)

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

    async def _some_sent(self) -> bool | None:
        percent = await self.page.get_attribute("#bar", "aria-valuenow")
        return True if int(percent or 0) > BEGUN else None
