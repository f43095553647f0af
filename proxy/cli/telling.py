"""Commands that tell and change nothing: ``check``, ``schema`` and ``version``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .arguments import WRONG_CONFIGURATION, AsJson, load


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
    configuration prints every error with file, line and column instead, a certificate
    or a key that cannot be used its key and its file.

    \b
    Example:
      upload-proxy check -c config.yaml && systemctl restart upload-proxy

    Exit codes: 0 it is right, 78 it is wrong.
    """
    checked = load(config, {})
    from proxy import choices
    from proxy.certificates import Unusable
    from proxy.config import effective

    try:
        choices.check_files(checked)
    except Unusable as exc:
        typer.echo(str(exc), err=True)
        raise typer.Exit(WRONG_CONFIGURATION) from None

    typer.echo(effective(checked), nl=False)


def schema(
    form: Annotated[
        Literal["json", "yaml", "markdown"],
        typer.Option(
            "--as",
            metavar="json|yaml|markdown",
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
      upload-proxy schema --as markdown | less

    Exit codes: 0 done, 2 wrong usage.
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


def version(
    as_json: AsJson = False,
) -> None:
    """Print the versions of the proxy and of what it stands on.

    \b
    Example:
      upload-proxy version
      upload-proxy version --json

    upload-proxy --version prints the first line only.

    Exit codes: 0 done, 2 wrong usage.
    """
    import json

    from proxy.versions import versions

    if as_json:
        typer.echo(json.dumps(versions()))
        return
    for name, value in versions().items():
        text = " ".join(map(str, value)) if isinstance(value, list) else value
        typer.echo(f"{name}: {text}")


def only_version(wanted: bool) -> None:
    """Answers ``--version``; called by typer before anything else is looked at."""
    if wanted:
        from proxy import __version__

        typer.echo(f"upload-proxy {__version__}")
        raise typer.Exit
