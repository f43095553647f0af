"""The command that holds a server against the protocol: ``conformance``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from .arguments import (
    FAILED,
    WRONG_USAGE,
    AsJson,
    CreationMethod,
    CreationUrl,
    Headers,
    creation_target,
    field,
    quantity,
)

if TYPE_CHECKING:
    from collections.abc import Collection

_LEAST: Final = 16
"""Bytes of an upload that can be halved and still be told from an empty one."""

Versions = Annotated[
    list[int] | None,
    typer.Option(
        metavar="N",
        min=3,
        max=10,
        help="An interop version, even if the server never names it. May be given "
        "several times; all that are spoken without.",
    ),
]
Rules = Annotated[
    list[str] | None,
    typer.Option(metavar="R53", help="Only this rule. May be given several times."),
]
MediaType = Annotated[
    str, typer.Option(metavar="TYPE", help="Media type of creations.")
]
Size = Annotated[
    str, typer.Option(metavar="SIZE", help="Of the uploads, 16 bytes or more.")
]
JUnitFile = Annotated[Path | None, typer.Option(metavar="FILE", help="JUnit XML, too.")]


def conformance(
    url: CreationUrl,
    version: Versions = None,
    rule: Rules = None,
    method: CreationMethod = "POST",
    header: Headers = None,
    content_type: MediaType = "application/octet-stream",
    size: Size = "64KiB",
    as_json: AsJson = False,
    junit: JUnitFile = None,
) -> None:
    """Hold any server against the resumable upload protocol.

    Every rule of the protocol that shows on the wire is tried in every version that is
    spoken: creations, 104s, cuts, offsets, takeovers, lengths, limits, cancels. What is
    missed is told with the draft's section and the bytes of the request and the answer.

    It COMPLETES UPLOADS: the application behind gets several requests for each version,
    of --size zero bytes or a few. Point it at a place where that harms nobody. What is
    not completed is cancelled at the end, where the server allows it.

    \b
    Examples:
      upload-proxy conformance http://127.0.0.1:8080/files
      upload-proxy conformance https://staging.example.com/files --junit junit.xml
      upload-proxy conformance http://127.0.0.1:8080/files --version 6 --rule R53

    Exit codes: 0 no MUST is missed, 1 one is, 2 wrong usage, nobody there, or nobody
    who speaks the protocol.
    """
    import asyncio

    from proxy.client.wire import Unreached
    from proxy.conformance.report import as_json as json_of
    from proxy.conformance.report import as_junit, text
    from proxy.conformance.speaker import Place
    from proxy.conformance.suite import Plan, run
    from proxy.conformance.versions import VERSIONS

    where, rules, bytes_each = creation_target(url), _rules(rule), _bytes(size)
    fields = tuple(field(line) for line in header or ())
    place = Place(where, method, fields, content_type, bytes_each)
    versions = tuple(sorted(set(version))) if version else tuple(VERSIONS)
    try:
        report = asyncio.run(run(Plan(place, versions, rules, told=bool(version))))
    except Unreached as exc:
        typer.echo(f"upload-proxy: {where.authority}: {exc}", err=True)
        raise typer.Exit(WRONG_USAGE) from None
    typer.echo(json_of(report) if as_json else text(report))
    if junit is not None:
        junit.write_text(as_junit(report) + "\n")
    if not report.versions:
        raise typer.Exit(WRONG_USAGE)
    if not report.is_good:
        raise typer.Exit(FAILED)


def _rules(named: list[str] | None) -> Collection[str]:
    """Those that are tried; wrong usage if one is none."""
    from proxy.conformance.rules import RULES

    strange = [name for name in named or () if name.upper() not in RULES]
    if strange:
        message = f"no rule {strange[0]}; docs/protocol.md explains those there are"
        raise typer.BadParameter(message, param_hint="--rule")
    return {name.upper() for name in named} if named else tuple(RULES)


def _bytes(size: str) -> int:
    """Of each upload; wrong usage if they are too few."""
    from proxy.config.quantities import size as bytes_of

    bytes_each = quantity(bytes_of, size, "--size")
    if bytes_each < _LEAST:
        raise typer.BadParameter(f"expected {_LEAST} or more", param_hint="--size")
    return bytes_each
