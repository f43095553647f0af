"""The command that looks at a place of uploads from the client's side: ``doctor``."""

from __future__ import annotations

from typing import Annotated

import typer

from .arguments import (
    FAILED,
    AsJson,
    CreationMethod,
    CreationUrl,
    Headers,
    creation_target,
    field,
    quantity,
)

LongestBody = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="Try whether a request may be so long."),
]
LongestPause = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="Try whether a client may pause so long."),
]
Page = Annotated[
    str | None,
    typer.Option(metavar="ORIGIN", help="Whether its pages may upload (CORS)."),
]
Complete = Annotated[
    bool,
    typer.Option("--complete", help="Complete an empty upload at the application."),
]
Anyway = Annotated[
    bool,
    typer.Option(
        "--anyway",
        help="Create uploads even where OPTIONS shows none. An application that "
        "knows nothing of them gets empty requests.",
    ),
]


def doctor(
    url: CreationUrl,
    method: CreationMethod = "POST",
    header: Headers = None,
    size: LongestBody = None,
    patience: LongestPause = None,
    origin: Page = None,
    complete: Complete = False,
    anyway: Anyway = False,
    as_json: AsJson = False,
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

    from proxy.config.quantities import duration
    from proxy.config.quantities import size as bytes_of
    from proxy.doctor.examine import Plan, examine
    from proxy.doctor.report import as_json as json_of
    from proxy.doctor.report import text

    plan = Plan(
        creation_target(url),
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
