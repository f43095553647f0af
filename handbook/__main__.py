"""``python -m handbook``: the documents, built into build/site, or why not.

Ends with 1 when a page links to nothing, is missing in the navigation, or would have a
browser ask another machine.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from .gathering import DOCS, ROOT, gather
from .result import faults

SETTINGS = ROOT / "zensical.toml"


def named(entries: object) -> Iterator[str]:
    """Every page that the navigation names, in its order."""
    match entries:
        case str():
            yield entries
        case list():
            for entry in entries:
                yield from named(entry)
        case dict():
            for entry in entries.values():
                yield from named(entry)


def left_out(docs: Path = DOCS) -> set[str]:
    """Documents that the navigation does not name."""
    names = set(named(tomllib.loads(SETTINGS.read_text())["project"]["nav"]))
    return {str(page.relative_to(docs)) for page in docs.rglob("*.md")} - names


def build() -> list[str]:
    """Build the site; what is wrong with it, each in a line."""
    settings = tomllib.loads(SETTINGS.read_text())["project"]
    gather(ROOT / settings["docs_dir"])
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return [done.stdout + done.stderr]
    missing = [f"{page}: not in the navigation" for page in sorted(left_out())]
    return missing + faults(ROOT / settings["site_dir"])


if __name__ == "__main__":
    wrong = build()
    print(*wrong or ["built: build/site/index.html"], sep="\n")
    sys.exit(bool(wrong))
