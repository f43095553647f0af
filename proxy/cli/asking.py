"""Commands that ask a running proxy: ``healthcheck``, ``drain`` and ``reload``.

The first runs every few seconds: it must not load the proxy, nor read a file unless it
has to.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from proxy.addresses import Address, parse_address

from .arguments import (
    FAILED,
    WRONG_CONFIGURATION,
    ConfigFile,
    fail,
    load,
    quantity,
)

ASK_TIMEOUT_S: Final = 2.0
"""Seconds for one answer of the admin listener; probes give up after about three."""
RELOAD_TIMEOUT_S: Final = 30.0
"""Seconds for a reload, which waits a few for each worker that is busy."""

Admin = Annotated[
    str | None,
    typer.Option(
        "--admin",
        metavar="ADDR",
        help="Where the admin listener is: host:port or unix:/path. "
        "Without it: from the environment, the configuration, or 127.0.0.1:9090.",
    ),
]


def healthcheck(config: ConfigFile = None, admin: Admin = None) -> None:
    """Ask a running proxy whether it is alive.

    Asks GET /livez of its admin listener. For containers, whose images have no curl.
    Knowing the address from --admin or from UPLOAD_PROXY_ADMIN__LISTEN is faster than
    reading it from a file.

    \b
    Examples:
      upload-proxy healthcheck
      upload-proxy healthcheck --admin unix:/run/upload-proxy-admin.sock

    Exit codes: 0 it is alive, 1 it is not, or cannot be reached.
    """
    from proxy.probe import Unreachable, ask

    try:
        told = ask(_admin(config, admin), "GET", "/livez", ASK_TIMEOUT_S)
    except Unreachable as exc:
        fail(str(exc))
    if told.status != 200:
        fail(str(told))
    typer.echo("alive")


def drain(
    config: ConfigFile = None,
    admin: Admin = None,
    wait: Annotated[
        str,
        typer.Option(metavar="DURATION", help="How long to wait; 0s: only tell it."),
    ] = "60s",
) -> None:
    """Drain a running proxy, and wait until it has nothing under way.

    It becomes unready, so that no new uploads are sent to it. Waits until no request is
    being answered and no upload is on its way to the origin, or the proxy has gone.
    Uploads that wait for an origin that is down are not waited for.

    \b
    Example, as the preStop hook of a Kubernetes container:
      upload-proxy drain --wait 60s

    Exit codes: 0 done, 1 the time is over, or the proxy cannot be reached.
    """
    from proxy.config.quantities import duration
    from proxy.probe import Unreachable, ask, drained

    wait_s = quantity(duration, wait, "--wait")
    where = _admin(config, admin)
    try:
        told = ask(where, "POST", "/drain", ASK_TIMEOUT_S)
    except Unreachable as exc:
        fail(str(exc))
    if not 200 <= told.status < 300:
        fail(str(told))
    if not wait_s:
        typer.echo("draining")
        return
    if left := drained(where, wait_s, ASK_TIMEOUT_S):
        fail(f"{left}, after {wait}")
    typer.echo("drained")


def reload(config: ConfigFile = None, admin: Admin = None) -> None:
    """Have a running proxy read its configuration again.

    It reads the file that serve was given, checks it, and takes it into use without
    dropping a connection. What was said to serve on its command line and in its
    environment still wins. Prints what has changed; or, when the file has mistakes or a
    change needs a restart, why nothing has: then the proxy goes on as before.

    \b
    Examples:
      upload-proxy reload
      upload-proxy reload -c /etc/upload-proxy/config.yaml

    -c and --admin only say where the admin listener is.

    Exit codes: 0 in use, 1 not in use, or the proxy cannot be reached, 78 the
    configuration is wrong.
    """
    import json

    from proxy.probe import Unreachable, ask

    try:
        told = ask(_admin(config, admin), "POST", "/reload", RELOAD_TIMEOUT_S)
    except Unreachable as exc:
        fail(str(exc))
    if told.status not in {200, 409, 422}:
        fail(str(told))
    outcome = json.loads(told.text)
    for error in outcome["errors"]:
        typer.echo(error, err=True)
    if told.status != 200:
        typer.echo("upload-proxy: the configuration is as before", err=True)
        raise typer.Exit(WRONG_CONFIGURATION if told.status == 422 else FAILED)
    for change in outcome["changes"]:
        typer.echo(change)
    typer.echo("reloaded" if outcome["changes"] else "nothing has changed")


def _admin(config: Path | None, given: str | None) -> Address:
    """Where the admin listener is: as `given`, or as serve would find it out."""
    from proxy.probe import DEFAULT_ADMIN

    variable = "UPLOAD_PROXY_ADMIN__LISTEN"
    # the environment wins over the file, which then need not be read
    for text, name in ((given, "--admin"), (os.environ.get(variable), variable)):
        if text:
            try:
                return parse_address(text)
            except ValueError as exc:
                raise typer.BadParameter(f"{text}: {exc}", param_hint=name) from None
    if config is None:
        return DEFAULT_ADMIN
    # the origin may have been given to serve by a flag; nothing is asked of it here
    section = load(config, {"origin.url": "http://127.0.0.1"}).admin
    if section is None:
        fail(
            "the admin listener is turned off (admin: null); remove that line from the "
            f"file of the proxy, {config}, and restart it"
        )
    return section.listen
