"""The audit of what we depend on: a hole is never taken for a database that is away."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.relay.conftest import answering, serving

AUDIT = Path(__file__).parents[2] / ".ci/audit"
KNOWN = b'HTTP/1.0 200 OK\r\n\r\n{"vulnerabilities": []}'
A_HOLE = (sys.executable, "-c", "raise SystemExit(1)")
NONE = (sys.executable, "-c", "")


async def _audited(
    url: str, command: tuple[str, ...], *, required: str = ""
) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, str(AUDIT), "--asks", url, *command],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={"AUDIT_REQUIRED": required},
    )


@pytest.mark.parametrize(("command", "code"), [(A_HOLE, 1), (NONE, 0)])
async def test_what_is_found_out_is_the_result(
    command: tuple[str, ...], code: int
) -> None:
    async with serving(answering(KNOWN)) as url:
        done = await _audited(url, command)
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.0 404 Not Found\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"]
)
async def test_where_nobody_can_tell_that_is_said(answer: bytes) -> None:
    async with serving(answering(answer)) as url:
        done = await _audited(url, A_HOLE)
        assert done.returncode == 0
        assert done.stderr.startswith(f"NOT RUN  audit of dependencies: {url}: ")
        assert (await _audited(url, NONE, required="1")).returncode == 1


async def test_where_there_is_no_network_that_is_said() -> None:
    done = await _audited("http://127.0.0.1:9/", A_HOLE)
    assert done.returncode == 0
    assert "NOT RUN" in done.stderr
