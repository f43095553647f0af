"""The script for zsh: one function for each command, on zsh's own ``_arguments``."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from proxy.cli.tree import Command, Place, Takes, walk

_HEAD = """\
#compdef upload-proxy
# Completion of upload-proxy for zsh. To have it in every shell, as a file in a
# directory of fpath, named for its function:
#   upload-proxy completion zsh > /usr/local/share/zsh/site-functions/_upload-proxy
# or, in this one:  source <(upload-proxy completion zsh)
"""
_TAIL = """\
# read by `source` it is registered, run by completion itself it is asked
if [[ $funcstack[1] == _upload-proxy ]]; then
    _upload-proxy "$@"
else
    compdef _upload-proxy upload-proxy
fi
"""


def script(program: Command) -> str:
    """What `program` is completed with."""
    return "\n".join([_HEAD, *map(_function, walk(program)), _TAIL])


def _function(command: Command) -> str:
    lines = [f"{_called(command)}() {{"]
    if command.commands:
        lines.append("    local curcontext=$curcontext state line")
        lines.append("    local -a commands=(")
        lines += [
            f"        {quote(f'{one.name}:{one.summary}')}" for one in command.commands
        ]
        lines.append("    )")
    lines.append(f"    _arguments {'-C ' if command.commands else ''}-S \\")
    lines += [f"        {spec} \\" for spec in _specs(command)]
    lines.append("        '(- *)--help[say what it does]'")
    if command.commands:
        lines += _dispatch(command)
    return "\n".join([*lines, "}", ""])


def _dispatch(group: Command) -> Iterator[str]:
    """To the function of the command that is there, or to the list of them."""
    yield "    case $state in"
    yield "        command) _describe -t commands command commands ;;"
    yield "        rest) case $line[1] in"
    for one in group.commands:
        yield f"            {one.name}) {_called(one)} ;;"
    yield "        esac ;;"
    yield "    esac"


def _specs(command: Command) -> Iterator[str]:
    """Its options and arguments as ``_arguments`` reads them."""
    for option in command.options:
        text = _plain(option.text)
        others = "" if option.is_repeatable else f"({' '.join(option.names)})"
        many = "*" if option.is_repeatable else ""
        for name in option.names:
            joined = "=" if name.startswith("--") and option.metavar else ""
            value = f":{_plain(option.metavar)}:{_action(option)}"
            spec = f"{others}{many}{name}{joined}[{text}]"
            yield quote(spec + (value if option.metavar else ""))
    for argument in command.arguments:
        many = "*" if argument.is_repeatable else ""
        yield quote(f"{many}:{_plain(argument.metavar)}:{_action(argument)}")
    if command.commands:
        yield "'1: :->command'"
        yield "'*:: :->rest'"


def _action(place: Place) -> str:
    match place.takes:
        case Takes.FILE:
            return "_files"
        case Takes.DIRECTORY:
            return "_files -/"
        case Takes.WORD:
            return f"({' '.join(place.words)})"
        case _:
            return " "


def _called(command: Command) -> str:
    """The name of its function; that of the program is what zsh looks for."""
    return "_" + "_".join(command.path)


def _plain(text: str) -> str:
    """`text` without what means something within a spec."""
    for sign in "\\[]:":
        text = text.replace(sign, f"\\{sign}")
    return text
