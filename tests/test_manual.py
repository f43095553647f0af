"""The manual pages are those that the program makes, name everything, and are sound."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping

import pytest

from packages import manual
from proxy.cli import app
from proxy.cli.tree import tree, walk
from proxy.config.keys import KEYS


@pytest.fixture(scope="module")
def pages() -> Mapping[str, str]:
    return manual.pages()


def test_the_pages_are_what_the_program_makes(pages: Mapping[str, str]) -> None:
    there = {file.name: file.read_text() for file in manual.DIRECTORY.iterdir()}
    assert there == pages, "make man"


def test_every_command_and_option_is_named(pages: Mapping[str, str]) -> None:
    page = pages["upload-proxy.1"].replace("\\-", "-")
    for command in walk(tree(app)):
        path = " ".join(command.path)
        if not command.commands:
            assert f"\n.SS {path}\n" in page
            assert f"\n\\fB{path}\\fR" in page
        _, _, section = page.partition(f"\n.SS {path}\n")
        section = (section or page).partition("\n.SS ")[0]
        for option in command.options:
            assert f"\\fB{', '.join(option.names)}" in section, (path, option.names)


def test_every_key_is_named(pages: Mapping[str, str]) -> None:
    page = pages["upload-proxy.yaml.5"]
    for key in KEYS:
        assert f"\\fB{key}\\fR" in page or f"\\fB{key.rpartition('.')[2]}\\fR" in page


def test_signs_of_roff_are_no_commands() -> None:
    assert list(manual._paragraphs(".not a request, -v\\n")) == [
        ".PP",
        "\\&.not a request, \\-v\\en",
    ]


@pytest.mark.parametrize(
    "tool",
    [
        ("mandoc", "-Tlint", "-Wwarning"),
        ("groff", "-man", "-ww", "-z", "-K", "utf8"),
    ],
    ids=lambda tool: tool[0],
)
def test_linters_find_nothing(tool: tuple[str, ...], pages: Mapping[str, str]) -> None:
    if not shutil.which(tool[0]):
        pytest.skip(f"{tool[0]} is not installed")
    for name in pages:
        done = subprocess.run(
            [*tool, str(manual.DIRECTORY / name)],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        told = f"{done.stdout}{done.stderr}".splitlines()
        # the same page at every build: it has a version, and no date
        assert [line for line in told if "missing date" not in line] == []
