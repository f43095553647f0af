"""The command line: arguments and exit codes, nothing else.

    running     serve, demo                  telling   check, schema, version
    asking      healthcheck, drain, reload   uploads   uploads list, show, ...
    examining   doctor                       uploading upload
    conforming  conformance
    arguments   what they have in common     visiting  what those on a spool have

Every command imports what it needs when it runs: ``healthcheck`` runs every few seconds
and must not load the proxy.
"""

from __future__ import annotations

import typer

from . import asking, conforming, examining, running, telling, uploading, uploads

app = typer.Typer(
    name="upload-proxy",
    help="""A reverse proxy that gives any upload endpoint resumable uploads.

    \b
    In front of an application on port 3000:
      upload-proxy serve --origin http://127.0.0.1:3000
    """,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _command in (
    running.serve,
    telling.check,
    telling.schema,
    telling.version,
    asking.healthcheck,
    asking.drain,
    asking.reload,
    examining.doctor,
    conforming.conformance,
    uploading.upload,
    running.demo,
):
    app.command()(_command)
app.add_typer(uploads.group)


def main() -> None:
    """The command ``upload-proxy``."""
    app()
