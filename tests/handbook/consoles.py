"""What a page shows of a terminal: commands, and what they said.

A line that begins with ``$`` was typed, the lines below it are what came. What differs
from one run to the next (times, tokens, hashes) is masked on both sides, so the words
are compared and not the accident. The one invariant: a word that is not variable stays.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .blocks import DOCS

ENDS_WITHIN_S: Final = 30
"""Seconds for one command, on two busy cores."""

_FENCE: Final = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIES: Final = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "WHEN"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "SHA256"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "ID"),
    (re.compile(r"\+?\b\d+[dhms](?:\d\d?[hms])?\b"), "LONG"),
    (re.compile(r"\b\d+ days\b"), "DAYS"),
    (re.compile(r"\bafter \d+ of\b"), "after SOME of"),
    (re.compile(r"(?<=/)[\w-]{4}\.\.\."), "TOKEN"),
    (re.compile(r" +"), " "),
)


@dataclass(frozen=True, slots=True)
class Fence:
    """A block of a page, whatever is in it."""

    language: str
    """All that stands behind the first fence; empty without."""
    text: str


@dataclass(frozen=True, slots=True)
class Screen:
    """A command, and what it said on either output."""

    command: str
    said: str


@dataclass(frozen=True, slots=True)
class Came:
    """What a command that was run has said, and how it ended."""

    code: int
    said: str


def fences(page: Path) -> list[Fence]:
    return [Fence(*found) for found in _FENCE.findall(page.read_text())]


def fence(page: str, begins: str) -> str:
    """The block of `page`, a path below ``docs``, that begins so."""
    texts = [one.text for one in fences(DOCS / page)]
    (text,) = [one for one in texts if one.startswith(begins)]
    return text


def screens(text: str) -> list[Screen]:
    """Every command of a block, in order."""
    _, *pieces = re.split(r"^\$ ", text, flags=re.MULTILINE)
    return [Screen(*piece.split("\n", 1)) for piece in pieces]


def masked(text: str) -> list[str]:
    """Its lines without what differs from run to run."""
    for varies, name in _VARIES:
        text = varies.sub(name, text)
    return [line.strip() for line in text.splitlines()]


async def typed(
    command: str, directory: Path, environment: dict[str, str] | None = None
) -> Came:
    """Run by bash in `directory`, with nobody there to be asked.

    ``upload-proxy`` is the program as it is here. environment: in addition to ours.
    """
    script = f'upload-proxy() {{ {sys.executable} -m proxy "$@"; }}\n{command}'
    running = await asyncio.create_subprocess_exec(
        *("bash", "-c", script),
        cwd=directory,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path), **(environment or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(running.communicate(), ENDS_WITHIN_S)
    assert running.returncode is not None
    return Came(running.returncode, said.decode())
