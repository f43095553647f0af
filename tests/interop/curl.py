"""curl at work, as a process of its own.

It reads no configuration and no environment of the machine. The one invariant: no
process outlives its block.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from . import needs

ENDS_WITHIN_S: Final = 15.0
"""Seconds in which a transfer of some MiB has to end."""

_MARK: Final = "\n--- "


@dataclass(frozen=True, slots=True)
class Transfer:
    """What curl has to tell of a transfer."""

    code: int
    """Its exit code."""
    status: int
    """Of the final response; 0: none came."""
    sent: int
    """Bytes of content that it sent."""
    content: str
    heads: str
    """The heads of all responses, interim ones as well, in order."""


@asynccontextmanager
async def curling(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running curl, to be fed and heard; it is killed when the block is left."""
    program = needs.program("curl")
    process = await asyncio.create_subprocess_exec(
        program,
        *("--disable", "--silent", "--show-error", "--noproxy", "*", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def curl(*arguments: str) -> Transfer:
    """One transfer to its end."""
    told = _MARK + "%{http_code} %{size_upload}"
    report = ("--write-out", told, "--dump-header", "/dev/stderr")
    async with curling(*report, *arguments) as process:
        async with asyncio.timeout(ENDS_WITHIN_S):
            output, heads = await process.communicate()
        content, _, numbers = output.decode().rpartition(_MARK)
        assert process.returncode is not None
    status, sent = map(int, numbers.split())
    return Transfer(process.returncode, status, sent, content, heads.decode())
