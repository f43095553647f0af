"""The demonstration: an origin, the proxy, an upload that is cut twice and resumed.

    phone   the client in the terminal       page/   the client in a browser
    origin  takes uploads, tells a hash      site    serves the page
    stage   all of it, on loopback           link    the network that the page cuts

The origin knows nothing of resumable uploads: it takes a POST and answers with the size
and the SHA-256 of what it got. The run succeeds only when it got one request, whose
bytes are those that were sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from .origin import Origin
from .phone import SIZE, Phone
from .stage import Stage, staged

_KEPT: Final = """
Open {page} and drag a file in: there the network is yours to cut.

The proxy stays up at {proxy}; Ctrl-C ends it. In another terminal:

  # a part of an upload: 201, with the upload's URL in Location
  printf 'first half, ' | curl -i -X POST {proxy}/notes --data-binary @- \\
    -H 'Upload-Draft-Interop-Version: 6' -H 'Upload-Complete: ?0'

  # how far did it get? (put the Location in)
  curl -I -H 'Upload-Draft-Interop-Version: 6' LOCATION

  # the rest: the origin gets one POST and answers
  printf 'second half' | curl -i -X PATCH LOCATION --data-binary @- \\
    -H 'Upload-Draft-Interop-Version: 6' -H 'Upload-Complete: ?1' \\
    -H 'Upload-Offset: 12' -H 'Content-Type: application/partial-upload'
"""


def run(*, keep: bool) -> int:
    """Run the demonstration; with `keep` the proxy stays up until Ctrl-C, with a page
    to try it. An exit code."""
    try:
        return asyncio.run(_run(keep=keep))
    except KeyboardInterrupt:
        return 0


async def _run(*, keep: bool) -> int:
    console = Console(file=sys.stdout)
    async with staged(page=keep) as stage:
        passed = await _upload(stage.proxy, stage.origin, console)
        if passed and keep:
            await _stay(stage, console)
    return 0 if passed else 1


async def _upload(url: str, origin: Origin, console: Console) -> bool:
    body = os.urandom(SIZE)
    console.print(
        f"Uploading {SIZE // 2**20} MiB through {url}; the connection is lost twice."
    )
    columns = (TextColumn("  "), BarColumn(), DownloadColumn(binary_units=True))
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("upload", total=SIZE)
        phone = Phone(f"{url}/photos", body, progress, bar)
        await phone.run()
    return _verdict(phone, hashlib.sha256(body).hexdigest(), origin, console)


def _verdict(phone: Phone, sent: str, origin: Origin, console: Console) -> bool:
    passed = origin.received == [sent] and phone.result == sent
    if passed:
        console.print(
            f"[green]The origin got one request, SHA-256 {sent[:16]}…, as sent.[/green]"
        )
    else:
        console.print(f"[red]Expected one body {sent}, got {origin.received}.[/red]")
    console.print(
        f"{phone.saved} bytes ({phone.saved / 2**20:.1f} MiB) were not sent twice: "
        "what starting over after each cut would have sent again.",
        highlight=False,
        soft_wrap=True,
    )
    return passed


async def _stay(stage: Stage, console: Console) -> None:
    text = _KEPT.format(page=stage.page, proxy=stage.proxy)
    console.print(text, highlight=False, markup=False, soft_wrap=True)
    await asyncio.Event().wait()
