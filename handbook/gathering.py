"""The documents in one place, with all that they link to, for zensical to read.

It takes pages from one directory only, and ours link to files outside of it: examples
of configurations, the README, plots. Those are copied beneath ``files/``, where the
links then lead; a directory becomes a page that lists it. What is gathered is a copy,
made anew every time.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
DOCS: Final = ROOT / "docs"

_LINK: Final = re.compile(r"(?<=\]\()(?P<target>[^)#\s]+)(?P<anchor>#[^)\s]*)?(?=\))")
_FENCE: Final = re.compile(r"^( {0,3})(```+|~~~+).*?^\1\2[ \t]*$", re.M | re.S)


def gather(pages: Path, docs: Path = DOCS, root: Path = ROOT) -> None:
    """Copy `docs`, and what it links to elsewhere below `root`, into `pages`.

    Raises:
        FileNotFoundError: a link leads to nothing; the message names it and its page.
    """
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree(docs, pages)
    for page in sorted(docs.rglob("*.md")):
        copy = pages / page.relative_to(docs)
        copy.write_text(_redirected(page, pages, docs, root))


def _redirected(page: Path, pages: Path, docs: Path, root: Path) -> str:
    """The text of `page`, its links to the outside turned to copies in `pages`."""

    def turned(link: re.Match[str]) -> str:
        target = link["target"]
        if ":" in target:
            return link[0]
        there = (page.parent / target).resolve()
        if there.is_relative_to(docs):
            return link[0]
        if not there.exists():
            raise FileNotFoundError(f"{page.relative_to(root)} links to {target}")
        copy = _copied(there, pages, root)
        return os.path.relpath(copy, pages / page.relative_to(docs).parent)

    return _outside_fences(page.read_text(), turned)


def _outside_fences(text: str, turned: Callable[[re.Match[str]], str]) -> str:
    """`text` with every link turned, but for what only looks like one in a block."""
    done: list[str] = []
    at = 0
    for fence in _FENCE.finditer(text):
        done += [_LINK.sub(turned, text[at : fence.start()]), fence[0]]
        at = fence.end()
    return "".join([*done, _LINK.sub(turned, text[at:])])


def _copied(there: Path, pages: Path, root: Path) -> Path:
    """Where `there` is among the pages: a file as a file, a directory as a list.

    Pages from outside (the README, the change log) stay files: their own links are
    right only where they stand.
    """
    place = pages / "files" / there.relative_to(root)
    if there.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        names = sorted(child.name for child in there.iterdir() if child.is_file())
        for name in names:
            shutil.copyfile(there / name, place / _as_text(name))
        listed = "\n".join(f"- [{name}]({_as_text(name)})" for name in names)
        (place / "index.md").write_text(f"# {there.relative_to(root)}\n\n{listed}\n")
        return place / "index.md"
    place.parent.mkdir(parents=True, exist_ok=True)
    place = place.with_name(_as_text(place.name))
    shutil.copyfile(there, place)
    return place


def _as_text(name: str) -> str:
    """The name under which a file is served as it is, and shown by browsers."""
    return f"{name}.txt" if not name.endswith((".svg", ".json", ".yaml")) else name
