"""What tests of the operator's commands are given: the proxy as a process, and the
command, run as it is typed while the proxy goes on."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import process, speaker, start_process
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin, Reset

__all__ = ["process", "speaker", "start_process"]

BOUND_S = 30.0
VERSION = 8


@dataclass(frozen=True, slots=True)
class Done:
    """What a command has said."""

    code: int
    out: str
    err: str


class Operator:
    """Types commands about the spool in `spool`."""

    def __init__(self, spool: Path) -> None:
        self.spool = spool

    async def types(self, command: str, *words: str) -> Done:
        """``upload-proxy uploads`` with these, and nobody there to ask."""
        running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "proxy", "uploads", command),
            *("--spool", str(self.spool), *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(running.communicate(), BOUND_S)
        assert running.returncode is not None
        assert b"Traceback" not in err, err.decode()
        return Done(running.returncode, out.decode(), err.decode())

    async def listed(self, *words: str) -> list[dict[str, Any]]:
        """The uploads, as they are told to machines."""
        done = await self.types("list", "--json", *words)
        assert (done.code, done.err) == (0, "")
        return [json.loads(line) for line in done.out.splitlines()]

    def records(self) -> list[str]:
        """Names of all files of uploads."""
        return [
            path.name
            for path in self.spool.rglob("*")
            if path.is_file() and len(path.name.partition(".")[0]) == 43
        ]


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path / "spool")


def name(upload: Upload) -> str:
    """The upload as an operator calls it."""
    return token(upload)[:6]


def token(upload: Upload) -> str:
    return upload.path.rpartition("/")[2]


async def unknown(speaker: Client, origin: RecordingOrigin, body: bytes) -> Upload:
    """An upload whose outcome is not known, and whose client was told so."""
    origin.then(Reset())
    upload = await speaker.create(VERSION, last=False, sends=body[:-1])
    assert (await upload.append(at=len(body) - 1, sends=body[-1:])).status == 502
    return upload


async def times(count: int, seen: Callable[[], int], bound_s: float = 10) -> None:
    """Wait until something has been seen so often."""

    async def enough() -> bool | None:
        return True if seen() >= count else None

    await until(enough, bound_s=bound_s)
