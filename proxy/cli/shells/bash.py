"""The script for bash.

It finds out from the words before the cursor in which command it is, and looks up what
that command takes. bash takes ``=`` and ``:`` for words of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from proxy.cli.tree import Command, Place, Takes, walk

_TEMPLATE = """\
# Completion of upload-proxy for bash. To have it in every shell:
#   upload-proxy completion bash > /etc/bash_completion.d/upload-proxy
# or, in this one:  source <(upload-proxy completion bash)

_upload_proxy_knows() {  # COMMAND: what it takes
    commands='' options='' valued=''
    case $1 in
%(knows)s
    esac
}

_upload_proxy_value() {  # COMMAND OPTION: what follows; - stands for an argument
    case "$1 $2" in
%(values)s
    esac
}

_upload_proxy() {
    local at='upload-proxy' word previous commands options valued kind i
    word=${COMP_WORDS[COMP_CWORD]}
    previous=${COMP_WORDS[COMP_CWORD - 1]}
    if [[ $word == '=' ]]; then
        word=''
    elif [[ $previous == '=' ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    _upload_proxy_knows "$at"
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ " $commands " == *" ${COMP_WORDS[i]} "* ]]; then
            at+=" ${COMP_WORDS[i]}"
            _upload_proxy_knows "$at"
        fi
    done
    COMPREPLY=()
    if [[ " $valued " == *" $previous "* ]]; then
        kind=$(_upload_proxy_value "$at" "$previous")
    elif [[ $word == -* ]]; then
        kind="words $options"
    elif [[ -n $commands ]]; then
        kind="words $commands"
    else
        kind=$(_upload_proxy_value "$at" -)
    fi
    case $kind in
        file) compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        directory) compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
        words*) mapfile -t COMPREPLY < <(compgen -W "${kind#words }" -- "$word") ;;
    esac
}

complete -F _upload_proxy upload-proxy
"""


def script(program: Command) -> str:
    """What `program` is completed with."""
    commands = list(walk(program))
    return _TEMPLATE % {
        "knows": "\n".join(map(_knows, commands)),
        "values": "\n".join(line for one in commands for line in _values(one)),
    }


def _knows(command: Command) -> str:
    names = " ".join(below.name for below in command.commands)
    options = " ".join(name for one in command.options for name in one.names)
    valued = " ".join(
        name
        for one in command.options
        if one.takes is not Takes.NOTHING
        for name in one.names
    )
    return (
        f"        {quote(' '.join(command.path))})\n"
        f"            commands={quote(names)}\n"
        f"            options={quote(f'{options} --help'.strip())}\n"
        f"            valued={quote(valued)} ;;"
    )


def _values(command: Command) -> Iterator[str]:
    path = " ".join(command.path)
    for place in (*command.options, *command.arguments):
        if answer := _answer(place):
            typed = (quote(f"{path} {name}") for name in place.names or ("-",))
            yield f"        {' | '.join(typed)}) echo {quote(answer)} ;;"


def _answer(place: Place) -> str:
    """The word that the script knows for it; empty: nothing can be offered."""
    match place.takes:
        case Takes.FILE:
            return "file"
        case Takes.DIRECTORY:
            return "directory"
        case Takes.WORD:
            return f"words {' '.join(place.words)}"
        case _:
            return ""
