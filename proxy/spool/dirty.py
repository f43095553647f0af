"""How much of the memory may be dirty before the kernel itself begins to write it.

A share of what is available, on the machine or in the cgroup that has the least: in a
container of 512 MiB that is 50 MiB, on a server gigabytes. Beyond it writers are soon
held up until the disk has caught up, and with them the event loop. The one invariant:
what the system does not tell, or tells in another way, is no error, it is None.

Source: Linux, admin-guide: sysctl/vm.rst, and cgroup-v2.rst, "Writeback".
"""

from __future__ import annotations

import re
from itertools import accumulate
from pathlib import Path, PurePosixPath

_AVAILABLE = re.compile(r"^MemAvailable: +([0-9]+) kB$", re.MULTILINE)
_KIB = 1024


def background(root: Path = Path("/")) -> int | None:
    """Bytes of dirty memory from which on the kernel writes, by what is available just
    now; None: not known.

    `root`: where the system's files lie.
    """
    told = _AVAILABLE.search(_text(root / "proc/meminfo"))
    if told is None:
        return None
    machine = int(told[1]) * _KIB
    begins = _share(root, "dirty_background", machine)
    if begins is None:
        return None
    holds_up = _share(root, "dirty", machine)
    if holds_up is not None and holds_up <= begins:
        begins = holds_up / 2  # so does the kernel
    return int(min([machine, *_limits(root)]) * begins)


def _share(root: Path, name: str, machine: int) -> float | None:
    """The part of what is available on the `machine` that a setting means."""
    size = _number(root / f"proc/sys/vm/{name}_bytes")
    if size:
        return min(1.0, size / machine)
    percent = _number(root / f"proc/sys/vm/{name}_ratio")
    return None if percent is None else percent / 100


def _limits(root: Path) -> list[int]:
    """Bytes that our cgroup and those above it may have, where they are bounded.

    In version 1 the kernel goes by the machine alone, and finds nothing but dirty
    memory when a group has reached its limit: no better.
    """
    below = root / "sys/fs/cgroup"
    found: list[int | None] = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            names, top = ["memory.max", "memory.high"], below
        elif controllers == "memory":
            names, top = ["memory.limit_in_bytes"], below / "memory"
        else:
            continue
        parts = PurePosixPath(path.lstrip("/")).parts
        groups = accumulate(parts, Path.joinpath, initial=top)
        found += [_number(group / name) for group in groups for name in names]
    return [limit for limit in found if limit is not None]


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None


def _text(path: Path) -> str:
    """What `path` holds; nothing where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
