"""The command line: arguments and exit codes, nothing else.

0 done, 1 failed while running, 2 wrong usage, 78 wrong configuration. Results go to
standard output, what went wrong to standard error. Every command imports what it needs
when it runs: ``healthcheck`` runs every few seconds and must not load the proxy.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, NoReturn

import typer

from proxy.addresses import Address, parse_address

if TYPE_CHECKING:
    from proxy.config import Config

FAILED: Final = 1
WRONG_CONFIGURATION: Final = 78
"""EX_CONFIG of sysexits.h: service managers can be told not to start again on it."""
ASK_TIMEOUT_S: Final = 2.0
"""Seconds for one answer of the admin listener; probes give up after about three."""

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

ConfigFile = Annotated[
    Path | None,
    typer.Option("-c", "--config", metavar="FILE", help="The configuration, in YAML."),
]
Admin = Annotated[
    str | None,
    typer.Option(
        "--admin",
        metavar="ADDR",
        help="Where the admin listener is: host:port or unix:/path. "
        "Without it: from the environment, the configuration, or 127.0.0.1:9090.",
    ),
]


def main() -> None:
    """The command ``upload-proxy``."""
    app()


@app.command()
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
    spool: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the bytes of uploads rest."),
    ] = None,
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
    checked = _load(config, flags)
    from proxy.service import serve as run

    raise typer.Exit(run(checked))


@app.command()
def check(
    config: Annotated[
        Path,
        typer.Option(
            "-c", "--config", metavar="FILE", help="The configuration, in YAML."
        ),
    ],
) -> None:
    """Check a configuration and print what would be in effect.

    Prints every key with its value, as YAML, the environment included. A wrong
    configuration prints every error with file, line and column instead.

    \b
    Example:
      upload-proxy check -c config.yaml && systemctl restart upload-proxy

    Exit codes: 0 it is right, 78 it is wrong.
    """
    checked = _load(config, {})
    from proxy.config import effective

    typer.echo(effective(checked), nl=False)


@app.command()
def schema(
    form: Annotated[
        Literal["json", "yaml", "markdown"],
        typer.Option(
            "--as",
            help="json: JSON Schema for editors; yaml: a file with every key, its "
            "default and what it does; markdown: the same to read.",
        ),
    ] = "json",
) -> None:
    """Print what a configuration may say.

    \b
    Examples:
      upload-proxy schema > schema.json
      upload-proxy schema --as yaml > config.yaml
    """
    import json

    from proxy.config import handbook, report

    match form:
        case "json":
            typer.echo(json.dumps(report.schema(), indent=2))
        case "yaml":
            typer.echo(handbook.reference(), nl=False)
        case "markdown":
            typer.echo(handbook.markdown(), nl=False)


@app.command()
def version(
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object, for machines.")
    ] = False,
) -> None:
    """Print the versions of the proxy and of what it stands on.

    \b
    Example:
      upload-proxy version --json
    """
    import json

    from proxy.versions import versions

    if as_json:
        typer.echo(json.dumps(versions()))
        return
    for name, value in versions().items():
        text = " ".join(map(str, value)) if isinstance(value, list) else value
        typer.echo(f"{name}: {text}")


@app.command()
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
        _fail(str(exc))
    if told.status != 200:
        _fail(str(told))
    typer.echo("alive")


@app.command()
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
    from proxy.probe import Unreachable, ask, drained

    wait_s, where = _seconds(wait), _admin(config, admin)
    try:
        told = ask(where, "POST", "/drain", ASK_TIMEOUT_S)
    except Unreachable as exc:
        _fail(str(exc))
    if not 200 <= told.status < 300:
        _fail(str(told))
    if not wait_s:
        typer.echo("draining")
        return
    if left := drained(where, wait_s, ASK_TIMEOUT_S):
        _fail(f"{left}, after {wait}")
    typer.echo("drained")


@app.command()
def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Stay up, and print requests to try.")
    ] = False,
) -> None:
    """See it work: an upload is cut twice and resumed.

    Its origin checks the bytes. Everything is embedded and on loopback, nothing stays
    behind.

    \b
    Examples:
      upload-proxy demo
      upload-proxy demo --keep
    """
    from proxy.demo import run

    raise typer.Exit(run(keep=keep))


def _load(file: Path | None, flags: Mapping[str, object]) -> Config:
    """The configuration; exits with every error when it is wrong."""
    from proxy.config import ConfigError, load

    try:
        return load(file, flags)
    except ConfigError as exc:
        typer.echo(exc, err=True)
        number = len(exc.errors)
        errors = "1 error" if number == 1 else f"{number} errors"
        typer.echo(f"upload-proxy: {errors} in the configuration", err=True)
        raise typer.Exit(WRONG_CONFIGURATION) from None


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
    section = _load(config, {"origin.url": "http://127.0.0.1"}).admin
    if section is None:
        _fail("the admin listener is turned off (admin: null)")
    return section.listen


def _seconds(text: str) -> float:
    from proxy.config.quantities import WrongValue, duration

    try:
        return duration(text)
    except WrongValue as exc:
        message = f"expected {exc.expected}, got {text}"
        raise typer.BadParameter(message, param_hint="--wait") from None


def _fail(words: str) -> NoReturn:
    print(f"upload-proxy: {words}", file=sys.stderr)
    raise typer.Exit(FAILED)
