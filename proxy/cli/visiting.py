"""What the commands on a spool take: which spool, which uploads, and a yes or a no.

The one invariant: whoever cannot be asked has not said yes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .arguments import WRONG_USAGE, fail, load, quantity

if TYPE_CHECKING:
    from proxy.config import Config
    from proxy.operating.entry import Entry
    from proxy.operating.guest import Guest
    from proxy.operating.wanted import Wanted

Token = Annotated[
    str, typer.Argument(metavar="TOKEN", help="The beginning of its token.")
]
States = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help="Only those in this state, such as unknown, interrupted or damaged. May "
        "be given several times.",
    ),
]
OlderThan = Annotated[
    str | None,
    typer.Option(
        "--older-than", metavar="DURATION", help="Only those created so long ago."
    ),
]
FromClient = Annotated[
    str | None,
    typer.Option("--client", metavar="ADDR", help="Only those of this address or net."),
]
MinSize = Annotated[
    str | None,
    typer.Option("--min-size", metavar="SIZE", help="Only those of at least so much."),
]
Tokens = Annotated[
    list[str] | None,
    typer.Argument(metavar="TOKEN...", help="The beginnings of their tokens."),
]
FullTokens = Annotated[
    bool,
    typer.Option(
        "--full-tokens",
        help="Whole tokens. They give access to the uploads: show them to nobody.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only list what would be removed.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--out",
        metavar="FILE",
        help="Where to; - for standard output. By default TOKEN.body, here.",
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Overwrite the file if it is there.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def configuration(config: Path | None, spool: Path | None) -> Config:
    """The configuration, as `serve` would find it."""
    # The origin may have been given to serve by a flag; nothing is asked of it here.
    return load(config, {"origin.url": "http://127.0.0.1", "spool.directory": spool})


@contextmanager
def visit(settings: Config) -> Iterator[Guest]:
    """A visit to the spool; exits with 1 when that fails, whatever is done in it."""
    from proxy.core.errors import SpoolError
    from proxy.operating.guest import Guest
    from proxy.operating.stepping import step_down

    directory = settings.spool.directory
    try:
        reached = step_down(directory)
        guest = Guest(directory, reached)
        try:
            yield guest
        finally:
            guest.close()
    except SpoolError as exc:
        fail(str(exc))


def meant(guest: Guest, start: str) -> Entry:
    """The upload whose token begins with `start`; exits with 1 unless there is one."""
    from proxy.operating.entry import entry_of
    from proxy.operating.wanted import NotFound, find, short_of

    try:
        token = find(guest, start)
    except NotFound as exc:
        fail(str(exc))
    entry = entry_of(guest, token, short_of(guest, token))
    if entry is None:
        fail(f"{start}: there is no such upload any more")
    return entry


def filtered(
    states: list[str] | None,
    older_than: str | None,
    client: str | None,
    min_size: str | None,
) -> Wanted:
    """What the filters say; wrong usage if they make no sense."""
    from proxy.config.quantities import duration, size
    from proxy.operating.wanted import STATES, Wanted

    for state in states or ():
        if state not in STATES:
            message = f"expected one of {', '.join(STATES)}, got {state}"
            raise typer.BadParameter(message, param_hint="--state")
    return Wanted(
        states=frozenset(states or ()),
        older_than_s=quantity(duration, older_than or 0, "--older-than"),
        client=_network(client),
        min_size=quantity(size, min_size or 0, "--min-size"),
    )


def _network(text: str | None) -> IPv4Network | IPv6Network | None:
    if text is None:
        return None
    try:
        return ip_network(text, strict=False)
    except ValueError:
        message = f"expected an address such as 192.0.2.7 or 10.0.0.0/8, got {text}"
        raise typer.BadParameter(message, param_hint="--client") from None


def confirm(question: str, yes: bool) -> None:
    """Ask, unless `yes`; exits when the answer is no, or nobody is there to ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        typer.echo("upload-proxy: nobody can be asked; say --yes", err=True)
        raise typer.Exit(WRONG_USAGE)
    if not typer.confirm(question, err=True):
        fail("nothing is changed")
