"""Processes and what they have started."""

from __future__ import annotations

import asyncio
from signal import SIGKILL

from .bounds import until
from .family import descendants, kill, kill_all

TREE = "sh -c 'sleep 60 & wait' & sleep 60 & wait"


async def _tree() -> asyncio.subprocess.Process:
    """A shell, with a shell, with a program; and another program."""
    root = await asyncio.create_subprocess_exec("sh", "-c", TREE)

    async def grown() -> bool | None:
        return True if len(descendants(root.pid)) == 3 else None

    await until(grown)
    return root


async def test_all_of_them_are_killed() -> None:
    root = await _tree()
    others = descendants(root.pid)
    await kill_all(root.pid)
    assert await root.wait() == -SIGKILL
    assert descendants(root.pid) == []
    assert all(descendants(one) == [] for one in others)


async def test_what_has_gone_can_be_killed_again() -> None:
    root = await _tree()
    await kill_all(root.pid)
    await root.wait()
    kill(root.pid)
    await kill_all(root.pid)
