"""What a run ran on, for the head of its report."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

from .campaign.report import file_system_of
from .peers import versions

_QUIET = 0.35
"""Load on each core that may be ours: what built and tested this just before."""

_FILES = 200
"""That are made to learn what one costs."""


def described(directory: Path, source: Path) -> dict[str, str]:
    """Name to value, in the order of the report; `directory` is where servers write."""
    memory_kib = int(_first(r"MemTotal:\s+(\d+)", "/proc/meminfo") or 0)
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    return {
        "system": f"{platform.system()} {platform.release()} ({platform.machine()})",
        "processor": _first(r"model name\s*: (.+)", "/proc/cpuinfo") or "unknown",
        "cores": str(os.cpu_count()),
        "memory": f"{memory_kib / 1024**2:.0f} GiB",
        "file system": file_system_of(directory),
        "making a file": _making_files(directory, sync=False),
        "and syncing it": _making_files(directory, sync=True),
        "load before": f"{load} (1, 5, 15 minutes)",
        "Python": platform.python_version(),
        "aiohttp": version("aiohttp"),
        "uvloop": _package("uvloop"),
        **versions(),
        "revision": revision(source),
    }


def remark() -> str:
    """What a reader has to know: that others were at work; empty when nobody was."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load < _QUIET * cores:
        return ""
    return (
        f"**The machine did other work before and probably meanwhile** (load {load:.1f}"
        f" on {cores} cores): throughput and latency say little, ratios of CPU more."
    )


def revision(source: Path) -> str:
    """The commit in `source`, and whether there is more."""
    command = ["git", "-C", str(source), "describe", "--always", "--dirty"]
    said = subprocess.run(command, capture_output=True, text=True)
    return said.stdout.strip() or "unknown"


def _making_files(directory: Path, *, sync: bool) -> str:
    """What a new file of 1 KiB costs here, which says much about small uploads.

    It can be thirty times as much on one machine as on another: ext4 without a journal,
    for one, makes files more and more slowly after many have been deleted.
    """
    with TemporaryDirectory(dir=directory) as name:
        began, before = time.perf_counter(), time.process_time()
        for number in range(_FILES):
            with (Path(name) / str(number)).open("xb", buffering=0) as file:
                file.write(bytes(1024))
                if sync:
                    os.fdatasync(file.fileno())
        wall_s, cpu_s = time.perf_counter() - began, time.process_time() - before
    return f"{1e6 * wall_s / _FILES:.0f} µs, {1e6 * cpu_s / _FILES:.0f} µs of them CPU"


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _first(pattern: str, path: str) -> str | None:
    found = re.search(pattern, Path(path).read_text())
    return found.group(1).strip() if found else None
