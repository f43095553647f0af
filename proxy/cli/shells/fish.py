"""The script for fish: one line for each thing that may stand somewhere."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.cli.tree import Command, Place, Takes, walk

_HEAD = """\
# Completion of upload-proxy for fish. To have it in every shell:
#   upload-proxy completion fish > ~/.config/fish/completions/upload-proxy.fish

function __upload_proxy_at --description 'the commands so far are these'
    set --local words (commandline --tokenize --cut-at-cursor --current-process)
    set --local commands (string match --invert --regex '^-' -- $words[2..])
    test (count $commands) -ge (count $argv); or return 1
    test (count $argv) -eq 0; or test "$commands[1..$(count $argv)]" = "$argv"
end

function __upload_proxy_only --description 'and no other one follows'
    __upload_proxy_at $argv; or return 1
    set --local words (commandline --tokenize --cut-at-cursor --current-process)
    set --local commands (string match --invert --regex '^-' -- $words[2..])
    test (count $commands) -eq (count $argv)
end

complete --command upload-proxy --no-files
"""


def script(program: Command) -> str:
    """What `program` is completed with."""
    lines = [line for command in walk(program) for line in _lines(command)]
    return "\n".join([_HEAD, *lines, ""])


def _lines(command: Command) -> Iterator[str]:
    here = " ".join(command.path[1:])
    only = f"__upload_proxy_only {here}".strip()
    at = f"__upload_proxy_at {here}".strip() if here else only
    for below in command.commands:
        yield f"{_start(only)} --arguments {below.name} {_described(below.summary)}"
    for option in command.options:
        yield f"{_start(at)} {_names(option)} {_described(option.text)}{_value(option)}"
    yield f"{_start(at)} --long-option help {_described('say what it does')}"
    for argument in command.arguments:
        if value := _value(argument):
            yield f"{_start(at)}{value.removeprefix(' --exclusive')}"


def _start(condition: str) -> str:
    return f"complete --command upload-proxy --condition '{condition}'"


def _names(option: Place) -> str:
    return " ".join(
        f"--long-option {name[2:]}"
        if name.startswith("--")
        else f"--short-option {name[1:]}"
        for name in option.names
    )


def _described(text: str) -> str:
    return f"--description {_quoted(text)}"


def _value(place: Place) -> str:
    match place.takes:
        case Takes.NOTHING:
            return ""
        case Takes.FILE:
            return " --require-parameter --force-files"
        case Takes.DIRECTORY:
            return " --exclusive --arguments '(__fish_complete_directories)'"
        case Takes.WORD:
            words = _quoted(" ".join(place.words))
            return f" --exclusive --arguments {words}"
        case Takes.TEXT:
            return " --exclusive" if place.names else ""


def _quoted(text: str) -> str:
    """As fish quotes, where a backslash means something between quotes, too."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
