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


def astray(docs: Path = DOCS) -> list[str]:
    """Documents that the navigation does not name, and names without a document."""
    names = set(named(tomllib.loads(SETTINGS.read_text())["project"]["nav"]))
    pages = {str(page.relative_to(docs)) for page in docs.rglob("*.md")}
    return [
        *(f"{page}: not in the navigation" for page in sorted(pages - names)),
        *(
            f"{page}: in the navigation, but not there"
            for page in sorted(names - pages)
        ),
    ]


def build() -> list[str]:
    """Build the site; what is wrong with it, each in a line."""
    if wrong := astray():
        return wrong
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
    return faults(ROOT / settings["site_dir"])


if __name__ == "__main__":
    wrong = build()
    print(*wrong or ["built: build/site/index.html"], sep="\n")
    sys.exit(bool(wrong))
