"""The command that looks at a place of uploads from the client's side: ``doctor``."""

from __future__ import annotations

from typing import Annotated

import typer

from .arguments import FAILED, CreationMethod, CreationUrl, Headers, field, quantity


def doctor(
    url: CreationUrl,
    method: CreationMethod = "POST",
    header: Headers = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Try whether a request may be so long."),
    ] = None,
    patience: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="Try whether a client may pause so long."
        ),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(metavar="ORIGIN", help="Whether its pages may upload (CORS)."),
    ] = None,
    complete: Annotated[
        bool,
        typer.Option("--complete", help="Complete an empty upload at the application."),
    ] = False,
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway",
            help="Create uploads even where OPTIONS shows none. An application that "
            "knows nothing of them gets empty requests.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object, for machines.")
    ] = False,
) -> None:
    """Find out what between here and there breaks uploads.

    Asks from the client's side, through whatever is in front: TLS, interop versions,
    Location, the 104, what is kept after a cut, limits, CORS; and names the setting of
    the product in front. It creates uploads of some hundred kilobytes, or of --size,
    and cancels them again. Without --complete no upload is ever completed, so the
    application gets none. A certificate of your own authority: SSL_CERT_FILE=ca.pem.

    \b
    Examples:
      upload-proxy doctor https://uploads.example.com/files
      upload-proxy doctor https://uploads.example.com/files --size 5GiB --patience 70s
      upload-proxy doctor http://127.0.0.1:8080/files --origin https://app.example.com

    Exit codes: 0 nothing breaks uploads, 1 something does, 2 wrong usage.
    """
    import asyncio

    from proxy.client.target import WrongUrl, target
    from proxy.config.quantities import duration
    from proxy.config.quantities import size as bytes_of
    from proxy.doctor.examine import Plan, examine
    from proxy.doctor.report import as_json as json_of
    from proxy.doctor.report import text

    try:
        where = target(url)
    except WrongUrl as exc:
        raise typer.BadParameter(str(exc), param_hint="URL") from None
    plan = Plan(
        where,
        method,
        tuple(field(line) for line in header or ()),
        None if size is None else quantity(bytes_of, size, "--size"),
        None if patience is None else quantity(duration, patience, "--patience"),
        origin,
        complete,
        anyway,
    )
    report = asyncio.run(examine(plan))
    typer.echo(json_of(report) if as_json else text(report))
    if not report.is_good:
        raise typer.Exit(FAILED)
