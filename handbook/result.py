"""What a built site must not have: links that lead nowhere, things from elsewhere.

zensical warns of links between pages; it says nothing of an entry in the navigation
without a page, nor of a link to a file that is not there. Here the pages themselves are
read, as a browser would. Links to other sites are not followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

LOADS: Final = {
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("object", "data"),
    ("link", "href"),
}
"""Elements that a browser fetches without being asked."""

_CANONICAL: Final = {"canonical", "next", "prev", "alternate"}
"""Kinds of `link` that are told, not fetched."""

_URL: Final = re.compile(r"""url\(\s*["']?([^"')]+)""")


@dataclass(slots=True)
class Page:
    """What is in one page."""

    anchors: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    loads: set[str] = field(default_factory=set)
    """The same of what is fetched with the page; a part of `links`."""
    styled: set[str] = field(default_factory=set)
    """What its own style sheets import."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        told = {name: value for name, value in attrs if value is not None}
        self.page.anchors |= {told[name] for name in ("id", "name") if name in told}
        for name in ("href", "src", "data"):
            if name not in told:
                continue
            self.page.links.add(told[name])
            if (tag, name) in LOADS and told.get("rel") not in _CANONICAL:
                self.page.loads.add(told[name])

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.page.styled |= set(_URL.findall(data))


def read(path: Path) -> Page:
    reader = _Reader()
    reader.feed(path.read_text())
    return reader.page


def faults(site: Path) -> list[str]:
    """All that is wrong with the pages below `site`, a line each; none: it is good."""
    pages = {path: read(path) for path in sorted(site.rglob("*.html"))}
    return [
        f"{path.relative_to(site)}: {fault}"
        for path, page in pages.items()
        for fault in [*_lost(path, page, pages), *_foreign(page)]
        # served for paths at any depth, so its links begin at the root of a server
        if path.name != "404.html" or fault.startswith("loads")
    ] + [
        f"{path.relative_to(site)}: loads {link} from elsewhere"
        for path in sorted(site.rglob("*.css"))
        for link in _URL.findall(path.read_text())
        if urlsplit(link).netloc
    ]


def _lost(path: Path, page: Page, pages: dict[Path, Page]) -> Iterator[str]:
    """Links of `page` to files or anchors that are not there."""
    for link in sorted(page.links):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if there.is_dir():
            there /= "index.html"
        if not there.exists():
            yield f"links to {link}, which is not there"
        elif (
            parts.fragment
            and there in pages
            and unquote(parts.fragment) not in pages[there].anchors
        ):
            yield f"links to {link}, an anchor that is not there"


def _foreign(page: Page) -> Iterator[str]:
    """What `page` has browsers fetch from other machines."""
    for link in sorted(page.loads | page.styled):
        if urlsplit(link).netloc:
            yield f"loads {link} from elsewhere"
