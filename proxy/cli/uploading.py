"""The command that uploads files: ``upload``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .arguments import (
    WRONG_USAGE,
    AsJsonLines,
    CreationMethod,
    Headers,
    field,
    quantity,
)

if TYPE_CHECKING:
    from proxy.sending.kept import Kept

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE... URL",
        help="Files and directories, and where they go. {name} in the URL is the "
        "name of each.",
    ),
]
Resumed = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Go on with what is kept in this file."),
]
ChunkSize = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="The most that goes in one request."),
]
InteropVersion = Annotated[
    int | None,
    typer.Option(min=3, max=10, help="Of the protocol; else the server is asked."),
]
Digest = Annotated[
    bool, typer.Option("--digest", help="Tell the SHA-256 of each file first.")
]
Attempts = Annotated[
    int, typer.Option(min=0, help="Failures without progress before it gives up.")
]
Repeat = Annotated[
    bool,
    typer.Option("--repeat", help="Send again what may have been processed already."),
]
StateDirectory = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Where what is needed to go on is kept; else "
        "~/.local/state/upload-proxy/uploads.",
    ),
]


def upload(
    words: Words = None,
    resume: Resumed = None,
    method: CreationMethod = "POST",
    header: Headers = None,
    chunk_size: ChunkSize = None,
    interop_version: InteropVersion = None,
    digest: Digest = False,
    attempts: Attempts = 10,
    repeat: Repeat = False,
    state: StateDirectory = None,
    as_json: AsJsonLines = False,
) -> None:
    """Upload files, and go on after every interruption.

    Short interruptions are waited for. Ctrl-C, a network that stays away, or kill -9
    leave a file in the state directory, with which --resume goes on; credentials are
    not in it. A directory: every file in it, one after the other.

    \b
    Examples:
      upload-proxy upload film.mp4 https://uploads.example.com/files
      upload-proxy upload --method PUT photos 'https://a.example/photos/{name}'
      upload-proxy upload --resume ~/.local/state/upload-proxy/uploads/1f2e.json

    Exit codes: 0 everything is uploaded, 1 something was refused or failed for good,
    2 wrong usage, 75 something can be resumed, 130 paused by Ctrl-C or SIGTERM.
    """
    import asyncio

    from proxy.client.fields import given
    from proxy.config.quantities import size
    from proxy.sending.batch import Batch
    from proxy.sending.files import found, why
    from proxy.sending.kept import Kept, Plan
    from proxy.sending.telling import teller

    *files, url = words or [""]
    if bool(files) == (resume is not None) or bool(url) != bool(files):
        raise typer.BadParameter("expected FILE... URL, or --resume STATE alone")
    chunk = None if chunk_size is None else quantity(size, chunk_size, "--chunk-size")
    try:
        fields = given([field(line) for line in header or ()], method)
        if resume is None:
            kept = Kept.new(state)
            jobs = found(files, url, _skipped, method)
            _prepare(kept)
            plan = Plan(jobs, method, interop_version, digest, attempts, chunk, repeat)
        else:
            kept, plan = Kept(resume), Plan.loads(resume.read_text())
    except (ValueError, OSError) as exc:
        typer.echo(f"upload-proxy: {why(exc)}", err=True)
        raise typer.Exit(WRONG_USAGE) from None
    with teller(as_json=as_json) as tell:
        code = asyncio.run(Batch(plan, fields, kept, tell).run())
    raise typer.Exit(code)


def _prepare(kept: Kept) -> None:
    """Wrong usage when nothing could be kept there."""
    try:
        kept.prepare()
    except OSError as exc:
        where = f"{kept.path.parent}: {exc.strerror or exc}"
        message = f"nothing can be kept in {where}"
        raise typer.BadParameter(message, param_hint="--state") from None


def _skipped(words: str) -> None:
    typer.echo(f"upload-proxy: {words}", err=True)
