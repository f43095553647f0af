"""Commands that run something until it is told to stop: ``serve`` and ``demo``."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from .arguments import ConfigFile, SpoolDirectory, load


def serve(
    config: ConfigFile = None,
    origin: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The application: http, https or unix:/path."),
    ] = None,
    listen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDR",
            help="Where clients are served: host:port, unix:/path or fd:number. "
            "May be given several times.",
        ),
    ] = None,
    spool: SpoolDirectory = None,
) -> None:
    """Run the proxy until SIGTERM or SIGINT.

    What is said here wins over the environment, the environment over the file. One
    setting has to be there: the URL of the origin.

    \b
    Examples:
      upload-proxy serve --origin http://127.0.0.1:3000
      upload-proxy serve -c /etc/upload-proxy/config.yaml
      UPLOAD_PROXY_ORIGIN__URL=unix:/run/app.sock upload-proxy serve

    Exit codes: 0 stopped in order, 1 cannot run, 78 the configuration is wrong.
    """
    flags = {
        "origin.url": origin,
        "listen": listen or None,
        "spool.directory": spool,
    }
    checked = load(config, flags)
    from proxy.config import load as read
    from proxy.service import serve as run

    raise typer.Exit(run(checked, partial(read, config, flags)))


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Stay up, with a page and requests to try.")
    ] = False,
) -> None:
    """See it work: an upload is cut twice and resumed; with --keep on a page, too.

    Its origin checks the bytes. Everything is embedded and on loopback, nothing stays
    behind.

    \b
    Examples:
      upload-proxy demo
      upload-proxy demo --keep

    Exit codes: 0 it worked, 1 it did not.
    """
    from proxy.demo import run

    raise typer.Exit(run(keep=keep))
