"""A script of a page, run to its end."""

from __future__ import annotations

import asyncio
from pathlib import Path

ENDS_WITHIN_S = 40
"""Seconds for all of a page's commands, on two busy cores."""


async def shell(script: str, directory: Path) -> str:
    """What `script` prints, run by bash in `directory`; errors go where ours go."""
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script, cwd=directory, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), ENDS_WITHIN_S)
    return output.decode()
