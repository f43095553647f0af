"""How much of the memory may be dirty before the kernel itself begins to write it.

A share of what is available, on the machine or in the cgroup that has the least: in a
container of 512 MiB that is 50 MiB, on a server gigabytes. Beyond it writers are soon
held up until the disk has caught up, and with them the event loop. The one invariant:
what the system does not tell is no error, it is None.

Source: Linux, admin-guide: sysctl/vm.rst, and cgroup-v2.rst, "Writeback".
"""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path, PurePosixPath

_KIB = 1024


def background(root: Path = Path("/")) -> int | None:
    """Bytes of dirty memory from which on the kernel writes; None: not known.

    `root`: where the system's files lie.
    """
    available = _available(root)
    if available is None:
        return None
    limits = [limit for limit in _limits(root) if limit < available]
    share = _share(root, available)
    return None if share is None else int(min([available, *limits]) * share)


def _share(root: Path, available: int) -> float | None:
    """The part of what is available."""
    size = _number(root / "proc/sys/vm/dirty_background_bytes")
    if size:
        return min(1.0, size / available)
    percent = _number(root / "proc/sys/vm/dirty_background_ratio")
    return None if percent is None else percent / 100


def _available(root: Path) -> int | None:
    """Bytes that the machine has for whoever asks."""
    for line in _text(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * _KIB
    return None


def _limits(root: Path) -> list[int]:
    """Bytes that our cgroup and those above it may have, where they are bounded. In
    version 1 they have no say in this."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        if line.startswith("0::"):
            parts = PurePosixPath(line.removeprefix("0::/")).parts
            top = root / "sys/fs/cgroup"
            groups = accumulate(parts, Path.joinpath, initial=top)
            found = [_number(group / "memory.max") for group in groups]
            return [limit for limit in found if limit is not None]
    return []


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None


def _text(path: Path) -> str:
    """What `path` holds; nothing where it cannot be read."""
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""
