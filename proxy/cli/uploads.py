"""``upload-proxy uploads``: what is in a spool, for its operator.

Arguments, questions and exit codes; what is done and how it is worded is in
``operating``. Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from .arguments import FAILED, AsJson, AsJsonLines, ConfigFile, SpoolDirectory, fail
from .helping import Grouped
from .visiting import (
    DryRun,
    Force,
    FromClient,
    FullTokens,
    MinSize,
    OlderThan,
    Out,
    States,
    Token,
    Tokens,
    Yes,
    configuration,
    confirm,
    filtered,
    meant,
    visit,
)

if TYPE_CHECKING:
    from proxy.config import Config
    from proxy.operating.catalogue import Chosen
    from proxy.operating.copies import Copied
    from proxy.operating.entry import Entry
    from proxy.operating.guest import Guest
    from proxy.operating.wanted import Wanted

_TO_STDOUT: Final = Path("-")

group = typer.Typer(
    name="uploads",
    help="""See and change what is in the spool of a proxy, running or stopped.

    Run it as the user of the proxy, or as root, which becomes that user. TOKEN is the
    beginning of an upload's token, as in the list and in the log; after -- when it
    begins with a dash.

    \b
    Examples:
      upload-proxy uploads list -c /etc/upload-proxy/config.yaml
      upload-proxy uploads show --spool /var/spool/upload-proxy aB3xYz
    """,
    cls=Grouped,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@group.command(name="list")
def list_(
    state: States = None,
    older_than: OlderThan = None,
    client: FromClient = None,
    min_size: MinSize = None,
    as_json: AsJsonLines = False,
    full_tokens: FullTokens = False,
    config: ConfigFile = None,
    spool: SpoolDirectory = None,
) -> None:
    """List uploads, oldest first.

    Uploads that are only in the memory of a running proxy are not listed: small ones
    that no client was told an offset of.

    \b
    Examples:
      upload-proxy uploads list
      upload-proxy uploads list --state unknown --json
      upload-proxy uploads list --state interrupted --older-than 1h --min-size 1GiB

    Exit codes: 0 done, also when there are none; 1 the spool cannot be read; 78 the
    configuration is wrong.
    """
    wanted = filtered(state, older_than, client, min_size)
    with visit(configuration(config, spool)) as guest:
        from proxy.operating.catalogue import Chosen, matching
        from proxy.operating.rows import HEADING, record, row

        if not as_json:
            typer.echo(HEADING)
        for entry in Chosen(guest, matching(guest, wanted)):
            if as_json:
                typer.echo(json.dumps(record(guest, entry, full=full_tokens)))
            else:
                typer.echo(row(guest, entry, full=full_tokens))


@group.command()
def show(
    token: Token,
    as_json: AsJson = False,
    config: ConfigFile = None,
    spool: SpoolDirectory = None,
) -> None:
    """Show one upload and its life.

    What could be a secret in its request is shown as ***.

    \b
    Examples:
      upload-proxy uploads show aB3xYz
      upload-proxy uploads show --json aB3xYz

    Exit codes: 0 done; 1 there is no such upload, or more than one; 78 the
    configuration is wrong.
    """
    with visit(configuration(config, spool)) as guest:
        from proxy.operating.life import life, life_record

        entry = meant(guest, token)
        if as_json:
            typer.echo(json.dumps(life_record(guest, entry)))
            return
        typer.echo(f"{'upload':<10} {entry.short}")
        for line in life(guest, entry):
            typer.echo(line)


@group.command()
def resend(
    token: Token,
    yes: Yes = False,
    config: ConfigFile = None,
    spool: SpoolDirectory = None,
) -> None:
    """Send an upload of unknown outcome to the origin once more.

    The origin may have had it: look there first. A running proxy sends it at once, a
    stopped one when it starts. One in any other state is refused.

    \b
    Examples:
      upload-proxy uploads resend aB3xYz
      upload-proxy uploads resend --yes aB3xYz

    Exit codes: 0 it is on its way or waits for it; 1 it is not sent; 2 nobody can be
    asked and --yes is missing; 78 the configuration is wrong.
    """
    settings = configuration(config, spool)
    with visit(settings) as guest:
        from proxy.operating.rows import summary
        from proxy.operating.wording import why_not_resent

        entry = meant(guest, token)
        if entry.upload is None or entry.problem:
            fail(f"{entry.short}: not sent: it is damaged: {entry.problem}")
        busy = guest.is_delivered(entry.token)
        if reason := why_not_resent(entry.upload, busy=busy):
            fail(f"{entry.short}: not sent: {reason}")
        confirm(
            f"Send {summary(guest, entry)} once more? The origin may have had it.", yes
        )
        taken = asyncio.run(_resend(guest, settings, entry))
    if taken:
        typer.echo(f"{entry.short}: the proxy sends it on")
    elif guest.is_served:
        typer.echo(f"{entry.short}: complete again; the proxy sends it on in a moment")
    else:
        typer.echo(f"{entry.short}: complete again; sent on when a proxy starts")


@group.command()
def purge(
    tokens: Tokens = None,
    state: States = None,
    older_than: OlderThan = None,
    client: FromClient = None,
    min_size: MinSize = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    config: ConfigFile = None,
    spool: SpoolDirectory = None,
) -> None:
    """Remove uploads for good, with their bodies and answers.

    By their tokens, or all that are in a --state, with the other filters. A transfer
    that is under way is ended first. A forward is not interrupted: its upload is hidden
    from its client, and removed when that has ended.

    \b
    Examples:
      upload-proxy uploads purge aB3xYz
      upload-proxy uploads purge --state interrupted --older-than 12h --dry-run

    Exit codes: 0 done; 1 some are there still; 2 wrong usage, or nobody can be asked
    and --yes is missing; 78 the configuration is wrong.
    """
    filters = any((state, older_than, client, min_size))
    if bool(tokens) == bool(state) or (tokens and filters):
        raise typer.BadParameter(
            "give tokens, or --state and other filters, not both; `upload-proxy "
            "uploads list` shows both"
        )
    wanted = filtered(state, older_than, client, min_size) if state else None
    settings = configuration(config, spool)
    with visit(settings) as guest:
        from proxy.operating.catalogue import Chosen, matching
        from proxy.operating.rows import summary

        entries = (
            [meant(guest, token) for token in dict.fromkeys(tokens or ())]
            if wanted is None
            else matching(guest, wanted)
        )
        chosen = Chosen(guest, entries)
        if dry_run:
            _list_removable(guest, chosen)
            return
        if not chosen:
            typer.echo("there is none", err=True)
            return
        one = summary(guest, next(iter(chosen))) if len(chosen) == 1 else ""
        confirm(f"Remove {one or _number(chosen)} for good?", yes)
        if not asyncio.run(_purge(guest, settings, chosen, wanted)):
            raise typer.Exit(FAILED)


@group.command()
def export(
    token: Token,
    out: Out = None,
    force: Force = False,
    config: ConfigFile = None,
    spool: SpoolDirectory = None,
) -> None:
    """Copy the body of an upload to a file, as far as it has arrived.

    Disturbs nobody. How many bytes it has, their SHA-256, and whatever is missing is
    told on standard error.

    \b
    Examples:
      upload-proxy uploads export aB3xYz -o photo.jpg
      upload-proxy uploads export aB3xYz -o - | file -

    Exit codes: 0 done, also when not all of it has arrived yet; 1 there is no such
    upload or no body, it is damaged, or the file cannot be written; 2 standard output
    is a terminal; 78 the configuration is wrong.
    """
    if out == _TO_STDOUT and sys.stdout.isatty():
        raise typer.BadParameter("standard output is a terminal", param_hint="-o")
    with visit(configuration(config, spool)) as guest:
        entry = meant(guest, token)
        path = Path(f"{entry.short}.body") if out is None else out
        copied = _copied(guest, entry, path, force=force)
    for doubt in copied.doubts:
        typer.echo(f"{entry.short}: {doubt}", err=True)
    typer.echo(f"{entry.short}: {copied.size} bytes, sha256 {copied.digest}", err=True)
    if not copied.is_sound:
        raise typer.Exit(FAILED)


def _copied(guest: Guest, entry: Entry, path: Path, *, force: bool) -> Copied:
    """What has been copied to `path`; exits with 1 when that cannot be."""
    from proxy.operating.copies import NoBody, new_file
    from proxy.operating.copies import export as copy

    try:
        with (
            nullcontext(sys.stdout.buffer)
            if path == _TO_STDOUT
            else new_file(path, force=force)
        ) as file:
            copied = copy(guest, entry, file)
            file.flush()
    except FileExistsError:
        fail(f"{path} is there: overwrite it with --force, or give -o another name")
    except NoBody as exc:
        fail(f"{entry.short}: {exc}")
    except OSError as exc:
        fail(f"{path} cannot be written: {exc.strerror}")
    return copied


async def _resend(guest: Guest, settings: Config, entry: Entry) -> bool:
    from proxy.operating.acts import Declined
    from proxy.operating.acts import resend as send

    async with guest.rights(settings.spool.sync) as rights:
        try:
            return await send(rights, entry.token)
        except Declined as exc:
            fail(f"{entry.short}: not sent: {exc}")


async def _purge(
    guest: Guest, settings: Config, chosen: Chosen, wanted: Wanted | None
) -> bool:
    """Remove them, and say what becomes of each; False when one is there still."""
    from proxy.core.errors import SpoolError
    from proxy.operating.acts import Declined
    from proxy.operating.acts import purge as remove

    all_removed = True
    async with guest.rights(settings.spool.sync) as rights:
        for entry in chosen:
            try:
                became = await remove(rights, entry, wanted)
                typer.echo(f"{entry.short}: {became.value}")
            except (Declined, SpoolError) as exc:
                all_removed = False
                typer.echo(f"upload-proxy: {entry.short}: not removed: {exc}", err=True)
    return all_removed


def _list_removable(guest: Guest, chosen: Chosen) -> None:
    from proxy.operating.rows import HEADING, row

    typer.echo(HEADING)
    for entry in chosen:
        typer.echo(row(guest, entry, full=False))
    typer.echo(f"{_number(chosen)} would be removed", err=True)


def _number(chosen: Chosen) -> str:
    from proxy.operating.wording import size

    uploads = "1 upload" if len(chosen) == 1 else f"{len(chosen)} uploads"
    return f"{uploads} with {size(chosen.size)}"
