"""The uploads page as somebody looks at it, in a real browser.

What a test wants to know of how a page looks is asked of the browser, by a few scripts:
contrast as it comes out, names as they are told to a screen reader. The one invariant:
whatever the page has asked of anybody is in `asked`, and what it complained of in
`complaints`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

CONTRASTS: Final = """() => {
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], below) =>
    [r, g, b].map((one, at) => one * a + below[at] * (1 - a));
  const behind = (one) => {
    if (!one) return [255, 255, 255];
    const own = numbers(getComputedStyle(one).backgroundColor);
    return (own[3] ?? 1) === 1 ? own : over(own, behind(one.parentElement));
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((one) => {
      const part = one / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((node) =>
      node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!own || !one.checkVisibility() || one.closest(".unseen, thead")) continue;
    const ground = behind(one);
    const text = over(numbers(getComputedStyle(one).color), ground);
    const [most, least] = [light(ground), light(text)].sort((a, b) => b - a);
    found.push([(most + 0.05) / (least + 0.05), one.textContent.trim()]);
  }
  return found;
}"""
"""Of every visible text: its contrast to what is behind it, and what it says."""

NAMELESS: Final = """() => {
  const named = (one) =>
    one.getAttribute("aria-label") || one.labels?.length || one.textContent.trim() ||
    one.getAttribute("aria-labelledby");
  const all = document.querySelectorAll(
    "button, input, table, progress, a, section, dialog");
  const nameless = [...all].filter((one) => one.checkVisibility() && !named(one));
  return nameless.map((one) => one.outerHTML);
}"""
"""What a screen reader could not name."""

WIDE: Final = "document.documentElement.scrollWidth - window.innerWidth"
"""Pixels that have to be scrolled to, sideways; not above 0 where there are none."""


@dataclass
class Seen:
    """The page, opened."""

    page: Page
    address: str
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def open(self) -> None:
        self.page.set_default_timeout(10_000)
        self.page.on("request", lambda asked: self.asked.append(asked.url))
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await self.page.goto(f"{self.address}/")
        await self.page.wait_for_selector("#link[data-link=live]")

    def row(self, text: str) -> Locator:
        """The upload whose row says `text`."""
        return self.page.locator("#list tbody tr", has_text=text)

    def forward(self, text: str) -> Locator:
        return self.page.locator("#forwards tbody tr", has_text=text)

    async def told(self) -> str:
        """What was said aloud last."""
        return await self.page.locator("#said").inner_text()

    async def until(self, script: str) -> None:
        """Wait until `script`, an expression, holds."""
        await self.page.wait_for_function(f"() => {script}")

    async def focused(self) -> str:
        """What has the focus, as it is named."""
        script = """() => { const one = document.activeElement;
          return one.ariaLabel ?? one.innerText; }"""
        found: Any = await self.page.evaluate(script)
        return str(found)

    async def tab_to(self, name: str) -> None:
        """Press Tab until what is named so has the focus."""
        for _ in range(60):
            if await self.focused() == name:
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"{name} cannot be reached by keyboard")
