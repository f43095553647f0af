"""The commands as values: for completion, for the manual, and for who checks them.

Read from what typer is given, so that a command is described once. The one invariant:
nothing of a command runs, and nothing of the proxy is loaded, to describe it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

import typer
from typer.core import TyperArgument, TyperGroup, TyperOption
from typer.main import get_command

PROGRAM: Final = "upload-proxy"


class Takes(Enum):
    """What may be written for an argument, or after an option."""

    NOTHING = auto()
    """The option stands alone."""
    FILE = auto()
    DIRECTORY = auto()
    WORD = auto()
    """One of a few words, which `Place.words` has."""
    TEXT = auto()
    """Something that only the user knows."""


@dataclass(frozen=True, slots=True)
class Place:
    """One option or one argument of a command."""

    names: tuple[str, ...]
    """Of an option, as they are typed; empty for an argument."""
    metavar: str
    """What stands for its value in the help; empty when it takes none."""
    takes: Takes
    words: tuple[str, ...]
    text: str
    """What it is for, in one paragraph."""
    default: str
    """As it is typed; empty when there is none."""
    is_required: bool
    is_repeatable: bool


@dataclass(frozen=True, slots=True)
class Command:
    """One command, or a group of them."""

    path: tuple[str, ...]
    """What is typed: the name of the program, of the group, its own."""
    panel: str
    """The heading under which the group lists it; empty: none."""
    help: str
    """All of it, with indented lines where they are to stay as they are."""
    options: tuple[Place, ...]
    arguments: tuple[Place, ...]
    commands: tuple[Command, ...]
    """Those of a group, in the order in which they are listed."""

    @property
    def name(self) -> str:
        return self.path[-1]

    @property
    def summary(self) -> str:
        """The first sentence of the help, without its full stop."""
        first = " ".join(self.help.partition("\n\n")[0].split())
        return first.rstrip(".")


def tree(app: typer.Typer) -> Command:
    """The program, with everything below it."""
    return _command(get_command(app), (PROGRAM,))


def walk(command: Command) -> Iterator[Command]:
    """`command` and all below it, as they are listed."""
    yield command
    for below in command.commands:
        yield from walk(below)


def _command(found: Any, path: tuple[str, ...]) -> Command:
    # Any: typer does not name the type of what it makes
    panel = found.rich_help_panel
    below = found.commands if isinstance(found, TyperGroup) else {}
    return Command(
        path,
        panel if isinstance(panel, str) else "",
        inspect.cleandoc(found.help or ""),
        tuple(_place(one) for one in found.params if isinstance(one, TyperOption)),
        tuple(_place(one) for one in found.params if isinstance(one, TyperArgument)),
        _commands(below, path),
    )


def _commands(found: Mapping[str, Any], path: tuple[str, ...]) -> tuple[Command, ...]:
    return tuple(
        _command(one, (*path, name)) for name, one in found.items() if not one.hidden
    )


def _place(found: TyperOption | TyperArgument) -> Place:
    is_option = isinstance(found, TyperOption)
    is_flag = is_option and bool(getattr(found, "is_flag", False))
    metavar = "" if is_flag else found.metavar or (found.name or "").upper()
    takes, words = _takes(metavar)
    default = found.default
    return Place(
        names=tuple(sorted(found.opts, key=len)) if is_option else (),
        metavar=metavar,
        takes=takes,
        words=words,
        text=" ".join((found.help or "").split()),
        default="" if is_flag or default is None else str(default),
        is_required=found.required,
        is_repeatable=found.nargs == -1 or bool(getattr(found, "multiple", False)),
    )


def _takes(metavar: str) -> tuple[Takes, tuple[str, ...]]:
    """What a value may be, as its name in the help says."""
    # of several things, such as FILE... URL, the first is what can be offered
    match metavar.partition(" ")[0].removesuffix("..."):
        case "":
            return Takes.NOTHING, ()
        case "FILE":
            return Takes.FILE, ()
        case "DIR":
            return Takes.DIRECTORY, ()
        case "STATE":
            # here, since only who asks for the tree needs them
            from proxy.operating.wanted import STATES

            return Takes.WORD, STATES
        case words if re.fullmatch(r"[\w-]+(\|[\w-]+)+", words):
            return Takes.WORD, tuple(words.split("|"))
        case _:
            return Takes.TEXT, ()
