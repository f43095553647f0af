"""Commands and configurations, wherever a document shows one, are those of the program.

Here they are parsed, within a line of text too. That blocks are run, or listed with
why not, is seen to by ``test_every_block.py``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import typer.main
from typer.core import TyperGroup

from proxy.cli import app
from proxy.config import load

from .blocks import DOCS

PAGES: Final = sorted([DOCS.parent / "README.md", *DOCS.rglob("*.md")])

_COMMAND: Final = re.compile(r"upload-proxy ([a-z][^\n`|#]*)")
_YAML: Final = re.compile(
    r'^```yaml(?: title="config.yaml")?\n(.*?)^```$', re.MULTILINE | re.DOTALL
)


def commands(page: Path) -> Iterator[str]:
    """What follows the program's name, in blocks and in code within a line."""
    text = page.read_text()
    shown = re.findall(r"^(?:```.*?^```|    \S.*?$)|`[^`\n]+`", text, re.M | re.S)
    for piece in shown:
        for found in _COMMAND.findall(piece):
            # words beside a command, two spaces away, say what it does
            yield found.partition("  ")[0].strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_commands_have_the_options_that_are_shown(page: Path) -> None:
    for shown in commands(page):
        parse(shown)


def test_a_command_that_is_not_there_is_found_out() -> None:
    with pytest.raises(AssertionError, match="uploads remove"):
        parse("uploads remove U_u4AZ")
    with pytest.raises(Exception, match="No such option: --when"):
        parse("serve --when now")


def parse(shown: str) -> None:
    """Take a command apart as the program would, without what has to be given."""
    command = typer.main.get_command(app)
    words = shlex.split(shown)
    while isinstance(command, TyperGroup) and words:
        assert words[0] in command.commands, shown
        command = command.commands[words.pop(0)]
    context = command.context_class(command)
    command.make_parser(context).parse_args(words)


def test_commands_are_found() -> None:
    assert "uploads resend --yes U_u4AZ" in set(commands(DOCS / "operations.md"))
    assert "serve -c config.yaml" in set(commands(DOCS / "configuration.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_configurations_that_are_shown_are_right(page: Path, tmp_path: Path) -> None:
    for text in _YAML.findall(page.read_text()):
        if text.startswith("scrape_configs:"):
            continue  # of Prometheus
        file = tmp_path / "config.yaml"
        file.write_text(text)
        load(file, {"origin.url": "http://127.0.0.1:3000"})
