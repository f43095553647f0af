"""The command line: arguments and exit codes, nothing else.

    running     serve, demo                  telling     check, schema, version
    asking      healthcheck, drain, reload   uploads     uploads list, show, ...
    examining   doctor                       conforming  conformance
    completing  completion                   shells      its scripts
    uploading   upload
    arguments   what they have in common     visiting    what those on a spool have
    helping     headings, and what was meant tree        the commands as values

Every command imports what it needs when it runs: ``healthcheck`` runs every few seconds
and must not load the proxy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from . import (
    asking,
    completing,
    conforming,
    examining,
    running,
    telling,
    uploading,
    uploads,
)
from .helping import ASK, LOOK, RUN, SET_UP, USE, Grouped

app = typer.Typer(
    name="upload-proxy",
    help="""A reverse proxy that gives any upload endpoint resumable uploads.

    \b
    In front of an application on port 3000:
      upload-proxy serve --origin http://127.0.0.1:3000
    See it work first, with nothing to set up:
      upload-proxy demo
    Find out what breaks uploads between clients and a proxy that runs:
      upload-proxy doctor https://uploads.example.com/files

    Each command says more, with examples and exit codes: upload-proxy COMMAND --help.
    All keys of the configuration: upload-proxy schema --as markdown.
    """,
    cls=Grouped,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_COMMANDS: Final[dict[str, tuple[Callable[..., Any], ...]]] = {
    RUN: (running.serve, running.demo),
    USE: (uploading.upload,),
    LOOK: (examining.doctor, conforming.conformance),
    ASK: (asking.healthcheck, asking.reload, asking.drain),
    SET_UP: (telling.check, telling.schema, completing.completion, telling.version),
}
for _panel, _commands in _COMMANDS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel)(_command)
    if _panel == LOOK:
        app.add_typer(uploads.group, rich_help_panel=_panel)


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=telling.only_version,
            is_eager=True,
            help="Print the version of the proxy, and exit.",
        ),
    ] = False,
) -> None: ...


def main() -> None:
    """The command ``upload-proxy``."""
    app()
