"""The processes that a process has started, as Linux tells of them in ``/proc``.

The one invariant: only what descends from a process of ours is ever signalled.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL, SIGSTOP, Signals

from .bounds import until


def descendants(pid: int) -> list[int]:
    """Children of `pid`, their children and so on; itself not."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found = list(children.get(pid, ()))
    for one in found:
        found += children.get(one, ())
    return found


async def kill_all(pid: int) -> None:
    """kill -9 of `pid` and of all that descend from it, as good as at once."""
    # stopped first, so that it starts nothing in between
    _signal(pid, SIGSTOP)
    others = descendants(pid)
    for one in (pid, *others):
        kill(one)

    async def gone() -> bool | None:
        return None if any(_lives(one) for one in others) else True

    await until(gone)


def signal_all(pid: int, number: Signals) -> None:
    """A signal to one and to all that descend from it, as a terminal or systemctl sends
    it; what ends meanwhile, as a worker with nothing to do may, needs none."""
    # it first, so that when it is stopped it starts nothing in between
    _signal(pid, number)
    for one in descendants(pid):
        _signal(one, number)


def stopped(pid: int) -> bool:
    """It and all that descend from it stand still, or have ended."""
    return all(_stat(one)[0] in "TZX" for one in (pid, *descendants(pid)))


def kill(pid: int) -> None:
    """kill -9 of one."""
    _signal(pid, SIGKILL)


def _signal(pid: int, number: Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it has ended already


def _parents() -> Iterator[tuple[int, int]]:
    """Every process that is no zombie, with its parent."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            state, parent = _stat(int(entry.name))
            if state not in "ZX":
                yield int(entry.name), parent


def _lives(pid: int) -> bool:
    return _stat(pid)[0] not in "ZX"


def _stat(pid: int) -> tuple[str, int]:
    """Its state, "X" when there is none such, and its parent."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "X", 0
    # behind its name, which may have any character in it
    state, parent, *_ = said.rpartition(")")[2].split()
    return state, int(parent)
