"""On a terminal, what cannot be undone is asked for."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
from pathlib import Path

import pytest

from tests.kit.client import Client
from tests.kit.process import ProxyProcess

from .conftest import BOUND_S, VERSION, Operator, name, token


async def typed(spool: Path, answer: bytes, *words: str) -> tuple[int, str]:
    """The command on a terminal where `answer` is typed; its exit code and output."""
    ours, theirs = pty.openpty()
    try:
        running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "proxy", "uploads", *words),
            stdin=theirs,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "UPLOAD_PROXY_SPOOL__DIRECTORY": str(spool)},
        )
        os.write(ours, answer + b"\n")
        out, _ = await asyncio.wait_for(running.communicate(), BOUND_S)
    finally:
        os.close(ours)
        os.close(theirs)
    assert running.returncode is not None
    return running.returncode, out.decode()


@pytest.mark.parametrize(("answer", "left"), [(b"n", 1), (b"", 1), (b"y", 0)])
async def test_a_purge_is_asked_for(
    process: ProxyProcess,
    speaker: Client,
    operator: Operator,
    answer: bytes,
    left: int,
) -> None:
    upload = await speaker.create(VERSION, last=False, sends=b"a" * 40)
    words = ("purge", "--", name(upload))
    code, out = await typed(operator.spool, answer, *words)
    assert f"Remove {name(upload)} (interrupted, 40 B, POST /files, created " in out
    assert token(upload) not in out
    assert code == left
    assert ("nothing is changed" in out) == bool(left)
    assert len(await operator.listed()) == left
