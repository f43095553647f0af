"""The blocks of code in a page, by the titles that stand in their fences.

A page says once what is run, and the tests take it from there. A block of the shell has
a title that says what it is for (``start``, ``upload``); every other block with a title
is the file of that name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parent.parent.parent / "docs"

_BLOCK: Final = re.compile(
    r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$',
    re.M | re.S,
)


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    title: str | None
    text: str


def blocks(page: str) -> list[Block]:
    """Every block of `page`, a path below ``docs``, that says its language."""
    text = (DOCS / page).read_text()
    return [Block(**found.groupdict()) for found in _BLOCK.finditer(text)]


def commands(page: str) -> dict[str, str]:
    """The shell's blocks of `page` by their titles."""
    return {
        block.title: block.text
        for block in blocks(page)
        if block.language == "sh" and block.title is not None
    }


def write_files(page: str, directory: Path, changes: dict[str, str]) -> None:
    """Put the files that `page` shows into `directory`, with words replaced."""
    for block in blocks(page):
        if block.language != "sh" and block.title is not None:
            (directory / block.title).write_text(changed(block.text, changes))


def changed(text: str, changes: dict[str, str]) -> str:
    for word, meant in changes.items():
        text = text.replace(word, meant)
    return text
