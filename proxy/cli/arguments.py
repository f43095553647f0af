"""What several commands take or say: arguments, the configuration, exit codes.

0 done, 1 failed while running, 2 wrong usage, 78 wrong configuration. Results go to
standard output, what went wrong to standard error. The one invariant: nothing of the
proxy is loaded by importing this.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from proxy.client.target import Target
    from proxy.config import Config

Amount = TypeVar("Amount")

FAILED: Final = 1
WRONG_USAGE: Final = 2
WRONG_CONFIGURATION: Final = 78
"""EX_CONFIG of sysexits.h: service managers can be told not to start again on it."""

ConfigFile = Annotated[
    Path | None,
    typer.Option("-c", "--config", metavar="FILE", help="The configuration, in YAML."),
]
SpoolDirectory = Annotated[
    Path | None,
    typer.Option("--spool", metavar="DIR", help="Where the bytes of uploads rest."),
]
CreationUrl = Annotated[
    str, typer.Argument(metavar="URL", help="Where uploads are created.")
]
CreationMethod = Annotated[
    str, typer.Option("--method", metavar="METHOD", help="How uploads are created.")
]
Headers = Annotated[
    list[str] | None,
    typer.Option(
        "-H",
        "--header",
        metavar="'NAME: VALUE'",
        help="In every request, such as Authorization. May be given several times.",
    ),
]
"""Lines for ``field``."""
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")]
AsJsonLines = Annotated[
    bool, typer.Option("--json", help="One JSON object a line, for machines.")
]


def load(file: Path | None, flags: Mapping[str, object]) -> Config:
    """The configuration; exits with every error when it is wrong."""
    from proxy.config import ConfigError, load

    try:
        return load(file, flags)
    except ConfigError as exc:
        typer.echo(exc, err=True)
        number = len(exc.errors)
        errors = "1 error" if number == 1 else f"{number} errors"
        typer.echo(
            f"upload-proxy: {errors} in the configuration; every key is explained by: "
            "upload-proxy schema --as markdown",
            err=True,
        )
        raise typer.Exit(WRONG_CONFIGURATION) from None


def creation_target(url: str) -> Target:
    """Where uploads are created; wrong usage if `url` names no such place."""
    from proxy.client.target import WrongUrl, target

    try:
        return target(url)
    except WrongUrl as exc:
        raise typer.BadParameter(str(exc), param_hint="URL") from None


def quantity(read: Callable[[object], Amount], text: object, option: str) -> Amount:
    """What `read` makes of `text`, which came with `option`; wrong usage if nothing."""
    from proxy.config.quantities import WrongValue

    try:
        return read(text)
    except WrongValue as exc:
        message = f"expected {exc.expected}, got {text}"
        raise typer.BadParameter(message, param_hint=option) from None


def field(line: str) -> tuple[str, str]:
    """A field of a request, as ``--header`` has it; wrong usage if it is none."""
    name, colon, value = line.partition(":")
    plain = name.replace("-", "").replace("_", "")
    if not colon or not plain.isalnum() or not f"{name}{value}".isprintable():
        message = f"expected 'Name: value', got {line}"
        raise typer.BadParameter(message, param_hint="--header")
    return name, value.strip()


def fail(words: str) -> NoReturn:
    """Say what went wrong, and exit with 1."""
    print(f"upload-proxy: {words}", file=sys.stderr)
    raise typer.Exit(FAILED)
