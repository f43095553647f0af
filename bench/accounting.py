"""What processes cost, by the kernel's own accounting.

CPU is the time on a processor of every thread that lives (schedstat, nanoseconds, user
and system together); memory is Pss, which counts a page shared by n processes as a n-th
for each. A server is a process and all below it. What the kernel does for it elsewhere
(write-back, interrupts) is in neither. Linux only.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_SETTLED_BOUND_S: Final = 0.3
_PAUSE_S: Final = 0.01


def family(pid: int) -> list[int]:
    """The process and everything below it."""
    members = [pid]
    for member in members:  # it grows while it is gone through
        for task in _tasks(member):
            members += map(int, _text(task / "children").split())
    return members


def cpu_s(pid: int) -> float:
    """Seconds on a processor so far, of the process and all below it."""
    spent_ns = 0
    for member in family(pid):
        for task in _tasks(member):
            first, *_ = (_text(task / "schedstat") or "0").split()
            spent_ns += int(first)
    return spent_ns / 1e9


def settled_cpu_s(pid: int) -> float:
    """`cpu_s` once it has come to rest: work goes on after an answer was sent."""
    bound = time.monotonic() + _SETTLED_BOUND_S
    last = cpu_s(pid)
    while time.monotonic() < bound:
        time.sleep(_PAUSE_S)  # spent by the others, not by looking
        spent = cpu_s(pid)
        if spent - last < _PAUSE_S / 20:
            return spent
        last = spent
    return last


def pss_kib(pid: int) -> float:
    """Memory of the process and all below it, KiB."""
    return float(sum(_pss_kib(member) for member in family(pid)))


def _pss_kib(pid: int) -> int:
    for line in _text(_PROC / str(pid) / "smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def _tasks(pid: int) -> list[Path]:
    try:
        return list((_PROC / str(pid) / "task").iterdir())
    except FileNotFoundError:
        return []  # it has just ended


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return ""
