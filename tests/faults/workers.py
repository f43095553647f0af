"""Workers seen from outside: which there are, who listens, who is gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.kit.bounds import until
from tests.kit.client import Upload
from tests.kit.process import ProxyProcess
from tests.kit.raw import NoAnswerError

VERSION = 8
two_workers = pytest.mark.configured(workers=2)
two_workers_on_disk = pytest.mark.configured(workers=2, spool={"memory_threshold": 0})
"""What a worker that is killed was receiving in memory, nobody goes on with (P8)."""


def pids(process: ProxyProcess) -> dict[str, int]:
    """The process of each worker, as the log told last."""
    told = re.findall(r"worker started\s+worker=(\d+) pid=(\d+)", process.log)
    return {worker: int(pid) for worker, pid in told}


async def started(process: ProxyProcess, count: int) -> None:
    """Wait until so many workers have been started in all."""

    async def all_of_them() -> bool | None:
        return True if process.log.count("worker started") >= count else None

    await until(all_of_them, bound_s=15)


async def served_by(process: ProxyProcess, count: int) -> None:
    """Wait until `count` workers hold the listening socket."""
    port = int(process.address.rpartition(":")[2])

    async def holding() -> bool | None:
        ours = pids(process).values()
        return True if sum(_listens(pid, port) for pid in ours) >= count else None

    await until(holding, bound_s=15)


def _listens(pid: int, port: int) -> bool:
    """True when the process watches a socket that listens on `port`."""
    inodes = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
    }
    try:
        watched = [
            found
            for info in Path(f"/proc/{pid}/fdinfo").iterdir()
            for found in re.findall(r"tfd:\s+(\d+)", info.read_text())
        ]
        links = [str(Path(f"/proc/{pid}/fd/{number}").readlink()) for number in watched]
    except OSError:
        return False
    return any(link == f"socket:[{inode}]" for link in links for inode in inodes)


async def gone(pids: list[int], *, bound_s: float = 5) -> None:
    """Wait until none of the processes runs any more."""

    async def all_of_them() -> bool | None:
        return None if any(runs(pid) for pid in pids) else True

    await until(all_of_them, bound_s=bound_s)


def runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def finished(upload: Upload) -> None:
    """Append, from the offset that is told, until there is an answer."""

    async def sent() -> bool | None:
        try:
            offset = await upload.ask_offset()
            answer = await upload.append(at=offset, sends=b"a" * (40 - offset))
        except (OSError, NoAnswerError):
            return None  # the worker has just died
        return True if answer.status == 201 else None

    await until(sent, bound_s=20)
