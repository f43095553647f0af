"""What commands say of themselves, and to whom types something else."""

from __future__ import annotations

import re
import shlex

import pytest
from typer.main import get_command

from proxy.cli import app
from proxy.cli.tree import Command, tree, walk

from .typed import run, within


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("nonsense",),
        ("serve", "--nonsense"),
        ("check",),
        ("schema", "--as", "xml"),
        ("drain", "--wait", "soon"),
        ("healthcheck", "--admin", "9090"),
    ],
)
def test_wrong_usage_is_2(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [one for one in walk(tree(app)) if not one.commands],
    ids=lambda one: " ".join(one.path[1:]),
)
def test_every_command_teaches_by_examples_and_tells_its_exit_codes(
    command: Command,
) -> None:
    assert examples(command)
    assert re.search(r"^Exit codes: 0 ", command.help, re.MULTILINE)


def examples(command: Command) -> list[list[str]]:
    """The words of each example that its help has, without what is around it."""
    lines = re.findall(r"^  (\S.*)$", command.help, re.MULTILINE)
    found = (re.search(r"upload-proxy ([^|&>)]*)", line) for line in lines)
    return [shlex.split(one[1]) for one in found if one]


@pytest.mark.parametrize(
    "words",
    [words for one in walk(tree(app)) for words in examples(one)],
    ids=" ".join,
)
def test_every_example_of_the_help_is_parsed(words: list[str]) -> None:
    command = get_command(app)
    while words and hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    # nothing is run by it; it exits for what it does not know
    command.make_context("upload-proxy", list(words))


def test_the_first_screen_says_what_commands_are_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert within("--help") == 0
    told = capsys.readouterr().out
    headings = ["Run it:", "Look at it:", "Tell a running one:", "Set it up:"]
    places = [told.index(f"\n{heading}\n") for heading in headings]
    assert places == sorted(places)
    assert "..." not in told.partition("Run it:")[2]
    for command in tree(app).commands:
        assert re.search(rf"^  {command.name} ", told, re.MULTILINE)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("run",), "'serve'"),
        (("validate", "-c", "x"), "'check'"),
        (("serv",), "'serve'"),
        (("uploads", "rm"), "'purge'"),
        (("uploads", "shwo"), "'show'"),
        (("serve", "--spol", "x"), "--spool"),
    ],
)
def test_what_was_meant_is_suggested(
    typed: tuple[str, ...], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert within(*typed) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert meant in last
