"""Every block of commands on every page is run by a test, or listed here with why not.

A block is known by its page and its first line. The one invariant: one that is new, or
was changed at its beginning, is in neither table, and that is a failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pytest

from .blocks import DOCS
from .consoles import Fence, fences

ROOT: Final = DOCS.parent
PAGES: Final = sorted(
    [ROOT / "README.md", *DOCS.rglob("*.md"), *(ROOT / "charts").rglob("*.md")]
)
INSTALLS: Final = "installs from the network"
CLUSTER: Final = "needs a cluster"

RUN: Final = {
    "README.md": {
        "head -c 10000000": "tests/test_readme.py",
        "url=$(sed": "tests/test_readme.py",
        "offset=$(sed": "tests/test_readme.py",
    },
    "docs/index.md": {
        "head -c 3000000": "tests/handbook/test_quickstarts.py",
        "url=$(sed": "tests/handbook/test_quickstarts.py",
    },
    "docs/client.md": {
        "upload-proxy upload film.mp4": "tests/handbook/test_client.py",
        "upload-proxy upload --method PUT": "tests/handbook/test_client.py",
        "upload-proxy upload --resume": "tests/handbook/test_client.py",
    },
    "docs/clients.md": {"# sh upload.sh FILE URL": "tests/handbook/test_clients.py"},
    "docs/conformance.md": {
        "$ upload-proxy conformance": "tests/handbook/test_conformance.py"
    },
    "docs/operations.md": {
        "upload-proxy check": "tests/handbook/test_operations.py",
        "$ upload-proxy reload": "tests/handbook/test_operations.py",
        "/var/log/upload-proxy/proxy.log {": "tests/handbook/test_operations.py",
        "$ upload-proxy uploads list": "tests/handbook/test_operations.py",
        "$ upload-proxy uploads show": "tests/handbook/test_operations.py",
        "$ upload-proxy uploads resend": "tests/handbook/test_operations.py",
        "$ upload-proxy uploads purge": "tests/handbook/test_operations.py",
        "$ upload-proxy uploads export": "tests/handbook/test_operations.py",
        "$ upload-proxy doctor": "tests/handbook/test_operations.py",
    },
}
NOT_RUN: Final = {
    "README.md": {
        "make demo": "make test is what runs this; tests/demo has the demonstration",
        "pipx install .": INSTALLS,
    },
    "charts/upload-proxy/README.md": {"helm install": CLUSTER},
    "docs/conformance.md": {
        "upload-proxy conformance http://127.0.0.1:18098": "needs tusd, built from "
        "source; where it is on the path, tests/conformance/test_tusd.py asks it"
    },
    "docs/index.md": {"python3 -m venv": INSTALLS},
    "docs/kubernetes.md": {"kubectl apply": CLUSTER},
    "docs/operations.md": {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "variables and no command; "
        "tests/test_tracing.py starts the proxy with them"
    },
}
QUICK_STARTS: Final = {"install", "start", "proxy", "upload"}
"""Titles that tests/handbook/test_quickstarts.py knows; it runs all but the
first, which installs from the network, and lists the pages that it does not run."""

_COMMAND: Final = re.compile(
    r"^ *(?:\$ |(?:upload-proxy|venv/bin/\S+|python3?|curl|make|pipx?|uvx|apt-get|npm|"
    r"kubectl|docker|helm|systemctl|sudo|kill|mv|sh|bash|ssh|openssl) )",
    re.MULTILINE,
)
_SHELL: Final = ("sh", "bash", "console", "shell")


def has_commands(block: Fence) -> bool:
    language = block.language.partition(" ")[0]
    return language in _SHELL or (not language and bool(_COMMAND.search(block.text)))


def found() -> Iterator[tuple[str, str]]:
    """Page and beginning of each block that is to be in a table."""
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        for block in fences(page):
            if has_commands(block) and not name.startswith("docs/quickstart/"):
                yield name, block.text.splitlines()[0]


def listed() -> Iterator[tuple[str, str]]:
    for table in (RUN, NOT_RUN):
        for page, beginnings in table.items():
            yield from ((page, beginning) for beginning in beginnings)


@pytest.mark.parametrize(("page", "line"), list(found()))
def test_a_block_is_run_or_listed(page: str, line: str) -> None:
    known = [one for where, one in listed() if where == page and line.startswith(one)]
    assert len(known) == 1, f"{page}: {line}: run it, or say in NOT_RUN why not"


def test_what_is_listed_is_there() -> None:
    blocks = list(found())
    for page, beginning in listed():
        assert any(one == page and line.startswith(beginning) for one, line in blocks)
    for tests in RUN.values():
        assert all((ROOT / file).is_file() for file in tests.values())


def test_commands_of_quick_starts_have_the_titles_that_are_run() -> None:
    for page in (DOCS / "quickstart").glob("*.md"):
        for block in fences(page):
            if has_commands(block):
                title = re.fullmatch(r'sh title="(\w+)"', block.language)
                assert title is not None, f"{page}: {block.text}"
                assert title[1] in QUICK_STARTS
